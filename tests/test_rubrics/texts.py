"""Small rubrics as text, for tests."""

from __future__ import annotations

from rubrics.errors import Problem, RubricInvalid
from rubrics.loader import load_rubric

SMALL = """\
schema: touchstone-rubric/1
id: small
version: 1.0.0
title: Small
questions:
  - id: rating
    text: How bad is it?
    type: ordinal
    options:
      - id: fine
        code: 1
      - id: poor
        code: -1
      - id: bad
        code: -2
  - id: kinds
    text: Which kinds?
    type: multi
    options_from: categories
    ask_if:
      question: rating
      at_most: -1
    when_not_asked: none
    cite: true
  - id: force
    text: How strong?
    type: ordinal
    repeat_for: kinds
    options:
      - id: weak
        code: 1
      - id: strong
        code: 2
  - id: why
    text: Why?
    type: text
    required_if:
      question: force
      at_least: 2
    max_chars: 40
categories:
  - id: rude
    definition: Rude words.
    includes:
      - id: RU-I1
        text: A rude word.
  - id: loud
    definition: Shouting.
    includes:
      - id: LO-I1
        text: All capitals.
derived:
  - id: awful
    text: Rude and bad.
    when:
      all:
        - question: kinds
          is: rude
        - question: rating
          is: bad
"""


def problems_of(text: str | bytes) -> tuple[Problem, ...]:
    """Return every problem of a rubric file; none when it is valid."""
    try:
        load_rubric(text, "test.yaml")
    except RubricInvalid as error:
        return error.problems
    return ()


def changed(old: str, new: str) -> str:
    """Return the small rubric with one text replaced, which must be there exactly once."""
    assert SMALL.count(old) == 1, old
    return SMALL.replace(old, new)


def only_problem(text: str | bytes) -> Problem:
    """Return the one problem of a rubric file."""
    problems = problems_of(text)
    assert len(problems) == 1, "\n".join(map(str, problems))
    return problems[0]


def line_of(text: str, part: str) -> int:
    """Return the line, from 1, in which a part first stands."""
    return text[: text.index(part)].count("\n") + 1
