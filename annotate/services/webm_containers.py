"""WebM: what is not needed to see and hear the film is blanked where it stands.

Tables in these files point at places of the file, so nothing may move: a part that must go becomes
a part of the same length that players skip.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Final, NamedTuple

from annotate.services import blanking
from annotate.services.blanking import Patch, patched, zeros
from annotate.services.containers import CUT, Cleaned, FileRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Element(NamedTuple):
    """A part of a WebM file."""

    name: int
    at: int
    body: int
    end: int
    inside: tuple[Element, ...] = ()

    def all(self, name: int) -> list[Element]:
        """Return the parts of this one that have a name."""
        return [one for one in self.inside if one.name == name]


_HEAD, _SEGMENT, _INFO, _TRACKS, _ENTRY = 0x1A45DFA3, 0x18538067, 0x1549A966, 0x1654AE6B, 0xAE
_CLUSTER, _GROUP, _BLOCK, _SIMPLE, _ADDED = 0x1F43B675, 0xA0, 0xA1, 0xA3, 0x75A1
_TRACK_NUMBER, _TRACK_TYPE, _DOCTYPE, _ALPHA = 0xD7, 0x83, 0x4282, 0x53C0
_APPLICATIONS = frozenset({0x4D80, 0x5741})
_CODEC, _CODEC_FACTS, _LANGUAGE = 0x86, 0x63A2, 0x22B59C
_KNOWN: Final[dict[int, frozenset[int]]] = {
    0: frozenset({_HEAD, _SEGMENT}),
    _HEAD: frozenset({0x4286, 0x42F7, 0x42F2, 0x42F3, _DOCTYPE, 0x4287, 0x4285}),
    _SEGMENT: frozenset({0x114D9B74, _INFO, _TRACKS, _CLUSTER, 0x1C53BB6B}),
    0x114D9B74: frozenset({0x4DBB}),  # where the parts are
    0x4DBB: frozenset({0x53AB, 0x53AC}),
    _INFO: frozenset({0x2AD7B1, 0x4489, *_APPLICATIONS}),
    _TRACKS: frozenset({_ENTRY}),
    _ENTRY: frozenset(
        {
            *(_TRACK_NUMBER, 0x73C5, _TRACK_TYPE, 0xB9, 0x88, 0x55AA, 0x9C, 0x6DE7, 0x6DF8),
            *(0x23E383, 0x234E7A, 0x55EE, _LANGUAGE, _CODEC, _CODEC_FACTS, 0xAA, 0x56AA, 0x56BB),
            *(0xE0, 0xE1),
        }
    ),
    0xE0: frozenset(
        {
            *(0x9A, 0x9D, 0x53B8, _ALPHA, 0xB0, 0xBA, 0x54AA, 0x54BB, 0x54CC, 0x54DD, 0x54B0),
            *(0x54BA, 0x54B2, 0x54B3, 0x55B0, 0x7670),
        }
    ),
    0x55B0: frozenset({*range(0x55B1, 0x55BE), 0x55D0}),  # colours
    0x55D0: frozenset(range(0x55D1, 0x55DB)),
    0x7670: frozenset({0x7671, 0x7672, 0x7673, 0x7674, 0x7675}),
    0xE1: frozenset({0xB5, 0x78B5, 0x9F, 0x6264}),
    _CLUSTER: frozenset({0xE7, _SIMPLE, _GROUP}),
    _GROUP: frozenset({_BLOCK, 0x9B, 0xFA, 0xFB, 0x75A2, _ADDED}),
    0x1C53BB6B: frozenset({0xBB}),  # where in time the parts are
    0xBB: frozenset({0xB3, 0xB7}),
    0xB7: frozenset({0xF7, 0xF1, 0xF0, 0xB2, 0x5378}),
}
"""What stays, by what it stands in: numbers of at most eight bytes, and the longer ones below."""
_LONG: Final = frozenset(
    {*_APPLICATIONS, _CODEC, _CODEC_FACTS, _LANGUAGE, 0x7672, _BLOCK, _SIMPLE, _ADDED}
)
_NUMBER: Final = 8
_HOLDERS: Final = frozenset(_KNOWN) - {_CLUSTER}
MOST_BLOCKS = 1_500_000
UNBOUNDED: Final = "it was recorded live and tells no lengths; save it once more with a converter"


def _number(data: memoryview, at: int, *, marked: bool) -> tuple[int, int]:
    """Return a number of variable length (with its mark when it is a name) and where it ends."""
    if at >= len(data) or data[at] == 0:
        raise FileRefused(CUT)
    if data[at] & 0x80:  # most numbers are short, and a film has many
        return (data[at] if marked else data[at] & 0x7F), at + 1
    length = 9 - data[at].bit_length()
    if at + length > len(data):
        raise FileRefused(CUT)
    value = int.from_bytes(data[at : at + length], "big")
    return (value if marked else value & ((1 << 7 * length) - 1)), at + length


def _elements(
    data: memoryview, holder: int, at: int, end: int, counted: Iterator[int]
) -> Iterator[Element]:
    while at < end:
        name, after = _number(data, at, marked=True)
        size, body = _number(data, after, marked=False)
        if size == (1 << 7 * (body - after)) - 1:
            if name != _SEGMENT:
                raise FileRefused(UNBOUNDED)
            size = end - body
        if body + size > end or next(counted) < 0:
            raise FileRefused(CUT)
        inside: tuple[Element, ...] = ()
        if name in _KNOWN[holder] & _HOLDERS:
            inside = tuple(_elements(data, name, body, body + size, counted))
        yield Element(name, at, body, body + size, inside)
        at = body + size


def _void(part: Element) -> Iterator[Patch]:
    """Make a part of the same length that players skip."""
    total = part.end - part.at
    if total - 2 < 127:
        head = bytes([0xEC, 0x80 | (total - 2)])
    else:
        head = b"\xec\x01" + (total - 9).to_bytes(7, "big")
    yield Patch(part.at, head)
    yield from zeros(part.at + len(head), part.end)


def webm(data: memoryview) -> Cleaned:
    """Read a WebM; all but the tracks of picture and sound is blanked."""
    whole = Element(
        0, 0, 0, len(data), tuple(_elements(data, 0, 0, len(data), count(blanking.MOST_PARTS, -1)))
    )
    named = [one for part in whole.inside[:1] for one in part.all(_DOCTYPE)]
    if [bytes(data[one.body : one.end]) for one in named] != [b"webm"]:
        raise FileRefused("it is Matroska but not WebM; save it as WebM or MP4")
    entries = [one for part in whole.all(_SEGMENT) for one in part.all(_TRACKS)]
    tracks = [one for part in entries for one in part.all(_ENTRY)]
    kinds = {_value(data, one, _TRACK_TYPE) for one in tracks} & {1, 2}
    if not kinds:
        raise FileRefused("it holds neither picture nor sound, or is cut off")
    shown = {_value(data, one, _TRACK_NUMBER) for one in tracks if _shows(data, one)}
    see_through = any(_value(data, one, 0xE0, _ALPHA) == 1 for one in tracks)
    film = _Film(data, frozenset(shown), see_through, count(MOST_BLOCKS, -1))
    return Cleaned("video/webm" if 1 in kinds else "audio/webm", patched(data, film.patches(whole)))


def _shows(data: memoryview, entry: Element) -> bool:
    return _value(data, entry, _TRACK_TYPE) in {1, 2}


def _value(data: memoryview, part: Element, *path: int) -> int:
    """Return the number at the end of a path of first parts; 0 when there is none."""
    for name in path:
        found = part.all(name)
        if not found:
            return 0
        part = found[0]
    return int.from_bytes(data[part.body : part.end], "big")


class _Film(NamedTuple):
    """A film, and which of its tracks stay."""

    data: memoryview
    shown: frozenset[int]
    see_through: bool
    counted: Iterator[int]

    def _inside(self, holder: Element) -> Iterable[Element]:
        """Return what is in a part; the blocks of a film are many, and none is held."""
        if holder.name != _CLUSTER:
            return holder.inside
        return _elements(self.data, _CLUSTER, holder.body, holder.end, self.counted)

    def patches(self, holder: Element) -> Iterator[Patch]:
        """Give what is blanked in a part that stays."""
        for part in self._inside(holder):
            if not self._stays(holder.name, part):
                yield from _void(part)
            elif part.name in _KNOWN:
                yield from self.patches(part)
            elif part.name in _APPLICATIONS:
                yield from zeros(part.body, part.end)
            elif part.name == _CODEC_FACTS and self._is_vorbis(holder):
                yield from _comments(self.data, part)

    def _stays(self, holder: int, part: Element) -> bool:
        if part.name not in _KNOWN[holder]:
            return False
        if part.name == _ENTRY:
            return _shows(self.data, part)
        if part.name in {_SIMPLE, _BLOCK}:
            return _number(self.data, part.body, marked=False)[0] in self.shown
        if part.name == _GROUP:
            return all(self._stays(_GROUP, block) for block in part.all(_BLOCK))
        if part.name == _ADDED:
            return self.see_through
        return part.name in _LONG or part.name in _KNOWN or part.end - part.body <= _NUMBER

    def _is_vorbis(self, entry: Element) -> bool:
        return any(bytes(self.data[one.body : one.end]) == b"A_VORBIS" for one in entry.all(_CODEC))


def _comments(data: memoryview, part: Element) -> Iterator[Patch]:
    """Blank the comments that Vorbis keeps among what a decoder needs, word for word."""
    at = part.body + 1
    lengths = []
    for _ in range(data[part.body]):
        length = 0
        while data[at] == 255:
            length, at = length + 255, at + 1
        lengths.append(length + data[at])
        at += 1
    if len(lengths) != 2 or at + sum(lengths) > part.end:
        raise FileRefused(CUT)
    at, end = at + lengths[0] + 7, at + sum(lengths)
    blanked, at = _word(data, at, end)
    yield from zeros(*blanked)
    words, at = int.from_bytes(data[at : at + 4], "little"), at + 4
    for _ in range(min(words, end - at)):
        blanked, at = _word(data, at, end)
        yield from zeros(*blanked)
    yield from zeros(at + 1, end)


def _word(data: memoryview, at: int, end: int) -> tuple[tuple[int, int], int]:
    """Return where a word stands whose length comes first, and where the next begins."""
    after = at + 4 + int.from_bytes(data[at : at + 4], "little")
    if after > end:
        raise FileRefused(CUT)
    return (at + 4, after), after
