"""From a rubric and its labels to agreement reports."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from rubrics.loader import load_rubric
from rubrics.versioning import fingerprint
from tasks.agreement import IntervalSpec, Level, Status
from tasks.errors import TaskError
from tasks.reliability import (
    LabelColumns,
    LabelsUnreadable,
    VariableUnknown,
    agreement_report,
    items_behind,
    verdict,
)

RUBRIC = load_rubric(
    """
schema: touchstone-rubric/1
id: garden
version: 1.0.0
title: Garden remarks
questions:
  - id: tone
    text: How friendly is it?
    type: ordinal
    options:
      - {id: warm, label: Warm, code: 1}
      - {id: flat, label: Flat, code: 0}
      - {id: cold, label: Cold, code: -1}
    agreement:
      {target: 0.8, floor: 0.5, min_items: 3, min_positives: 1, levels: [nominal, interval]}
  - id: plants
    text: Which plants are named?
    type: multi
    options:
      - {id: rose, label: Rose}
      - {id: fern, label: Fern}
    min: 0
    ask_if: {question: tone, at_most: 0}
    when_not_asked: none
  - id: place
    text: Where?
    type: single
    options:
      - {id: bed, label: Bed}
      - {id: pot, label: Pot}
    ask_if: {question: tone, at_most: 0}
    when_not_asked: none
  - id: sure
    text: Is it about gardens at all?
    type: boolean
  - id: metres
    text: How far away?
    type: number
    min: 0
    max: 100
  - id: note
    text: Anything else?
    type: text
    required: false
derived:
  - id: unfriendly
    text: Not warm
    when: {question: tone, at_most: 0}
""",
    "garden.yaml",
)

Row = tuple[str, str, str, str, str | None, str]


def columns(rows: list[Row]) -> LabelColumns:
    parts = list(zip(*rows, strict=True)) or [()] * 6
    return LabelColumns(*[np.array(part, dtype=object) for part in parts])


def submission(  # noqa: PLR0917 - the questions in their order
    item: str,
    annotator: str,
    tone: str,
    plants: str = "",
    place: str = "bed",
    sure: str = "true",
    metres: str = "3",
) -> list[Row]:
    """Give the cells that one annotator's answers become."""
    opened = tone in {"flat", "cold"}
    rows: list[Row] = [(item, annotator, "tone", "", tone, "answered")]
    for plant in ("rose", "fern"):
        value = str(int(plant in plants)) if opened else None
        rows.append(
            (item, annotator, "plants", plant, value, "answered" if opened else "not_asked")
        )
    rows.append(
        (
            item,
            annotator,
            "place",
            "",
            place if opened else None,
            "answered" if opened else "not_asked",
        )
    )
    rows.append((item, annotator, "sure", "", sure, "answered"))
    rows.append((item, annotator, "metres", "", metres, "answered"))
    return rows


LABELS = [
    *submission("i1", "ann", "flat", "rose"), *submission("i1", "bob", "cold", "rose", "pot"),
    *submission("i2", "ann", "warm"), *submission("i2", "bob", "flat", "fern"),
    *submission("i3", "ann", "cold", "rose fern"), *submission("i3", "cas", "cold", "fern"),
    *submission("i4", "bob", "warm", metres="9"), *submission("i4", "cas", "warm", sure="false"),
]  # fmt: skip


def test_every_question_option_and_derived_variable_is_reported_once() -> None:
    report = agreement_report(RUBRIC, columns(LABELS))
    named = [
        (one.question, one.category, one.kind, one.level.value, one.conditioning)
        for one in report.variables
    ]
    assert named == [
        ("tone", "", "question", "ordinal", "all"),
        ("tone", "", "question", "nominal", "all"),
        ("tone", "", "question", "interval", "all"),
        *[("tone", option, "option", "nominal", "all") for option in ("warm", "flat", "cold")],
        *[("plants", plant, "category", "nominal", condition)
          for condition in ("all", "reached") for plant in ("rose", "fern")],
        *[("place", option, kind, "nominal", condition)
          for condition in ("all", "reached")
          for option, kind in (("", "question"), ("bed", "option"), ("pot", "option"))],
        ("sure", "", "question", "nominal", "all"),
        ("metres", "", "question", "interval", "all"),
        ("unfriendly", "", "derived", "nominal", "all"),
    ]  # fmt: skip
    assert (report.n_items, report.n_annotators, report.n_annotations) == (4, 3, 8)
    assert report.fingerprint == fingerprint(RUBRIC)
    assert report.n_labels == 8 * 3 + 5 * 3


def test_a_closed_question_is_structural_for_all_and_missing_for_those_who_reached_it() -> None:
    report = agreement_report(RUBRIC, columns(LABELS), interval=None)
    everybody = report.variable("plants", "rose")
    reached = report.variable("plants", "rose", conditioning="reached")
    assert everybody is not None
    assert reached is not None
    assert everybody.alpha.n_labels == 8
    assert reached.alpha.n_labels == 5
    assert everybody.prevalence == pytest.approx(3 / 8)
    assert reached.prevalence == pytest.approx(3 / 5)
    # Only i1 and i3 were reached by two.
    assert reached.alpha.n_pairable_units == 2


def test_a_single_choice_closed_to_none_has_a_value_of_its_own_in_the_whole_question() -> None:
    report = agreement_report(RUBRIC, columns(LABELS), interval=None)
    whole = report.variable("place")
    bed = report.variable("place", "bed")
    assert whole is not None
    assert bed is not None
    assert len(whole.alpha.prevalence) == 3
    assert whole.alpha.prevalence[2] == pytest.approx(3 / 8)
    assert bed.alpha.n_labels == 8


def test_a_question_without_a_structural_value_stays_missing_when_closed() -> None:
    open_ended = replace(
        RUBRIC,
        questions=tuple(replace(question, when_not_asked=None) for question in RUBRIC.questions),
    )
    report = agreement_report(open_ended, columns(LABELS), interval=None)
    everybody, reached = (
        report.variable("plants", "rose", conditioning=one) for one in ("all", "reached")
    )
    assert everybody is not None
    assert reached is not None
    assert everybody.alpha == reached.alpha


def test_a_closed_question_may_stand_for_one_of_its_options() -> None:
    potted = replace(
        RUBRIC,
        questions=tuple(
            replace(question, when_not_asked="pot") if question.id == "place" else question
            for question in RUBRIC.questions
        ),
    )
    pot = agreement_report(potted, columns(LABELS), interval=None).variable("place", "pot")
    assert pot is not None
    assert pot.prevalence == pytest.approx(4 / 8)


def test_unsure_and_cannot_assess_are_missing_and_counted_on_their_own() -> None:
    rows = [row for row in LABELS if row[2] != "tone" or row[1] != "bob"]
    rows += [
        ("i1", "bob", "tone", "", None, "unsure"),
        ("i2", "bob", "tone", "", None, "unsure"),
        ("i4", "bob", "tone", "", None, "cannot_assess"),
    ]
    report = agreement_report(RUBRIC, columns(rows), interval=None)
    tone = report.variable("tone")
    states = next(one for one in report.states if one.question == "tone")
    assert tone is not None
    assert tone.alpha.n_labels == 5
    assert (states.answered, states.unsure, states.cannot_assess, states.not_asked) == (5, 2, 1, 0)
    assert states.unsure_rate == pytest.approx(2 / 8)
    plants = next(one for one in report.states if one.question == "plants")
    assert (plants.asked, plants.not_asked) == (5, 3)
    note = next(one for one in report.states if one.question == "note")
    assert note.unsure_rate is None
    assert note.cannot_assess_rate is None


def test_a_derived_variable_is_missing_where_its_answers_do_not_settle_it() -> None:
    rows = [
        ("i1", "ann", "tone", "", None, "unsure"),
        ("i1", "bob", "tone", "", "cold", "answered"),
        ("i2", "ann", "tone", "", "warm", "answered"),
        ("i2", "bob", "tone", "", "flat", "answered"),
    ]
    derived = agreement_report(RUBRIC, columns(rows), interval=None).variable("unfriendly")
    assert derived is not None
    assert (derived.alpha.n_labels, derived.alpha.n_pairable_units) == (3, 1)
    assert derived.prevalence == pytest.approx(2 / 3)


def test_the_figures_do_not_depend_on_the_order_of_the_rows() -> None:
    turned = [LABELS[at] for at in np.random.default_rng(3).permutation(len(LABELS))]
    first = agreement_report(RUBRIC, columns(LABELS), interval="bootstrap", resamples=50)
    second = agreement_report(RUBRIC, columns(turned), interval="bootstrap", resamples=50)
    for one, other in zip(first.variables, second.variables, strict=True):
        assert one.alpha.value == other.alpha.value
        assert one.alpha.interval == other.alpha.interval
        pairs = [
            {(frozenset((p.rater_a, p.rater_b)), p.n, p.kappa) for p in report.pairs}
            for report in (one, other)
        ]
        assert pairs[0] == pairs[1]


def test_pairs_name_annotators_and_carry_their_common_items() -> None:
    tone = agreement_report(RUBRIC, columns(LABELS)).variable("tone")
    assert tone is not None
    found = {(pair.rater_a, pair.rater_b): (pair.n, pair.weights) for pair in tone.pairs}
    assert found == {
        ("ann", "bob"): (2, "quadratic"),
        ("ann", "cas"): (1, "quadratic"),
        ("bob", "cas"): (1, "quadratic"),
    }
    alone = agreement_report(RUBRIC, columns(LABELS), pairs=False).variable("tone")
    assert alone is not None
    assert alone.pairs == ()


def test_sufficiency_and_verdict_follow_the_rubric() -> None:
    report = agreement_report(RUBRIC, columns(LABELS))
    tone, rose = report.variable("tone"), report.variable("plants", "rose")
    assert tone is not None
    assert rose is not None
    assert (tone.alpha.sufficiency.need, tone.alpha.sufficiency.enough) == (3, True)
    assert (tone.target, tone.floor) == (0.8, 0.5)
    assert tone.verdict == "below_floor"
    assert rose.verdict == "not_enough"
    warm = agreement_report(RUBRIC, columns(LABELS), interval=None).variable("tone")
    assert warm is not None
    assert warm.verdict == "not_judged"


def test_verdicts_look_at_the_lower_bound() -> None:
    tone = agreement_report(RUBRIC, columns(LABELS)).variable("tone")
    assert tone is not None
    alpha = tone.alpha
    assert alpha.interval is not None
    high = replace(alpha, interval=replace(alpha.interval, low=0.85))
    assert verdict(high, 0.8, 0.5) == "meets_target"
    assert (
        verdict(replace(high, interval=replace(alpha.interval, low=0.6)), 0.8, 0.5) == "above_floor"
    )
    assert verdict(replace(high, status=Status.NO_VARIATION, value=None), 0.8, 0.5) == "undefined"


def test_enough_perfect_agreement_meets_the_target_without_an_interval() -> None:
    rows = [
        cell
        for at in range(6)
        for who in ("ann", "bob")
        for cell in submission(f"i{at}", who, "warm" if at % 2 else "cold")
    ]
    tone = agreement_report(RUBRIC, columns(rows)).variable("tone")
    assert tone is not None
    assert (tone.alpha.value, tone.alpha.interval, tone.verdict) == (1.0, None, "meets_target")


def test_a_level_may_be_asked_for() -> None:
    report = agreement_report(RUBRIC, columns(LABELS), levels={"tone": "nominal"})
    tone = report.variable("tone")
    assert tone is not None
    assert tone.level is Level.NOMINAL
    assert report.variable("tone", level="ordinal") is not None
    assert report.variable("tone", level="ratio") is None
    assert report.variable("nonsense") is None


def test_a_level_that_needs_numbers_needs_codes() -> None:
    with pytest.raises(LabelsUnreadable, match="needs a number as code"):
        agreement_report(RUBRIC, columns(LABELS), levels={"place": "interval"})


def test_an_ordinal_question_without_codes_is_ranked_in_the_order_of_its_options() -> None:
    tone = RUBRIC.question("tone")
    without = replace(
        tone,
        options=tuple(replace(option, code=None) for option in tone.options),
        agreement=replace(tone.agreement, levels=()),
    )
    bare = replace(RUBRIC, questions=(without, *RUBRIC.questions[1:]), derived=())
    ranked = agreement_report(bare, columns(LABELS)).variable("tone")
    coded = agreement_report(RUBRIC, columns(LABELS)).variable("tone")
    assert ranked is not None
    assert coded is not None
    assert ranked.alpha.value == pytest.approx(coded.alpha.value)


def test_none_has_no_place_on_a_scale() -> None:
    report = agreement_report(RUBRIC, columns(LABELS), levels={"place": "ordinal"}, interval=None)
    ordinal = report.variable("place")
    assert ordinal is not None
    assert ordinal.alpha.n_labels == 5
    nominal = report.variable("place", level="nominal")
    assert nominal is not None
    assert nominal.alpha.n_labels == 8


def test_the_items_behind_a_figure_come_with_their_share_of_the_disagreement() -> None:
    items = items_behind(RUBRIC, columns(LABELS), "tone")
    assert [one.item for one in items] == ["i1", "i2", "i3", "i4"]
    assert sum(one.contribution for one in items) == pytest.approx(1)
    assert items[0].counts == {"flat": 1, "cold": 1}
    assert items[0].to_json() == {
        "item": "i1",
        "counts": {"flat": 1, "cold": 1},
        "contribution": items[0].contribution,
    }
    reached = items_behind(RUBRIC, columns(LABELS), "place", "", "reached")
    assert [(one.item, one.counts) for one in reached] == [
        ("i1", {"bed": 1, "pot": 1}),
        ("i3", {"bed": 2}),
    ]
    everybody = items_behind(RUBRIC, columns(LABELS), "place")
    assert {"none": 1, "bed": 1} in [one.counts for one in everybody]
    derived = items_behind(RUBRIC, columns(LABELS), "unfriendly", level="nominal")
    assert next(one.item for one in derived) == "i2"


def test_items_behind_full_agreement_contribute_nothing() -> None:
    rows = [
        cell
        for at in range(3)
        for who in ("ann", "bob")
        for cell in submission(f"i{at}", who, "cold")
    ]
    assert [one.contribution for one in items_behind(RUBRIC, columns(rows), "tone")] == [0, 0, 0]


@pytest.mark.parametrize(
    ("question", "category"), [("nope", ""), ("tone", "lukewarm"), ("note", "")]
)
def test_a_figure_that_does_not_exist_has_no_items(question: str, category: str) -> None:
    with pytest.raises(VariableUnknown, match="measures no agreement"):
        items_behind(RUBRIC, columns(LABELS), question, category)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("i1", "ann", "tone", "", "flat", "answered"), "two current labels on item 'i1'"),
        (("i1", "ann", "plants", "rose", "1", "answered"), "category 'rose'"),
        (("i9", "ann", "tone", "", "hot", "answered"), "item 'i9', annotator 'ann': 'hot' is not"),
        (("i9", "ann", "tone", "", None, "answered"), "None is not one of warm, flat, cold"),
        (("i9", "ann", "tone", "", "warm", "guessed"), "unknown state 'guessed'"),
        (("i9", "ann", "metres", "", "far", "answered"), "'far' is no number"),
        (("i9", "ann", "metres", "", "inf", "answered"), "'inf' is no number"),
        (("i9", "ann", "metres", "", None, "answered"), "'' is no number"),
    ],
)
def test_labels_that_do_not_fit_the_rubric_are_named(row: Row, message: str) -> None:
    with pytest.raises(LabelsUnreadable, match=message):
        agreement_report(RUBRIC, columns([*LABELS, row]))


def test_columns_of_different_length_are_refused() -> None:
    labels = columns(LABELS)
    with pytest.raises(LabelsUnreadable, match="differ in length"):
        agreement_report(RUBRIC, replace(labels, value=labels.value[:-1]))
    assert issubclass(LabelsUnreadable, TaskError)


def test_no_labels_is_a_report_without_values() -> None:
    report = agreement_report(RUBRIC, columns([]))
    assert report.n_items == report.n_annotations == report.n_labels == 0
    assert {one.alpha.status for one in report.variables} == {Status.NO_LABELS}
    assert {one.verdict for one in report.variables} == {"undefined"}


def test_a_report_is_plain_json_without_nan() -> None:
    report = agreement_report(RUBRIC, columns(LABELS), interval=IntervalSpec("bca", resamples=30))
    told = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert told["fingerprint"] == fingerprint(RUBRIC)
    assert {one["conditioning"] for one in told["variables"]} == {"all", "reached"}
    undefined = [one for one in told["variables"] if one["verdict"] == "undefined"]
    for one in undefined:
        alpha = one["results"]["krippendorff_alpha"]
        assert alpha["value"] is None
        assert alpha["reason"]
