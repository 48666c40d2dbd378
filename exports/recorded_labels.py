"""Recorded label files as submissions: one row an item and annotator, one column an answer.

A column whose name is a question's id holds that question's answer: an option's id or code, a
number, true or false, or text. A pattern such as ``type_*=types`` says that the columns starting
with ``type_`` are the options of the question ``types``, with 1 for chosen and 0 for not.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from exports.errors import ExportError
from rubrics.conditions import Answer, asked
from tasks.answer_values import ranking_groups

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from rubrics.schema import Question, Rubric

YES = frozenset({"1", "true", "yes", "1.0"})
NO = frozenset({"0", "false", "no", "0.0", ""})


class RecordedLabelsError(ExportError):
    """A recorded label file does not fit the rubric; names file, line and column."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the file and the answer it holds: a question, or one option of it."""

    name: str
    question: str
    option: str | None = None


@dataclass(frozen=True, slots=True)
class RecordedRow:
    """What one annotator answered on one item.

    Attributes
    ----------
    line : int
        Line of the file.
    answers : dict
        The submission's answers, as recorded.
    closed : dict
        Columns with an answer to a question that the rubric's conditions close, by question.
    """

    line: int
    item: str
    annotator: str
    answers: dict[str, Any]
    closed: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def open_answers(self) -> dict[str, Any]:
        """Return the answers without those to closed questions."""
        return {name: answer for name, answer in self.answers.items() if name not in self.closed}


def columns_of(
    rubric: Rubric, header: Sequence[str], patterns: Sequence[str], known: frozenset[str]
) -> tuple[Column, ...]:
    """Say which column holds which answer.

    Parameters
    ----------
    rubric
        The rubric that the labels are replayed under.
    header
        Names of all columns.
    patterns
        ``COLUMN=QUESTION`` or ``PREFIX*=QUESTION``.
    known
        Columns that hold no answer: item and annotator.

    Raises
    ------
    RecordedLabelsError
        When a column fits nothing, or a pattern names no question or no option.
    """
    questions = {question.id: question for question in rubric.questions}
    rules = [_rule(pattern, questions) for pattern in patterns]
    found, unknown = [], []
    for name in header:
        if name in known:
            continue
        column = _column(name, rules, questions)
        if column is None:
            unknown.append(name)
        else:
            found.append(column)
    if unknown:
        raise RecordedLabelsError(
            f"these columns fit no question of {rubric.id}: {', '.join(unknown)}. Say what they "
            "hold with --map COLUMN=QUESTION or --map 'PREFIX*=QUESTION', or leave them out with "
            "--ignore"
        )
    return tuple(found)


def _rule(pattern: str, questions: Mapping[str, Question]) -> tuple[str, Question]:
    name, equals, question = pattern.partition("=")
    if not equals or not name or question not in questions:
        raise RecordedLabelsError(
            f"--map {pattern!r} is not COLUMN=QUESTION with a question of the rubric: "
            f"{', '.join(questions)}"
        )
    return name, questions[question]


def _column(
    name: str, rules: Iterable[tuple[str, Question]], questions: Mapping[str, Question]
) -> Column | None:
    for pattern, question in rules:
        if pattern == name:
            return Column(name, question.id)
        if pattern.endswith("*") and name.startswith(pattern[:-1]):
            option = name.removeprefix(pattern[:-1])
            if option not in {one.id for one in question.options}:
                raise RecordedLabelsError(
                    f"column {name!r} would be the option {option!r} of {question.id}, which has "
                    f"{', '.join(one.id for one in question.options)}"
                )
            return Column(name, question.id, option)
    return Column(name, name) if name in questions else None


def read_rows(
    path: Path,
    rubric: Rubric,
    *,
    item: str = "item",
    annotator: str = "annotator",
    patterns: Sequence[str] = (),
    ignored: Sequence[str] = (),
) -> list[RecordedRow]:
    """Read a recorded label file (CSV with a header).

    Raises
    ------
    RecordedLabelsError
        With file and line for what cannot be read.
    """
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        header = list(reader.fieldnames or ())
        for needed in (item, annotator):
            if needed not in header:
                raise RecordedLabelsError(
                    f"{path.name}: there is no column {needed!r}; it has {', '.join(header)}"
                )
        known = frozenset({item, annotator, *ignored})
        columns = columns_of(rubric, header, patterns, known)
        return [
            _row(path.name, reader.line_num, row, rubric, columns, (item, annotator))
            for row in reader
        ]


def _row(
    source: str,
    line: int,
    row: Mapping[str, str | None],
    rubric: Rubric,
    columns: Sequence[Column],
    keys: tuple[str, str],
) -> RecordedRow:
    recorded: dict[str, list[tuple[Column, str]]] = {}
    for column in columns:
        value = row.get(column.name)
        if value is None:
            raise RecordedLabelsError(f"{source}, line {line}: the row ends too early")
        recorded.setdefault(column.question, []).append((column, value.strip()))
    try:
        given = {
            question.id: _given(question, recorded[question.id])
            for question in rubric.questions
            if question.id in recorded
        }
    except ValueError as error:
        raise RecordedLabelsError(f"{source}, line {line}: {error}") from error
    item, annotator = row.get(keys[0]) or "", row.get(keys[1]) or ""
    return _submission(rubric, line, item, annotator, given)


@dataclass(frozen=True, slots=True)
class _Given:
    """A recorded answer: its value, and the columns that hold something."""

    value: Any
    columns: tuple[str, ...]


def _given(question: Question, cells: Sequence[tuple[Column, str]]) -> _Given:
    chosen = [column for column, value in cells if column.option and _truth(column, value)]
    names = tuple(column.name for column in chosen)
    options = [column.option for column in chosen]
    if cells[0][0].option is None:
        return _single_column(question, *cells[0])
    if question.type == "multi":
        return _Given(options, names)
    if len(options) > 1:
        raise ValueError(f"{question.id} takes one option, and {', '.join(names)} are all 1")
    return _Given(options[0] if options else None, names)


def _truth(column: Column, value: str) -> bool:
    if value.lower() in YES:
        return True
    if value.lower() in NO:
        return False
    raise ValueError(f"column {column.name!r} holds {value!r}, not 1 or 0")


def _single_column(question: Question, column: Column, value: str) -> _Given:
    if not value:
        return _Given(None, ())
    if question.type == "multi":
        options = [one.strip() for one in value.split("|") if one.strip()]
        return _Given(options, (column.name,) if options else ())
    if question.type == "boolean":
        return _Given(_truth(column, value), (column.name,))
    if question.type == "number":
        return _Given(json.loads(value), (column.name,))
    return _Given(_one_value(question, column, value), (column.name,))


def _one_value(question: Question, column: Column, value: str) -> object:
    if question.type == "ranking":
        return [list(group) for group in ranking_groups(value)]
    return _option(question, column, value) if question.options else value


def _option(question: Question, column: Column, value: str) -> str:
    for option in question.options:
        if value == option.id or (option.code is not None and value == str(option.code)):
            return option.id
    known = ", ".join(f"{option.id} ({option.code})" for option in question.options)
    raise ValueError(f"column {column.name!r} holds {value!r}; {question.id} has {known}")


def _submission(
    rubric: Rubric, line: int, item: str, annotator: str, given: Mapping[str, _Given]
) -> RecordedRow:
    """Keep the answers to open questions, and what is recorded for closed ones besides."""
    values = {name: _as_answer(one.value) for name, one in given.items() if one.value is not None}
    opened = asked(rubric, values)
    answers = {
        name: {"value": one.value}
        for name, one in given.items()
        if one.value is not None and (name in opened or one.columns)
    }
    closed = {
        name: one.columns for name, one in given.items() if name not in opened and one.columns
    }
    return RecordedRow(line, item, annotator, answers, closed)


def _as_answer(value: Any) -> Answer:  # noqa: ANN401 - the values of all question types
    return Answer(tuple(map(str, value)) if isinstance(value, list) else value)
