"""Recorded label files as submissions: one row an item and annotator, one column an answer.

A column whose name is a question's id holds that question's answer: an option's id or code, a
number, true or false, or text. A pattern such as ``type_*=types`` says that the columns starting
with ``type_`` are the options of the question ``types``, with 1 for chosen and 0 for not.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from exports.errors import ExportError
from rubrics.conditions import Answer, asked
from tasks.answer_values import MAX_NUMBER, Refused, checked_ranking, ranking_groups, short
from tasks.label_files.formats import MAX_FIELD

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from rubrics.schema import Number, Option, Question, Rubric

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
        When a column fits nothing or what another one holds already, or a pattern names no
        question or no option.
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
            f"these columns fit no question of {rubric.id}: "
            f"{', '.join(name or repr(name) for name in unknown)}. Say what they hold with "
            "--map COLUMN=QUESTION or --map 'PREFIX*=QUESTION', or leave them out with --ignore"
        )
    for column in found:
        _refuse_unfit(column, questions[column.question])
    _refuse_rivals(found)
    return tuple(found)


def _refuse_unfit(column: Column, question: Question) -> None:
    """Refuse questions whose answers do not fit into a cell."""
    if question.type == "span" or question.repeat_for is not None:
        why = "marks passages" if question.type == "span" else "has an answer for each choice"
        raise RecordedLabelsError(
            f"column {column.name!r} would hold {question.id}, which {why}: no column can hold "
            "that. Leave it out with --ignore"
        )
    if question.type == "ranking" and column.option is not None:
        raise RecordedLabelsError(
            f"column {column.name!r} would be one option of {question.id}, which ranks them: give "
            f"one column with the best first, as in a > b = c, and --map COLUMN={question.id}"
        )


def _refuse_rivals(columns: Iterable[Column]) -> None:
    """Refuse two columns for one answer: which one counts would be a guess."""
    seen: defaultdict[str, list[Column]] = defaultdict(list)
    for column in columns:
        for other in seen[column.question]:
            if other.option == column.option or None in {other.option, column.option}:
                raise RecordedLabelsError(
                    f"the columns {other.name!r} and {column.name!r} both hold {column.question}. "
                    "Leave one of them out with --ignore"
                )
        seen[column.question].append(column)


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
                known = ", ".join(one.id for one in question.options) or "no options"
                raise RecordedLabelsError(
                    f"column {name!r} would be the option {option!r} of {question.id}, which has "
                    f"{known}"
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
    csv.field_size_limit(MAX_FIELD)  # one for the process: whoever reads sets it
    reader = csv.DictReader(io.StringIO(_text(path), newline=""), strict=True)
    try:
        reader.fieldnames = header = [name.strip() for name in reader.fieldnames or ()]
        _check_header(path.name, header, (item, annotator), ignored)
        known = frozenset({item, annotator, *ignored})
        columns = columns_of(rubric, header, patterns, known)
        return [
            _row(path.name, reader.line_num, row, rubric, columns, (item, annotator))
            for row in reader
        ]
    except csv.Error as error:
        raise RecordedLabelsError(
            f"{path.name}, line {reader.reader.line_num}: this is not CSV: {error}"
        ) from error


def _text(path: Path) -> str:
    """Return the text of a file, without the mark that spreadsheets put before it."""
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise RecordedLabelsError(
            f"{path.name}, line {line}: this is not UTF-8 text. Save the file as CSV in UTF-8"
        ) from error


def _check_header(
    source: str, header: Sequence[str], keys: Sequence[str], ignored: Sequence[str]
) -> None:
    for needed in keys:
        if needed not in header:
            has = f"it has {', '.join(header)}" if header else "its first line is empty"
            raise RecordedLabelsError(
                f"{source}: there is no column {needed!r}; {has}. Name the columns of item and "
                "annotator with --item and --annotator"
            )
    for name, count in Counter(header).items():
        if count > 1 and name not in ignored:
            raise RecordedLabelsError(
                f"{source}, line 1: the column {name!r} is there {count} times. Rename or remove "
                "all but one"
            )


def _row(
    source: str,
    line: int,
    row: Mapping[Any, Any],
    rubric: Rubric,
    columns: Sequence[Column],
    keys: tuple[str, str],
) -> RecordedRow:
    recorded: defaultdict[str, list[tuple[Column, str]]] = defaultdict(list)
    try:
        _check_cells(row)
        item, annotator = (_name(row, key) for key in keys)
        for column in columns:
            recorded[column.question].append((column, row[column.name].strip()))
        given = {
            question.id: _given(question, recorded[question.id])
            for question in rubric.questions
            if question.id in recorded
        }
    except ValueError as error:
        raise RecordedLabelsError(f"{source}, line {line}: {error}") from error
    return _submission(rubric, line, item, annotator, given)


def _check_cells(row: Mapping[Any, Any]) -> None:
    """Refuse a row that does not have one cell for each column, as ``csv`` marks it."""
    if None in row:
        raise ValueError(
            "the row has more cells than the header has columns. Put cells that hold a comma in "
            "quotes"
        )
    for name, value in row.items():
        if value is None:
            raise ValueError(f"the row ends too early: there is no cell for {name!r}")


def _name(row: Mapping[str, str], key: str) -> str:
    name = row[key].strip()
    if not name:
        raise ValueError(f"column {key!r} is empty: every row names its item and its annotator")
    return name


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
    raise ValueError(f"column {column.name!r} holds {short(value)}, not 1 or 0")


def _single_column(question: Question, column: Column, value: str) -> _Given:
    if not value:
        return _Given(None, ())
    if question.type == "multi":
        options = _several(question, column, value)
        return _Given(options, (column.name,) if options else ())
    if question.type == "boolean":
        return _Given(_truth(column, value), (column.name,))
    if question.type == "number":
        return _Given(_number(column, value), (column.name,))
    return _Given(_one_value(question, column, value), (column.name,))


def _several(question: Question, column: Column, value: str) -> list[str]:
    """Read option ids or codes with ``|`` between them."""
    cells = [one.strip() for one in value.split("|")]
    options = [_option(question, column, one) for one in cells if one]
    for option, count in Counter(options).items():
        if count > 1:
            raise ValueError(f"column {column.name!r} names {option} {count} times")
    return options


def _number(column: Column, value: str) -> Number:
    try:
        number: object = json.loads(value)
    except (ValueError, RecursionError):
        number = None
    if isinstance(number, bool):
        number = None
    if isinstance(number, int | float) and abs(number) <= MAX_NUMBER:
        return number
    raise ValueError(
        f"column {column.name!r} holds {short(value)}, not a number of at most 15 digits"
    )


def _one_value(question: Question, column: Column, value: str) -> object:
    if question.type == "ranking":
        return _ranking(question, column, value)
    return _option(question, column, value) if question.options else value


def _ranking(question: Question, column: Column, value: str) -> list[list[str]]:
    groups = [[one.strip() for one in group] for group in ranking_groups(value)]
    try:
        stored = checked_ranking(question, groups)
    except Refused as refusal:
        message = f"column {column.name!r} holds {short(value)}; {question.id} {refusal}"
        raise ValueError(message) from refusal
    return [list(group) for group in ranking_groups(stored)]


def _option(question: Question, column: Column, value: str) -> str:
    for option in question.options:
        if value == option.id or _is_code(value, option.code):
            return option.id
    known = ", ".join(_shown(option) for option in question.options)
    raise ValueError(f"column {column.name!r} holds {short(value)}; {question.id} has {known}")


def _is_code(value: str, code: Number | None) -> bool:
    """Compare as numbers: a column with gaps comes out of a table program as 1.0, 2.0."""
    try:
        return code is not None and float(value) == code
    except ValueError:
        return False


def _shown(option: Option) -> str:
    return option.id if option.code is None else f"{option.id} ({option.code})"


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
