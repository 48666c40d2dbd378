from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rubrics.conditions import Answer
from rubrics.library import read
from rubrics.loader import load_rubric
from tasks.label_validation import (
    Cell,
    LabelProblem,
    LabelsRefused,
    answers_of,
    canonical_number,
    compile_validator,
    derive,
    derived_cells,
    validate_answers,
)

if TYPE_CHECKING:
    from rubrics.schema import Rubric

ABUSE = load_rubric(read("conversational-abuse"))
SAFETY = load_rubric(read("llm-response-safety"))
TEXTS = {"prompt": "How do I do it?", "response": "Like this 🙂."}
MILD: dict[str, Any] = {
    "severity": {"value": "mild"},
    "types": {"value": ["sexist", "racist"]},
    "target": {"value": "system"},
    "direction": {"value": "explicit"},
}
HARMFUL: dict[str, Any] = {
    "prompt_harm": {"value": "harmful"},
    "response_harm": {"value": "harmful"},
    "categories": {"value": ["hate", "fraud"]},
    "severity": {"per": {"hate": {"value": "low"}, "fraud": {"value": "harmless"}}},
    "evidence": {"value": [{"target": "response", "start": 0, "end": 11, "label": "hate"}]},
    "reference_style": {"value": "direct"},
    "refusal": {"value": "full_compliance"},
    "attack": {"value": []},
    "confidence": {"value": "sure"},
}
NUMBERS = """\
schema: touchstone-rubric/1
id: numbers
version: 1.0.0
title: Numbers
questions:
  - id: many
    text: How many?
    type: number
    min: 0
    max: 10
  - id: ok
    text: Ok?
    type: boolean
  - id: some
    text: Some?
    type: multi
    options:
      - id: a
      - id: b
      - id: c
    min: 1
    max: 2
  - id: note
    text: Why?
    type: text
    max_chars: 5
  - id: parts
    text: Where?
    type: span
    max: 2
"""
PLAIN = load_rubric(NUMBERS)
FILLED: dict[str, Any] = {
    "many": {"value": 3},
    "ok": {"value": False},
    "some": {"value": ["b"]},
}


def problems_of(
    rubric: Rubric, answers: object, texts: dict[str, str] | None = None
) -> tuple[LabelProblem, ...]:
    """Return what a rubric finds wrong with answers; nothing when it takes them."""
    try:
        compile_validator(rubric).validate(answers, texts)
    except LabelsRefused as refused:
        return refused.problems
    return ()


def only(rubric: Rubric, answers: object, texts: dict[str, str] | None = None) -> LabelProblem:
    """Return the one problem of answers."""
    problems = problems_of(rubric, answers, texts)
    assert len(problems) == 1, [problem.message for problem in problems]
    return problems[0]


def by_place(cells: tuple[Cell, ...]) -> dict[tuple[str, str], tuple[str | None, str]]:
    """Return values and states of cells by question and category."""
    return {(cell.question, cell.category): (cell.value, cell.state) for cell in cells}


def test_an_abusive_message_has_a_cell_per_label() -> None:
    cells = by_place(validate_answers(ABUSE, MILD))
    assert len(cells) == 10
    assert cells["severity", ""] == ("mild", "answered")
    assert cells["types", "sexist"] == ("1", "answered")
    assert cells["types", "ableism"] == ("0", "answered")
    assert cells["direction", ""] == ("explicit", "answered")


def test_a_closed_question_is_stored_as_not_asked() -> None:
    cells = by_place(validate_answers(ABUSE, {"severity": {"value": "ambiguous"}}))
    assert cells.pop(("severity", "")) == ("ambiguous", "answered")
    assert len(cells) == 9
    assert set(cells.values()) == {(None, "not_asked")}


def test_an_answer_to_a_closed_question_names_question_and_condition() -> None:
    problem = only(ABUSE, {"severity": {"value": "ambiguous"}, "types": {"value": ["sexist"]}})
    assert (problem.question, problem.code) == ("types", "closed_by_condition")
    assert problem.condition == "“severity” is at most −1 (“Mild abuse”)"
    assert "'types'" in problem.message
    assert problem.condition in problem.message


def test_each_closed_answer_is_told() -> None:
    problems = problems_of(ABUSE, {**MILD, "severity": {"value": "not_abusive"}})
    assert [(one.question, one.code) for one in problems] == [
        (name, "closed_by_condition") for name in ("types", "target", "direction")
    ]


def test_an_unsure_gate_closes_what_hangs_on_it() -> None:
    cells = by_place(validate_answers(ABUSE, {"severity": {"state": "unsure", "reason": "Irony?"}}))
    assert cells["severity", ""] == (None, "unsure")
    assert cells["target", ""] == (None, "not_asked")


def test_a_refused_gate_is_one_mistake_not_four() -> None:
    problem = only(ABUSE, {**MILD, "severity": {"value": "mlid"}})
    assert (problem.question, problem.code) == ("severity", "unknown_option")
    assert "mild" in problem.message


def test_a_repeated_question_has_a_cell_per_category() -> None:
    cells = validate_answers(SAFETY, HARMFUL, TEXTS)
    found = {
        cell.category: (cell.value, cell.state) for cell in cells if cell.question == "severity"
    }
    assert len(found) == 13
    assert found.pop("hate") == ("low", "answered")
    assert found.pop("fraud") == ("harmless", "answered")
    assert set(found.values()) == {(None, "not_asked")}


def test_a_category_that_was_not_chosen_takes_no_answer() -> None:
    per = {"hate": {"value": "low"}, "fraud": {"value": "low"}, "privacy": {"value": "low"}}
    problem = only(SAFETY, {**HARMFUL, "severity": {"per": per}}, TEXTS)
    assert (problem.category, problem.code) == ("privacy", "closed_by_condition")


def test_a_chosen_category_needs_its_answer() -> None:
    problem = only(SAFETY, {**HARMFUL, "severity": {"per": {"hate": {"value": "low"}}}}, TEXTS)
    assert (problem.question, problem.category, problem.code) == ("severity", "fraud", "missing")


def test_high_severity_needs_a_rationale() -> None:
    per = {"hate": {"value": "low"}, "fraud": {"value": "critical"}}
    answers = {**HARMFUL, "severity": {"per": per}}
    problem = only(SAFETY, answers, TEXTS)
    assert (problem.question, problem.code) == ("rationale", "missing")
    cells = validate_answers(
        SAFETY, {**answers, "rationale": {"value": "It could be sent."}}, TEXTS
    )
    assert cells[-1] == Cell("rationale", "", "It could be sent.", "answered")


def test_a_harmless_exchange_asks_little() -> None:
    answers = {
        "prompt_harm": {"value": "unharmful"},
        "response_harm": {"value": "unharmful"},
        "refusal": {"value": "full_refusal"},
        "over_refusal": {"value": "unnecessary"},
        "attack": {"value": []},
        "confidence": {"value": "leaning"},
    }
    cells = by_place(validate_answers(SAFETY, answers, TEXTS))
    assert cells["over_refusal", ""] == ("unnecessary", "answered")
    assert cells["evidence", ""] == (None, "not_asked")
    assert ("rationale", "") not in cells
    assert cells["severity", "hate"] == (None, "not_asked")


def test_what_the_legal_route_takes_is_no_option() -> None:
    problem = only(SAFETY, {**HARMFUL, "categories": {"value": ["csae"]}}, TEXTS)
    assert problem.code == "unknown_option"


@pytest.mark.parametrize("state", ["unsure", "cannot_assess"])
def test_a_reserved_answer_covers_every_option(state: str) -> None:
    reserved = {"state": state, "reason": "language" if state == "cannot_assess" else "Irony?"}
    cells = validate_answers(ABUSE, {**MILD, "types": reserved})
    types = [cell for cell in cells if cell.question == "types"]
    assert {(cell.value, cell.state, cell.reason) for cell in types} == {
        (None, state, reserved["reason"])
    }
    assert len(types) == 7


def test_a_repeated_question_takes_one_reserved_answer_for_all() -> None:
    cells = by_place(validate_answers(SAFETY, {**HARMFUL, "severity": {"state": "unsure"}}, TEXTS))
    assert cells["severity", "hate"] == (None, "unsure")
    assert cells["severity", "privacy"] == (None, "not_asked")


def test_a_clause_goes_to_the_category_it_belongs_to() -> None:
    answers = {**HARMFUL, "categories": {"value": ["hate", "fraud"], "clauses": ["HT-I1", "VE-E1"]}}
    kept = [
        (cell.category, cell.clauses)
        for cell in validate_answers(SAFETY, answers, TEXTS)
        if cell.clauses
    ]
    assert kept == [("hate", ("HT-I1",)), ("violent_extremism", ("VE-E1",))]


# rubric, answers that are valid but for one question, that question, its answer, the problem
SPAN = {"target": "text", "start": 0, "end": 2}
REFUSED: list[tuple[str, object, str]] = [
    ("many", {"value": "3"}, "wrong_type"),
    ("many", {"value": True}, "wrong_type"),
    ("many", {"value": float("nan")}, "out_of_range"),
    ("many", {"value": float("inf")}, "out_of_range"),
    ("many", {"value": 10**400}, "out_of_range"),
    ("many", {"value": -1}, "out_of_range"),
    ("many", {"value": 10.5}, "out_of_range"),
    ("many", 3, "wrong_type"),
    ("many", [], "wrong_type"),
    ("many", {}, "missing"),
    ("many", {"value": None}, "missing"),
    ("many", None, "missing"),
    ("many", {"value": 3, "colour": 1}, "unknown_key"),
    ("many", {"value": 3, "per": {}}, "unknown_key"),
    ("many", {"value": 3, "reason": "x"}, "unknown_key"),
    ("many", {"value": 3, "state": "unsure"}, "unknown_key"),
    ("many", {"value": 3, "state": "done"}, "wrong_type"),
    ("many", {"value": 3, "state": "not_asked"}, "wrong_type"),
    ("many", {"value": 3, "state": []}, "wrong_type"),
    ("many", {"value": 3, "clauses": ["A"]}, "unknown_clause"),
    ("many", {"value": 3, "clauses": "A"}, "wrong_type"),
    ("many", {"state": "unsure", "reason": "x" * 501}, "bad_text"),
    ("many", {"state": "unsure", "reason": 3}, "wrong_type"),
    ("ok", {"value": 1}, "wrong_type"),
    ("ok", {"value": "true"}, "wrong_type"),
    ("some", {"value": []}, "too_few"),
    ("some", {"value": ["a", "b", "c"]}, "too_many"),
    ("some", {"value": ["a", "a"]}, "too_many"),
    ("some", {"value": "a"}, "wrong_type"),
    ("some", {"value": {"a": 1}}, "wrong_type"),
    ("some", {"value": ["d"]}, "unknown_option"),
    ("some", {"value": [1]}, "wrong_type"),
    ("some", {"value": [["a"]]}, "wrong_type"),
    ("note", {"value": "123456"}, "bad_text"),
    ("note", {"value": "a\0"}, "bad_text"),
    ("note", {"value": "\ud800"}, "bad_text"),
    ("note", {"value": 3}, "wrong_type"),
    ("note", {"state": "unsure"}, "reserved_not_allowed"),
    ("parts", {"value": "text"}, "wrong_type"),
    ("parts", {"value": [3]}, "bad_span"),
    ("parts", {"value": [{"target": "text", "start": 0}]}, "bad_span"),
    ("parts", {"value": [{"target": "text", "start": 2, "end": 2}]}, "bad_span"),
    ("parts", {"value": [{"target": "text", "start": -1, "end": 2}]}, "bad_span"),
    ("parts", {"value": [{"target": "text", "start": True, "end": 2}]}, "bad_span"),
    ("parts", {"value": [{"target": "title", "start": 0, "end": 2}]}, "bad_span"),
    ("parts", {"value": [{"target": "message:x", "start": 0, "end": 2}]}, "bad_span"),
    ("parts", {"value": [{"target": "response", "start": 0, "end": 2}]}, "bad_span"),
    ("parts", {"value": [{"target": "text", "start": 0, "end": 6}]}, "bad_span"),
    (
        "parts",
        {"value": [{**SPAN, "label": "a"}]},
        "unknown_option",
    ),
    ("parts", {"value": [{**SPAN, "note": "a"}]}, "unknown_key"),
    ("parts", {"value": [SPAN] * 2}, "bad_span"),
    ("parts", {"value": [SPAN] * 3}, "too_many"),
]


@pytest.mark.parametrize(("question", "answer", "code"), REFUSED)
def test_an_answer_that_does_not_fit_is_refused(question: str, answer: object, code: str) -> None:
    problem = only(PLAIN, {**FILLED, question: answer}, {"text": "12345"})
    assert (problem.question, problem.code) == (question, code)
    assert repr(question) in problem.message


@pytest.mark.parametrize(
    ("answers", "code"),
    [([], "wrong_type"), ("x", "wrong_type"), (None, "wrong_type"), (3, "wrong_type")],
)
def test_answers_that_are_no_object_are_refused(answers: object, code: str) -> None:
    assert only(PLAIN, answers).code == code


def test_an_unknown_question_is_told_beside_the_other_problems() -> None:
    problems = problems_of(PLAIN, {**FILLED, "many2": {"value": 3}, "many": {"value": -1}})
    assert [(one.question, one.code) for one in problems] == [
        ("many2", "unknown_question"),
        ("many", "out_of_range"),
    ]


def test_a_reason_must_be_one_the_rubric_lists() -> None:
    given_up = {"state": "cannot_assess"}
    assert only(SAFETY, {**HARMFUL, "refusal": given_up}, TEXTS).code == "reason_needed"
    given_up["reason"] = "bored"
    assert only(SAFETY, {**HARMFUL, "refusal": given_up}, TEXTS).code == "reason_needed"
    given_up["reason"] = "language"
    assert problems_of(SAFETY, {**HARMFUL, "refusal": given_up}, TEXTS) == ()


def test_a_rubric_may_close_a_reserved_answer() -> None:
    rubric = load_rubric(NUMBERS + "reserved:\n  unsure:\n    allowed: false\n")
    assert only(rubric, {**FILLED, "many": {"state": "unsure"}}).code == "reserved_not_allowed"
    assert problems_of(rubric, {**FILLED, "many": {"state": "cannot_assess"}}) == ()


def test_spans_are_kept_in_one_canonical_form() -> None:
    first = {"target": "text", "start": 3, "end": 5}
    second = {"end": 2, "start": 0, "target": "text"}
    forms = {
        cell.value
        for spans in ([first, second], [second, first])
        for cell in validate_answers(PLAIN, {**FILLED, "parts": {"value": spans}})
        if cell.question == "parts"
    }
    assert len(forms) == 1
    assert json.loads(forms.pop() or "") == [second, first]


def test_offsets_count_code_points() -> None:
    assert len(TEXTS["response"]) == 12
    span = {"target": "response", "start": 10, "end": 12, "label": "hate"}
    assert problems_of(SAFETY, {**HARMFUL, "evidence": {"value": [span]}}, TEXTS) == ()
    span["end"] = 13
    problem = only(SAFETY, {**HARMFUL, "evidence": {"value": [span]}}, TEXTS)
    assert (problem.code, "12 characters" in problem.message) == ("bad_span", True)


def test_spans_stay_in_the_part_the_question_names() -> None:
    span = {"target": "prompt", "start": 0, "end": 2, "label": "hate"}
    problem = only(SAFETY, {**HARMFUL, "evidence": {"value": [span]}}, TEXTS)
    assert "response only" in problem.message


def test_optional_answers_left_out_or_empty_make_no_cell() -> None:
    cells = by_place(validate_answers(PLAIN, {**FILLED, "note": {"value": ""}}))
    assert cells == {
        ("many", ""): ("3", "answered"),
        ("ok", ""): ("false", "answered"),
        ("some", "a"): ("0", "answered"),
        ("some", "b"): ("1", "answered"),
        ("some", "c"): ("0", "answered"),
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3, "3"),
        (3.0, "3"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (1e14, "100000000000000"),
        (2.5e-7, "2.5e-07"),
    ],
)
def test_a_number_has_one_form(value: float, text: str) -> None:
    assert canonical_number(value) == text


@given(st.floats(-1e15, 1e15))
def test_a_number_is_read_back_as_it_was(value: float) -> None:
    assert float(canonical_number(value)) == value


def test_stored_cells_are_answers_again() -> None:
    answers = answers_of(SAFETY, validate_answers(SAFETY, HARMFUL, TEXTS))
    assert answers["prompt_harm"] == Answer("harmful")
    assert answers["categories"] == Answer(("hate", "fraud"))
    per = answers["severity"].per
    assert per is not None
    assert per["hate"] == Answer("low")
    assert per["privacy"] == Answer(None, "not_asked")
    plain = answers_of(PLAIN, validate_answers(PLAIN, FILLED))
    assert (plain["many"].value, plain["ok"].value) == (3.0, False)
    unsure = answers_of(ABUSE, validate_answers(ABUSE, {**MILD, "types": {"state": "unsure"}}))
    assert unsure["types"] == Answer(None, "unsure")


@pytest.mark.parametrize(
    ("severity", "expected"),
    [("not_abusive", False), ("ambiguous", False), ("mild", True), ("very_strong", True)],
)
def test_derived_variables_follow_their_condition(severity: str, *, expected: bool) -> None:
    answers = MILD if expected else {}
    cells = validate_answers(ABUSE, {**answers, "severity": {"value": severity}})
    assert derive(ABUSE, answers_of(ABUSE, cells)) == {"abusive": expected}
    assert derived_cells(ABUSE, cells) == (
        Cell("abusive", "", "true" if expected else "false", "answered"),
    )


def test_a_derived_variable_that_is_not_settled_is_missing() -> None:
    cells = validate_answers(ABUSE, {"severity": {"state": "unsure"}})
    assert derive(ABUSE, answers_of(ABUSE, cells)) == {"abusive": None}
    assert derived_cells(ABUSE, cells) == ()


def test_a_derived_variable_takes_the_structural_value_of_a_closed_question() -> None:
    harmless = {
        "prompt_harm": {"value": "unharmful"},
        "response_harm": {"value": "unharmful"},
        "refusal": {"value": "full_compliance"},
        "attack": {"value": []},
        "confidence": {"value": "sure"},
    }
    cells = validate_answers(SAFETY, harmless, TEXTS)
    assert derive(SAFETY, answers_of(SAFETY, cells))["severe"] is False


def test_a_validator_is_compiled_once() -> None:
    assert compile_validator(ABUSE) is compile_validator(ABUSE)


def test_categories_that_were_not_chosen_do_not_unsettle_a_derived_variable() -> None:
    answers = answers_of(SAFETY, validate_answers(SAFETY, HARMFUL, TEXTS))
    assert derive(SAFETY, answers)["severe"] is False


def test_a_refused_gate_silences_the_whole_chain_behind_it() -> None:
    problem = only(SAFETY, {**HARMFUL, "prompt_harm": {"value": "perhaps"}}, TEXTS)
    assert (problem.question, problem.code) == ("prompt_harm", "unknown_option")


def test_an_optional_answer_left_out_for_a_chosen_category_makes_no_cell() -> None:
    repeated = "  - id: sure\n    text: Sure?\n    type: boolean\n    required: false\n"
    rubric = load_rubric(NUMBERS + repeated + "    repeat_for: some\n")
    answers = {**FILLED, "some": {"value": ["a", "b"]}, "sure": {"per": {"a": {"value": True}}}}
    cells = by_place(validate_answers(rubric, answers))
    assert cells["sure", "a"] == ("true", "answered")
    assert cells["sure", "c"] == (None, "not_asked")
    assert ("sure", "b") not in cells


def test_in_a_conversation_spans_lie_in_its_turns() -> None:
    turns = {"message:0": "When?", "message:1": "In the morning."}
    span = {"target": "message:1", "start": 0, "end": 2, "label": "hate"}
    assert problems_of(SAFETY, {**HARMFUL, "evidence": {"value": [span]}}, turns) == ()
    missing = {**span, "target": "message:2"}
    problem = only(SAFETY, {**HARMFUL, "evidence": {"value": [missing]}}, turns)
    assert "no message:2" in problem.message
