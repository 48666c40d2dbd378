from __future__ import annotations

import pytest

from rubrics.loader import load_rubric
from tests.test_rubrics.texts import line_of, only_problem, problems_of

BASE = """\
schema: touchstone-rubric/1
id: base
version: 1.0.0
title: Base
questions:
  - id: count
    text: How many?
    type: number
    min: 0
    max: 10
  - id: okay
    text: Okay?
    type: boolean
  - id: pick
    text: Which?
    type: single
    options:
      - id: left
      - id: right
  - id: which
    text: What?
    type: multi
    options_from: categories
  - id: where
    text: Where?
    type: span
  - id: last
    text: And?
    type: ordinal
    options:
      - id: low
        code: 1
      - id: high
        code: 2
    ask_if:
      question: okay
      is: true
categories:
  - id: rude
    definition: Rude words.
  - id: loud
    definition: Shouting.
display:
  never_render: [rude]
"""
GATE = "      question: okay\n      is: true\n"
WHERE = "    type: span\n"
PICK = "    type: single\n    options:\n      - id: left\n      - id: right\n"
WHICH = "    type: multi\n    options_from: categories\n"
RUDE = "    definition: Rude words.\n"


def condition(text: str) -> tuple[str, str]:
    """Return a replacement that puts another condition into the base rubric."""
    return GATE, "".join(f"      {line}\n" for line in text.splitlines())


# Kind, text to replace and replacement, part that marks the line.
MISTAKES: list[tuple[str, tuple[str, str], str]] = [
    ("bad_operand", condition("question: okay\nis: yes_it_is"), "      is: yes_it_is"),
    ("bad_operand", condition("question: okay\nat_least: 1"), "      at_least"),
    ("bad_operand", condition("question: count\nis: left"), "      is: left"),
    ("bad_operand", condition("question: where\nis: left"), "      is: left"),
    ("bad_operand", condition("question: pick\nat_least: 1"), "      at_least"),
    ("bad_operand", condition("question: pick\nis: 1"), "      is: 1"),
    ("bad_operand", condition("question: pick\nis: true"), "      is: true"),
    ("never_holds", condition("question: count\nat_least: 11"), "      at_least"),
    ("never_holds", condition("question: count\nat_most: -1"), "      at_most"),
    ("never_holds", condition("question: count\nis: 11"), "      is: 11"),
    ("never_holds", condition("question: pick\nnone_of: [left, right]"), "      none_of"),
    (
        "never_holds",
        condition(
            "all:\n  - question: count\n    at_least: 6\n  - question: count\n    at_most: 5"
        ),
        "    ask_if",
    ),
    (
        "never_holds",
        condition(
            "all:\n  - question: okay\n    is: true\n  - not:\n      question: okay\n      is: true"
        ),
        "    ask_if",
    ),
    (
        "never_holds",
        condition(
            "all:\n  - question: which\n    is: rude\n  - question: which\n    none_of: [rude]"
        ),
        "    ask_if",
    ),
    (
        "never_holds",
        condition(
            "all:\n  - question: which\n    is: rude\n  - question: which\n    chosen: false"
        ),
        "    ask_if",
    ),
    ("bad_condition", condition("question: okay"), "    ask_if"),
    (
        "bad_condition",
        condition("question: okay\nis: true\nall:\n  - question: okay\n    is: true"),
        "    ask_if",
    ),
    (
        "bad_condition",
        condition("any:\n  - question: okay\n    is: true\nall:\n  - question: okay\n    is: true"),
        "    ask_if",
    ),
    ("empty", condition("all: []"), "      all: []"),
    ("empty", condition("question: pick\nany_of: []"), "      any_of"),
    ("wrong_type", condition("all: okay"), "      all: okay"),
    ("wrong_type", condition("- okay"), "      - okay"),
    ("wrong_type", condition("not: okay"), "      not: okay"),
    ("wrong_type", condition("question: okay\nis: [true]"), "      is: [true]"),
    ("wrong_type", condition("question: okay\nchosen: yes"), "      chosen"),
    ("null", condition("question: okay\nis: ~"), "      is: ~"),
    ("missing_key", condition("is: left"), "      is: left"),
    (
        "bad_options",
        (WHERE, "    type: text\n    options_from: categories\n"),
        "    options_from: categories\n  - id: last",
    ),
    (
        "bad_options",
        (WHICH, WHICH + "    options:\n      - id: x\n"),
        "    options:\n      - id: x",
    ),
    (
        "bad_options",
        (WHERE, "    type: text\n    options:\n      - id: x\n"),
        "    options:\n      - id: x",
    ),
    (
        "too_few_options",
        (PICK, "    type: single\n    options:\n      - id: left\n"),
        "    options:\n      - id: left",
    ),
    ("too_few_options", (PICK, "    type: single\n"), "  - id: pick"),
    ("out_of_range", ("    min: 0\n", "    min: 11\n"), "    min: 11"),
    ("out_of_range", (WHICH, WHICH + "    min: 3\n"), "    min: 3"),
    ("out_of_range", (WHICH, WHICH + "    min: -1\n"), "    min: -1"),
    ("out_of_range", (WHICH, WHICH + "    max: 1.5\n"), "    max: 1.5"),
    (
        "out_of_range",
        (WHICH, WHICH + "    agreement:\n      target: 0.5\n      floor: 0.6\n"),
        "      floor: 0.6",
    ),
    ("out_of_range", (WHICH, WHICH + "    agreement:\n      target: 1.5\n"), "      target: 1.5"),
    ("not_allowed", (WHICH, WHICH + "    agreement:\n      levels: [ordnal]\n"), "      levels"),
    ("not_applicable", (WHERE, WHERE + "    max_chars: 3\n"), "    max_chars"),
    ("not_applicable", (WHERE, WHERE + "    cite: true\n"), "    cite"),
    (
        "not_applicable",
        (
            WHERE,
            WHERE + "    ask_if:\n      question: okay\n      is: true\n    when_not_asked: none\n",
        ),
        "    when_not_asked",
    ),
    (
        "not_applicable",
        (PICK, PICK + "    adjudicate:\n      when: gap\n      gap_at_least: 1\n"),
        "      when: gap",
    ),
    ("missing_key", (GATE, GATE + "    adjudicate:\n      when: gap\n"), "    adjudicate"),
    ("missing_key", ("display:", "adjudication:\n  when: gap\ndisplay:"), "adjudication:"),
    ("bad_repeat", (GATE, GATE + "    repeat_for: okay\n"), "    repeat_for"),
    ("bad_repeat", (WHERE, WHERE + "    repeat_for: which\n"), "    repeat_for"),
    ("later_question", (PICK, PICK + "    repeat_for: which\n"), "    repeat_for"),
    ("dangling_reference", ("never_render: [rude]", "never_render: [ruder]"), "  never_render"),
    (
        "dangling_reference",
        (RUDE, RUDE + "    severity_anchors:\n      medium: Some.\n"),
        "      medium",
    ),
    (
        "dangling_reference",
        (RUDE, RUDE + "    examples:\n      - text: Hm.\n        clause: RU-X\n"),
        "        clause",
    ),
    ("reserved_id", ("  - id: where", "  - id: unsure"), "  - id: unsure"),
    ("wrong_type", ("    type: span\n", "    type: span\n    required: yes\n"), "    required"),
    ("wrong_type", ("    type: span\n", "    type: span\n    max: [1]\n"), "    max: [1]"),
    ("wrong_type", ("title: Base", "title: [Base]"), "title"),
    ("wrong_type", ("display:\n  never_render: [rude]", "display: never"), "display"),
    ("wrong_type", (RUDE, RUDE + "    maps_to: other\n"), "    maps_to"),
    ("wrong_type", (RUDE, RUDE + "    examples: Hm.\n"), "    examples"),
    (
        "duplicate_key",
        (RUDE, RUDE + "    maps_to:\n      other: A\n      other: B\n"),
        "      other: B",
    ),
    ("wrong_type", ("title: Base", "title: Base\n? [a]\n: b"), "? [a]"),
    ("out_of_range", ("    max: 10\n", "    max: 1e300\n"), "    max: 1e300"),
    ("empty", ("title: Base", 'title: " "'), "title"),
]


@pytest.mark.parametrize(("code", "change", "mark"), MISTAKES)
def test_a_mistake_of_meaning_is_told_with_its_line(
    code: str, change: tuple[str, str], mark: str
) -> None:
    assert BASE.count(change[0]) == 1
    text = BASE.replace(*change)
    problem = only_problem(text)
    assert (problem.code, problem.line) == (code, line_of(text, mark))


# What looks odd and is sound.
SOUND = [
    condition("question: count\nat_least: 10"),
    condition("question: count\nis: 0"),
    condition("question: where\nchosen: true"),
    condition("not:\n  question: pick\n  is: left"),
    condition("question: which\nnone_of: [rude, loud]"),
    condition("all:\n  - question: which\n    is: rude\n  - question: which\n    is: loud"),
    condition("all:\n  - question: count\n    at_least: 5\n  - question: count\n    at_most: 5"),
    condition("any:\n  - question: okay\n    is: true\n  - question: okay\n    is: false"),
    (WHICH, WHICH + "    min: 2\n    max: 2\n"),
    (WHERE, WHERE + "    options_from: categories\n"),
]


@pytest.mark.parametrize("change", SOUND)
def test_what_is_sound_is_taken(change: tuple[str, str]) -> None:
    assert problems_of(BASE.replace(*change)) == ()


def test_a_condition_that_a_gate_makes_impossible_is_told() -> None:
    text = BASE + (
        "derived:\n  - id: never\n    text: Never.\n    when:\n      all:\n"
        "        - question: last\n          is: high\n"
        "        - question: okay\n          is: false\n"
    )
    problem = only_problem(text)
    assert (problem.code, problem.line) == ("never_holds", line_of(text, "    when:"))


def test_a_choice_that_must_be_larger_than_allowed_is_impossible() -> None:
    text = BASE.replace(WHICH, WHICH + "    max: 1\n").replace(
        *condition("all:\n  - question: which\n    is: rude\n  - question: which\n    is: loud")
    )
    assert only_problem(text).code == "never_holds"


def test_a_condition_too_large_to_try_out_is_taken_as_possible() -> None:
    options = "".join(f"      - id: o{at}\n" for at in range(12))
    tests = "".join(f"        - question: pick\n          is: o{at}\n" for at in range(12))
    text = BASE.replace(PICK, f"    type: multi\n    options:\n{options}")
    text = text.replace(GATE, f"      all:\n{tests}")
    assert load_rubric(text).question("pick").type == "multi"
