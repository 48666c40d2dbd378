"""Tables as JSONL and Parquet side by side, the same bytes for the same rows.

Parquet bytes depend on the version of pyarrow, which the manifest names; everything else that could
make them differ is fixed here: format version, compression, size of the row groups, column order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from exports._lazy import pyarrow
from exports.records import RowBroken, check_row
from exports.strict_json import JsonRefused, canonical, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

    from exports.records import ColumnKind, Row
    from exports.strict_json import JsonValue

ROWS_PER_GROUP = 50_000


def _schema(columns: Mapping[str, ColumnKind]) -> Any:  # noqa: ANN401 - pyarrow has no types
    pa, _ = pyarrow()
    types = {"text": pa.string(), "json": pa.string(), "integer": pa.int64(), "flag": pa.bool_()}
    return pa.schema([(name, types[kind]) for name, kind in columns.items()])


class TableWriter:
    """Writes rows to ``<stem>.jsonl`` and, where asked for, to ``<stem>.parquet``."""

    def __init__(
        self, directory: Path, stem: str, columns: Mapping[str, ColumnKind], *, parquet: bool
    ) -> None:
        """Open the files; use as a context manager."""
        self.rows = 0
        self._columns = columns
        self._held: list[Row] = []
        self._jsonl = (directory / f"{stem}.jsonl").open("w", encoding="utf-8", newline="\n")
        self._parquet: Any = None
        if parquet:
            _, pq = pyarrow()
            self._parquet = pq.ParquetWriter(
                directory / f"{stem}.parquet",
                _schema(columns),
                version="2.6",
                data_page_version="1.0",
                compression="zstd",
                compression_level=3,
                store_schema=False,
            )

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write what is held, and close."""
        if kind is None:
            self._flush()
        self._jsonl.close()
        if self._parquet is not None:
            self._parquet.close()

    def add(self, row: Row) -> None:
        """Write one row."""
        self._jsonl.write(canonical(row) + "\n")
        self.rows += 1
        if self._parquet is not None:
            self._held.append(row)
            if len(self._held) == ROWS_PER_GROUP:
                self._flush()

    def _flush(self) -> None:
        if not self._held or self._parquet is None:
            return
        pa, _ = pyarrow()
        columns = {name: _column(self._held, name, kind) for name, kind in self._columns.items()}
        table = pa.table(columns, schema=_schema(self._columns))
        self._parquet.write_table(table, row_group_size=ROWS_PER_GROUP)
        self._held = []


def _json_text(value: JsonValue) -> str:
    if not value:  # most label rows cite no clause
        return "[]" if isinstance(value, list) else "{}"
    return canonical(value)


def _column(rows: list[Row], name: str, kind: ColumnKind) -> list[object]:
    if kind == "json":
        return [_json_text(row[name]) for row in rows]
    return [row[name] for row in rows]


def read_rows(path: Path, columns: Mapping[str, ColumnKind]) -> Iterator[Row]:
    """Yield the checked rows of a JSONL file.

    Raises
    ------
    RowBroken
        Naming the line that is wrong.
    """
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                row = _row(line, columns)
            except (JsonRefused, RowBroken, UnicodeDecodeError) as error:
                raise RowBroken(f"line {number}: {error}") from None
            yield row


def _row(line: bytes, columns: Mapping[str, ColumnKind]) -> Row:
    if not line.endswith(b"\n"):
        raise RowBroken("the last line is cut off")
    return check_row(parse(line.decode()), columns)


def parquet_rows(path: Path, columns: Mapping[str, ColumnKind]) -> Iterator[Row]:
    """Yield the rows of a Parquet file, JSON columns still as text.

    Raises
    ------
    RowBroken
        When the file is no Parquet file or has other columns.
    """
    pa, pq = pyarrow()
    try:
        with pq.ParquetFile(path) as file:
            if file.schema_arrow.names != list(columns):
                raise RowBroken("the Parquet file has other columns")
            for batch in file.iter_batches(batch_size=ROWS_PER_GROUP):
                yield from batch.to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise RowBroken(f"the Parquet file cannot be read: {str(error)[:200]}") from None


def as_parquet_row(row: Row, columns: Mapping[str, ColumnKind]) -> Row:
    """Return a row as Parquet holds it."""
    return {
        name: _json_text(row[name]) if kind == "json" else row[name]
        for name, kind in columns.items()
    }
