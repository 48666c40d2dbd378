"""Where in an MP4 the samples of its tracks lie, by the tables that players follow."""

from __future__ import annotations

import struct
from bisect import bisect_right
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from annotate.services.containers import CUT, need

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]


class Box(NamedTuple):
    """A part of an MP4 file: its name, where it begins, its content, where it ends, what is in it.

    Only what is known to hold others is looked into.
    """

    kind: bytes
    at: int
    body: int
    end: int
    inside: tuple[Box, ...] = ()

    def first(self, *path: bytes) -> Box | None:
        """Return the first box under this one that stands at the end of the path."""
        found: Box | None = self
        for kind in path:
            if found is None:
                return None
            found = next((box for box in found.inside if box.kind == kind), None)
        return found


class Range(NamedTuple):
    """Bytes of the file, from one place to before another."""

    at: int
    end: int


_SIZES, _CHUNKS = (b"stsz", b"stz2"), (b"stco", b"co64")
_RAW_SOUND: Final = frozenset(
    (b"raw ", b"NONE", b"twos", b"sowt", b"in24", b"in32", b"fl32", b"fl64", b"lpcm", b"ipcm")
)
_BYTE_SOUND: Final = frozenset((b"ulaw", b"alaw"))
_COUNTED = 2
"""Up to this, a size that all samples of compressed sound have is none: QuickTime counts them."""


def numbers(data: memoryview, at: int, end: int, kind: str, count: int) -> Numbers:
    """Read so many numbers of a table that must end before the end."""
    width = np.dtype(kind).itemsize
    need(true=at + count * width <= end, reason=CUT)
    return np.frombuffer(data[at : at + count * width], kind).astype(np.int64)


def number(data: memoryview, at: int) -> int:
    """Read one number of four bytes."""
    return int.from_bytes(data[at : at + 4], "big")


def chunk_starts(data: memoryview, track: Box) -> Numbers:
    """Return where the chunks of a track begin, in the order of its table."""
    table = track.first(b"mdia", b"minf", b"stbl")
    for kind, width in zip(_CHUNKS, (">u4", ">u8"), strict=True):
        box = table.first(kind) if table else None
        if box is not None:
            count = number(data, box.body + 4)
            return numbers(data, box.body + 8, box.end, width, count)
    return np.empty(0, np.int64)


def sample_ranges(data: memoryview, track: Box, starts: Numbers) -> Iterator[Range]:
    """Give the places of a track's samples, chunk by chunk.

    Parameters
    ----------
    data, track
        The file, and its track.
    starts
        Where the chunks of all tracks begin, in rising order: sound whose samples are counted
        and not measured ends there at the latest.
    """
    table = track.first(b"mdia", b"minf", b"stbl")
    per_chunk = table.first(b"stsc") if table else None
    own = chunk_starts(data, track)
    if table is None or per_chunk is None or not own.size:
        return
    counts = _samples_of_chunks(data, per_chunk, own.size)
    width = _same_size(data, track, table)
    if width is None:
        sizes = _sizes(data, table)
        ends = np.minimum(np.cumsum(counts), sizes.size)
        sums = np.concatenate(([0], np.cumsum(sizes)))
        lengths = sums[ends] - sums[np.concatenate(([0], ends[:-1]))]
    elif width:
        lengths = counts * width
    else:
        lengths = np.append(starts, len(data))[np.searchsorted(starts, own, "right")] - own
    yield from map(Range, own.tolist(), (own + lengths).tolist())


def _samples_of_chunks(data: memoryview, box: Box, chunks: int) -> Numbers:
    count = number(data, box.body + 4)
    table = numbers(data, box.body + 8, box.end, ">u4", 3 * count).reshape(-1, 3)
    need(true=count > 0, reason=CUT)
    row = np.searchsorted(table[:, 0], np.arange(1, chunks + 1), "right") - 1
    counts: Numbers = table[np.maximum(row, 0), 1]
    return counts


def _sizes(data: memoryview, table: Box) -> Numbers:
    """Return the size of every sample."""
    box = table.first(b"stsz")
    if box is not None:
        return numbers(data, box.body + 12, box.end, ">u4", number(data, box.body + 8))
    box = table.first(b"stz2")
    need(true=box is not None, reason=CUT)
    assert box is not None
    width, count = data[box.body + 7], number(data, box.body + 8)
    if width != 4:
        kind = {8: "u1", 16: ">u2"}.get(width, "")
        need(true=bool(kind), reason=CUT)
        return numbers(data, box.body + 12, box.end, kind, count)
    pairs = numbers(data, box.body + 12, box.end, "u1", (count + 1) // 2)
    return np.stack((pairs >> 4, pairs & 15), 1).reshape(-1)[:count]


def _same_size(data: memoryview, track: Box, table: Box) -> int | None:
    """Return the size that all samples have, None when they differ, 0 when it is not told."""
    box = table.first(b"stsz")
    told = number(data, box.body + 4) if box else 0
    if not told:
        return None
    entry = table.first(b"stsd")
    if entry is None or handler(data, track) != b"soun":
        return told
    at = entry.body + 8
    need(true=at + 36 <= entry.end, reason=CUT)
    kind = bytes(data[at + 4 : at + 8])
    channels, bits = struct.unpack(">HH", data[at + 24 : at + 28])
    if kind in _RAW_SOUND:
        return max(told, int(channels) * int(bits) // 8)
    if kind in _BYTE_SOUND:
        return max(told, int(channels))
    return told if told > _COUNTED else 0


def handler(data: memoryview, track: Box) -> bytes:
    """Return what a track holds, such as ``vide``."""
    box = track.first(b"mdia", b"hdlr")
    return bytes(data[box.body + 8 : box.body + 12]) if box and box.body + 12 <= box.end else b""


# -------------------------------------------------------------------------------------- fragments


def run_ranges(
    data: memoryview, fragment: Box, usual: Mapping[int, int]
) -> Iterator[tuple[int, Range]]:
    """Give the places of the samples of a fragment, with the number of their track.

    Parameters
    ----------
    data, fragment
        The file, and one ``moof`` of it.
    usual
        The size of a sample by track, where neither the run nor the fragment tells it.
    """
    after = fragment.at
    for part in fragment.inside:
        head = part.first(b"tfhd") if part.kind == b"traf" else None
        if head is None:
            continue
        track = number(data, head.body + 4)
        base, size = _defaults(data, head, usual.get(track, 0))
        if base is None:
            base = fragment.at if _from_fragment(data, head) else after
        after = base
        for run in part.inside:
            if run.kind == b"trun":
                begin, length = _run(data, run, size)
                place = after if begin is None else base + begin
                after = place + length
                yield track, Range(place, after)


_BASE, _ENTRY, _LASTS, _SIZE, _OWN_BASE = 0x1, 0x2, 0x8, 0x10, 0x020000


def _defaults(data: memoryview, head: Box, size: int) -> tuple[int | None, int]:
    """Return where the samples of a fragment's track are counted from, and their usual size."""
    flags, at, base = number(data, head.body) & 0xFFFFFF, head.body + 8, None
    if flags & _BASE:
        base, at = int.from_bytes(data[at : at + 8], "big"), at + 8
    at += 4 * (bool(flags & _ENTRY) + bool(flags & _LASTS))
    return base, number(data, at) if flags & _SIZE else size


def _from_fragment(data: memoryview, head: Box) -> bool:
    return bool(number(data, head.body) & _OWN_BASE)


def _run(data: memoryview, run: Box, usual: int) -> tuple[int | None, int]:
    """Return where a run begins, when it tells, and how long it is."""
    flags, count = number(data, run.body) & 0xFFFFFF, number(data, run.body + 4)
    at, begin = run.body + 8, None
    if flags & 0x1:
        (begin,) = struct.unpack(">i", data[at : at + 4])
        at += 4
    at += 4 * bool(flags & 0x4)
    columns = [bit for bit in (0x100, 0x200, 0x400, 0x800) if flags & bit]
    if 0x200 not in columns:
        return begin, count * usual
    table = numbers(data, at, run.end, ">u4", count * len(columns)).reshape(-1, len(columns))
    return begin, int(table[:, columns.index(0x200)].sum())


def merged(ranges: Iterable[Range]) -> list[Range]:
    """Return ranges that neither touch nor overlap, in rising order."""
    found: list[Range] = []
    for one in sorted(ranges):
        if found and one.at <= found[-1].end:
            found[-1] = Range(found[-1].at, max(found[-1].end, one.end))
        else:
            found.append(one)
    return found


def outside(part: Range, kept: Sequence[Range]) -> Iterator[Range]:
    """Give what of a part none of the ranges covers; they are merged."""
    at = part.at
    for one in kept[bisect_right(kept, at, key=attrgetter("end")) :]:
        if at >= part.end or one.at >= part.end:
            break
        if one.at > at:
            yield Range(at, one.at)
        at = max(at, one.end)
    if at < part.end:
        yield Range(at, part.end)
