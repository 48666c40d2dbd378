"""Rubrics that ask about several responses: what they may say, and what is told when they err."""

from __future__ import annotations

from typing import Any

import pytest

from rubrics.codebook import codebook_markdown, hotkeys, to_client
from rubrics.conditions import Answer, asked
from rubrics.loader import load_rubric
from rubrics.versioning import canonical_json, diff, from_canonical_json, meaning_hash
from tests.test_rubrics.texts import SMALL, line_of, only_problem, problems_of

PAIRS = """\
schema: touchstone-rubric/1
id: pairs
version: 1.0.0
title: Pairs
item:
  kinds: [responses]
  responses: 2
questions:
  - id: better
    text: Which is better?
    type: preference
    ties: true
    both_bad: true
  - id: order
    text: In which order?
    type: ranking
    options_from: responses
    ties: true
  - id: curt
    text: Which are curt?
    type: multi
    options_from: responses
  - id: how
    text: How curt?
    type: single
    options:
      - id: mildly
      - id: very
    repeat_for: curt
  - id: why
    text: What counted?
    type: ranking
    options:
      - id: tone
      - id: facts
    ask_if:
      question: better
      any_of: [first, second]
"""
RUBRIC = load_rubric(PAIRS)


def pairs(old: str, new: str) -> str:
    """Return the rubric of pairs with one text replaced."""
    assert PAIRS.count(old) == 1, old
    return PAIRS.replace(old, new)


def ids(question: str) -> list[str]:
    return [option.id for option in RUBRIC.question(question).options]


def test_a_preference_and_the_responses_bring_their_options() -> None:
    assert ids("better") == ["first", "second", "tie", "both_bad"]
    assert ids("order") == ids("curt") == ["r1", "r2"]
    bare = load_rubric(pairs("    ties: true\n    both_bad: true\n", ""))
    assert [option.id for option in bare.question("better").options] == ["first", "second"]
    three = pairs("  responses: 2\n", "  responses: 3\n").replace(
        "type: preference\n    ties: true\n    both_bad: true", "type: boolean"
    )
    three = three.replace(
        "    ask_if:\n      question: better\n      any_of: [first, second]\n", ""
    )
    assert len(load_rubric(three).question("order").options) == 3


def test_levels_come_with_the_type() -> None:
    assert RUBRIC.question("better").level == "nominal"
    assert RUBRIC.question("order").level == "ordinal"


def test_two_responses_are_meant_where_no_number_is_written() -> None:
    assert load_rubric(pairs("  responses: 2\n", "")).item.responses == 2
    assert load_rubric(SMALL).item.responses is None


def test_it_comes_back_from_its_canonical_form() -> None:
    assert from_canonical_json(canonical_json(RUBRIC)) == RUBRIC
    assert '"id":"tie"' not in canonical_json(RUBRIC)


def test_every_option_has_a_key_and_the_key_of_ties_stays_free() -> None:
    assert hotkeys(RUBRIC.question("better")) == {
        "first": "1",
        "second": "2",
        "tie": "3",
        "both_bad": "4",
    }
    assert "t" not in hotkeys(RUBRIC.question("order")).values()


def test_the_page_is_told_of_ties_and_responses() -> None:
    data: Any = to_client(RUBRIC)
    assert data["item"]["responses"] == 2
    assert [one["ties"] for one in data["questions"]] == [True, True, False, False, False]
    assert "the responses of the item" in codebook_markdown(RUBRIC)


@pytest.mark.parametrize(("value", "opened"), [("first", True), ("tie", False)])
def test_a_condition_may_look_at_a_preference(value: str, *, opened: bool) -> None:
    assert ("why" in asked(RUBRIC, {"better": Answer(value)})) is opened


MISTAKES = [
    ("bad_responses", pairs("  responses: 2\n", "  responses: 3\n"), "    type: preference"),
    ("out_of_range", pairs("  responses: 2\n", "  responses: 1\n"), "  responses: 1"),
    ("bad_kinds", pairs("[responses]\n", "[responses, text]\n"), "  kinds:"),
    ("bad_options", pairs("    both_bad: true\n", "    options: []\n"), "    options: []"),
    (
        "bad_options",
        pairs("    type: preference\n", "    type: preference\n    options_from: categories\n"),
        "    options_from: categories",
    ),
    (
        "not_applicable",
        pairs("type: multi\n", "type: multi\n    both_bad: true\n"),
        "    type: multi",
    ),
    (
        "not_applicable",
        pairs("    type: single\n", "    type: single\n    ties: true\n"),
        "    type: single",
    ),
    (
        "level_not_allowed",
        pairs("type: preference\n", "type: preference\n    level: ordinal\n"),
        "    level: ordinal",
    ),
    ("bad_repeat", pairs("    type: single\n", "    type: ranking\n"), "    repeat_for: curt"),
    (
        "bad_options",
        pairs("    type: multi\n    options_from", "    type: span\n    options_from").replace(
            "    repeat_for: curt\n", ""
        ),
        "    type: span",
    ),
    (
        "bad_operand",
        PAIRS + "  - id: last\n    text: L\n    type: text\n"
        "    ask_if:\n      question: why\n      is: tone\n",
        "      is: tone",
    ),
    (
        "not_applicable",
        pairs(
            "      any_of: [first, second]\n",
            "      any_of: [first, second]\n    when_not_asked: tone\n",
        ),
        "    when_not_asked",
    ),
    ("dangling_reference", pairs("[first, second]", "[first, third]"), "      any_of"),
    (
        "hotkey_clash",
        pairs(
            "      - id: tone\n", "      - id: tone\n        hotkey: t\n    ties: true\n"
        ).replace(
            "        hotkey: t\n    ties: true\n      - id: facts\n",
            "        hotkey: t\n      - id: facts\n    ties: true\n",
        ),
        "        hotkey: t",
    ),
]


@pytest.mark.parametrize(("code", "text", "mark"), MISTAKES)
def test_a_mistake_is_told_once_with_its_line(code: str, text: str, mark: str) -> None:
    problem = only_problem(text)
    assert problem.code == code, str(problem)
    assert abs(problem.line - line_of(text, mark)) <= 1


def test_every_question_that_needs_responses_says_so() -> None:
    problems = problems_of(pairs("  kinds: [responses]\n  responses: 2\n", "  unit: pair\n"))
    assert [one.code for one in problems] == ["no_responses"] * 3


def test_a_ranking_has_at_most_nine_options() -> None:
    many = "".join(f"      - id: o{at}\n" for at in range(9))
    text = pairs("      - id: facts\n", "      - id: facts\n" + many)
    assert only_problem(text).code == "too_many_options"


def test_what_may_be_said_and_how_many_there_are_is_meaning() -> None:
    without = load_rubric(pairs("    both_bad: true\n", ""))
    assert meaning_hash(RUBRIC, "better") != meaning_hash(without, "better")
    assert diff(RUBRIC, without).required_bump == "major"
    assert meaning_hash(RUBRIC, "why") == meaning_hash(without, "why")
    shown = load_rubric(PAIRS + "display:\n  shuffle_responses: false\n")
    assert diff(RUBRIC, shown).required_bump == "patch"
    assert meaning_hash(RUBRIC, "better") == meaning_hash(shown, "better")


def test_questions_about_responses_do_not_hang_on_the_categories() -> None:
    more = "categories:\n  - id: rude\n    definition: Rude words.\n"
    assert meaning_hash(load_rubric(PAIRS + more), "curt") == meaning_hash(RUBRIC, "curt")
