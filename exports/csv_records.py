"""CSV records (RFC 4180) from a binary stream, in constant memory.

The csv module of Python reads an unclosed quote to the end of the file into memory and cannot say
where a record begins. Here a record that outgrows the limit is scanned on without being held, and
when its quotes prove wrong, reading goes on in the line after the one that opened them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from exports.item_rows import BadRow
from exports.text_lines import too_long_reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_BLOCK = 1 << 16
_QUOTE = ord('"')
_State = Literal["start", "plain", "quoted", "quote_seen"]


@dataclass(frozen=True, slots=True)
class Record:
    """The cells of one record, still as bytes, and its place."""

    line: int
    end_offset: int
    next_line: int
    cells: tuple[bytes, ...]


class _Misquoted(Exception):
    """Text follows a closing quote, ``at`` so many bytes into the block."""

    def __init__(self, at: int) -> None:
        self.at = at


@dataclass(slots=True)
class _Scanner:
    """Splits the blocks of one record into cells."""

    delimiter: bytes
    state: _State = "start"
    cells: list[bytes] = field(default_factory=list)
    parts: list[bytes] = field(default_factory=list)
    hold: bool = True
    opened: bool = False

    def feed(self, block: bytes) -> bool:
        """Take a block that ends at the latest with the line; return whether the record ended."""
        if self.state == "start" and not self.cells and self.hold and _QUOTE not in block:
            return self._unquoted(block)
        at = 0
        while at < len(block):
            if self.state == "start":
                quoted = block[at] == _QUOTE
                self.state = "quoted" if quoted else "plain"
                self.opened = self.opened or quoted
                at += quoted
            elif self.state == "plain":
                at = self._plain(block, at)
            elif self.state == "quoted":
                at = self._quoted(block, at)
            else:
                at = self._quote_seen(block, at)
        return self.state == "start" and block.endswith(b"\n")

    def _unquoted(self, block: bytes) -> bool:
        cells = block.removesuffix(b"\n").removesuffix(b"\r").split(self.delimiter)
        ended = block.endswith(b"\n")
        if not ended:
            self.parts = [cells.pop()]
            self.state = "plain"
        self.cells = cells
        return ended

    def _plain(self, block: bytes, at: int) -> int:
        end = block.find(self.delimiter, at)
        if end >= 0:
            self._add(block[at:end])
            return self._end_cell(end + 1)
        if not block.endswith(b"\n"):
            self._add(block[at:])
            return len(block)
        self._add(block[at:].removesuffix(b"\n").removesuffix(b"\r"))
        return self._end_cell(len(block))

    def _quoted(self, block: bytes, at: int) -> int:
        end = block.find(b'"', at)
        if end < 0:
            self._add(block[at:])
            return len(block)
        self._add(block[at:end])
        self.state = "quote_seen"
        return end + 1

    def _quote_seen(self, block: bytes, at: int) -> int:
        if block[at] == _QUOTE:
            self._add(b'"')
            self.state = "quoted"
            return at + 1
        if block[at : at + 1] == self.delimiter:
            return self._end_cell(at + 1)
        if block[at:] in (b"\n", b"\r\n"):
            return self._end_cell(len(block))
        raise _Misquoted(at)

    def _add(self, data: bytes) -> None:
        if self.hold:
            self.parts.append(data)

    def _end_cell(self, at: int) -> int:
        if self.hold:
            self.cells.append(b"".join(self.parts))
            self.parts = []
        self.state = "start"
        return at

    def finish(self) -> None:
        """End the last cell at the end of the file."""
        self._end_cell(0)

    def let_go(self) -> None:
        """Hold nothing from now on."""
        self.hold = False
        self.cells = []
        self.parts = []


@dataclass(slots=True)
class _Opening:
    """The place of the last quote that opened a cell, and of the line after it."""

    line: int = 0
    next_offset: int | None = None


@dataclass(slots=True)
class CsvReader:
    """Reads records one after the other.

    Attributes
    ----------
    stream : BinaryIO
        A seekable file, open for reading bytes.
    delimiter : bytes
        What separates cells.
    limit : int
        Largest record in bytes.
    offset, line : int
        Where the next record begins.
    """

    stream: BinaryIO
    delimiter: bytes
    limit: int
    offset: int = 0
    line: int = 1

    def records(self) -> Iterator[Record | BadRow]:
        """Yield records and bad rows; blank lines are passed over."""
        self.stream.seek(self.offset)
        while (found := self._next()) is not None:
            yield found

    def _block(self) -> bytes:
        block = self.stream.readline(_BLOCK)
        if block.endswith(b"\r"):  # never part a line end in two
            block += self.stream.readline(1)
        self.offset += len(block)
        return block

    def _next(self) -> Record | BadRow | None:
        scanner, opening = _Scanner(self.delimiter), _Opening()
        start, line = self.offset, self.line
        while block := self._block():
            if scanner.state == "start" and not scanner.cells and block in (b"\n", b"\r\n"):
                start, line = self.offset, self.line + 1
                self.line += 1
                continue
            try:
                ended = self._feed(scanner, opening, block)
            except _Misquoted as error:
                return self._misquoted(line, opening, block, error.at)
            if ended:
                return self._record(scanner, start, line)
            if self.offset - start > self.limit:
                scanner.let_go()
        if self.offset == start:
            return None
        if scanner.state == "quoted":
            return self._unclosed(line, opening)
        scanner.finish()
        return self._record(scanner, start, line)

    def _feed(self, scanner: _Scanner, opening: _Opening, block: bytes) -> bool:
        scanner.opened = False
        ended = scanner.feed(block)
        if scanner.opened:
            opening.line, opening.next_offset = self.line, None
        if block.endswith(b"\n"):
            self.line += 1
            if opening.next_offset is None:
                opening.next_offset = self.offset
        return ended

    def _record(self, scanner: _Scanner, start: int, line: int) -> Record | BadRow:
        size = self.offset - start
        if size > self.limit:
            reason = too_long_reason(size, self.limit, "row")
            return BadRow(line, self.offset, self.line, None, reason)
        return Record(line, self.offset, self.line, tuple(scanner.cells))

    def _skip_line(self, block: bytes) -> None:
        while block and not block.endswith(b"\n"):
            block = self._block()
        self.line += 1

    def _misquoted(self, line: int, opening: _Opening, block: bytes, at: int) -> BadRow:
        where = self.line
        if opening.next_offset is not None and opening.line < where:
            self._rewind(opening)
        else:
            self._skip_line(block)
        first = where == line
        column = len(block[:at].decode("utf-8", "replace")) + 1 if first else None
        reason = (
            f"text follows a closing quote{'' if first else f' (line {where})'}; "
            'write a quote inside a cell twice ("") and put the whole cell in quotes'
        )
        return BadRow(line, self.offset, self.line, column, reason)

    def _unclosed(self, line: int, opening: _Opening) -> BadRow:
        if opening.next_offset is not None:
            self._rewind(opening)
        reason = f"a quote opened on line {opening.line} is never closed; close it or remove it"
        return BadRow(line, self.offset, self.line, None, reason)

    def _rewind(self, opening: _Opening) -> None:
        assert opening.next_offset is not None
        self.offset, self.line = opening.next_offset, opening.line + 1
        self.stream.seek(self.offset)
