"""Rows of CSV, JSONL and Parquet files as text, each with its line."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Final

import numpy as np

from tasks import _lazy
from tasks.errors import TaskError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt
    import pandas as pd

    Integers = npt.NDArray[np.int64]


SUFFIXES: Final = (".csv", ".jsonl", ".ndjson", ".parquet")
MAX_FIELD: Final = 10_000_000
"""Characters of a cell of CSV."""


class LabelFileInvalid(TaskError):
    """A label file cannot be read; the message names the file, the line and the way out."""


def header_of(path: Path) -> Sequence[str]:
    """Return the column names of a file."""
    if path.suffix == ".csv":
        return _csv_header(path, csv.reader(io.StringIO(_text(path), newline=""), strict=True))
    if path.suffix == ".parquet":
        return [str(name) for name in _parquet(path).columns]
    return sorted({name for _, record in _json_records(path) for name in record})


def rows_of(path: Path, names: Sequence[str]) -> Iterator[tuple[int, list[str | None]]]:
    """Return line and cells of every row, in the order of the names asked for."""
    if path.suffix not in SUFFIXES:
        raise LabelFileInvalid(
            f"{path.name}: expected a file ending in {', '.join(SUFFIXES)}, because the ending "
            "tells the format"
        )
    if path.suffix == ".csv":
        return _csv_rows(path, names)
    if path.suffix == ".parquet":
        return _parquet_rows(path, names)
    return _json_rows(path, names)


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise LabelFileInvalid(f"{path.name}: cannot be read: {error.strerror}") from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise LabelFileInvalid(
            f"{path.name}:{line}: byte {error.start} is not UTF-8; save the file as UTF-8"
        ) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise LabelFileInvalid(f"{path.name}:{line}: a NUL character; the file is damaged")
    return text


def _csv_header(path: Path, reader: Iterator[list[str]]) -> list[str]:
    csv.field_size_limit(MAX_FIELD)
    try:
        header = next(reader, [])
    except csv.Error as error:
        raise LabelFileInvalid(f"{path.name}:1: {error}") from error
    if not header:
        raise LabelFileInvalid(f"{path.name}:1: there is no header row")
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise LabelFileInvalid(f"{path.name}:1: column {twice[0]!r} stands there twice")
    return header


def _csv_rows(path: Path, names: Sequence[str]) -> Iterator[tuple[int, list[str | None]]]:
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    header = _csv_header(path, reader)
    _require(path, names, header)
    at = [header.index(name) for name in names]
    line = reader.line_num + 1
    try:
        for row in reader:
            if row and len(row) != len(header):
                raise LabelFileInvalid(
                    f"{path.name}:{line}: {len(row)} fields, but the header has {len(header)}"
                )
            if row:
                yield line, [row[place] or None for place in at]
            line = reader.line_num + 1
    except csv.Error as error:
        raise LabelFileInvalid(f"{path.name}:{line}: {error}") from error


def _json_records(path: Path) -> Iterator[tuple[int, dict[str, object]]]:
    for line, text in enumerate(_text(path).split("\n"), start=1):
        if not text.strip():
            continue
        try:
            record = json.loads(text, parse_constant=_refuse_constant)
        except ValueError as error:
            raise LabelFileInvalid(f"{path.name}:{line}: not JSON: {error}") from error
        if not isinstance(record, dict):
            raise LabelFileInvalid(f"{path.name}:{line}: expected an object with a key per column")
        yield line, record


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no value; leave the label out or write null")


def _json_rows(path: Path, names: Sequence[str]) -> Iterator[tuple[int, list[str | None]]]:
    seen: set[str] = set()
    for line, record in _json_records(path):
        seen |= record.keys()
        yield line, [_cell(path, line, name, record.get(name)) for name in names]
    _require(path, names, sorted(seen))


def _parquet(path: Path) -> pd.DataFrame:
    try:
        frame: pd.DataFrame = _lazy.pandas().read_parquet(path)
    except (OSError, ValueError) as error:
        raise LabelFileInvalid(f"{path.name}: not a readable Parquet file: {error}") from error
    return frame


def _parquet_rows(path: Path, names: Sequence[str]) -> Iterator[tuple[int, list[str | None]]]:
    frame = _parquet(path)
    _require(path, names, list(map(str, frame.columns)))
    columns = [frame[name].astype(object).tolist() for name in names]
    missing = [frame[name].isna().tolist() for name in names]
    for row in range(len(frame)):
        yield (
            row + 1,
            [
                None if gone[row] else _cell(path, row + 1, name, column[row])
                for name, column, gone in zip(names, columns, missing, strict=True)
            ],
        )


def _cell(path: Path, line: int, name: str, value: object) -> str | None:
    """Write a typed value as the text that a CSV file would hold."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (int, float, np.number)):
        number = float(value)
        return str(int(number)) if number.is_integer() and abs(number) < 2**53 else str(value)
    raise LabelFileInvalid(
        f"{path.name}:{line}: column {name!r} holds a {type(value).__name__}; expected text, a "
        "number, true, false or null"
    )


def _require(path: Path, names: Sequence[str], present: Sequence[str]) -> None:
    absent = [name for name in names if name not in present]
    if absent:
        raise LabelFileInvalid(
            f"{path.name}: there is no column {absent[0]!r}; there are: {', '.join(present)}"
        )
