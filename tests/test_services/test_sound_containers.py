"""WAV, FLAC and MP3 byte by byte: the sound stays, every tag goes."""

from __future__ import annotations

import struct

import pytest

from annotate.services import sound_containers
from annotate.services.containers import CUT
from annotate.services.sound_containers import NO_SOUND, flac, mp3, wav
from tests.support.container_readers import cleaned, refused, riff
from tests.support.media_samples import SECRET


def test_a_wav_keeps_format_and_sound() -> None:
    told, sound = (b"fmt ", bytes(16)), (b"data", b"odd")
    data = riff(b"WAVE", (b"LIST", SECRET), told, (b"bext", SECRET), sound, (b"id3 ", SECRET))
    assert cleaned(wav, data) == riff(b"WAVE", told, sound)
    cut = riff(b"WAVE", told, (b"data", bytes(100)))[:-60]
    assert cleaned(wav, cut) == riff(b"WAVE", told, (b"data", bytes(40)))
    for wrong in ((told,), (sound,), (sound, told), (told, sound, sound)):
        assert refused(wav, riff(b"WAVE", *wrong)) == CUT


# ------------------------------------------------------------------------------------ FLAC and MP3


def block(kind: int, body: bytes, *, last: bool = False) -> bytes:
    return bytes([kind | (0x80 if last else 0)]) + len(body).to_bytes(3, "big") + body


def test_a_flac_keeps_its_facts_and_its_seek_table() -> None:
    facts, seeks, sound = bytes(34), bytes(18), b"\xff\xf8" + bytes(9)
    gone = [block(kind, SECRET) for kind in (1, 2, 4, 5, 6)]
    data = (
        b"fLaC" + block(0, facts) + b"".join(gone) + block(3, seeks) + block(4, SECRET, last=True)
    )
    clean = b"fLaC" + block(0, facts) + block(3, seeks, last=True)
    assert cleaned(flac, data + sound) == clean + sound
    for cut in range(4, len(clean)):
        assert refused(flac, clean[:cut]) == CUT
    assert refused(flac, b"fLaC" + block(4, SECRET, last=True) + sound) == CUT
    late = b"fLaC" + block(3, seeks) + block(0, facts, last=True)
    assert refused(flac, late + sound) == CUT


def frame(version: int = 3, bits: int = 9, rate: int = 0, padding: int = 0) -> bytes:
    """Make a frame of MPEG layer 3 whose length is worked out from the tables by hand."""
    lengths = {(3, 9, 0): 417, (2, 8, 1): 192, (0, 8, 2): 576}
    head = bytes([0xFF, 0xE3 | version << 3, bits << 4 | rate << 2 | padding << 1, 0])
    return head + bytes(lengths[version, bits, rate] + padding - 4)


def ape(*, head: bool) -> bytes:
    size = len(SECRET) + 32
    foot = b"APETAGEX" + struct.pack("<III", 2000, size, 1) + struct.pack("<I", 0)
    flags = struct.pack("<I", 0x80000000 if head else 0)
    foot = foot[:20] + flags + bytes(8)
    return (foot if head else b"") + SECRET + foot


ID3 = b"ID3\4\0\0" + bytes([0, 0, 0, len(SECRET)]) + SECRET
FOOTED = b"ID3\4\0\x10" + bytes([0, 0, 0, len(SECRET)]) + SECRET + b"3DI\4\0\x10\0\0\0\0"
LARGE = b"ID3\4\0\0" + bytes([0, 0, 2, 1]) + SECRET.ljust(257, b"\0")
TAG = b"TAG" + SECRET.ljust(125, b"\0")


@pytest.mark.parametrize(
    "sound",
    [
        frame() * 3,
        frame(padding=1) + frame(),
        frame(version=2, bits=8, rate=1) * 2,
        frame(version=0, bits=8, rate=2) * 2,
        frame(),
    ],
)
@pytest.mark.parametrize("before", [b"", ID3, FOOTED, LARGE, ID3 + FOOTED])
@pytest.mark.parametrize(
    "behind", [b"", TAG, ape(head=False), ape(head=True), ape(head=True) + TAG]
)
def test_an_mp3_is_its_frames_alone(sound: bytes, before: bytes, behind: bytes) -> None:
    assert cleaned(mp3, before + sound + behind) == sound


@pytest.mark.parametrize(
    "data",
    [
        b"",
        ID3,
        ID3[:9],
        TAG,
        ID3 + TAG,
        frame() + b"no frame follows",
        frame()[:3],
        b"\xff\xfb\x00\x00" + bytes(600),  # free bit rate
        b"\xff\xfb\xf0\x00" + bytes(600),
        b"\xff\xfb\x9c\x00" + bytes(600),  # no such sampling rate
        b"\xff\xeb\x90\x00" + bytes(600),  # no such version
        b"\xff\xfd\x90\x00" + bytes(600),  # layer 2
        ape(head=False).replace(struct.pack("<I", len(SECRET) + 32), struct.pack("<I", 10**6)),
        b"ID3\4\0\0\x7f\x7f\x7f\x7f" + frame(),
    ],
)
def test_what_has_no_frames_is_no_mp3(data: bytes) -> None:
    assert refused(mp3, data) == CUT


# ------------------------------------------------------------------------- tags that pile up behind

EXTENDED = b"TAG+" + SECRET.ljust(223, b"\0") + TAG
FOOT = b"ID3\4\0\x10" + bytes([0, 0, 0, len(SECRET)]) + SECRET + b"3DI\4\0\x10"
BEHIND = FOOT + bytes([0, 0, 0, len(SECRET)])
LYRICS = b"LYRICSBEGIN" + SECRET + b"LYRICSEND"
LYRICS2 = b"LYRICSBEGININD00002" + SECRET + b"%06d" % (19 + len(SECRET)) + b"LYRICS200"
SOUND = b"\xff\xf8" + bytes(range(200))
FLAC = b"fLaC" + block(0, bytes(34), last=True) + SOUND


@pytest.mark.parametrize(
    "behind",
    [
        TAG, EXTENDED, ape(head=False), ape(head=True), BEHIND, LYRICS, LYRICS2,
        ape(head=True) + TAG, TAG + ape(head=True), LYRICS + EXTENDED, LYRICS2 + TAG,
        ape(head=True) + LYRICS2 + EXTENDED, BEHIND + TAG + TAG, TAG + BEHIND + ape(head=False),
    ],
)  # fmt: skip
def test_tags_behind_the_sound_go_in_whatever_order_they_stand(behind: bytes) -> None:
    assert cleaned(flac, FLAC + behind) == FLAC
    assert cleaned(mp3, ID3 + FLAC + behind) == FLAC
    assert cleaned(mp3, frame() * 2 + behind) == frame() * 2


@pytest.mark.parametrize("sign", [b"LYRICSEND", b"x00099LYRICS200", b"3DI\4\0\0\0\0\0\x7f"])
def test_what_only_looks_like_the_end_of_a_tag_stays_sound(sign: bytes) -> None:
    assert cleaned(flac, FLAC + sign) == FLAC + sign


def test_a_flac_carries_nothing_in_blocks_that_are_too_large() -> None:
    assert refused(flac, b"fLaC" + block(0, bytes(34) + SECRET, last=True) + SOUND) == CUT
    seeks = block(3, bytes(36) + SECRET[:17])
    again = block(3, SECRET[:18], last=True)
    out = cleaned(flac, b"fLaC" + block(0, bytes(34)) + seeks + again + SOUND)
    assert out == b"fLaC" + block(0, bytes(34)) + block(3, bytes(36), last=True) + SOUND


@pytest.mark.parametrize("between", [SECRET, ID3, b"\xff" + SECRET, LARGE * 9, b"\xff\xfb"])
def test_between_the_frames_of_an_mp3_nothing_stays(between: bytes) -> None:
    sound = frame() * 2
    data = sound + between + sound + between + frame() + sound + between
    assert cleaned(mp3, data) == sound * 2 + frame() + sound
    assert cleaned(mp3, sound + frame()[:-1]) == sound


def test_an_mp3_that_is_mostly_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound_containers, "_MOST_ELSE", 500)
    sound = frame() * 2
    assert cleaned(mp3, sound + bytes(490) + sound) == sound * 2
    assert refused(mp3, sound + bytes(510) + sound) == NO_SOUND
    assert refused(mp3, (sound + bytes(300)) * 2 + sound) == NO_SOUND


# ------------------------------------------------------------------------------ the format of a WAV


def told(kind: int, more: bytes = b"") -> bytes:
    return struct.pack("<HHIIHH", kind, 1, 8000, 8000, 1, 8) + more


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (told(1, SECRET), told(1)),
        (told(3, b"\0\0" + SECRET), told(3, b"\0\0")),
        (told(3, b"\xff"), told(3)),
        (told(2, b"\4\0" + b"abcd" + SECRET), told(2, b"\4\0abcd")),
        (told(2, b"\xff\xff" + bytes(32) + SECRET), told(2, b"\xff\xff" + bytes(32))),
        (told(0xFFFE, b"\x16\0" + bytes(22) + SECRET), told(0xFFFE, b"\x16\0" + bytes(22))),
    ],
)
def test_the_format_of_a_wav_is_as_long_as_its_kind_needs(given: bytes, kept: bytes) -> None:
    sound = (b"data", b"sound!")
    data = riff(b"WAVE", (b"fmt ", given), sound)
    assert cleaned(wav, data) == riff(b"WAVE", (b"fmt ", kept), sound)


def test_a_wav_that_hides_where_it_ends_is_refused() -> None:
    plain = riff(b"WAVE", (b"fmt ", told(1)), (b"data", b"sound!"), (b"bext", SECRET))
    for sign in (b"RF64", b"RIFX"):
        assert "plain WAV" in refused(wav, sign + plain[4:])
    assert "MP3" in refused(wav, riff(b"WAVE", (b"fmt ", told(0x55)), (b"data", b"ID3")))
    assert refused(wav, riff(b"WAVE", (b"fmt ", b"short"), (b"data", b"x"))) == CUT
