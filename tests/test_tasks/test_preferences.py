"""Preferences and rankings: from answers to cells, rulings, gold and agreement."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exports.gold_set import Vote, resolve
from rubrics.loader import load_rubric
from rubrics.versioning import fingerprint
from tasks.adjudication import DecisionRefused, check_decision
from tasks.agreement import ReliabilityData, krippendorff_alpha
from tasks.answer_values import (
    checked_ranking,
    every_ranking,
    ranking_groups,
    ranking_text,
    ranking_words,
)
from tasks.cells import Cell, LabelsRefused
from tasks.label_validation import validate_answers
from tasks.reliability import LabelColumns, LabelsUnreadable, agreement_report
from tasks.routing import open_cells
from tasks.shown_order import shown_order

RUBRIC = load_rubric("""\
schema: touchstone-rubric/1
id: pairs
version: 1.0.0
title: Pairs
item:
  kinds: [responses]
questions:
  - id: better
    text: Which is better?
    type: preference
    ties: true
    both_bad: true
  - id: why
    text: What counted?
    type: ranking
    ties: true
    options:
      - id: tone
      - id: facts
      - id: length
    ask_if:
      question: better
      any_of: [first, second]
  - id: curt
    text: Which are curt?
    type: multi
    options_from: responses
  - id: how
    text: How curt?
    type: ordinal
    repeat_for: curt
    options:
      - id: bit
        code: 1
      - id: very
        code: 2
  - id: where
    text: Where?
    type: span
    target: response
""")
STRICT = load_rubric("""\
schema: touchstone-rubric/1
id: strict
version: 1.0.0
title: Strict
item:
  kinds: [responses]
  responses: 3
questions:
  - id: order
    text: In which order?
    type: ranking
    options_from: responses
""")
TEXTS = {"prompt": "Hello", "response:r1": "Hm.", "response:r2": "Good day to you"}


def cells(**answers: Any) -> dict[tuple[str, str], str | None]:
    found = validate_answers(
        RUBRIC, {"better": {"value": "tie"}, "curt": {"value": []}, **answers}, TEXTS
    )
    return {(one.question, one.category): one.value for one in found}


def code_of(rubric: Any, answers: dict[str, Any]) -> str:
    with pytest.raises(LabelsRefused) as refused:
        validate_answers(rubric, answers, TEXTS)
    [problem] = refused.value.problems
    return problem.code


def test_a_preference_is_one_cell_and_closes_what_hangs_on_it() -> None:
    assert cells() == {
        ("better", ""): "tie",
        ("why", ""): None,
        ("curt", "r1"): "0",
        ("curt", "r2"): "0",
        ("how", "r1"): None,
        ("how", "r2"): None,
    }
    assert cells(better={"value": "both_bad"})["better", ""] == "both_bad"


def test_a_ranking_is_one_cell_with_equal_ones_in_the_order_of_the_options() -> None:
    first = {"value": "first"}
    assert cells(better=first, why={"value": ["facts", "length", "tone"]})["why", ""] == (
        "facts>length>tone"
    )
    tied = {"value": [["length"], ["facts", "tone"]]}
    assert cells(better=first, why=tied)["why", ""] == "length>tone=facts"


def test_a_question_may_be_asked_of_each_response_that_was_chosen() -> None:
    found = cells(curt={"value": ["r2"]}, how={"per": {"r2": {"value": "very"}}})
    assert found["curt", "r2"] == "1"
    assert (found["how", "r1"], found["how", "r2"]) == (None, "very")


def test_a_passage_may_lie_in_one_of_the_responses() -> None:
    span = {"target": "response:r2", "start": 0, "end": 4}
    assert "response:r2" in str(cells(where={"value": [span]})["where", ""])
    outside = {"target": "response:r3", "start": 0, "end": 1}
    answers = {"better": {"value": "tie"}, "curt": {"value": []}}
    assert code_of(RUBRIC, {**answers, "where": {"value": [outside]}}) == "bad_span"


REFUSED: list[tuple[object, str]] = [
    ("r1>r2>r3", "wrong_type"),
    (["r1", "r2"], "too_few"),
    (["r1", "r2", "r2"], "too_many"),
    (["r1", "r2", "r4"], "unknown_option"),
    (["r1", ["r2", "r3"]], "no_ties"),
    (["r1", [], "r2", "r3"], "wrong_type"),
    (["r1", [["r2"]], "r3"], "wrong_type"),
    ([1, 2, 3], "wrong_type"),
]


@pytest.mark.parametrize(("value", "code"), REFUSED)
def test_a_ranking_that_is_none_is_refused(value: object, code: str) -> None:
    assert code_of(STRICT, {"order": {"value": value}}) == code


@pytest.mark.parametrize("value", ["third", "r1", True, ["first"]])
def test_a_preference_takes_its_own_words_alone(value: object) -> None:
    answers = {"better": {"value": value}, "curt": {"value": []}}
    assert code_of(RUBRIC, answers) in {"wrong_type", "unknown_option"}


@given(
    st.permutations(["tone", "facts", "length"]), st.lists(st.booleans(), min_size=2, max_size=2)
)
def test_a_stored_ranking_is_read_back_as_it_was(order: list[str], joined: list[bool]) -> None:
    groups = [[order[0]]]
    for one, together in zip(order[1:], joined, strict=True):
        if together:
            groups[-1].append(one)
        else:
            groups.append([one])
    stored = checked_ranking(RUBRIC.question("why"), groups)
    assert [set(group) for group in ranking_groups(stored)] == [set(group) for group in groups]
    assert ranking_text(ranking_groups(stored)) == stored


def votes(*values: str) -> list[tuple[str, Cell]]:
    return [(f"a{at}", Cell("order", "", value, "answered")) for at, value in enumerate(values)]


def test_different_orders_open_a_case_and_equal_ones_do_not() -> None:
    [case] = open_cells(STRICT, votes("r1>r2>r3", "r2>r1>r3"))
    assert (case.question, case.category, case.reason) == ("order", "", "disagree")
    assert open_cells(STRICT, votes("r1>r2>r3", "r1>r2>r3")) == ()


def test_a_ruling_names_a_complete_order() -> None:
    ruled = check_decision(STRICT, "order", "", "r3>r1>r2", None, "rater_error", "")
    assert ruled.value == "r3>r1>r2"
    for wrong in ("r3>r1", "r3>r1=r2", "r9>r1>r2", ""):
        with pytest.raises(DecisionRefused):
            check_decision(STRICT, "order", "", wrong, None, "rater_error", "")
    assert check_decision(RUBRIC, "better", "", "tie", None, "rater_error", "").value == "tie"


def test_gold_of_a_ranking_is_what_all_say() -> None:
    said = [Vote("i", one, "order", "", "r2>r1>r3", "answered") for one in "abc"]
    [cell] = resolve(STRICT, said, [], 3, fingerprint=fingerprint(STRICT))
    assert (cell.value, cell.basis) == ("r2>r1>r3", "unanimous")


def columns(question: str, said: dict[str, list[str]]) -> LabelColumns:
    rows = [
        (item, f"a{at}", value) for item, values in said.items() for at, value in enumerate(values)
    ]
    n = len(rows)
    items, people, values = zip(*rows, strict=True)
    return LabelColumns(items, people, [question] * n, [""] * n, values, ["answered"] * n)


def test_a_tie_is_a_value_of_its_own() -> None:
    said = {"i": ["first", "tie"], "j": ["tie", "tie"], "k": ["second", "second"]}
    report = agreement_report(RUBRIC, columns("better", said), interval=None)
    whole = report.variable("better")
    assert whole is not None
    expected = krippendorff_alpha(
        ReliabilityData.from_matrix(
            [["first", "tie"], ["tie", "tie"], ["second", "second"]],
            values=["first", "second", "tie", "both_bad"],
            level="nominal",
        )
    )
    assert whole.alpha.value == expected.value
    tie = report.variable("better", "tie")
    assert tie is not None
    assert tie.prevalence == pytest.approx(3 / 6)


def test_each_option_of_a_ranking_has_the_ordinal_alpha_of_its_ranks() -> None:
    said = {
        "i": ["tone>facts>length", "facts>tone>length"],
        "j": ["length>tone=facts", "length>facts>tone"],
        "k": ["tone=facts=length", "tone>length>facts"],
    }
    report = agreement_report(RUBRIC, columns("why", said), interval=None)
    ranks: dict[str, list[list[float]]] = {
        "tone": [[1, 2], [2.5, 3], [2, 1]],
        "facts": [[2, 1], [2.5, 2], [2, 3]],
        "length": [[3, 3], [1, 1], [2, 2]],
    }
    for option, matrix in ranks.items():
        found = report.variable("why", option)
        assert found is not None
        assert found.level == "ordinal"
        data = ReliabilityData.from_matrix(matrix, values=[1, 1.5, 2, 2.5, 3], level="ordinal")
        assert found.alpha.value == pytest.approx(krippendorff_alpha(data).value, abs=1e-12)
    assert report.variable("why", "length").alpha.value == 1.0  # type: ignore[union-attr]


@given(st.lists(st.permutations(["r1", "r2", "r3"]), min_size=2, max_size=6))
def test_annotators_who_order_alike_agree_wholly(orders: list[list[str]]) -> None:
    said = {
        f"i{at}": [ranking_text([[one] for one in order])] * 2 for at, order in enumerate(orders)
    }
    report = agreement_report(STRICT, columns("order", said), interval=None)
    for option in ("r1", "r2", "r3"):
        found = report.variable("order", option)
        assert found is not None
        assert found.alpha.value in {None, 1.0}


def test_a_cell_that_holds_no_ranking_of_the_options_is_told() -> None:
    with pytest.raises(LabelsUnreadable, match="no ranking"):
        agreement_report(STRICT, columns("order", {"i": ["r1>r2", "r1>r2>r3"]}), interval=None)


def test_every_order_is_shown_equally_often_and_always_the_same_to_one_place() -> None:
    shown = Counter(shown_order(f"assignment-{at}", 3) for at in range(6_000))
    assert set(shown) == set(itertools.permutations(["r1", "r2", "r3"]))
    assert all(880 < count < 1_120 for count in shown.values()), shown
    assert shown_order("a", 2) == shown_order("a", 2)


def test_every_ranking_that_a_question_takes_is_offered_once() -> None:
    strict = list(every_ranking(STRICT.question("order")))
    assert len(strict) == len(set(strict)) == 6
    tied = list(every_ranking(RUBRIC.question("why")))
    assert len(tied) == len(set(tied)) == 13
    assert all(checked_ranking(RUBRIC.question("why"), ranking_groups(one)) == one for one in tied)
    assert ranking_words(RUBRIC.question("why"), "tone>facts=length") == "tone > facts = length"
