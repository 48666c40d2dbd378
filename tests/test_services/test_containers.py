"""Pictures and recordings byte by byte: what stays, what goes, where a trick is refused."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import pytest

from annotate.services import (
    containers,
    mp4_containers,
    sound_containers,
    webm_containers,
)
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
    "video/mp4": mp4_containers.mp4,
    "video/webm": webm_containers.webm,
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


# ------------------------------------------------------- what hides in the parts that are known


def jpeg_of(*segments: bytes) -> bytes:
    return b"\xff\xd8" + b"".join(segments) + SCAN + END


@pytest.mark.parametrize("marker", [0x02, 0xBF, 0xC0 - 1, 0xDC, 0xDE, 0xDF, 0xF0, 0xF7, 0xFD])
def test_segments_that_no_decoder_asks_for_go(marker: int) -> None:
    data = jpeg_of(segment(0xDB, bytes(65)), segment(marker, SECRET))
    assert cleaned(containers.jpeg, data) == jpeg_of(segment(0xDB, bytes(65)))


def test_of_adobe_only_the_kind_of_colours_stays() -> None:
    told = b"Adobe\0\x64\0\0\0\0\2"
    assert cleaned(containers.jpeg, jpeg_of(segment(0xEE, told + SECRET))) == jpeg_of(
        segment(0xEE, told)
    )
    for other in (SECRET, told[:-1], b"Ducky" + SECRET):
        assert cleaned(containers.jpeg, jpeg_of(segment(0xEE, other))) == jpeg_of()


def test_a_second_picture_behind_the_first_and_its_index_go() -> None:
    """As cameras write them: a small copy in the head, a larger one behind the end."""
    small = jpeg_of(segment(0xE1, b"Exif\0\0" + SECRET))
    index = segment(0xE2, b"MPF\0" + SECRET)
    jfif = segment(0xE0, b"JFXX\0\x10" + small)
    first = segment(0xDB, bytes(65))
    data = jpeg_of(jfif, exif(tiff(">", (0x0112, 1)) + small), index, first) + small
    assert cleaned(containers.jpeg, data) == jpeg_of(first)


def test_parts_of_a_png_carry_no_more_than_their_kind() -> None:
    head, pixels = chunk(b"IHDR", bytes(13)), chunk(b"IDAT", b"x")
    small = [chunk(b"PLTE", bytes(6)), chunk(b"tRNS", b"\0"), chunk(b"gAMA", bytes(4))]
    clean = containers.PNG_SIGNATURE + b"".join([head, *small, pixels, chunk(b"IEND", b"")])
    large = [chunk(kind, SECRET * 40) for kind in (b"PLTE", b"tRNS", b"gAMA", b"cHRM", b"sRGB")]
    again = [chunk(b"PLTE", SECRET), chunk(b"tRNS", SECRET), chunk(b"gAMA", SECRET[:4])]
    late = [chunk(kind, SECRET) for kind in (b"eXIf", b"iTXt", b"zTXt")]
    for parts in ([*small, pixels, *again, *late], [*small, *large, pixels]):
        data = b"".join([head, *parts, chunk(b"IEND", SECRET)])
        assert cleaned(containers.png, containers.PNG_SIGNATURE + data) == clean
    for heads in (chunk(b"IHDR", bytes(13) + SECRET), head + head):
        data = containers.PNG_SIGNATURE + heads + pixels + chunk(b"IEND", b"")
        assert refused(containers.png, data) == CUT


def test_a_gif_says_once_and_briefly_what_is_see_through() -> None:
    control = b"\x21\xf9\x04\1\0\0\0\0"
    wordy = b"\x21\xf9" + bytes([len(SECRET)]) + SECRET + b"\0"
    longer = control[:-1] + bytes([len(SECRET)]) + SECRET + b"\0"
    other = b"\x21\x01\x04\1\0\0\0\0"
    clean = GIF_HEAD + control + GIF_PICTURE + b"\x3b"
    for parts in ([control, wordy], [longer, control], [other, control], [control, control]):
        data = GIF_HEAD + b"".join(parts) + GIF_PICTURE + control + longer + b"\x3b"
        assert cleaned(containers.gif, data) == clean


def test_a_webp_shows_one_picture() -> None:
    wide = b"\x10" + SECRET[:3] + EXTENDED[4:] + SECRET
    twice = [(b"ALPH", b"abc"), (b"VP8 ", LOSSY), (b"VP8L", LOSSLESS), (b"VP8 ", LOSSY + SECRET)]
    data = riff(b"WEBP", (b"VP8X", wide), *twice, (b"ALPH", SECRET), (b"VP8X", wide))
    clean = riff(b"WEBP", (b"VP8X", b"\x10\0\0\0" + EXTENDED[4:]), *twice[:2])
    assert cleaned(containers.webp, data + data[12:]) == clean
    assert refused(containers.webp, b"RIFX" + clean[4:]) == CUT
