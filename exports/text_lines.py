"""Lines of a binary stream with their places, a too long one measured but never held."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from exports.errors import ItemFileUnreadable
from exports.strict_json import JsonRefused, nul_reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

BOM = b"\xef\xbb\xbf"
_BLOCK = 1 << 16
_NOT_TEXT = (
    (b"\xff\xfe", "is UTF-16 or UTF-32; save it as UTF-8"),
    (b"\xfe\xff", "is UTF-16; save it as UTF-8"),
    (b"\x00\x00\xfe\xff", "is UTF-32; save it as UTF-8"),
    (b"\x1f\x8b", "is compressed with gzip; unpack it first"),
    (b"PK\x03\x04", "is a zip or spreadsheet file; save the sheet as CSV in UTF-8"),
    (b"PAR1", "is a Parquet file; save it as JSONL"),
)


class Line(NamedTuple):
    """One line without its end.

    Attributes
    ----------
    number : int
        From 1.
    start, end : int
        Byte offsets of its first byte and of the byte after its line end.
    data : bytes
        Its bytes; empty when it was too long to be held.
    too_long : bool
        Whether it was longer than the limit.
    """

    number: int
    start: int
    end: int
    data: bytes
    too_long: bool = False

    @property
    def size(self) -> int:
        """Return its length in bytes, line end included."""
        return self.end - self.start


def check_encoding(stream: BinaryIO) -> int:
    """Return the offset of the first text byte, behind a UTF-8 byte order mark.

    Raises
    ------
    ItemFileUnreadable
        When the file is UTF-16, UTF-32, compressed or of another binary kind.
    """
    stream.seek(0)
    head = stream.read(8)
    for mark, words in _NOT_TEXT:
        if head.startswith(mark):
            raise ItemFileUnreadable(f"the file {words}")
    if len(head) >= 4 and (head[0:4:2] == b"\0\0" or head[1:4:2] == b"\0\0"):
        raise ItemFileUnreadable("the file looks like UTF-16 without a mark; save it as UTF-8")
    return len(BOM) if head.startswith(BOM) else 0


def _skip_line(stream: BinaryIO) -> int:
    skipped = 0
    while True:
        block = stream.readline(_BLOCK)
        skipped += len(block)
        if not block or block.endswith(b"\n"):
            return skipped


def lines(stream: BinaryIO, offset: int, number: int, limit: int) -> Iterator[Line]:
    """Yield the lines of a seekable stream from a byte offset on.

    Parameters
    ----------
    stream : BinaryIO
        The file, open for reading bytes.
    offset : int
        Byte at which a line begins.
    number : int
        Number of that line.
    limit : int
        Longest line, in bytes with its end, that is held.
    """
    stream.seek(offset)
    while data := stream.readline(limit + 1):
        size = len(data)
        too_long = size > limit
        if too_long and not data.endswith(b"\n"):
            size += _skip_line(stream)
        yield Line(number, offset, offset + size, b"" if too_long else data, too_long)
        offset += size
        number += 1


def decode(data: bytes) -> str:
    """Decode UTF-8 and refuse NUL.

    Raises
    ------
    JsonRefused
        With the column, in characters.
    """
    if b"\x00" in data:
        column = len(data[: data.index(b"\x00")].decode("utf-8", "replace")) + 1
        raise JsonRefused(nul_reason(), column)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        column = len(data[: error.start].decode("utf-8")) + 1
        reason = f"byte 0x{data[error.start]:02X} is not UTF-8; save the file as UTF-8"
        raise JsonRefused(reason, column) from None


def too_long_reason(size: int, limit: int, what: str) -> str:
    """Return why a line or row was skipped unread."""
    return (
        f"the {what} is {size:,} bytes long and was skipped; at most {limit:,} are read. "
        "Split the item, or raise the limit"
    )
