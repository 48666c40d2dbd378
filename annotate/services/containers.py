"""Containers of pictures and recordings, taken apart: what is needed stays, the rest goes.

Each reader gets the whole file as a buffer and gives the parts that are kept, in order. Nothing is
decoded here. What a reader does not know it leaves out; what it cannot follow it refuses.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from exports.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Piece = memoryview | bytes


class FileRefused(ExportError):
    """A file is not one of those that are taken, or cannot be cleaned."""


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A file without what it carried along."""

    media_type: str
    pieces: Iterable[Piece]
    size: tuple[int, int] | None = None
    """Width and height where they must be known before anything decodes it."""


def need(*, true: bool, reason: str) -> None:
    """Refuse the file with a reason unless something is true.

    Raises
    ------
    FileRefused
        When it is not.
    """
    if not true:
        raise FileRefused(reason)


# ------------------------------------------------------------------------------------------- PNG

PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
PNG_END: Final = b"\0\0\0\0IEND\xae\x42\x60\x82"
PNG_KEPT: Final = {b"PLTE": 768, b"tRNS": 256, b"gAMA": 4, b"cHRM": 32, b"sRGB": 1}
"""What stays beside head and pixels, once each, and how long it may be."""
MOVING: Final = "it is a moving picture, which would play by itself; bring it as MP4 or WebM"
CUT: Final = "the file is cut off or damaged"


def png(data: memoryview) -> Cleaned:
    """Read a PNG; text, times, profiles and everything behind its end are left out."""
    pieces: list[Piece] = [data[:8]]
    seen: set[bytes] = set()
    at, kind = 8, b""
    while kind != b"IEND":
        need(true=at + 12 <= len(data), reason=CUT)
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        end = at + 12 + size
        need(true=end <= len(data), reason=CUT)
        need(true=kind != b"acTL", reason=MOVING)
        need(true=kind != b"IHDR" or (size == 13 and at == 8), reason=CUT)
        if kind in {b"IHDR", b"IDAT"} or (kind not in seen and size <= PNG_KEPT.get(kind, -1)):
            pieces.append(data[at:end])
        seen.add(kind)
        at = end
    return Cleaned("image/png", [*pieces, PNG_END])


# ------------------------------------------------------------------------------------------ JPEG

_BARE = frozenset({0x01, *range(0xD0, 0xD8)})
_ADOBE, _ADOBE_SIZE = 0xEE, 14
_SHOWN = frozenset({*range(0xC0, 0xD0), 0xDA, 0xDB, 0xDD})
"""Frames, tables, scans: all that a decoder asks for."""
_ORIENTATION = 0x0112


def _turn(exif: bytes) -> int:
    """Return how a photograph is turned, 1 when it does not say."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None or len(exif) < 8:
        return 1
    (first,) = struct.unpack_from(order + "I", exif, 4)
    if first + 2 > len(exif):
        return 1
    (count,) = struct.unpack_from(order + "H", exif, first)
    for number in range(min(count, 200)):
        at = first + 2 + 12 * number
        if at + 12 > len(exif):
            return 1
        tag, _kind, _count, value = struct.unpack_from(order + "HHIH", exif, at)
        if tag == _ORIENTATION:
            return value if 1 <= value <= 8 else 1
    return 1


def _turn_segment(turn: int) -> bytes:
    tiff = struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, _ORIENTATION, 3, 1, turn, 0, 0)
    return struct.pack(">HH6s", 0xFFE1, 8 + len(tiff), b"Exif\0\0") + tiff


def _scan_end(raw: bytes, at: int) -> int:
    """Return where the compressed data that begins here ends: at the next marker that is one."""
    while True:
        at = raw.find(b"\xff", at)
        need(true=0 <= at < len(raw) - 1, reason=CUT)
        if raw[at + 1] != 0 and not 0xD0 <= raw[at + 1] <= 0xD7:
            return at
        at += 2


def _segment_end(raw: bytes, at: int) -> int:
    need(true=at + 4 <= len(raw) and raw[at] == 0xFF, reason=CUT)
    end = at + 2 + int.from_bytes(raw[at + 2 : at + 4], "big")
    need(true=at + 4 <= end <= len(raw), reason=CUT)
    return end


def _segments(raw: bytes) -> Iterator[tuple[int, int, int]]:
    """Give marker, begin and end of the segments up to the end of the picture."""
    at = 2
    while raw[at : at + 2] != b"\xff\xd9":
        need(true=at + 2 <= len(raw), reason=CUT)
        marker = raw[at + 1]
        if marker in _BARE or marker == 0xFF:
            at += 1 if marker == 0xFF else 2
            continue
        end = _segment_end(raw, at)
        if marker == 0xDA:
            end = _scan_end(raw, end)
        yield marker, at, end
        at = end


def jpeg(data: memoryview) -> Cleaned:
    """Read a JPEG; of what the camera wrote only the turn of the picture is kept."""
    raw = bytes(data)
    pieces: list[Piece] = []
    turn = 1
    for marker, at, end in _segments(raw):
        if marker == 0xE1 and raw[at + 4 : at + 10] == b"Exif\0\0":
            turn = _turn(raw[at + 10 : end])
        elif marker in _SHOWN:
            pieces.append(raw[at:end])
        elif marker == _ADOBE and raw[at + 4 : at + 9] == b"Adobe" and end - at >= 2 + _ADOBE_SIZE:
            pieces.append(struct.pack(">HH", 0xFFEE, _ADOBE_SIZE) + raw[at + 4 : at + 16])
    turned = [_turn_segment(turn)] if turn != 1 else []
    return Cleaned("image/jpeg", [b"\xff\xd8", *turned, *pieces, b"\xff\xd9"])


# ------------------------------------------------------------------------------------------- GIF


def _blocks_end(data: memoryview, at: int) -> int:
    while True:
        need(true=at < len(data), reason=CUT)
        if data[at] == 0:
            return at + 1
        at += 1 + data[at]


def gif(data: memoryview) -> Cleaned:
    """Read a GIF of one picture; comments and extensions are left out."""
    need(true=len(data) > 13, reason=CUT)
    at = 13 + (3 << ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
    pieces: list[Piece] = [data[:at]]
    control: Piece = b""
    pictures = 0
    while True:
        need(true=at + 1 <= len(data), reason=CUT)
        begin, kind = at, data[at]
        if kind == 0x3B:
            break
        if kind == 0x21:
            at = _blocks_end(data, at + 2)
            need(true=begin + 2 < len(data), reason=CUT)
            if bytes(data[begin + 1 : begin + 3]) == b"\xf9\4" and at == begin + 8:
                control = data[begin:at]
            continue
        need(true=kind == 0x2C and at + 10 <= len(data), reason=CUT)
        pictures += 1
        need(true=pictures == 1, reason=MOVING)
        table = 3 << ((data[at + 9] & 7) + 1) if data[at + 9] & 0x80 else 0
        at = _blocks_end(data, at + 10 + table + 1)
        pieces += [control, data[begin:at]]
    return Cleaned("image/gif", [*pieces, b"\x3b"])


# ------------------------------------------------------------------------------------ RIFF formats


def riff_chunks(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Give the chunks of a RIFF file; a last one that is cut off gives what is there."""
    at = 12
    while at + 8 <= len(data):
        kind, size = struct.unpack("<4sI", data[at : at + 8])
        yield kind, data[at + 8 : at + 8 + size]
        at += 8 + size + (size & 1)


def riff(form: bytes, kept: list[tuple[bytes, Piece]]) -> list[Piece]:
    """Put a RIFF file together."""
    pieces: list[Piece] = []
    for kind, body in kept:
        pieces += [struct.pack("<4sI", kind, len(body)), body, b"\0" * (len(body) & 1)]
    size = 4 + sum(len(piece) for piece in pieces)
    return [struct.pack("<4sI4s", b"RIFF", size, form), *pieces]


def _webp_size(kind: bytes, body: memoryview) -> tuple[int, int] | None:
    if kind == b"VP8X" and len(body) >= 10:
        return (
            int.from_bytes(body[4:7], "little") + 1,
            int.from_bytes(body[7:10], "little") + 1,
        )
    if kind == b"VP8L" and len(body) >= 5:
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and len(body) >= 10:
        width, height = struct.unpack("<HH", body[6:10])
        return width & 0x3FFF, height & 0x3FFF
    return None


def webp(data: memoryview) -> Cleaned:
    """Read a WebP; EXIF, XMP, profiles and a second picture are left out."""
    need(true=bytes(data[:4]) == b"RIFF", reason=CUT)
    kept: dict[bytes, tuple[bytes, Piece]] = {}
    size: tuple[int, int] = (0, 0)
    for kind, body in riff_chunks(data):
        size = max(size, _webp_size(kind, body) or size)
        need(true=kind not in (b"ANIM", b"ANMF"), reason=MOVING)
        if kind == b"VP8X" and len(body) >= 10:
            told = bytes([body[0] & 0x10, 0, 0, 0]) + bytes(body[4:10])  # alpha is told alone
            kept.setdefault(kind, (kind, told))
        elif kind in (b"VP8 ", b"VP8L"):
            kept.setdefault(b"picture", (kind, body))
        elif kind == b"ALPH":
            kept.setdefault(kind, (kind, body))
    need(true=b"picture" in kept, reason=CUT)
    return Cleaned("image/webp", riff(b"WEBP", list(kept.values())), size)
