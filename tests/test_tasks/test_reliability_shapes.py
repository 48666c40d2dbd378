"""Sets of options and spans in a report."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from rubrics.loader import load_rubric
from tasks.agreement import SpanData, Status, exact_span_f1, set_alpha, span_alpha
from tasks.reliability import LabelColumns, LabelsUnreadable, agreement_report

RUBRIC = load_rubric(
    """
schema: touchstone-rubric/1
id: garden
version: 1.0.0
title: Garden remarks
questions:
  - id: green
    text: Is it about gardens?
    type: boolean
  - id: plants
    text: Which plants are named?
    type: multi
    options:
      - {id: rose, label: Rose}
      - {id: fern, label: Fern}
    min: 0
    ask_if: {question: green, is: true}
    when_not_asked: none
    agreement: {min_items: 3, min_positives: 1}
  - id: where
    text: Where are they named?
    type: span
    target: response
    min: 0
    options:
      - {id: name, label: Name}
      - {id: colour, label: Colour}
    agreement: {min_items: 300, min_positives: 1}
  - id: odd
    text: What is odd?
    type: span
    min: 0
    ask_if: {question: green, is: true}
""",
    "garden.yaml",
)

Row = tuple[str, str, str, str, str | None, str]
LENGTHS = {item: {"prompt": 30, "response": 12} for item in ("i1", "i2", "i3")}


def spans(*given: tuple[int, int, str], target: str = "response") -> str:
    return json.dumps(
        [
            {"start": start, "end": end, "target": target, **({"label": label} if label else {})}
            for start, end, label in given
        ]
    )


def cells(
    item: str, annotator: str, plants: str | None, where: str, odd: str | None = "[]"
) -> list[Row]:
    """Give the cells of one annotation; no plants means that the question was closed."""
    state = "not_asked" if plants is None else "answered"
    rows: list[Row] = [
        (item, annotator, "green", "", "false" if plants is None else "true", "answered")
    ]
    for plant in ("rose", "fern"):
        value = None if plants is None else str(int(plant in plants))
        rows.append((item, annotator, "plants", plant, value, state))
    rows.append((item, annotator, "where", "", where, "answered"))
    rows.append((item, annotator, "odd", "", odd, "not_asked" if odd is None else "answered"))
    return rows


LABELS = [
    *cells("i1", "ann", "rose", spans((0, 4, "name"), (6, 9, "colour")), spans((2, 9, ""))),
    *cells("i1", "bob", "rose", spans((0, 4, "name"), (6, 8, "colour")), spans((2, 9, ""))),
    *cells("i2", "ann", "rose fern", spans((3, 7, "name"))),
    *cells("i2", "bob", "fern", spans((4, 8, "name"))),
    *cells("i3", "ann", "", spans()),
    *cells("i3", "bob", None, spans(), None),
]


def columns(rows: list[Row]) -> LabelColumns:
    return LabelColumns(*zip(*rows, strict=True)) if rows else LabelColumns(*[()] * 6)


def found(rows: list[Row], lengths: object = None, **settings: object) -> dict[object, object]:
    report = agreement_report(
        RUBRIC, columns(rows), lengths=lengths, **{"interval": None} | settings
    )
    return {(one.question, one.label, one.conditioning): one for one in report.shaped}


def test_every_multiple_choice_and_every_label_of_spans_is_there_once() -> None:
    shaped = found(LABELS, LENGTHS)
    assert list(shaped) == [
        ("plants", "", "all"),
        ("plants", "", "reached"),
        ("where", "name", "all"),
        ("where", "colour", "all"),
        ("odd", "", "reached"),
    ]
    assert shaped["where", "name", "all"].text == "Where are they named? — Name"
    assert shaped["odd", "", "reached"].text == "What is odd?"
    assert [one.kind for one in shaped.values()] == ["set", "set", *["span"] * 3]


@pytest.mark.parametrize("distance", ["masi", "jaccard"])
def test_sets_are_what_the_kernel_says_with_closed_as_the_empty_set(distance: str) -> None:
    shaped = found(LABELS, interval="jackknife")
    values = [{"rose"}, {"rose"}, {"rose", "fern"}, {"fern"}, set(), set()]
    units = [0, 0, 1, 1, 2, 2]
    expected = set_alpha(units, [0, 1] * 3, values, distance=distance)
    everybody = shaped["plants", "", "all"].results[f"{distance}_alpha"]
    assert everybody.value == pytest.approx(expected.value)
    assert everybody.interval == expected.interval
    assert (everybody.coefficient, everybody.weights) == ("set_alpha", distance)
    assert (everybody.sufficiency.have, everybody.sufficiency.need) == (3, 3)
    reached = shaped["plants", "", "reached"].results[f"{distance}_alpha"]
    fewer = set_alpha(units[:5], [0, 1, 0, 1, 0], values[:5], distance=distance)
    assert reached.value == pytest.approx(fewer.value)
    assert reached.n_labels == 5


def test_a_closed_question_may_stand_for_one_option_or_for_nothing() -> None:
    def labels_of(declared: str | None) -> int:
        questions = tuple(
            replace(one, when_not_asked=declared) if one.id == "plants" else one
            for one in RUBRIC.questions
        )
        report = agreement_report(
            replace(RUBRIC, questions=questions), columns(LABELS), interval=None
        )
        return report.shaped[0].results["masi_alpha"]

    fern = set_alpha(
        [0, 0, 1, 1, 2, 2], [0, 1] * 3,
        [{"rose"}, {"rose"}, {"rose", "fern"}, {"fern"}, set(), {"fern"}], distance="masi",
    )  # fmt: skip
    assert labels_of("fern").value == pytest.approx(fern.value)
    assert labels_of(None).n_labels == 5


def test_no_answers_are_no_labels() -> None:
    for one in found([]).values():
        for result in one.results.values():
            assert result.status is Status.NO_LABELS
            assert result.value is None


def test_spans_are_measured_over_the_texts_they_may_lie_in() -> None:
    shaped = found(LABELS, LENGTHS, interval="jackknife")
    name = shaped["where", "name", "all"].results
    # The prompt is not where these spans may lie, so its 30 points do not count.
    data = SpanData.from_codings(
        [0, 0, 1, 1, 2, 2], [0, 1] * 3, [[(0, 4)], [(0, 4)], [(3, 7)], [(4, 8)], [], []], [12] * 6
    )
    assert name["span_alpha"].value == pytest.approx(span_alpha(data).value)
    assert name["span_alpha"].interval == span_alpha(data).interval
    assert name["exact_span_f1"].value == exact_span_f1(data).value == 0.5
    assert name["character_f1"].value == pytest.approx((8 + 6) / 16)
    assert (name["span_alpha"].sufficiency.measure, name["span_alpha"].sufficiency.need) == (
        "units", 300,
    )  # fmt: skip
    colour = shaped["where", "colour", "all"].results
    assert colour["exact_span_f1"].sufficiency == name["span_alpha"].sufficiency
    assert colour["exact_span_f1"].value == 0
    # Spans anywhere: both texts count; whoever did not reach the question left nothing unmarked.
    odd = shaped["odd", "", "reached"].results["span_alpha"]
    assert odd.value == pytest.approx(1)
    assert odd.prevalence[1] == pytest.approx(14 / (5 * 42))
    assert (odd.n_units, odd.n_pairable_units, odd.n_labels) == (3, 2, 5)


def test_without_lengths_there_is_f1_but_no_alpha() -> None:
    known, unknown = (
        found(LABELS, lengths)["where", "name", "all"].results for lengths in (LENGTHS, None)
    )
    assert set(unknown) == {"character_f1", "exact_span_f1"}
    for name, result in unknown.items():
        assert result.value == pytest.approx(known[name].value)


def test_the_same_place_in_two_texts_is_not_the_same() -> None:
    rows = [
        *cells("i1", "ann", "", spans(), spans((0, 4, ""), target="prompt")),
        *cells("i1", "bob", "", spans(), spans((0, 4, ""), target="response")),
    ]
    results = found(rows, LENGTHS)["odd", "", "reached"].results
    assert results["character_f1"].value == 0
    assert results["span_alpha"].n_units == 1


def test_unsure_about_spans_is_missing() -> None:
    rows = [
        row if row[:3] != ("i1", "bob", "where") else (*row[:4], None, "unsure") for row in LABELS
    ]
    assert found(rows, LENGTHS)["where", "name", "all"].results["span_alpha"].n_labels == 5


@pytest.mark.parametrize(
    ("value", "lengths", "message"),
    [
        ("{", LENGTHS, "no list of spans"),
        ('[{"target": "response"}]', LENGTHS, "no list of spans"),
        ("[3]", LENGTHS, "no list of spans"),
        (None, LENGTHS, "no list of spans"),
        (spans((0, 40, "name")), LENGTHS, "question 'where': row 0: the span from 0 to 40"),
        (spans((0, 4, "name"), target="text"), LENGTHS, "no length is given for text of item 'i1'"),
        (spans(), {}, "no length is given for"),
    ],
)
def test_what_does_not_fit_is_refused(value: str | None, lengths: object, message: str) -> None:
    row = ("i1", "ann", "where", "", value, "answered")
    with pytest.raises(LabelsUnreadable, match=message):
        found([row], lengths)


def test_a_report_carries_them_as_plain_values() -> None:
    report = agreement_report(RUBRIC, columns(LABELS), lengths=LENGTHS)
    told = json.loads(json.dumps(report.to_json()))["shaped"]
    assert [one["question"] for one in told] == [*["plants"] * 2, *["where"] * 2, "odd"]
    assert told[2]["results"]["span_alpha"]["value"] == pytest.approx(
        report.shaped[2].results["span_alpha"].value
    )
    assert told[2] | {"results": None} == {
        "question": "where",
        "label": "name",
        "kind": "span",
        "text": "Where are they named? — Name",
        "conditioning": "all",
        "results": None,
    }
