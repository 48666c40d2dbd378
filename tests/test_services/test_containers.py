"""Pictures and recordings byte by byte: what stays, what goes, where a trick is refused."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import pytest

from annotate.services import containers, film_containers, sound_containers
from annotate.services.containers import CUT, MOVING, Cleaned
from tests.support import media_samples as samples
from tests.support.container_readers import cleaned, refused, riff

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = samples.SECRET
READERS: dict[str, Callable[[memoryview], Cleaned]] = {
    "image/png": containers.png,
    "image/jpeg": containers.jpeg,
    "image/gif": containers.gif,
    "image/webp": containers.webp,
    "audio/wav": sound_containers.wav,
    "audio/mpeg": sound_containers.mp3,
    "audio/flac": sound_containers.flac,
    "video/mp4": film_containers.mp4,
    "video/webm": film_containers.webm,
}


@pytest.mark.parametrize("kind", READERS)
def test_cleaning_takes_the_secret_and_nothing_more_the_second_time(kind: str) -> None:
    once = cleaned(READERS[kind], samples.SAMPLES[kind]())
    assert SECRET not in once
    assert cleaned(READERS[kind], once) == once
    assert READERS[kind](memoryview(once)).media_type == kind


# ------------------------------------------------------------------------------------------- JPEG

SCAN = b"\xff\xda\0\x03\x01\x12\x34\xff\0\x56\xff\xd0\x78"
END = b"\xff\xd9"


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", 2 + len(body)) + body


def exif(tiff: bytes) -> bytes:
    return segment(0xE1, b"Exif\0\0" + tiff)


def tiff(order: str, *tags: tuple[int, int], count: int | None = None, first: int = 8) -> bytes:
    mark = {"<": b"II", ">": b"MM"}[order]
    head = struct.pack(f"{order}2sHI", mark, 42, first)
    entries = b"".join(
        # a short stands at the front of its four bytes
        struct.pack(f"{order}HHIHH", tag, 3, 1, value, 0)
        for tag, value in tags
    )
    return head + struct.pack(f"{order}H", len(tags) if count is None else count) + entries


def turn_of(data: bytes) -> int:
    """Return the turn that a cleaned JPEG of ours tells; 1 when it tells none."""
    out = cleaned(containers.jpeg, data)
    if not out.startswith(b"\xff\xd8\xff\xe1"):
        return 1
    assert out[6:12] == b"Exif\0\0"
    return int.from_bytes(out[30:32], "big")


@pytest.mark.parametrize(
    ("body", "turn"),
    [
        (tiff("<", (0x0100, 9), (0x0112, 6)), 6),
        (tiff(">", (0x0100, 9), (0x0112, 8)), 8),
        (tiff(">", (0x0112, 1)), 1),
        (tiff(">", (0x0112, 0)), 1),
        (tiff("<", (0x0112, 9)), 1),
        (tiff(">", (0x0100, 6)), 1),
        (tiff(">", count=0), 1),
        (tiff(">", (0x0100, 6), count=3), 1),  # it says more tags than there are
        (tiff(">", (0x0112, 6), first=5000), 1),
        (tiff("<", (0x0112, 6)).replace(b"II", b"XX"), 1),
        (b"MM\0*", 1),
        (b"", 1),
    ],
)
def test_of_the_exif_only_the_turn_stays(body: bytes, turn: int) -> None:
    data = b"\xff\xd8" + exif(body) + segment(0xFE, SECRET) + SCAN + END
    assert turn_of(data) == turn
    assert cleaned(containers.jpeg, data).endswith(SCAN + END)


def test_segments_of_the_picture_stay_and_those_of_programs_go() -> None:
    adobe, tables = segment(0xEE, b"Adobe\0\x64\0\0\0\0\1"), segment(0xDB, bytes(65))
    gone = [segment(marker, SECRET) for marker in (0xE0, 0xE1, 0xE2, 0xED, 0xEF, 0xFE)]
    bare = b"\xff\x01" + b"\xff\xd3" + b"\xff\xff"  # marks without a body, and a filler
    data = b"\xff\xd8" + b"".join(gone) + adobe + bare + tables + SCAN + SCAN + END + SECRET
    assert cleaned(containers.jpeg, data) == b"\xff\xd8" + adobe + tables + SCAN + SCAN + END


def test_a_jpeg_that_ends_too_early_is_refused_wherever_it_ends() -> None:
    whole = b"\xff\xd8" + segment(0xDB, bytes(9)) + b"\xff\x01" + SCAN + END
    assert cleaned(containers.jpeg, whole)
    for end in range(2, len(whole)):
        assert refused(containers.jpeg, whole[:end]) == CUT
    wrong = (segment(0xDB, b"")[:2] + b"\0\1", b"\x12\xdb\0\4ab", b"\xff\xdb\xff\xff")
    for bad in wrong:
        assert refused(containers.jpeg, b"\xff\xd8" + bad + SCAN + END) == CUT


# --------------------------------------------------------------------------------------- PNG, GIF


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def test_chunks_of_a_png_that_are_not_known_go() -> None:
    kept = [chunk(b"IHDR", bytes(13)), chunk(b"tRNS", b"\0"), chunk(b"IDAT", b"x")]
    gone = [chunk(kind, SECRET) for kind in (b"tEXt", b"iCCP", b"eXIf", b"tIME", b"prVt")]
    end = chunk(b"IEND", b"")
    data = containers.PNG_SIGNATURE + b"".join([kept[0], *gone, *kept[1:], end, SECRET])
    clean = containers.PNG_SIGNATURE + b"".join([*kept, end])
    assert cleaned(containers.png, data) == clean
    for cut in range(8, len(clean)):
        assert refused(containers.png, clean[:cut]) == CUT
    moving = containers.PNG_SIGNATURE + kept[0] + chunk(b"acTL", bytes(8)) + end
    assert refused(containers.png, moving) == MOVING


GIF_HEAD = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0, 0, 0)
GIF_PICTURE = b"\x2c" + bytes(8) + b"\0" + b"\x02\x02\x4c\x01\0"


def test_a_gif_keeps_one_picture_its_tables_and_what_is_see_through() -> None:
    shared = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6)
    own = b"\x2c" + bytes(8) + b"\x81" + bytes(12) + b"\x02\x02\x4c\x01\0"
    control = b"\x21\xf9\x04\1\0\0\0\0"
    comment = b"\x21\xfe" + bytes([len(SECRET)]) + SECRET + b"\0"
    program = b"\x21\xff\x0bNETSCAPE2.0\3\1\0\0\0"
    for head, picture in ((GIF_HEAD, GIF_PICTURE), (shared, own)):
        data = head + comment + control + program + picture + comment + b"\x3b" + SECRET
        clean = head + control + picture + b"\x3b"
        assert cleaned(containers.gif, data) == clean
        for cut in range(len(clean)):
            assert refused(containers.gif, clean[:cut]) == CUT


def test_a_gif_of_two_pictures_or_of_strange_parts_is_refused() -> None:
    assert refused(containers.gif, GIF_HEAD + GIF_PICTURE * 2 + b"\x3b") == MOVING
    assert refused(containers.gif, GIF_HEAD + b"\x99" + GIF_PICTURE + b"\x3b") == CUT
    assert refused(containers.gif, GIF_HEAD + b"\x21\xfe\xff" + SECRET) == CUT


# ------------------------------------------------------------------------------------- WebP and WAV


LOSSY = b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 0x4000 | 300, 0x8000 | 200) + b"rest!"
LOSSLESS = b"\x2f" + ((300 - 1) | (200 - 1) << 14 | 1 << 28).to_bytes(4, "little")
EXTENDED = bytes([0x2C | 0x10, 0, 0, 0]) + (299).to_bytes(3, "little") + (199).to_bytes(3, "little")


@pytest.mark.parametrize(
    ("chunks", "kept"),
    [
        ([(b"VP8 ", LOSSY)], [(b"VP8 ", LOSSY)]),
        ([(b"VP8L", LOSSLESS), (b"XMP ", SECRET)], [(b"VP8L", LOSSLESS)]),
        (
            [(b"VP8X", EXTENDED), (b"ICCP", SECRET), (b"ALPH", b"abc"), (b"VP8 ", LOSSY)],
            [(b"VP8X", b"\x10" + EXTENDED[1:]), (b"ALPH", b"abc"), (b"VP8 ", LOSSY)],
        ),
    ],
)
def test_a_webp_keeps_its_picture_and_tells_its_size(
    chunks: list[tuple[bytes, bytes]], kept: list[tuple[bytes, bytes]]
) -> None:
    data = riff(b"WEBP", *chunks, (b"EXIF", SECRET))
    found = containers.webp(memoryview(data + SECRET))
    assert (found.size, found.media_type) == ((300, 200), "image/webp")
    assert b"".join(found.pieces) == riff(b"WEBP", *kept)


def test_a_webp_without_a_size_gives_none_that_would_pass_for_one() -> None:
    short = riff(b"WEBP", (b"VP8X", b"\x10"), (b"VP8L", b"\x2f"), (b"VP8 ", b"\0"))
    found = containers.webp(memoryview(short))
    assert found.size == (0, 0)
    assert b"VP8X" not in b"".join(found.pieces)


def test_a_webp_that_moves_or_shows_nothing_is_refused() -> None:
    for kind in (b"ANIM", b"ANMF"):
        assert refused(containers.webp, riff(b"WEBP", (kind, b""), (b"VP8 ", LOSSY))) == MOVING
    assert refused(containers.webp, riff(b"WEBP", (b"VP8X", EXTENDED))) == CUT


# -------------------------------------------------------------------------------------------- MP4


def box(kind: bytes, *inside: bytes) -> bytes:
    return samples._box(kind, *inside)


def large(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4sQ", 1, kind, 16 + len(body)) + body


FTYP = box(b"ftyp", b"isom", bytes(4))
NEITHER = "it holds neither picture nor sound, or is cut off"


def track(handler: bytes = b"vide", *more: bytes) -> bytes:
    return box(b"trak", box(b"mdia", box(b"hdlr", bytes(8), handler, bytes(13)), *more))


@pytest.mark.parametrize("kind", [b"udta", b"meta", b"uuid", b"free", b"skip"])
@pytest.mark.parametrize("make", [box, large])
def test_private_boxes_are_blanked_where_they_stand(
    kind: bytes, make: Callable[[bytes, bytes], bytes]
) -> None:
    private, moving = make(kind, SECRET * 4000), box(b"mdat", b"frames")
    for data in (
        FTYP + box(b"moov", track()) + private + moving,
        FTYP + box(b"moov", private, track()) + moving,
        FTYP + box(b"moov", track()) + moving + private,
    ):
        out = cleaned(film_containers.mp4, data)
        blank = make(b"free", bytes(len(SECRET) * 4000))
        assert out == data.replace(private, blank)


@pytest.mark.parametrize(("version", "size"), [(0, 8), (1, 16)])
@pytest.mark.parametrize("kind", [b"mvhd", b"tkhd", b"mdhd"])
def test_times_are_blanked_in_both_widths(kind: bytes, version: int, size: int) -> None:
    head = bytes([version, 7, 7, 7])
    timed = box(kind, head, b"\x55" * size, b"\x66" * 24)
    data = FTYP + box(b"moov", timed, track())
    assert cleaned(film_containers.mp4, data) == data.replace(b"\x55" * size, bytes(size))
    short = FTYP + box(b"moov", box(kind, head, b"\x55" * 15), track())
    assert cleaned(film_containers.mp4, short) == short


def test_the_last_box_may_reach_to_the_end() -> None:
    data = FTYP + box(b"moov", track(b"soun")) + struct.pack(">I4s", 0, b"mdat") + bytes(99)
    found = film_containers.mp4(memoryview(data))
    assert (found.media_type, b"".join(found.pieces)) == ("audio/mp4", data)
    both = FTYP + box(b"moov", track(b"soun"), track(b"vide"))
    assert film_containers.mp4(memoryview(both)).media_type == "video/mp4"


def nested(depth: int) -> bytes:
    inner = track()
    for _ in range(depth):
        inner = box(b"moov", inner)
    return FTYP + inner


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (FTYP, NEITHER),
        (FTYP + box(b"moov", track(b"text")), NEITHER),
        (FTYP + box(b"moov", box(b"hdlr", bytes(8), b"vid")), NEITHER),
        (FTYP + box(b"moov", track())[:-1], CUT),
        (FTYP + struct.pack(">I4s", 7, b"moov"), CUT),
        (FTYP + struct.pack(">I4s", 1, b"mdat"), CUT),
        (FTYP + struct.pack(">I4sQ", 1, b"mdat", 15), CUT),
        (FTYP + struct.pack(">I4sQ", 1, b"mdat", 2**63) + bytes(64), CUT),
        (FTYP + box(b"moov", struct.pack(">I4s", 99, b"trak")) + bytes(99), CUT),
        (nested(film_containers.DEEPEST), CUT),
        (box(b"ftyp", b"avif", bytes(4)) + box(b"moov", track()), "it is a HEIC or AVIF picture"),
    ],
)
def test_an_mp4_that_cannot_be_followed_is_refused(data: bytes, reason: str) -> None:
    assert refused(film_containers.mp4, data).startswith(reason)


def test_boxes_may_be_deep_and_many_but_not_beyond_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cleaned(film_containers.mp4, nested(film_containers.DEEPEST - 3))
    monkeypatch.setattr(film_containers, "MOST_PARTS", 5)
    few, many = (FTYP + box(b"moov", track()) + box(b"free") * count for count in (3, 4))
    assert cleaned(film_containers.mp4, few) == few
    assert refused(film_containers.mp4, many) == CUT


# ------------------------------------------------------------------------------------------- WebM


def element(name: int, *inside: bytes) -> bytes:
    return samples._element(name, *inside)


HEAD = element(0x1A45DFA3, element(0x4282, b"webm"))
TRACKS = element(0x1654AE6B, element(0xAE, element(0xD7, b"\1"), element(0x83, b"\1")))


def webm(*inside: bytes) -> bytes:
    return HEAD + element(0x18538067, *inside)


@pytest.mark.parametrize("size", [0, 1, 100, 120, 121, 122, 123, 130, 200_000])
@pytest.mark.parametrize("name", [0xEC, 0xBF, 0x7BA9, 0x1254C367])
def test_private_elements_become_void_of_the_same_length(name: int, size: int) -> None:
    private = element(name, b"\x55" * size)
    info = element(0x1549A966, private, element(0x4D80, b"tests"))
    data = webm(info, TRACKS, element(0x1F43B675, b"frames"))
    out = cleaned(film_containers.webm, data)
    assert len(out) == len(data)
    assert b"\x55" not in out
    at = data.index(private)
    assert (out[:at], out[at + len(private) :]) == (data[:at], data[at + len(private) :])
    [void] = film_containers._elements(memoryview(out[at : at + len(private)]), 0, len(private))
    assert (void.name, void.at, void.end) == (0xEC, 0, len(private))
    assert not any(out[at + void.body : at + void.end])


def test_a_film_that_was_recorded_live_must_tell_lengths_inside() -> None:
    unknown = b"\x01" + b"\xff" * 7
    live = HEAD + (0x18538067).to_bytes(4, "big") + unknown + TRACKS + element(0x7BA9, SECRET)
    out = cleaned(film_containers.webm, live)
    assert (len(out), SECRET in out) == (len(live), False)
    cluster = (0x1F43B675).to_bytes(4, "big") + b"\xff" + b"frames"
    assert refused(film_containers.webm, live + cluster) == film_containers.UNBOUNDED


@pytest.mark.parametrize(
    ("kinds", "media_type"),
    [((1,), "video/webm"), ((2,), "audio/webm"), ((2, 17, 1), "video/webm")],
)
def test_a_webm_is_film_or_sound(kinds: tuple[int, ...], media_type: str) -> None:
    entries = [element(0xAE, element(0x83, bytes([kind]))) for kind in kinds]
    data = webm(element(0x1654AE6B, *entries))
    assert film_containers.webm(memoryview(data)).media_type == media_type


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (HEAD, NEITHER),
        (webm(element(0x1654AE6B, element(0xAE, element(0x83, b"\x11")))), NEITHER),
        (webm(element(0x1654AE6B, element(0xAE, element(0x83)))), NEITHER),
        (element(0x1A45DFA3, element(0x4282, b"matroska")) + webm(TRACKS), "it is Matroska"),
        (element(0x1A45DFA3) + webm(TRACKS), "it is Matroska"),
        (HEAD[:4], CUT),
        (HEAD[:6], CUT),
        (webm(TRACKS)[:-1], CUT),
        (webm(TRACKS) + b"\0\0", CUT),
        (webm(TRACKS) + b"\x1a", CUT),
        (webm(element(0x1654AE6B, b"\xae\x90")), CUT),
    ],
)
def test_a_webm_that_cannot_be_followed_is_refused(data: bytes, reason: str) -> None:
    assert refused(film_containers.webm, data).startswith(reason)


def test_a_webm_of_too_many_parts_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(film_containers, "MOST_PARTS", 5)
    few, many = (webm(TRACKS, element(0xA3, b"x") * count) for count in (4, 5))
    assert cleaned(film_containers.webm, few) == few
    assert refused(film_containers.webm, many) == CUT
