"""MP4 and WebM: what tells about people and places is blanked where it stands.

Tables in these files point at places of the file, so nothing may move: a part that must go becomes
a part of the same length that players skip.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from annotate.services.containers import CUT, Cleaned, FileRefused, Piece

if TYPE_CHECKING:
    from collections.abc import Iterator

DEEPEST = 12
MOST_PARTS = 200_000
_BLANK = 64 * 1024


class Patch(NamedTuple):
    """Bytes that take the place of others of the same length."""

    at: int
    new: bytes


def _zeros(at: int, end: int) -> Iterator[Patch]:
    """Blank a range in pieces, so that a large one takes no memory."""
    while at < end:
        size = min(end - at, _BLANK)
        yield Patch(at, bytes(size))
        at += size


def _patched(data: memoryview, patches: list[Patch]) -> Iterator[Piece]:
    at = 0
    for patch in sorted(patches):
        if patch.at > at:
            yield data[at : patch.at]
        yield patch.new
        at = patch.at + len(patch.new)
    yield data[at:]


# ------------------------------------------------------------------------------------------- MP4


class Box(NamedTuple):
    """A part of an MP4 file: its name, where it begins, its content, where it ends."""

    kind: bytes
    at: int
    body: int
    end: int


_HOLDERS = frozenset({b"moov", b"trak", b"mdia", b"moof", b"traf"})
_PRIVATE = frozenset({b"udta", b"meta", b"uuid", b"free", b"skip"})
"""Free space as well: cameras of cars keep places in it, editors what they took out."""
_TIMED = frozenset({b"mvhd", b"tkhd", b"mdhd"})
_STILL = frozenset({b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis", b"hevc"})


def _boxes(data: memoryview, at: int, end: int, depth: int = 0) -> Iterator[Box]:
    count = 0
    while at + 8 <= end:
        count += 1
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        body = at + 8
        if size == 1 and at + 16 <= end:
            (size,) = struct.unpack(">Q", data[at + 8 : at + 16])
            body = at + 16
        elif size == 0:
            size = end - at
        if at + size > end or size < body - at or depth > DEEPEST or count > MOST_PARTS:
            raise FileRefused(CUT)
        yield Box(kind, at, body, at + size)
        if kind in _HOLDERS:
            yield from _boxes(data, body, at + size, depth + 1)
        at += size


def mp4(data: memoryview) -> Cleaned:
    """Read an MP4 or M4A; user data, places and times are blanked."""
    if bytes(data[8:12]) in _STILL:
        raise FileRefused("it is a HEIC or AVIF picture; save it as PNG, JPEG or WebP")
    patches: list[Patch] = []
    handlers: set[bytes] = set()
    for box in _boxes(data, 0, len(data)):
        if box.kind in _PRIVATE:
            patches += [Patch(box.at + 4, b"free"), *_zeros(box.body, box.end)]
        elif box.kind in _TIMED and box.body + 20 <= box.end:
            times = 16 if data[box.body] == 1 else 8
            patches.append(Patch(box.body + 4, bytes(times)))
        elif box.kind == b"hdlr" and box.body + 12 <= box.end:
            handlers.add(bytes(data[box.body + 8 : box.body + 12]))
    if not handlers & {b"vide", b"soun"}:
        raise FileRefused("it holds neither picture nor sound, or is cut off")
    kind = "video/mp4" if b"vide" in handlers else "audio/mp4"
    return Cleaned(kind, _patched(data, patches))


# ------------------------------------------------------------------------------------------ WebM


class Element(NamedTuple):
    """A part of a WebM file."""

    name: int
    at: int
    body: int
    end: int


_SEGMENT, _INFO, _TRACKS, _ENTRY = 0x18538067, 0x1549A966, 0x1654AE6B, 0xAE
_INSIDE = frozenset({_SEGMENT, _INFO, _TRACKS, _ENTRY})
_DROPPED = frozenset(
    {
        *(0x1254C367, 0x1941A469),  # tags, attachments
        *(0x4461, 0x7BA9, 0x7384, 0x73A4),  # date, title, file name, id of the file
        *(0x536E, 0x3EB923, 0x3CB923),  # name of a track, neighbours
        *(0xEC, 0xBF),  # what was there before; sums that fit no more
    }
)
_TRACK_TYPE, _DOCTYPE = 0x83, 0x4282
UNBOUNDED = "it was recorded live and tells no lengths; save it once more with a converter"


def _number(data: memoryview, at: int, *, marked: bool) -> tuple[int, int]:
    """Return a number of variable length (with its mark when it is a name) and where it ends."""
    if at >= len(data) or data[at] == 0:
        raise FileRefused(CUT)
    length = 9 - data[at].bit_length()
    if at + length > len(data):
        raise FileRefused(CUT)
    value = int.from_bytes(data[at : at + length], "big")
    return (value if marked else value & ((1 << 7 * length) - 1)), at + length


def _elements(data: memoryview, at: int, end: int) -> Iterator[Element]:
    count = 0
    while at < end:
        count += 1
        name, after = _number(data, at, marked=True)
        size, body = _number(data, after, marked=False)
        if size == (1 << 7 * (body - after)) - 1:
            if name != _SEGMENT:
                raise FileRefused(UNBOUNDED)
            size = end - body
        if body + size > end or count > MOST_PARTS:
            raise FileRefused(CUT)
        yield Element(name, at, body, body + size)
        if name in _INSIDE:
            yield from _elements(data, body, body + size)
        at = body + size


def _void(part: Element) -> Iterator[Patch]:
    """Make a part of the same length that players skip."""
    total = part.end - part.at
    if total - 2 < 127:
        head = bytes([0xEC, 0x80 | (total - 2)])
    else:
        head = b"\xec\x01" + (total - 9).to_bytes(7, "big")
    yield Patch(part.at, head)
    yield from _zeros(part.at + len(head), part.end)


def webm(data: memoryview) -> Cleaned:
    """Read a WebM; tags, attachments, titles and times are blanked."""
    patches: list[Patch] = []
    kinds: set[int] = set()
    head, *parts = _elements(data, 0, len(data))
    inner = {part.name: bytes(data[part.body : part.end]) for part in _elements(data, *head[2:])}
    if inner.get(_DOCTYPE) != b"webm":
        raise FileRefused("it is Matroska but not WebM; save it as WebM or MP4")
    for part in parts:
        if part.name in _DROPPED:
            patches += _void(part)
        elif part.name == _TRACK_TYPE and part.end > part.body:
            kinds.add(data[part.end - 1])
    if not kinds & {1, 2}:
        raise FileRefused("it holds neither picture nor sound, or is cut off")
    return Cleaned("video/webm" if 1 in kinds else "audio/webm", _patched(data, patches))
