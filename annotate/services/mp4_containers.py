"""MP4, MOV and M4A: what is not needed to see and hear the film is blanked where it stands.

Tables in these files point at places of the file, so nothing may move: a part that must go becomes
free space of the same length, which players skip.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from itertools import count
from operator import attrgetter
from typing import TYPE_CHECKING, Final

import numpy as np

from annotate.services import blanking
from annotate.services.blanking import Patch, patched, zeros
from annotate.services.containers import CUT, Cleaned, FileRefused
from annotate.services.mp4_notes import Stream, facts_notes, h264, h265, notes
from annotate.services.mp4_samples import (
    Box,
    Range,
    chunk_starts,
    handler,
    merged,
    number,
    outside,
    run_ranges,
    sample_ranges,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NEITHER: Final = "it holds neither picture nor sound, or is cut off"
_FILE = Box(b"", 0, 0, 0)


def _names(words: str) -> frozenset[bytes]:
    return frozenset(word.encode() for word in words.split())


_KNOWN: Final = {
    b"": _names("ftyp styp moov moof mdat sidx ssix mfra pdin"),
    b"moov": _names("mvhd trak mvex"),
    b"trak": _names("tkhd edts mdia"),
    b"edts": _names("elst"),
    b"mdia": _names("mdhd hdlr minf elng"),
    b"minf": _names("vmhd smhd hdlr dinf stbl"),
    b"dinf": _names("dref"),
    b"stbl": _names(
        "stsd stts ctts cslg stsc stsz stz2 stco co64 stss stps stsh sdtp sbgp sgpd padb"
    ),
    b"mvex": _names("mehd trex leva"),
    b"moof": _names("mfhd traf"),
    b"traf": _names("tfhd tfdt trun sdtp sbgp sgpd"),
    b"mfra": _names("tfra mfro"),
}
"""What stays, by what it stands in. Free space goes as well: cameras of cars keep places in it,
editors what they took out."""
_SHOWN: Final = frozenset({b"vide", b"soun"})
MOST_UNITS = 3_000_000
_STILL: Final = frozenset({b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis", b"hevc"})


def mp4(data: memoryview) -> Cleaned:
    """Read an MP4, MOV or M4A; all but the tracks of picture and sound is blanked."""
    if bytes(data[8:12]) in _STILL:
        raise FileRefused("it is a HEIC or AVIF picture; save it as PNG, JPEG or WebP")
    whole = _FILE._replace(end=len(data), inside=tuple(_boxes(data, b"", 0, len(data), count(1))))
    tracks = [box for moov in _all(whole, b"moov") for box in _all(moov, b"trak")]
    shown = {_track(data, track): handler(data, track) for track in tracks if _shows(data, track)}
    if not shown:
        raise FileRefused(NEITHER)
    placed = _samples(data, whole, tracks, shown)
    kept = merged(place for places in placed.values() for place in places)
    patches = [*_patches(data, whole, frozenset(shown))]
    for track in tracks:
        if _shows(data, track):
            patches += _descriptions(data, track)
            patches += _notes(data, whole, track, placed[_track(data, track)])
    for box in _all(whole, b"mdat"):
        for gap in outside(Range(box.body, box.end), kept):
            patches += zeros(*gap)
    kind = "video/mp4" if b"vide" in shown.values() else "audio/mp4"
    return Cleaned(kind, patched(data, sorted(patches, key=attrgetter("at"))))


def _boxes(
    data: memoryview, holder: bytes, at: int, end: int, counted: Iterator[int]
) -> Iterator[Box]:
    while at + 8 <= end:
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        body = at + 8
        if size == 1 and at + 16 <= end:
            (size,) = struct.unpack(">Q", data[at + 8 : at + 16])
            body = at + 16
        elif size == 0:
            size = end - at
        if at + size > end or size < body - at or next(counted) > blanking.MOST_PARTS:
            raise FileRefused(CUT)
        inside: tuple[Box, ...] = ()
        if kind in _KNOWN and kind in _KNOWN.get(holder, ()):
            inside = tuple(_boxes(data, kind, body, at + size, counted))
        yield Box(kind, at, body, at + size, inside)
        at += size


def _all(box: Box, kind: bytes) -> list[Box]:
    return [one for one in box.inside if one.kind == kind]


# ----------------------------------------------------------------------------------------- tracks

_TOLD: Final = _names(
    "gpmd camm mebx mett metx urim rtmd fdsc tmcd text tx3g wvtt stpp sbtt stxt c608 c708"
)
"""Samples that tell of something: of places, of the camera, of the time, in words."""


def _track(data: memoryview, box: Box) -> int:
    """Return the number of a track, 0 when it has none."""
    head = box.first(b"tkhd")
    if head is None or head.end < head.body + 24:
        return 0
    return number(data, head.body + (20 if data[head.body] == 1 else 12))


def _shows(data: memoryview, track: Box) -> bool:
    """Return whether a track is picture or sound, and no places, texts or times of day."""
    if handler(data, track) not in _SHOWN:
        return False
    table = track.first(b"mdia", b"minf", b"stbl", b"stsd")
    kinds = {bytes(data[one.at + 4 : one.at + 8]) for one in _entries(data, table)}
    return not kinds & _TOLD


def _samples(
    data: memoryview, whole: Box, tracks: list[Box], shown: Iterable[int]
) -> dict[int, list[Range]]:
    """Return where the samples of the tracks that stay lie, by the number of the track."""
    starts = np.sort(np.concatenate([chunk_starts(data, track) for track in tracks]))
    kept: dict[int, list[Range]] = {one: [] for one in shown}
    for track in tracks:
        if _shows(data, track):
            kept[_track(data, track)] += sample_ranges(data, track, starts)
    usual = {
        number(data, box.body + 4): number(data, box.body + 16)
        for moov in _all(whole, b"moov")
        for more in _all(moov, b"mvex")
        for box in _all(more, b"trex")
    }
    for fragment in _all(whole, b"moof"):
        for one, place in run_ranges(data, fragment, usual):
            if one in kept:
                kept[one].append(place)
    return kept


# ----------------------------------------------------------------------------------------- patches


def _patches(data: memoryview, box: Box, shown: frozenset[int]) -> Iterator[Patch]:
    """Give what is blanked in a box that stays."""
    for one in box.inside:
        if one.kind not in _KNOWN[box.kind] or _of_others(data, one, shown):
            yield Patch(one.at + 4, b"free")
            yield from zeros(one.body, one.end)
        elif one.kind in _KNOWN:
            yield from _patches(data, one, shown)
        else:
            yield from _FIELDS.get(one.kind, _nothing)(data, one)


def _of_others(data: memoryview, box: Box, shown: frozenset[int]) -> bool:
    """Return whether a box belongs to a track that does not stay."""
    if box.kind == b"trak":
        return not _shows(data, box)
    if box.kind == b"traf":
        head = box.first(b"tfhd")
        return head is None or number(data, head.body + 4) not in shown
    return box.kind in {b"trex", b"tfra"} and number(data, box.body + 4) not in shown


def _nothing(_data: memoryview, _box: Box) -> Iterator[Patch]:
    yield from ()


def _times(data: memoryview, box: Box) -> Iterator[Patch]:
    if box.body + 20 <= box.end:
        yield from zeros(box.body + 4, box.body + (20 if data[box.body] == 1 else 12))


def _handler_name(_data: memoryview, box: Box) -> Iterator[Patch]:
    """Behind what a track holds stand the maker of the program and a name of its choice."""
    yield from zeros(box.body + 12, box.end)


def _references(data: memoryview, box: Box) -> Iterator[Patch]:
    """Addresses and aliases of other files hold paths and names of disks: all is in this file."""
    for entry in _boxes(data, b"dref", box.body + 8, box.end, count()):
        if entry.end > entry.body + 4:
            yield Patch(entry.body, b"\0\0\0\1")
            yield from zeros(entry.body + 4, entry.end)


def _entries(data: memoryview, table: Box | None) -> list[Box]:
    return [] if table is None else [*_boxes(data, b"stsd", table.body + 8, table.end, count())]


_DESCRIBED: Final = _names(
    "avcC hvcC lhvC vvcC av1C vpcC dvcC dvvC dvwC esds dOps dfLa dac3 dec3 dac4 alac wave damr "
    "chan chnl pcmC srat pasp btrt fiel clap gama mdcv clli SmDm CoLL st3d sv3d colr"
)
_PICTURE_HEADS, _SOUND_HEADS = (86,), {0: (36,), 1: (52, 36), 2: (72,)}
"""How long the fixed part of a description is, for sound by its version."""


def _descriptions(data: memoryview, track: Box) -> Iterator[Patch]:
    """Of what describes samples the makers and names go, and what no decoder asks for."""
    table = track.first(b"mdia", b"minf", b"stbl", b"stsd")
    picture = handler(data, track) == b"vide"
    for entry in _entries(data, table):
        if entry.at + _SOUND_HEADS[0][0] > entry.end:
            continue
        yield from zeros(entry.at + 20, entry.at + 24)
        heads = _PICTURE_HEADS if picture else _SOUND_HEADS.get(data[entry.at + 17], ())
        if picture:
            yield from zeros(entry.at + 50, min(entry.at + 82, entry.end))
        for part in _described(data, entry, heads):
            if part.kind not in _DESCRIBED or _is_profile(data, part):
                yield Patch(part.at + 4, b"free")
                yield from zeros(part.body, part.end)
            elif part.kind == b"hvcC" and part.end > part.body + 22:
                yield from facts_notes(data, part.body, part.end, count(MOST_UNITS, -1))


def _described(data: memoryview, entry: Box, heads: Iterable[int]) -> list[Box]:
    """Return the parts of a description behind the first head after which they can be followed."""
    for head in heads:
        with suppress(FileRefused):
            return list(_boxes(data, b"stsd", entry.at + head, entry.end, count()))
    return []


def _notes(data: memoryview, whole: Box, track: Box, places: list[Range]) -> Iterator[Patch]:
    """Of a video stream that can be followed go the notes of its encoder and camera."""
    table = track.first(b"mdia", b"minf", b"stbl", b"stsd")
    streams = {
        stream for entry in _entries(data, table) if (stream := _stream(data, entry)) is not None
    }
    inside = [
        place
        for place in merged(places)
        if any(box.body <= place.at and place.end <= box.end for box in _all(whole, b"mdat"))
    ]
    if len(streams) == 1:
        yield from notes(data, streams.pop(), inside, count(MOST_UNITS, -1))


def _stream(data: memoryview, entry: Box) -> Stream | None:
    for part in _described(data, entry, _PICTURE_HEADS):
        if part.kind == b"avcC" and part.end >= part.body + 5:
            return h264((data[part.body + 4] & 3) + 1)
        if part.kind == b"hvcC" and part.end >= part.body + 22:
            return h265((data[part.body + 21] & 3) + 1)
    return None


def _is_profile(data: memoryview, part: Box) -> bool:
    return part.kind == b"colr" and bytes(data[part.body : part.body + 3]) != b"ncl"


_FIELDS: Final = {
    b"mvhd": _times,
    b"tkhd": _times,
    b"mdhd": _times,
    b"hdlr": _handler_name,
    b"dref": _references,
}
