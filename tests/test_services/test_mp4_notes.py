"""Notes between the pictures of H.264 and H.265 go, and the pictures stay where they are."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.services import mp4_containers
from annotate.services.blanking import Patch, patched
from annotate.services.containers import CUT, FileRefused
from annotate.services.mp4_containers import mp4
from annotate.services.mp4_notes import Stream, h264, h265, notes
from annotate.services.mp4_samples import Range
from tests.support.container_readers import cleaned, refused
from tests.support.media_samples import SECRET
from tests.test_services.test_mp4_containers import box, film, samples_at, track

FRAME = b"\x65" + bytes(range(40))
HEADS = {1: b"\x06", 2: b"\x4e\x01"}
STREAMS = [h264(4), h264(2), h265(4)]
TIMING, RECOVERY = b"\x01\x03\0\0\1", b"\x06\x01\x84"


def note(content: bytes = SECRET) -> bytes:
    """A message without a registered owner: its mark of sixteen bytes, and what it says."""
    body = b"m" * 16 + content
    return b"\x05" + b"\xff" * (len(body) // 255) + bytes([len(body) % 255]) + body


def unit(stream: Stream, content: bytes) -> bytes:
    return len(content).to_bytes(stream.width, "big") + content


def messages(stream: Stream, *said: bytes) -> bytes:
    return unit(stream, HEADS[stream.head] + b"".join(said) + b"\x80")


def without(stream: Stream, data: bytes) -> bytes:
    places = [Range(0, len(data))]
    found = notes(memoryview(data), stream, places, count(100, -1))
    return b"".join(patched(memoryview(data), found))


def units(stream: Stream, data: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + stream.width], "big")
        at += stream.width
        found.append(data[at : at + size])
        at += size
    assert at == len(data)
    return found


@pytest.mark.parametrize("stream", STREAMS)
def test_a_unit_of_notes_alone_becomes_filler(stream: Stream) -> None:
    frame = unit(stream, FRAME)
    data = frame + messages(stream, note(), note(SECRET * 20)) + frame
    out = without(stream, data)
    first, filler, last = units(stream, out)
    assert (first, last) == (FRAME, FRAME)
    assert filler == stream.filler.ljust(len(filler) - 1, b"\xff") + b"\x80"
    assert len(out) == len(data)
    assert without(stream, out) == out


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize(
    "said",
    [(TIMING, note()), (note(), TIMING), (TIMING, note(), RECOVERY), (note(), TIMING, note())],
)
def test_other_messages_of_a_unit_stay(stream: Stream, said: tuple[bytes, ...]) -> None:
    data = unit(stream, FRAME) + messages(stream, *said) + unit(stream, FRAME)
    out = without(stream, data)
    assert (len(out), SECRET in out) == (len(data), False)
    first, kept, filler, last = units(stream, out)
    assert (first, last) == (FRAME, FRAME)
    told = b"".join(one for one in said if one[:1] != b"\x05")
    assert kept.replace(b"\0\0\3", b"\0\0") == HEADS[stream.head] + told + b"\x80"
    assert b"\0\0\1" not in kept
    assert filler.startswith(stream.filler)


@pytest.mark.parametrize("stream", STREAMS)
def test_what_holds_no_note_or_cannot_be_followed_stays(stream: Stream) -> None:
    head = HEADS[stream.head]
    for data in (
        messages(stream, TIMING, RECOVERY),
        unit(stream, head),
        unit(stream, head + b"\x05\xff"),
        unit(stream, b"\x65" + note() + b"\x80"),  # a picture that looks like it
        unit(stream, b""),
        b"\x7f" * stream.width + note(),
        b"\0",
    ):
        assert without(stream, data) == data


@given(st.lists(st.sampled_from([TIMING, RECOVERY, note(b"\0\0\0\3\0\0\1"), FRAME]), max_size=6))
def test_whatever_stands_there_keeps_its_length(said: list[bytes]) -> None:
    stream = h264(4)
    data = messages(stream, *said) + unit(stream, FRAME)
    out = without(stream, data)
    assert len(out) == len(data)
    assert units(stream, out)[-1] == FRAME


def described(kind: bytes, config: bytes) -> bytes:
    return box(kind, bytes(78), config)


@pytest.mark.parametrize(
    ("told", "stream"),
    [
        (described(b"avc1", box(b"avcC", b"\1\x64\0\x0a\xff\xe1")), h264(4)),
        (described(b"avc1", box(b"avcC", b"\1\x64\0\x0a\xfd\xe1")), h264(2)),
        (described(b"hvc1", box(b"hvcC", bytes(21) + b"\3\0")), h265(4)),
    ],
)
def test_the_video_of_a_film_loses_its_notes(told: bytes, stream: Stream) -> None:
    video = messages(stream, note()) + unit(stream, FRAME)

    def moov(at: dict[str, int]) -> bytes:
        tables = samples_at((at["one"], len(video)), (at["two"], len(video)))
        return box(b"moov", track(b"vide", tables, told=told))

    data = film(moov, ("one", video), ("gap", SECRET), ("two", video))
    out = cleaned(mp4, data)
    assert (len(out), SECRET in out, out.count(FRAME)) == (len(data), False, 2)
    assert cleaned(mp4, out) == out


def facts(*arrays: tuple[int, list[bytes]]) -> bytes:
    """What a decoder of H.265 is told: arrays of units, each with a length of two bytes."""
    found = [
        bytes([kind])
        + len(listed).to_bytes(2, "big")
        + b"".join(unit(h265(2), one) for one in listed)
        for kind, listed in arrays
    ]
    return bytes(21) + b"\3" + bytes([len(arrays)]) + b"".join(found)


def test_notes_in_the_description_of_h265_go_and_units_stay_as_many() -> None:
    sets, timing = b"\x40\x01sets", HEADS[2] + TIMING + b"\x80"
    told = HEADS[2] + note() + b"\x80"
    mixed = HEADS[2] + TIMING + note(SECRET * 9) + b"\x80"
    whole = facts((32, [sets]), (39, [told, timing, mixed]), (34, [sets]))

    def data(config: bytes) -> bytes:
        return film(lambda _: box(b"moov", track(told=described(b"hvc1", box(b"hvcC", config)))))

    fillers = [b"\x4c\x01".ljust(len(one) - 1, b"\xff") + b"\x80" for one in (told, mixed)]
    clean = facts((32, [sets]), (39, [fillers[0], timing, fillers[1]]), (34, [sets]))
    assert cleaned(mp4, data(whole)) == data(clean)
    assert cleaned(mp4, data(clean)) == data(clean)
    for cut in range(23, len(whole), 7):
        out = cleaned(mp4, data(whole[:cut]))
        assert len(out) == len(data(whole[:cut]))


def test_places_outside_the_film_and_other_videos_are_left_alone() -> None:
    stream = h264(4)
    video = messages(stream, note()) + unit(stream, FRAME)
    avc = described(b"avc1", box(b"avcC", b"\1\x64\0\x0a\xff\xe1"))
    av1 = described(b"av01", box(b"av1C", b"\x81\0\0\0"))

    def moov(at: dict[str, int], told: bytes, size: int) -> bytes:
        return box(b"moov", track(b"vide", samples_at((at["one"], size)), told=told))

    past = film(lambda at: moov(at, avc, len(video) + 8), ("one", video))
    other = film(lambda at: moov(at, av1, len(video)), ("one", video))
    for data in (past, other):
        assert cleaned(mp4, data) == data


def test_units_may_be_many_but_not_beyond_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    avc = described(b"avc1", box(b"avcC", b"\1\x64\0\x0a\xff\xe1"))
    monkeypatch.setattr(mp4_containers, "MOST_UNITS", 3)

    def data(number: int) -> bytes:
        video = unit(h264(4), FRAME) * number
        return film(
            lambda at: box(b"moov", track(told=avc, tables=samples_at((at["v"], len(video))))),
            ("v", video),
        )

    assert cleaned(mp4, data(4)) == data(4)
    assert refused(mp4, data(5)) == CUT
    many = messages(h264(4), *[TIMING] * 9)
    with pytest.raises(FileRefused):
        list(notes(memoryview(many), h264(4), [Range(0, len(many))], count(8, -1)))
    with pytest.raises(FileRefused):
        list(notes(memoryview(bytes(90)), h264(4), [Range(0, 90)], count(2, -1)))


def test_patches_never_reach_into_each_other() -> None:
    data = memoryview(b"abcdefgh")
    found = patched(data, [Patch(1, b"XXX"), Patch(2, b"YY"), Patch(4, b"Z")])
    assert b"".join(found) == b"aXXXZfgh"
