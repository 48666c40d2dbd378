"""Which cells go to an adjudicator."""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rubrics.library import read
from rubrics.loader import load_rubric
from rubrics.schema import AdjudicationRule, Option, Question
from tasks.label_validation import Cell, validate_answers
from tasks.routing import CaseCell, cell_order, open_cells, structural_value
from tests.support.abuse import answers_of
from tests.support.shared_data import SEVERITY, shared

RUBRIC = load_rubric(read("conversational-abuse"))


def submission(*said, **more):
    return validate_answers(RUBRIC, answers_of(*said, **more))


def opened(*submissions, rubric=RUBRIC):
    cells = [(f"a{n}", cell) for n, given_cells in enumerate(submissions) for cell in given_cells]
    return open_cells(rubric, cells)


def with_rule(question_id, **rule):
    questions = tuple(
        replace(one, adjudicate=AdjudicationRule(**rule)) if one.id == question_id else one
        for one in RUBRIC.questions
    )
    return replace(RUBRIC, questions=questions)


def test_agreement_opens_nothing():
    assert opened(submission("mild", ["sexist"]), submission("mild", ["sexist"])) == ()
    assert opened(submission("not_abusive"), submission("not_abusive")) == ()
    assert opened() == ()


def test_a_closed_question_counts_as_what_the_rubric_declares():
    found = opened(submission("mild", ["sexist"]), submission("not_abusive"))
    assert found == (
        CaseCell("severity", "", "disagree", 2.0),
        CaseCell("types", "sexist", "disagree"),
        CaseCell("target", "", "disagree"),
        CaseCell("direction", "", "disagree"),
    )


def test_the_gap_is_measured_on_the_codes():
    found = opened(submission("very_strong"), submission("mild"), submission("strong"))
    assert found == (CaseCell("severity", "", "disagree", 2.0),)


def test_a_gap_rule_lets_small_gaps_pass():
    rubric = with_rule("severity", when="gap", gap_at_least=2)
    assert opened(submission("mild"), submission("strong"), rubric=rubric) == ()
    found = opened(submission("mild"), submission("very_strong"), rubric=rubric)
    assert found == (CaseCell("severity", "", "gap", 2.0),)


def test_a_rule_of_never_opens_for_unsure_alone():
    rubric = with_rule("severity", when="never")
    assert opened(submission("mild"), submission("strong"), rubric=rubric) == ()
    unsure = (Cell("severity", "", None, "unsure"),)
    found = opened(unsure, (Cell("severity", "", "mild", "answered"),), rubric=rubric)
    assert found == (CaseCell("severity", "", "unsure"),)
    silent = with_rule("severity", when="never", unsure=False)
    assert opened(unsure, unsure, rubric=silent) == ()


def test_cannot_assess_opens_only_when_nobody_could():
    cannot = (Cell("severity", "", None, "cannot_assess"),)
    answered = (Cell("severity", "", "mild", "answered"),)
    assert opened(cannot, answered, answered) == ()
    assert opened(cannot, cannot) == (CaseCell("severity", "", "cannot_assess"),)


def test_disagreement_comes_before_unsure():
    cells = [
        (Cell("severity", "", None, "unsure"),),
        (Cell("severity", "", "mild", "answered"),),
        (Cell("severity", "", "strong", "answered"),),
    ]
    assert opened(*cells) == (CaseCell("severity", "", "disagree", 1.0),)


def test_numbers_have_gaps_and_text_and_metadata_are_never_adjudicated():
    number = Question("n", "How many?", "number", "ratio")
    note = Question("note", "Why?", "text", None)
    sure = Question("sure", "Sure?", "boolean", "nominal", role="metadata")
    spans = Question("where", "Where?", "span", "nominal")
    rubric = replace(RUBRIC, questions=(number, note, sure, spans))

    def cells(value):
        return tuple(Cell(one, "", value, "answered") for one in ("n", "note", "sure", "where"))

    assert opened(cells("1"), cells("3.5"), rubric=rubric) == (CaseCell("n", "", "disagree", 2.5),)


def test_spans_are_adjudicated_where_the_rubric_asks_for_it():
    spans = Question("where", "Where?", "span", "nominal", adjudicate=AdjudicationRule())
    rubric = replace(RUBRIC, questions=(spans,))
    first, second = (Cell("where", "", text, "answered") for text in ("[]", "[{}]"))
    assert opened((first,), (second,), rubric=rubric) == (CaseCell("where", "", "disagree"),)


def test_structural_values():
    options = (Option("a", "A"), Option("b", "B"))
    multi = Question("q", "?", "multi", "nominal", options=options, when_not_asked="none")
    assert structural_value(multi, "a") == "0"
    assert structural_value(replace(multi, when_not_asked="a"), "a") == "1"
    assert structural_value(replace(multi, when_not_asked="a"), "b") == "0"
    assert structural_value(replace(multi, when_not_asked=None), "a") is None
    assert structural_value(replace(multi, type="single"), "") == "none"


ANSWERS = st.builds(
    submission,
    st.sampled_from(sorted(SEVERITY.values())),
    st.sets(st.sampled_from(["sexist", "racist"])),
    st.sampled_from(["system", "individual"]),
)


@given(st.lists(ANSWERS, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_routing_does_not_depend_on_order_and_keeps_the_order_of_the_rubric(given_cells, shuffler):
    found = opened(*given_cells)
    shuffler.shuffle(given_cells)
    assert opened(*given_cells) == found
    order = cell_order(RUBRIC)
    places = [order[one.question, one.category] for one in found]
    assert places == sorted(places)
    assert bool(found) == (len(set(given_cells)) > 1)


def test_repeated_questions_are_routed_per_category_by_their_gap():
    rubric = load_rubric(read("llm-response-safety"))

    def severities(hate, fraud):
        return (
            Cell("severity", "fraud", fraud, "answered" if fraud else "not_asked"),
            Cell("severity", "hate", hate, "answered" if hate else "not_asked"),
        )

    assert opened(severities("low", "low"), severities("medium", None), rubric=rubric) == ()
    found = opened(severities("low", "critical"), severities("high", None), rubric=rubric)
    assert found == (
        CaseCell("severity", "hate", "gap", 2.0),
        CaseCell("severity", "fraud", "gap", 4.0),
    )


def test_options_without_a_code_have_no_gap():
    question = Question(
        "q", "?", "ordinal", "ordinal", options=(Option("a", "A"), Option("b", "B"))
    )
    rubric = replace(RUBRIC, questions=(question,), adjudication=AdjudicationRule("gap", 2))
    cells = ((Cell("q", "", value, "answered"),) for value in "ab")
    assert opened(*cells, rubric=rubric) == (CaseCell("q", "", "disagree", None),)


def _recorded_cells(row):
    """Return the cells of one recorded row, with the follow-ups as the file has them."""
    yield Cell("severity", "", SEVERITY[row["severity"]], "answered")
    for name, value in row.items():
        if name.startswith("type_"):
            yield Cell("types", name.removeprefix("type_"), value, "answered")
    for question in ("target", "direction"):
        chosen = [
            name.removeprefix(f"{question}_")
            for name, value in row.items()
            if name.startswith(f"{question}_") and value == "1"
        ]
        value = chosen[0] if chosen else None
        yield Cell(question, "", value, "answered" if chosen else "not_asked")


def _gated(cells):
    abusive = next(c.value for c in cells if c.question == "severity") in {
        "mild",
        "strong",
        "very_strong",
    }
    return [
        cell
        if abusive or cell.question == "severity"
        else Cell(cell.question, cell.category, None, "not_asked")
        for cell in cells
    ]


@pytest.fixture(scope="module")
def recorded():
    by_item = defaultdict(list)
    with (shared("convabuse") / "labels_wide.csv").open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            by_item[row["item"]].append((row["annotator"], list(_recorded_cells(row))))
    return by_item


def _items_with_cases(by_item, change):
    return sum(
        bool(open_cells(RUBRIC, [(who, cell) for who, own in rows for cell in change(own)]))
        for rows in by_item.values()
    )


def test_1209_items_of_the_recorded_labels_disagree_somewhere(recorded):
    assert _items_with_cases(recorded, lambda cells: cells) == 1209


def test_1207_of_them_still_do_once_the_closed_answers_are_gone(recorded):
    """Two items differ only in follow-ups that the rubric's condition closes."""
    assert _items_with_cases(recorded, _gated) == 1207
