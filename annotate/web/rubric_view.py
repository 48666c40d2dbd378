"""A rubric made ready for the eye: numbered source, form, and a diff in words."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from annotate.web.condition_words import condition_words
from annotate.web.rendering import said
from annotate.web.rendering import translate as _
from rubrics.codebook import to_client

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rubrics.errors import Problem
    from rubrics.schema import Rubric
    from rubrics.versioning import Change, RubricDiff

Sort = Literal["same", "del", "ins"]
_LINE = re.compile(r"^(\s*(?:- +)*)([A-Za-z_][\w./-]*)(:)(?=\s|$)(.*)$")
_WORD = re.compile(r"\s+|\w+|[^\w\s]")
_STEP = re.compile(r"(\w+)(?:\[([^\]]*)\])?")
_SHOWN_CHARACTERS = 400


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One line of the source, cut where its key ends, with the gravest problem on it."""

    number: int
    lead: str
    key: str
    rest: str
    mark: Literal["", "bad", "warn"]
    comment: bool


@dataclass(frozen=True, slots=True)
class ProblemWords:
    """A problem as two sentences with its place."""

    message: str
    suggestion: str | None
    line: int
    column: int
    severity: str


@dataclass(frozen=True, slots=True)
class ChangeWords:
    """One difference in words, with the old and the new text cut into same and different."""

    where: str
    kind: str
    impact: str
    old: tuple[tuple[Sort, str], ...] | None
    new: tuple[tuple[Sort, str], ...] | None


def form_questions(rubric: Rubric) -> list[dict[str, Any]]:
    """Return the questions as the labelling page gets them, with what each hangs on in words."""
    client: dict[str, Any] = to_client(rubric)
    texts = {one.id: one.text for one in rubric.questions}
    return [
        {
            **one,
            "repeats": texts.get(one["repeat_for"]) if one["repeat_for"] else None,
            "asked_when": question.ask_if and condition_words(question.ask_if, rubric),
            "needed_when": question.required_if and condition_words(question.required_if, rubric),
        }
        for one, question in zip(client["questions"], rubric.questions, strict=True)
    ]


def problem_words(problems: Iterable[Problem]) -> list[ProblemWords]:
    """Return problems as sentences, in the order of the file."""
    return [
        ProblemWords(
            _sentence(said(one.message)),
            _sentence(said(one.suggestion)) if one.suggestion else None,
            one.line,
            one.column,
            one.severity,
        )
        for one in problems
    ]


def _sentence(text: str) -> str:
    end = "" if text[-1:] in ".?:\N{ARABIC QUESTION MARK}" else "."
    return text[:1].upper() + text[1:] + end


def source_lines(text: str, problems: Iterable[Problem]) -> list[SourceLine]:
    """Return the lines of a rubric text with the problems marked where they stand."""
    marks: dict[int, Literal["bad", "warn"]] = {}
    for problem in problems:
        if problem.severity == "error":
            marks[problem.line] = "bad"
        else:
            marks.setdefault(problem.line, "warn")
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    return [_line(number, line, marks.get(number, "")) for number, line in enumerate(lines, 1)]


def _line(number: int, text: str, mark: Literal["", "bad", "warn"]) -> SourceLine:
    found = _LINE.match(text)
    if found is None:
        return SourceLine(number, "", "", text, mark, text.lstrip().startswith("#"))
    lead, key, colon, rest = found.groups()
    return SourceLine(number, lead, key, colon + rest, mark, comment=False)


def words_of_change(diff: RubricDiff) -> list[ChangeWords]:
    """Return the differences, the gravest first, each in the order of the document."""
    weight = {"major": 0, "minor": 1, "patch": 2}
    rows = sorted(diff.changes, key=lambda change: weight[change.impact])
    return [_change(change) for change in rows]


def _change(change: Change) -> ChangeWords:
    where = _where(change.path)
    if change.kind == "moved":
        return ChangeWords(where, change.kind, change.impact, None, None)
    old = None if change.old is None else _readable(change.old)
    new = None if change.new is None else _readable(change.new)
    if old is None or new is None:
        return ChangeWords(where, change.kind, change.impact, _whole(old), _whole(new))
    return ChangeWords(where, change.kind, change.impact, *_compared(old, new))


def _where(path: str) -> str:
    words = _places()
    steps = []
    for name, entry in _STEP.findall(path):
        word = words.get(name, name.replace("_", " "))
        steps.append(f"{word} {entry}" if entry else word)
    return " › ".join(steps)


def _places() -> dict[str, str]:
    """Return what people call the keys of a rubric; other keys keep their own name."""
    return {
        "questions": _("question"),
        "options": _("option"),
        "categories": _("category"),
        "includes": _("include"),
        "excludes": _("exclude"),
        "edge_cases": _("edge case"),
        "examples": _("examples"),
        "counterexamples": _("counterexamples"),
        "derived": _("derived variable"),
        "text": _("text"),
        "help": _("help"),
        "name": _("name"),
        "label": _("label"),
        "definition": _("definition"),
    }


def _readable(value: Any) -> str:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        name = value.get("text") or value.get("label") or value.get("name")
        if name is not None:
            more = value.get("definition") or value.get("ruling") or ""
            return _short(f"{value.get('id', '')} {name} {more}".strip())
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return _short(", ".join(value))
    return _short(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"


def _whole(text: str | None) -> tuple[tuple[Sort, str], ...] | None:
    return None if text is None else (("same", text),)


def _compared(
    old: str, new: str
) -> tuple[tuple[tuple[Sort, str], ...], tuple[tuple[Sort, str], ...]]:
    before, after = _WORD.findall(old), _WORD.findall(new)
    left: list[tuple[Sort, str]] = []
    right: list[tuple[Sort, str]] = []
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for tag, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        same = tag == "equal"
        if old_to > old_from:
            left.append(("same" if same else "del", "".join(before[old_from:old_to])))
        if new_to > new_from:
            right.append(("same" if same else "ins", "".join(after[new_from:new_to])))
    return tuple(left), tuple(right)
