"""Items from JSONL and CSV files: streamed, resumable, one bad row never stops the others.

The reader holds one row at a time, so the size of the file does not matter. Every row it yields,
good or bad, says where reading goes on (``end_offset``, ``next_line``); a run that was cut off
starts again there and yields exactly the rows that were missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from exports.csv_records import CsvReader, Record
from exports.errors import ItemFileUnreadable
from exports.item_rows import BadRow, ItemRow, Place, RowRefused, item_of, read_id
from exports.strict_json import JsonRefused, JsonValue, parse
from exports.text_lines import check_encoding, decode, lines, too_long_reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import BinaryIO

    from exports.text_lines import Line

ItemFormat = Literal["jsonl", "csv"]
MAX_LINE_BYTES = 1_000_000
_DELIMITERS = (b",", b";", b"\t")
_JSON_CELLS = ("messages", "responses", "metadata", "slices", "group_keys")
_DOTTED = {
    "metadata": "metadata",
    "slices": "slices",
    "slice": "slices",
    "group_keys": "group_keys",
}
_DOTTED["group"] = "group_keys"


def _id_of(row: Mapping[str, JsonValue]) -> str | None:
    try:
        return read_id(row)
    except RowRefused:
        return None


def _row_or_bad(row: Mapping[str, JsonValue], place: Place) -> ItemRow | BadRow:
    try:
        return item_of(row, place)
    except RowRefused as error:
        return BadRow(place.line, place.end_offset, place.next_line, None, str(error), _id_of(row))


def _bad(place: Place, reason: str, column: int | None = None) -> BadRow:
    return BadRow(place.line, place.end_offset, place.next_line, column, reason)


def _json_row(text: str, place: Place) -> ItemRow | BadRow:
    try:
        row = parse(text)
    except JsonRefused as error:
        return _bad(place, _with_hint(error.reason, text), error.column)
    if not isinstance(row, dict):
        return _bad(place, _with_hint("the line is not an object", text), 1)
    return _row_or_bad(row, place)


def _with_hint(reason: str, text: str) -> str:
    if text.strip() in ("[", "{") or text.lstrip().startswith("["):
        return f"{reason}. JSONL holds one object {{…}} per line, with no list around the rows"
    return reason


def _json_line(line: Line, limit: int) -> ItemRow | BadRow | None:
    place = Place(line.number, line.end, line.number + 1)
    if line.too_long:
        return _bad(place, too_long_reason(line.size, limit, "line"))
    if not line.data.strip():
        return None
    try:
        text = decode(line.data)
    except JsonRefused as error:
        return _bad(place, error.reason, error.column)
    return _json_row(text.rstrip("\r\n"), place)


def _read_jsonl(
    stream: BinaryIO, offset: int, number: int, limit: int
) -> Iterator[ItemRow | BadRow]:
    for line in lines(stream, offset, number, limit):
        row = _json_line(line, limit)
        if row is not None:
            yield row


def _header_cells(stream: BinaryIO, begin: int, limit: int, delimiter: bytes) -> Record:
    first = next(CsvReader(stream, delimiter, limit, begin).records(), None)
    if first is None:
        raise ItemFileUnreadable("the file is empty; the first row names the columns")
    if isinstance(first, BadRow):
        raise ItemFileUnreadable(f"the header (line {first.line}) cannot be read: {first.reason}")
    return first


def _header_names(header: Record) -> list[str]:
    try:
        names = [decode(cell).strip() for cell in header.cells]
    except JsonRefused as error:
        raise ItemFileUnreadable(f"the header cannot be read: {error.reason}") from None
    if any("\r" in name for name in names):
        raise ItemFileUnreadable("the lines end with CR alone; save the file with LF line ends")
    return names


def _check_header(names: list[str]) -> None:
    blank = [str(place) for place, name in enumerate(names, start=1) if not name]
    if blank:
        raise ItemFileUnreadable(
            f"the header has no name for column {', '.join(blank)}; name or remove it"
        )
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ItemFileUnreadable(f"the header names {', '.join(repeated)} twice; rename one")
    if not {"text", "prompt", "messages", "media"} & set(names):
        raise ItemFileUnreadable(
            f"the header ({', '.join(names)[:200]}) names no content; "
            "add a column 'text', or 'prompt' and 'response', or 'messages'"
        )


def _read_header(stream: BinaryIO, begin: int, limit: int) -> tuple[list[str], bytes, Record]:
    """Return column names, delimiter and the header record; the first delimiter that fits wins."""
    for delimiter in _DELIMITERS:
        header = _header_cells(stream, begin, limit, delimiter)
        names = _header_names(header)
        if "id" in names:
            _check_header(names)
            return names, delimiter, header
    names = _header_names(_header_cells(stream, begin, limit, b","))
    raise ItemFileUnreadable(f"the header ({', '.join(names)[:200]}) has no column 'id'; add it")


def _cell(name: str, cell: bytes) -> JsonValue:
    try:
        text = decode(cell)
        is_json = name in _JSON_CELLS or (name == "media" and text.startswith(("[", "{")))
        return parse(text) if is_json and text else text
    except JsonRefused as error:
        at = f", character {error.column}" if error.column is not None else ""
        raise RowRefused(f"column {name!r}{at}: {error.reason}") from None


def _csv_values(names: list[str], cells: tuple[bytes, ...]) -> dict[str, JsonValue]:
    row: dict[str, JsonValue] = {}
    for name, cell in zip(names, cells, strict=True):
        if not cell:
            continue
        value = _cell(name, cell)
        head, dot, tail = name.partition(".")
        if dot and tail and head in _DOTTED:
            inner = row.setdefault(_DOTTED[head], {})
            if isinstance(inner, dict):
                inner[tail] = value
        else:
            row[name] = value
    if "prompt" in row and "response" in names and "responses" not in row:
        row.setdefault("response", "")
    return row


def _csv_row(names: list[str], record: Record) -> ItemRow | BadRow:
    place = Place(record.line, record.end_offset, record.next_line)
    if len(record.cells) != len(names):
        return _bad(
            place,
            f"the row has {len(record.cells)} cells and the header {len(names)}; "
            "put cells with a delimiter or a line break in them in quotes",
        )
    try:
        row = _csv_values(names, record.cells)
    except RowRefused as error:
        return _bad(place, str(error))
    return _row_or_bad(row, place)


def _read_csv(
    stream: BinaryIO, begin: int, start: tuple[int, int], limit: int
) -> Iterator[ItemRow | BadRow]:
    names, delimiter, header = _read_header(stream, begin, limit)
    offset, number = start
    if offset < header.end_offset:
        offset, number = header.end_offset, header.next_line
    for record in CsvReader(stream, delimiter, limit, offset, number).records():
        yield record if isinstance(record, BadRow) else _csv_row(names, record)


def read_items(
    stream: BinaryIO,
    format: ItemFormat,  # noqa: A002 - the word that users of the reader know
    *,
    start_offset: int = 0,
    start_line: int = 1,
    max_line_bytes: int = MAX_LINE_BYTES,
) -> Iterator[ItemRow | BadRow]:
    """Yield the items of a file, and a bad row for every row that is none.

    Parameters
    ----------
    stream : BinaryIO
        The file, open for reading bytes and seekable.
    format : {"jsonl", "csv"}
        One JSON object per line, or RFC 4180 with a header (comma, semicolon or tab).
    start_offset, start_line : int
        ``end_offset`` and ``next_line`` of the last row already taken; the beginning by default.
    max_line_bytes : int
        Longest line (JSONL) or row (CSV) that is read; a longer one is skipped without being held.

    Yields
    ------
    ItemRow or BadRow
        In the order of the file; blank lines are passed over.

    Raises
    ------
    ItemFileUnreadable
        When nothing of the file can be read: wrong encoding, compressed, or no usable header.
    """
    begin = check_encoding(stream)
    start = (max(start_offset, begin), start_line)
    if format == "csv":
        yield from _read_csv(stream, begin, start, max_line_bytes)
    else:
        yield from _read_jsonl(stream, *start, max_line_bytes)


__all__ = ["BadRow", "ItemRow", "read_items"]
