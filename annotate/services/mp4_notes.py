"""What encoders and cameras write between the pictures of H.264 and H.265: times, places, options.

Such a note is taken out of its unit, which is made shorter; filler takes the place behind it, so
that nothing moves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from annotate.services.blanking import Patch
from annotate.services.containers import CUT, need

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from annotate.services.mp4_samples import Range

_NOTE = 5
"""The kind of message that is for nobody but its writer: user data without a registered owner."""


class Stream(NamedTuple):
    """How a video stream is written: its head, its units of messages, its filler, its lengths."""

    head: int
    messages: frozenset[int]
    filler: bytes
    width: int

    def is_message(self, first: int) -> bool:
        """Return whether a unit that begins with this byte holds messages."""
        return (first & 0x1F if self.head == 1 else first >> 1 & 0x3F) in self.messages


def h264(width: int) -> Stream:
    """Return how H.264 is written with lengths of so many bytes."""
    return Stream(1, frozenset({6}), b"\x0c", width)


def h265(width: int) -> Stream:
    """Return how H.265 is written with lengths of so many bytes."""
    return Stream(2, frozenset({39, 40}), b"\x4c\x01", width)


def notes(
    data: memoryview, stream: Stream, places: Iterable[Range], counted: Iterator[int]
) -> Iterator[Patch]:
    """Give what takes the place of units with notes; one that cannot be followed stays.

    Parameters
    ----------
    data, stream, places
        The file, how its video is written, and where it lies.
    counted
        Counts units and their messages down; below zero there are too many.
    """
    for place in places:
        at = place.at
        while at + stream.width < place.end:
            need(true=next(counted) >= 0, reason=CUT)
            body = at + stream.width
            end = body + int.from_bytes(data[at:body], "big")
            if end > place.end:
                break
            if end - body > stream.head and stream.is_message(data[body]):
                new = _without_notes(bytes(data[body:end]), stream, counted)
                if new is not None:
                    yield Patch(at, new)
            at = end


def facts_notes(data: memoryview, at: int, end: int, counted: Iterator[int]) -> Iterator[Patch]:
    """Give what takes the place of notes in the description of H.265: they stand there, too.

    Units are counted there and stay as many, so that one with a note goes whole.
    """
    arrays, at = data[at + 22], at + 23
    for _ in range(arrays):
        number, at = int.from_bytes(data[at + 1 : at + 3], "big"), at + 3
        for _ in range(number):
            after = at + 2 + int.from_bytes(data[at : at + 2], "big")
            if after > end:
                return
            stream, unit = h265(2), bytes(data[at + 2 : after])
            told = len(unit) > stream.head and stream.is_message(unit[0])
            if told and _without_notes(unit, stream, counted) is not None:
                yield Patch(at, _filler(len(unit) + 2, stream))
            at = after


def _without_notes(unit: bytes, stream: Stream, counted: Iterator[int]) -> bytes | None:
    """Return a unit of messages with its length and without notes; None when it has none."""
    content = unit[stream.head :].replace(b"\0\0\3", b"\0\0")
    found = list(_messages(content, counted))
    kept = [whole for kind, whole in found if kind != _NOTE]
    if len(kept) == len(found):
        return None
    size = len(unit) + stream.width
    if kept:
        inside = unit[: stream.head] + _escaped(b"".join(kept) + b"\x80")
        shorter = len(inside).to_bytes(stream.width, "big") + inside
        if size - len(shorter) > stream.width + len(stream.filler):
            return shorter + _filler(size - len(shorter), stream)
    return _filler(size, stream)


def _filler(size: int, stream: Stream) -> bytes:
    length = (size - stream.width).to_bytes(stream.width, "big")
    return (length + stream.filler).ljust(size - 1, b"\xff") + b"\x80"


def _messages(content: bytes, counted: Iterator[int]) -> Iterator[tuple[int, bytes]]:
    """Give kind and bytes of the messages up to the mark that ends them."""
    at = 0
    while at + 2 < len(content):
        need(true=next(counted) >= 0, reason=CUT)
        begin = at
        kind, at = _long(content, at)
        size, at = _long(content, at)
        if at + size > len(content):
            return
        at += size
        yield kind, content[begin:at]


def _long(content: bytes, at: int) -> tuple[int, int]:
    value = 0
    while at < len(content) and content[at] == 255:
        value, at = value + 255, at + 1
    return (value + content[at], at + 1) if at < len(content) else (value, at)


def _escaped(content: bytes) -> bytes:
    """Put a three wherever two zeros would begin a mark of the stream."""
    out = bytearray()
    zeros = 0
    for byte in content:
        if zeros == 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)
