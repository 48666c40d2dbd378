"""WAV, FLAC and MP3, taken apart: the sound stays, tags before, within and behind it go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from annotate.services.containers import CUT, Cleaned, Piece, need, riff, riff_chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

# -------------------------------------------------------------------------------------------- WAV

_MP3_INSIDE = 0x55
_OPEN = 0xFFFE
_PLAIN_FORMAT, _OPEN_FORMAT, _LONGEST_FORMAT = 18, 40, 50


def _format(body: memoryview) -> memoryview:
    """Return what says how the sound is stored, as long as its kind needs it."""
    need(true=len(body) >= 16, reason=CUT)
    kind = int.from_bytes(body[:2], "little")
    need(true=kind != _MP3_INSIDE, reason="it is MP3 in the coat of a WAV; save it as MP3")
    if kind == _OPEN:
        return body[:_OPEN_FORMAT]
    if kind == 1 or len(body) < _PLAIN_FORMAT:
        return body[:16]
    told = _PLAIN_FORMAT + int.from_bytes(body[16:18], "little")
    return body[: min(told, _LONGEST_FORMAT)]


def wav(data: memoryview) -> Cleaned:
    """Read a WAV; only the sound and its format are kept."""
    need(
        true=bytes(data[:4]) == b"RIFF",
        reason="it is a WAV for very long recordings (RF64, RIFX); save it as plain WAV",
    )
    kept = [(kind, body) for kind, body in riff_chunks(data) if kind in (b"fmt ", b"data")]
    need(true=[kind for kind, _ in kept] == [b"fmt ", b"data"], reason=CUT)
    (_, told), (_, sound) = kept
    return Cleaned("audio/wav", riff(b"WAVE", [(b"fmt ", _format(told)), (b"data", sound)]))


# -------------------------------------------------------------------------- tags behind the sound

_LYRICS, _LYRICS_LONGEST = b"LYRICSBEGIN", 5100


def _spread(digits: memoryview) -> int:
    """Return a size of ID3, which has seven bits in each of its bytes."""
    size = 0
    for byte in digits:
        size = size << 7 | byte & 0x7F
    return size


def _is(data: memoryview, at: int, sign: bytes) -> bool:
    return at >= 0 and bytes(data[at : at + len(sign)]) == sign


def _id3v1(data: memoryview, end: int) -> int:
    if not _is(data, end - 128, b"TAG"):
        return end
    return end - 355 if _is(data, end - 355, b"TAG+") else end - 128


def _ape(data: memoryview, end: int) -> int:
    if not _is(data, end - 32, b"APETAGEX"):
        return end
    begin = end - int.from_bytes(data[end - 20 : end - 16], "little")
    need(true=0 <= begin <= end - 32, reason=CUT)
    return begin - 32 if _is(data, begin - 32, b"APETAGEX") else begin


def _id3v2(data: memoryview, end: int) -> int:
    """Return where a tag begins that stands behind the sound and has its sign at its end."""
    if not _is(data, end - 10, b"3DI"):
        return end
    begin = end - 20 - _spread(data[end - 4 : end])
    return begin if _is(data, begin, b"ID3") else end


def _lyrics(data: memoryview, end: int) -> int:
    if _is(data, end - 9, b"LYRICS200"):
        digits = bytes(data[end - 15 : end - 9])
        begin = end - 15 - int(digits) if digits.isdigit() else -1
        return begin if _is(data, begin, _LYRICS) else end
    if _is(data, end - 9, b"LYRICSEND"):
        first = max(end - _LYRICS_LONGEST - len(_LYRICS) - 9, 0)
        found = bytes(data[first:end]).rfind(_LYRICS)
        return first + found if found >= 0 else end
    return end


_TAILS: Final = (_id3v1, _ape, _id3v2, _lyrics)


def sound_end(data: memoryview) -> int:
    """Return where the sound ends: before whatever tags are piled up behind it."""
    end = before = len(data)
    while True:
        for tail in _TAILS:
            end = tail(data, end)
        if end == before:
            return end
        before = end


# ------------------------------------------------------------------------------------- FLAC and MP3

_FACTS, _SEEKS = 0, 3
_FACTS_SIZE, _SEEK_SIZE = 34, 18


def _flac_blocks(data: memoryview) -> Iterator[tuple[int, memoryview, int]]:
    """Give kind and content of the blocks before the sound, and where each ends."""
    at, last = 4, False
    while not last:
        need(true=at + 4 <= len(data), reason=CUT)
        last, kind = bool(data[at] & 0x80), data[at] & 0x7F
        end = at + 4 + int.from_bytes(data[at + 1 : at + 4], "big")
        need(true=end <= len(data), reason=CUT)
        yield kind, data[at + 4 : end], end
        at = end


def flac(data: memoryview) -> Cleaned:
    """Read a FLAC; tags, pictures and cue sheets are left out."""
    data = data[: sound_end(data)]
    kept: dict[int, memoryview] = {}
    begin = 0
    for kind, body, end in _flac_blocks(data):
        need(true=kind == _FACTS or begin > 0, reason=CUT)
        begin = end
        if kind in {_FACTS, _SEEKS}:
            kept.setdefault(kind, body)
    facts, seeks = kept[_FACTS], kept.get(_SEEKS, data[:0])
    need(true=len(facts) == _FACTS_SIZE, reason=CUT)
    pieces: list[Piece] = [b"fLaC", _flac_head(_FACTS, len(facts), last=not seeks), facts]
    if seeks:
        seeks = seeks[: len(seeks) // _SEEK_SIZE * _SEEK_SIZE]
        pieces += [_flac_head(_SEEKS, len(seeks), last=True), seeks]
    return Cleaned("audio/flac", [*pieces, data[begin:]])


def _flac_head(kind: int, size: int, *, last: bool) -> bytes:
    return bytes([kind | (0x80 if last else 0)]) + size.to_bytes(3, "big")


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


NO_SOUND: Final = "much of it is no sound that an MP3 can hold; save it once more with a converter"
_MOST_ELSE, _WINDOW = 1024 * 1024, 4096


def _id3_end(data: memoryview, at: int) -> int:
    """Return where the tags end that begin here."""
    while _is(data, at, b"ID3") and at + 10 <= len(data):
        at += 10 + _spread(data[at + 6 : at + 10]) + (10 if data[at + 5] & 0x10 else 0)
    return at


def _next_frame(data: memoryview, at: int) -> int:
    """Return where sound goes on: at a frame that another one follows; else the end."""
    for begin in range(at, min(len(data), at + _MOST_ELSE), _WINDOW):
        window = bytes(data[begin : begin + _WINDOW])
        step = window.find(b"\xff")
        while step >= 0:
            length = _mp3_frame(data, begin + step)
            if length and _mp3_frame(data, begin + step + length):
                return begin + step
            step = window.find(b"\xff", step + 1)
    need(true=at + _MOST_ELSE >= len(data), reason=NO_SOUND)
    return len(data)


def _frames(data: memoryview, at: int) -> Iterator[memoryview]:
    """Give the runs of whole frames; what stands between them or is no whole one is left out."""
    begin, otherwise = at, 0
    while at < len(data):
        length = _mp3_frame(data, at)
        if length and at + length <= len(data):
            at += length
            continue
        if at > begin:
            yield data[begin:at]
        searched = _id3_end(data, at)
        begin = _next_frame(data, searched)
        otherwise += begin - searched
        need(true=otherwise <= _MOST_ELSE, reason=NO_SOUND)
        at = begin
    if at > begin:
        yield data[begin:at]


def mp3(data: memoryview) -> Cleaned:
    """Read an MP3: its frames alone, or a FLAC that somebody has put a tag of MP3 before."""
    begin = _id3_end(data, 0)
    if _is(data, begin, b"fLaC"):
        return flac(data[begin:])
    data = data[: sound_end(data)]
    length = _mp3_frame(data, begin)
    need(true=begin < len(data) and 0 < length <= len(data) - begin, reason=CUT)
    following = begin + length
    need(true=following == len(data) or _mp3_frame(data, following) > 0, reason=CUT)
    return Cleaned("audio/mpeg", list(_frames(data, begin)))
