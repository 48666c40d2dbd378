"""WebM byte by byte: tracks of picture and sound stay where they are, the rest is blanked."""

from __future__ import annotations

from itertools import count

import pytest

from annotate.services import blanking, webm_containers
from annotate.services.containers import CUT
from annotate.services.webm_containers import webm
from tests.support import media_samples as samples
from tests.support.container_readers import cleaned, refused

SECRET = samples.SECRET
NEITHER = "it holds neither picture nor sound, or is cut off"


def element(name: int, *inside: bytes) -> bytes:
    return samples._element(name, *inside)


HEAD = element(0x1A45DFA3, element(0x4282, b"webm"))
FRAME = element(0xA3, b"\x81\0\0\x80frame")
CLUSTER = element(0x1F43B675, element(0xE7, b"\0"), FRAME)
TRACKS = element(0x1654AE6B, element(0xAE, element(0xD7, b"\1"), element(0x83, b"\1")))


def film(*inside: bytes) -> bytes:
    return HEAD + element(0x18538067, *inside)


@pytest.mark.parametrize("size", [0, 1, 100, 120, 121, 122, 123, 130, 200_000])
@pytest.mark.parametrize("name", [0xEC, 0xBF, 0x7BA9, 0x1254C367])
def test_private_elements_become_void_of_the_same_length(name: int, size: int) -> None:
    private = element(name, b"\x55" * size)
    info = element(0x1549A966, private, element(0x4489, bytes(8)))
    data = film(info, TRACKS, CLUSTER)
    out = cleaned(webm, data)
    assert len(out) == len(data)
    assert b"\x55" not in out
    at = data.index(private)
    assert (out[:at], out[at + len(private) :]) == (data[:at], data[at + len(private) :])
    [void] = webm_containers._elements(
        memoryview(out[at : at + len(private)]), 0, 0, len(private), count(9, -1)
    )
    assert (void.name, void.at, void.end) == (0xEC, 0, len(private))
    assert not any(out[at + void.body : at + void.end])


def test_a_film_that_was_recorded_live_must_tell_lengths_inside() -> None:
    unknown = b"\x01" + b"\xff" * 7
    live = HEAD + (0x18538067).to_bytes(4, "big") + unknown + TRACKS + element(0x7BA9, SECRET)
    out = cleaned(webm, live)
    assert (len(out), SECRET in out) == (len(live), False)
    cluster = (0x1F43B675).to_bytes(4, "big") + b"\xff" + b"frames"
    assert refused(webm, live + cluster) == webm_containers.UNBOUNDED


@pytest.mark.parametrize(
    ("kinds", "media_type"),
    [((1,), "video/webm"), ((2,), "audio/webm"), ((2, 17, 1), "video/webm")],
)
def test_a_webm_is_film_or_sound(kinds: tuple[int, ...], media_type: str) -> None:
    entries = [element(0xAE, element(0x83, bytes([kind]))) for kind in kinds]
    data = film(element(0x1654AE6B, *entries))
    assert webm(memoryview(data)).media_type == media_type


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (HEAD, NEITHER),
        (film(element(0x1654AE6B, element(0xAE, element(0x83, b"\x11")))), NEITHER),
        (film(element(0x1654AE6B, element(0xAE, element(0x83)))), NEITHER),
        (element(0x1A45DFA3, element(0x4282, b"matroska")) + film(TRACKS), "it is Matroska"),
        (element(0x1A45DFA3) + film(TRACKS), "it is Matroska"),
        (HEAD[:4], CUT),
        (HEAD[:6], CUT),
        (film(TRACKS)[:-1], CUT),
        (film(TRACKS) + b"\0\0", CUT),
        (film(TRACKS) + b"\x1a", CUT),
        (film(element(0x1654AE6B, b"\xae\x90")), CUT),
    ],
)
def test_a_webm_that_cannot_be_followed_is_refused(data: bytes, reason: str) -> None:
    assert refused(webm, data).startswith(reason)


@pytest.mark.parametrize("name", ["MOST_PARTS", "MOST_BLOCKS"])
def test_a_webm_of_too_many_parts_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    if name == "MOST_PARTS":
        monkeypatch.setattr(blanking, name, 9)
        few, many = (film(TRACKS, element(0x1654AE6B) * number) for number in (3, 4))
    else:
        monkeypatch.setattr(webm_containers, name, 4)
        few, many = (film(TRACKS, element(0x1F43B675, FRAME * number)) for number in (5, 6))
    assert cleaned(webm, few) == few
    assert refused(webm, many) == CUT


# --------------------------------------------------------------------------- what is in a film


def entry(number: int, kind: int, *more: bytes) -> bytes:
    head = element(0xD7, bytes([number])), element(0x83, bytes([kind]))
    return element(0xAE, *head, *more)


def block(number: int, said: bytes) -> bytes:
    return bytes([0x80 | number]) + b"\0\0\x80" + said


def blank(private: bytes) -> bytes:
    """Return the element of the same length that players skip, as short ones are written."""
    assert len(private) < 129
    return bytes([0xEC, 0x80 | (len(private) - 2)]) + bytes(len(private) - 2)


@pytest.mark.parametrize("kind", [3, 16, 17, 18, 32, 33])
def test_tracks_of_words_and_places_go_with_all_that_they_say(kind: int) -> None:
    private = entry(2, kind, element(0x86, b"D_WEBVTT/METADATA"), element(0x258688, SECRET))
    said = element(0xA3, block(2, SECRET))
    group = element(0xA0, element(0xA1, block(2, SECRET)), element(0x9B, b"\1"))
    shown = element(0xA0, element(0xA1, block(1, b"frame")), element(0x9B, b"\1"))
    tracks = element(0x1654AE6B, entry(1, 1), private)
    clusters = [
        element(0x1F43B675, element(0xE7, b"\0"), said, FRAME, group, shown) for _ in range(2)
    ]
    data = film(tracks, *clusters)
    wanted = data
    for one in (private, said, group):
        wanted = wanted.replace(one, blank(one))
    assert cleaned(webm, data) == wanted
    assert SECRET not in wanted


@pytest.mark.parametrize(
    "private",
    [
        element(0x1043A770, SECRET),  # chapters
        element(0x258688, SECRET),  # name of a codec
        element(0x4489, SECRET),  # a number that is none
        element(0xEC, SECRET),
        element(0x4BCD, SECRET),
    ],
)
def test_what_is_not_known_goes_wherever_it_stands(private: bytes) -> None:
    head = element(0x1A45DFA3, element(0x4282, b"webm"), private)
    info = element(0x1549A966, private)
    tracks = element(0x1654AE6B, entry(1, 1, private, element(0xE0, private)), private)
    cues = element(0x1C53BB6B, element(0xBB, private, element(0xB7, private)))
    group = element(0xA0, element(0xA1, block(1, b"frame")), private)
    inside = (info, tracks, element(0x1F43B675, private, FRAME, group), cues, private)
    data = head + element(0x18538067, *inside) + private
    assert cleaned(webm, data) == data.replace(private, blank(private))


def test_programs_are_blanked_and_their_places_stay() -> None:
    data = film(element(0x1549A966, element(0x4D80, SECRET), element(0x5741, SECRET)), TRACKS)
    assert cleaned(webm, data) == data.replace(SECRET, bytes(len(SECRET)))


@pytest.mark.parametrize("see_through", [True, False])
def test_what_is_added_to_a_frame_stays_for_pictures_that_are_see_through(
    *, see_through: bool
) -> None:
    added = element(0x75A1, b"alpha or notes")
    seen = element(0xE0, element(0x53C0, bytes([see_through])))
    group = element(0xA0, element(0xA1, block(1, b"frame")), added)
    data = film(element(0x1654AE6B, entry(1, 1, seen)), element(0x1F43B675, group))
    wanted = data if see_through else data.replace(added, blank(added))
    assert cleaned(webm, data) == wanted


def vorbis(*comments: bytes, more: bytes = b"") -> bytes:
    words = b"".join(len(word).to_bytes(4, "little") + word for word in comments[1:])
    vendor = len(comments[0]).to_bytes(4, "little") + comments[0]
    said = b"\3vorbis" + vendor + (len(comments) - 1).to_bytes(4, "little") + words + b"\1" + more
    laced = b"\xff" * (len(said) // 255) + bytes([len(said) % 255])
    return b"\2" + bytes([30]) + laced + b"\1vorbis" + bytes(23) + said + b"\5vorbis setup"


def test_comments_of_vorbis_are_blanked_among_what_the_decoder_needs() -> None:
    comments = SECRET, b"LOCATION=" + SECRET, b"", b"TITLE=" + SECRET * 9
    facts = vorbis(*comments, more=SECRET)
    wanted = vorbis(*(bytes(len(word)) for word in comments), more=bytes(len(SECRET)))
    codec = element(0x86, b"A_VORBIS")
    data = film(element(0x1654AE6B, entry(1, 2, codec, element(0x63A2, facts))))
    assert cleaned(webm, data) == data.replace(facts, wanted)
    for broken in (b"\3" + facts[1:], facts[:60], facts.replace(b"\3vorbis", b"\3vorbis\xff")):
        bad = film(element(0x1654AE6B, entry(1, 2, codec, element(0x63A2, broken))))
        assert refused(webm, bad) == CUT
    opus = film(element(0x1654AE6B, entry(1, 2, element(0x86, b"A_OPUS"), element(0x63A2, facts))))
    assert cleaned(webm, opus) == opus
