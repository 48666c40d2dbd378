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


def _need(*, true: bool, reason: str) -> None:
    if not true:
        raise FileRefused(reason)


# ------------------------------------------------------------------------------------------- PNG

PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
PNG_KEPT: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"IDAT"})
MOVING: Final = "it is a moving picture, which would play by itself; bring it as MP4 or WebM"
CUT: Final = "the file is cut off or damaged"


def png(data: memoryview) -> Cleaned:
    """Read a PNG; text, times, profiles and everything behind its end are left out."""
    pieces: list[Piece] = [data[:8]]
    at, kind = 8, b""
    while kind != b"IEND":
        _need(true=at + 12 <= len(data), reason=CUT)
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        end = at + 12 + size
        _need(true=end <= len(data), reason=CUT)
        _need(true=kind != b"acTL", reason=MOVING)
        if kind in PNG_KEPT or kind == b"IEND":
            pieces.append(data[at:end])
        at = end
    return Cleaned("image/png", pieces)


# ------------------------------------------------------------------------------------------ JPEG

_BARE = frozenset({0x01, *range(0xD0, 0xD8)})
_ADOBE = 0xEE
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
        _need(true=0 <= at < len(raw) - 1, reason=CUT)
        if raw[at + 1] != 0 and not 0xD0 <= raw[at + 1] <= 0xD7:
            return at
        at += 2


def _segment_end(raw: bytes, at: int) -> int:
    _need(true=at + 4 <= len(raw) and raw[at] == 0xFF, reason=CUT)
    end = at + 2 + int.from_bytes(raw[at + 2 : at + 4], "big")
    _need(true=at + 4 <= end <= len(raw), reason=CUT)
    return end


def _segments(raw: bytes) -> Iterator[tuple[int, int, int]]:
    """Give marker, begin and end of the segments up to the end of the picture."""
    at = 2
    while raw[at : at + 2] != b"\xff\xd9":
        _need(true=at + 2 <= len(raw), reason=CUT)
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
        elif marker == _ADOBE or not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            pieces.append(raw[at:end])
    turned = [_turn_segment(turn)] if turn != 1 else []
    return Cleaned("image/jpeg", [b"\xff\xd8", *turned, *pieces, b"\xff\xd9"])


# ------------------------------------------------------------------------------------------- GIF


def _blocks_end(data: memoryview, at: int) -> int:
    while True:
        _need(true=at < len(data), reason=CUT)
        if data[at] == 0:
            return at + 1
        at += 1 + data[at]


def gif(data: memoryview) -> Cleaned:
    """Read a GIF of one picture; comments and extensions are left out."""
    _need(true=len(data) > 13, reason=CUT)
    at = 13 + (3 << ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
    pieces: list[Piece] = [data[:at]]
    pictures = 0
    while True:
        _need(true=at + 1 <= len(data), reason=CUT)
        begin, kind = at, data[at]
        if kind == 0x3B:
            break
        if kind == 0x21:
            at = _blocks_end(data, at + 2)
            _need(true=begin + 2 < len(data), reason=CUT)
            if data[begin + 1] == 0xF9:
                pieces.append(data[begin:at])
            continue
        _need(true=kind == 0x2C and at + 10 <= len(data), reason=CUT)
        pictures += 1
        _need(true=pictures == 1, reason=MOVING)
        table = 3 << ((data[at + 9] & 7) + 1) if data[at + 9] & 0x80 else 0
        at = _blocks_end(data, at + 10 + table + 1)
        pieces.append(data[begin:at])
    pieces.append(b"\x3b")
    return Cleaned("image/gif", pieces)


# ------------------------------------------------------------------------------------ RIFF formats


def _riff_chunks(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Give the chunks of a RIFF file; a last one that is cut off gives what is there."""
    at = 12
    while at + 8 <= len(data):
        kind, size = struct.unpack("<4sI", data[at : at + 8])
        yield kind, data[at + 8 : at + 8 + size]
        at += 8 + size + (size & 1)


def _riff(form: bytes, kept: list[tuple[bytes, Piece]]) -> list[Piece]:
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
    """Read a WebP; EXIF, XMP and profiles are left out."""
    kept: list[tuple[bytes, Piece]] = []
    size: tuple[int, int] = (0, 0)
    for kind, body in _riff_chunks(data):
        size = max(size, _webp_size(kind, body) or size)
        _need(true=kind not in (b"ANIM", b"ANMF"), reason=MOVING)
        if kind == b"VP8X" and len(body) >= 10:
            kept.append((kind, bytes([body[0] & 0x10]) + bytes(body[1:10])))  # alpha is told alone
        elif kind in (b"VP8 ", b"VP8L", b"ALPH"):
            kept.append((kind, body))
    _need(true=any(kind in (b"VP8 ", b"VP8L") for kind, _ in kept), reason=CUT)
    return Cleaned("image/webp", _riff(b"WEBP", kept), size)


def wav(data: memoryview) -> Cleaned:
    """Read a WAV; only the sound and its format are kept."""
    kept = [(kind, body) for kind, body in _riff_chunks(data) if kind in (b"fmt ", b"data")]
    _need(true=[kind for kind, _ in kept] == [b"fmt ", b"data"], reason=CUT)
    return Cleaned("audio/wav", _riff(b"WAVE", list(kept)))


# ------------------------------------------------------------------------------------- FLAC and MP3


def flac(data: memoryview) -> Cleaned:
    """Read a FLAC; tags, pictures and cue sheets are left out."""
    at, last = 4, False
    kept: list[tuple[int, memoryview]] = []
    while not last:
        _need(true=at + 4 <= len(data), reason=CUT)
        last, kind = bool(data[at] & 0x80), data[at] & 0x7F
        end = at + 4 + int.from_bytes(data[at + 1 : at + 4], "big")
        _need(true=end <= len(data), reason=CUT)
        if kind in (0, 3):
            kept.append((kind, data[at + 1 : end]))
        at = end
    _need(true=bool(kept) and kept[0][0] == 0, reason=CUT)
    pieces: list[Piece] = [b"fLaC"]
    for number, (kind, body) in enumerate(kept, start=1):
        pieces += [bytes([kind | (0x80 if number == len(kept) else 0)]), body]
    return Cleaned("audio/flac", [*pieces, data[at:]])


_MP3_RATES = (44100, 48000, 32000)
_MP3_BITS = {
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


def _mp3_frame(data: memoryview, at: int) -> int:
    """Return the length of the MPEG layer 3 frame that begins here; 0 when none does."""
    if at + 4 > len(data) or data[at] != 0xFF or data[at + 1] & 0xE6 != 0xE2:
        return 0
    version, bits, rate = data[at + 1] >> 3 & 3, data[at + 2] >> 4, data[at + 2] >> 2 & 3
    if version == 1 or bits in (0, 15) or rate == 3:
        return 0
    samples = 144 if version == 3 else 72
    hertz = _MP3_RATES[rate] >> {3: 0, 2: 1, 0: 2}[version]
    kilobits = _MP3_BITS[3 if version == 3 else 2][bits]
    return samples * kilobits * 1000 // hertz + (data[at + 2] >> 1 & 1)


def mp3(data: memoryview) -> Cleaned:
    """Read an MP3; tags before and behind the sound are left out."""
    begin, end = 0, len(data)
    while bytes(data[begin : begin + 3]) == b"ID3" and begin + 10 <= end:
        size = 0
        for byte in data[begin + 6 : begin + 10]:
            size = size << 7 | byte & 0x7F
        begin += 10 + size + (10 if data[begin + 5] & 0x10 else 0)
    if bytes(data[max(end - 128, 0) : max(end - 125, 0)]) == b"TAG":
        end -= 128
    if bytes(data[max(end - 32, 0) : max(end - 24, 0)]) == b"APETAGEX":
        size, flags = struct.unpack("<I4xI", data[end - 20 : end - 8])
        end -= size + (32 if flags & 0x80000000 else 0)
    length = _mp3_frame(data, begin)
    _need(true=begin < end and length > 0, reason=CUT)
    _need(true=begin + length >= end or _mp3_frame(data, begin + length) > 0, reason=CUT)
    return Cleaned("audio/mpeg", [data[begin:end]])
