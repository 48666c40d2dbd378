"""What a ruling must be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rubrics.library import read
from rubrics.loader import load_rubric
from rubrics.schema import AdjudicationRule, Question
from tasks.adjudication import CAUSE_WORDS, DecisionRefused, causes, check_decision
from tasks.errors import TaskError
from tasks.label_validation import Cell

RUBRIC = load_rubric(read("conversational-abuse"))


def with_questions(*questions):
    return replace(RUBRIC, questions=RUBRIC.questions + questions)


def refused(*args, rubric=RUBRIC, **options):
    with pytest.raises(DecisionRefused) as caught:
        check_decision(rubric, *args, **options)
    return [(problem.field, problem.code) for problem in caught.value.problems]


def test_a_ruling_becomes_a_gold_label():
    cell = check_decision(RUBRIC, "types", "ableism", "1", "AB-I1", "rater_error", "")
    assert cell == Cell("types", "ableism", "1", "answered", ("AB-I1",), None)
    cell = check_decision(RUBRIC, "severity", "", "mild", None, "genuine_pluralism", "r")
    assert (cell.value, cell.state, cell.clauses) == ("mild", "answered", ())


def test_without_a_value_the_distribution_is_kept_and_a_reason_is_due():
    cell = check_decision(RUBRIC, "severity", "", None, None, "missing_context", "No context.")
    assert (cell.value, cell.state) == (None, "cannot_assess")
    found = refused("severity", "", None, None, "missing_context", "  ")
    assert found == [("rationale", "rationale_missing")]


def test_a_follow_up_can_be_ruled_closed():
    cell = check_decision(RUBRIC, "target", "", None, None, "rater_error", "", closed=True)
    assert (cell.value, cell.state) == (None, "not_asked")
    found = refused("target", "", "system", None, "rater_error", "", closed=True)
    assert found == [("value", "closed_with_value")]
    found = refused("severity", "", None, None, "rater_error", "", closed=True)
    assert found == [("value", "always_asked")]


def test_everything_wrong_is_said_at_once():
    found = refused("types", "kindness", "yes", "ZZ-1", "mood", "x" * 5000)
    assert found == [
        ("category", "unknown_category"),
        ("value", "bad_value"),
        ("clause", "unknown_clause"),
        ("cause", "unknown_cause"),
        ("rationale", "too_long"),
    ]


@pytest.mark.parametrize("cause", ["rater_error", "guideline_ambiguity"])
def test_causes_that_rest_on_a_clause_name_it(cause):
    assert refused("types", "ableism", "0", None, cause, "") == [("clause", "clause_missing")]
    assert check_decision(RUBRIC, "types", "ableism", "0", None, "guideline_gap", "").value == "0"


def test_a_clause_of_another_category_is_refused():
    other = next(one for one in RUBRIC.categories if one.id != "ableism").clauses[0].id
    found = refused("types", "ableism", "1", other, "rater_error", "")
    assert found == [("clause", "unknown_clause")]
    assert check_decision(RUBRIC, "severity", "", "mild", other, "rater_error", "").clauses == (
        other,
    )


@pytest.mark.parametrize(
    ("question", "good", "stored", "bad"),
    [
        (Question("b", "?", "boolean", "nominal"), "true", "true", "yes"),
        (Question("n", "?", "number", "ratio", min=0, max=5), "2.0", "2", "7"),
        (Question("n", "?", "number", "ratio"), "2.50", "2.5", "nan"),
        (Question("n", "?", "number", "ratio"), "-1", "-1", "many"),
        (
            Question("s", "?", "span", "nominal", adjudicate=AdjudicationRule()),
            '[{"start": 0, "end": 2}]',
            '[{"end":2,"start":0}]',
            "[1]",
        ),
        (
            Question("s", "?", "span", "nominal", adjudicate=AdjudicationRule()),
            "[]",
            "[]",
            "{",
        ),
    ],
)
def test_values_are_read_by_the_type_of_the_question(question, good, stored, bad):
    rubric = with_questions(question)
    cell = check_decision(rubric, question.id, "", good, None, "guideline_gap", "")
    assert cell.value == stored
    found = refused(question.id, "", bad, None, "guideline_gap", "", rubric=rubric)
    assert found == [("value", "bad_value")]


def test_an_unknown_option_and_a_needless_category():
    assert refused("severity", "", "awful", None, "guideline_gap", "") == [("value", "bad_value")]
    found = refused("severity", "ableism", "mild", None, "guideline_gap", "")
    assert found == [("category", "unknown_category")]


def test_what_is_not_adjudicated():
    rubric = with_questions(Question("note", "Why?", "text", None))
    assert refused("note", "", "x", None, "rater_error", "", rubric=rubric) == [
        ("question", "not_adjudicated")
    ]
    assert refused("nowhere", "", "x", None, "rater_error", "") == [
        ("question", "unknown_question")
    ]


def test_a_repeated_question_has_the_categories_of_its_parent():
    repeated = Question(
        "degree", "How much?", "number", "ordinal", repeat_for="types", max=4, min=0
    )
    rubric = with_questions(repeated)
    assert check_decision(rubric, "degree", "sexist", "3", None, "guideline_gap", "").value == "3"
    found = refused("degree", "", "3", None, "guideline_gap", "", rubric=rubric)
    assert found == [("category", "unknown_category")]


def test_text_that_cannot_be_stored_is_refused():
    found = refused("severity", "", "mild", None, "guideline_gap", "a\x00b")
    assert found == [("rationale", "bad_text")]


def test_the_refusal_is_an_error_of_the_room_and_every_cause_has_words():
    with pytest.raises(TaskError, match="no option 'awful'"):
        check_decision(RUBRIC, "severity", "", "awful", None, "rater_error", "")
    assert set(CAUSE_WORDS) == set(causes)
