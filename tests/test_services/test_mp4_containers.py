"""MP4 byte by byte: samples of picture and sound stay where they are, the rest is blanked."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotate.services import blanking
from annotate.services.containers import CUT
from annotate.services.mp4_containers import NEITHER, mp4
from annotate.services.mp4_samples import Range, merged, outside
from tests.support import media_samples as samples
from tests.support.container_readers import cleaned, refused

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = samples.SECRET
FRAMES = b"frames"


def box(kind: bytes, *inside: bytes) -> bytes:
    return samples._box(kind, *inside)


def large(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4sQ", 1, kind, 16 + len(body)) + body


def full(kind: bytes, *numbers: int, flags: int = 0) -> bytes:
    """A box of a version, flags and numbers of four bytes."""
    return box(kind, struct.pack(f">{1 + len(numbers)}I", flags, *numbers))


FTYP = box(b"ftyp", b"isom", bytes(4))


def samples_at(*places: tuple[int, int]) -> bytes:
    """Tables of chunks at places, each with one sample of a size."""
    sizes, starts = [size for _, size in places], [at for at, _ in places]
    return (
        full(b"stsc", 1, 1, 1, 1)
        + full(b"stsz", 0, len(sizes), *sizes)
        + full(b"stco", len(starts), *starts)
    )


def track(
    handler: bytes = b"vide", tables: bytes = b"", *, number: int = 1, told: bytes = b""
) -> bytes:
    stbl = box(b"stbl", box(b"stsd", bytes(8), told), tables)
    hdlr = box(b"hdlr", bytes(8), handler, bytes(13))
    return box(
        b"trak", full(b"tkhd", 0, 0, number, 0, 0, 0), box(b"mdia", hdlr, box(b"minf", stbl))
    )


def film(
    make: Callable[[dict[str, int]], bytes], *parts: tuple[str, bytes], end: bytes = b""
) -> bytes:
    """A file whose tables know where the named parts of its ``mdat`` lie."""
    names = dict.fromkeys((name for name, _ in parts), 0)
    at = len(FTYP + make(names)) + 8
    for name, body in parts:
        names[name], at = at, at + len(body)
    return FTYP + make(names) + box(b"mdat", *(body for _, body in parts)) + end


@pytest.mark.parametrize("kind", [b"udta", b"meta", b"uuid", b"free", b"skip", b"gps ", b"emsg"])
@pytest.mark.parametrize("make", [box, large])
def test_private_boxes_are_blanked_where_they_stand(
    kind: bytes, make: Callable[[bytes, bytes], bytes]
) -> None:
    private = make(kind, SECRET * 4000)
    blank = make(b"free", bytes(len(SECRET) * 4000))

    def moov(at: dict[str, int]) -> bytes:
        return box(b"moov", private, track(b"vide", samples_at((at["frames"], len(FRAMES)))))

    data = film(moov, ("frames", FRAMES), end=private)
    assert cleaned(mp4, data) == data.replace(private, blank)


@pytest.mark.parametrize("depth", range(1, 6))
def test_what_is_not_known_goes_on_every_floor(depth: int) -> None:
    private = box(b"abcd", SECRET)
    path = [b"moov", b"trak", b"mdia", b"minf", b"stbl"][:depth]
    data = FTYP + box(b"moov", track())
    at = data.index(path[-1]) + 4
    grown = data[:at] + private + data[at:]
    for name in path:
        begin = grown.index(name) - 4
        size = int.from_bytes(grown[begin : begin + 4], "big") + len(private)
        grown = grown[:begin] + size.to_bytes(4, "big") + grown[begin + 4 :]
    assert cleaned(mp4, grown) == grown.replace(private, box(b"free", bytes(len(SECRET))))


@pytest.mark.parametrize(("version", "size"), [(0, 8), (1, 16)])
@pytest.mark.parametrize("kind", [b"mvhd", b"tkhd", b"mdhd"])
def test_times_are_blanked_in_both_widths(kind: bytes, version: int, size: int) -> None:
    def data(timed: bytes) -> bytes:
        heads = {name: timed if name == kind else b"" for name in (b"mvhd", b"tkhd", b"mdhd")}
        hdlr = box(b"hdlr", bytes(8), b"vide", bytes(13))
        inside = box(b"trak", heads[b"tkhd"], box(b"mdia", heads[b"mdhd"], hdlr))
        return FTYP + box(b"moov", heads[b"mvhd"], inside)

    head = bytes([version, 7, 7, 7])
    long, short = box(kind, head, b"\x55" * size, b"\x66" * 24), box(kind, head, b"\x55" * 15)
    assert cleaned(mp4, data(long)) == data(long.replace(b"\x55", b"\0"))
    assert cleaned(mp4, data(short)) == data(short)


def test_the_last_box_may_reach_to_the_end() -> None:
    moov = box(b"moov", track(b"soun", samples_at((500, 99))))
    data = FTYP + moov + struct.pack(">I4s", 0, b"mdat")
    at = len(data)
    data = data.replace(struct.pack(">I", 500), struct.pack(">I", at)) + b"\x55" * 99
    found = mp4(memoryview(data))
    assert (found.media_type, b"".join(found.pieces)) == ("audio/mp4", data)
    both = FTYP + box(b"moov", track(b"soun"), track(b"vide", number=2))
    assert mp4(memoryview(both)).media_type == "video/mp4"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (FTYP, NEITHER),
        (FTYP + box(b"moov", track(b"text")), NEITHER),
        (FTYP + box(b"moov", box(b"trak", box(b"mdia", box(b"hdlr", bytes(8), b"vid")))), NEITHER),
        (FTYP + box(b"moov", track())[:-1], CUT),
        (FTYP + struct.pack(">I4s", 7, b"moov"), CUT),
        (FTYP + struct.pack(">I4s", 1, b"mdat"), CUT),
        (FTYP + struct.pack(">I4sQ", 1, b"mdat", 15), CUT),
        (FTYP + struct.pack(">I4sQ", 1, b"mdat", 2**63) + bytes(64), CUT),
        (FTYP + box(b"moov", struct.pack(">I4s", 99, b"trak")) + bytes(99), CUT),
        (box(b"ftyp", b"avif", bytes(4)) + box(b"moov", track()), "it is a HEIC or AVIF picture"),
    ],
)
def test_an_mp4_that_cannot_be_followed_is_refused(data: bytes, reason: str) -> None:
    assert refused(mp4, data).startswith(reason)


def test_boxes_may_be_many_but_not_beyond_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    begin = FTYP + box(b"moov", track())
    monkeypatch.setattr(blanking, "MOST_PARTS", 12)
    few, many = (begin + box(b"free") * number for number in (3, 4))
    assert cleaned(mp4, few) == few
    assert refused(mp4, many) == CUT


# ------------------------------------------------------------------- tracks of places and of words


@pytest.mark.parametrize(
    ("handler", "kind"),
    [
        (b"meta", b"gpmd"), (b"meta", b"mebx"), (b"meta", b"camm"), (b"meta", b"mett"),
        (b"camm", b"camm"), (b"text", b"text"), (b"sbtl", b"tx3g"), (b"subt", b"stpp"),
        (b"tmcd", b"tmcd"), (b"auxv", b"hvc1"), (b"vide", b"gpmd"), (b"soun", b"camm"),
    ],
)  # fmt: skip
def test_timed_tracks_that_are_no_picture_or_sound_go_with_their_samples(
    handler: bytes, kind: bytes
) -> None:
    size, told = len(SECRET), box(kind, bytes(8), SECRET)

    def moov(at: dict[str, int]) -> bytes:
        frames = track(b"vide", samples_at((at["one"], 6), (at["two"], 6)))
        places = track(
            handler, samples_at((at["here"], size), (at["there"], size)), number=2, told=told
        )
        return box(b"moov", frames, places)

    parts = ("one", FRAMES), ("here", SECRET), ("two", FRAMES), ("there", SECRET)
    data = film(moov, *parts)
    out = cleaned(mp4, data)
    assert (len(out), SECRET in out, out.count(FRAMES)) == (len(data), False, 2)
    blank = dict.fromkeys(("here", "there"), bytes(size))
    kept = film(moov, *((name, blank.get(name, body)) for name, body in parts))
    gone = data.rindex(b"trak")
    end = gone - 4 + int.from_bytes(data[gone - 4 : gone], "big")
    assert out == kept[:gone] + b"free" + bytes(end - gone - 4) + kept[end:]


def test_what_no_track_asks_for_goes_from_between_the_frames() -> None:
    def moov(at: dict[str, int]) -> bytes:
        chunks = full(b"stsc", 2, 1, 2, 1, 2, 1, 1)  # two samples in the first chunk, then one each
        sizes = full(b"stsz", 0, 4, 2, 3, 4, 5)
        starts = full(b"stco", 3, at["a"], at["b"], at["c"])
        return box(b"moov", track(b"vide", chunks + sizes + starts))

    def parts(private: bytes) -> list[tuple[str, bytes]]:
        return [
            ("x", private), ("c", b"\x55" * 5), ("y", private), ("a", b"\x66" * 5),
            ("b", b"\x77" * 4), ("z", private),
        ]  # fmt: skip

    assert cleaned(mp4, film(moov, *parts(SECRET))) == film(moov, *parts(bytes(len(SECRET))))


@pytest.mark.parametrize(
    ("sizes", "lengths"),
    [
        (full(b"stz2", 4, 3) + b"", (b"\x25\x60", 13)),
        (full(b"stz2", 8, 3), (b"\2\5\6", 13)),
        (full(b"stz2", 16, 3), (b"\0\2\0\5\0\6", 13)),
        (full(b"stsz", 5, 3), (b"", 15)),
    ],
)
@pytest.mark.parametrize("wide", [True, False])
def test_sizes_and_places_are_read_in_every_width(
    sizes: bytes, lengths: tuple[bytes, int], *, wide: bool
) -> None:
    table, size = box(sizes[4:8], sizes[8:], lengths[0]), lengths[1]

    def moov(at: dict[str, int]) -> bytes:
        starts = struct.pack(">Q" if wide else ">I", at["a"])
        chunks = box(b"co64" if wide else b"stco", bytes(4), struct.pack(">I", 1), starts)
        return box(b"moov", track(b"vide", full(b"stsc", 1, 1, 3, 1) + table + chunks))

    data = film(moov, ("x", SECRET), ("a", b"\x55" * size), ("z", SECRET))
    wanted = film(moov, ("x", bytes(30)), ("a", b"\x55" * size), ("z", bytes(30)))
    assert cleaned(mp4, data) == wanted


def sound(kind: bytes, channels: int, bits: int) -> bytes:
    return box(kind, bytes(16), struct.pack(">HH", channels, bits), bytes(8))


@pytest.mark.parametrize(
    ("told", "size", "kept"),
    [
        (sound(b"sowt", 2, 16), 1, 40),  # QuickTime counts its samples and says their size is 1
        (sound(b"sowt", 2, 16), 4, 40),
        (sound(b"ulaw", 2, 16), 1, 20),
        (sound(b"ac-3", 2, 16), 4, 40),
        (sound(b"ima4", 1, 16), 1, 70),  # what a sample takes is not told: up to the next chunk
    ],
)
def test_sound_of_one_size_keeps_all_that_is_heard(told: bytes, size: int, kept: int) -> None:
    def moov(at: dict[str, int]) -> bytes:
        tables = full(b"stsc", 1, 1, 10, 1) + full(b"stsz", size, 10) + full(b"stco", 1, at["a"])
        other = track(b"meta", samples_at((at["gps"], 9)), number=2)
        return box(b"moov", track(b"soun", tables, told=told), other)

    data = film(moov, ("a", b"\x55" * 70), ("gps", SECRET))
    out = cleaned(mp4, data)
    assert (out.count(b"\x55"), SECRET in out) == (kept, False)
    assert out[data.index(b"\x55") :].startswith(b"\x55" * kept)


# -------------------------------------------------------------------------------------- fragments


PLACES = 2


def run(flags: int, count: int, offset: int, *columns: int) -> bytes:
    return full(b"trun", count, *((offset,) if flags & 1 else ()), *columns, flags=flags)


def head(number: int, flags: int, *more: int) -> bytes:
    return full(b"tfhd", number, *more, flags=flags)


def parts_of(style: str, at: int, size: int) -> list[tuple[int, bytes, bytes]]:
    """Track, head and run of two tracks: first two frames of 4 bytes, then places of 30.

    Turned round, the places come first.
    """
    data, own = size + 8, 0x020000
    if style == "from the fragment":
        frames = run(0xF01, 2, data, 1, 4, 0, 0, 1, 4, 0, 0)
        return [(1, head(1, own), frames), (2, head(2, own), run(0x201, 1, data + 8, 30))]
    if style == "from a place":
        first, then = (head(n, 0x1, 0, at + data + more) for n, more in ((1, 0), (2, 8)))
        return [(1, first, run(0x200, 2, 0, 4, 4)), (2, then, run(0x200, 1, 0, 30))]
    if style == "one after the other":
        frames = run(0x205, 1, data, 0, 4) + run(0x200, 1, 0, 4)
        return [(1, head(1, 0), frames), (2, head(2, 0), run(0x200, 1, 0, 30))]
    if style == "places first":
        places = run(0x201, 1, data, 30)
        return [(2, head(2, 0), places), (1, head(1, 0), run(0x200, 2, 0, 4, 4))]
    if style == "usual size":
        frames = head(1, own | 0x18, 9, 4)
        return [(1, frames, run(0x1, 2, data)), (2, head(2, own), run(0x201, 1, data + 8, 30))]
    frames = head(1, own | 0x2, 1)
    return [(1, frames, run(0x1, 2, data)), (2, head(2, own), run(0x201, 1, data + 8, 30))]


@pytest.mark.parametrize(
    "style",
    [
        *("from the fragment", "from a place", "one after the other", "places first"),
        *("usual size", "usual size of the file"),
    ],
)
def test_fragments_keep_the_frames_and_lose_the_places(style: str) -> None:
    extends = box(b"mvex", full(b"trex", 1, 1, 9, 4, 0), full(b"trex", 2, 1, 9, 30, 0))
    moov = box(b"moov", track(b"vide"), track(b"meta", number=2), extends)
    data, wanted = FTYP + moov, FTYP + moov
    for frames in (b"\x55" * 8, b"\x66" * 8):
        size = len(box(b"moof", *(a + b for _, a, b in parts_of(style, 0, 0)))) + 16
        parts = parts_of(style, len(data), size)
        inside = [box(b"traf", told, runs) for _, told, runs in parts]
        kept = [
            one if track_ == 1 else box(b"free", bytes(len(one) - 8))
            for one, (track_, _, _) in zip(inside, parts, strict=True)
        ]
        turned = parts[0][0] == PLACES
        order = (SECRET, frames) if turned else (frames, SECRET)
        data += box(b"moof", *inside) + box(b"mdat", *order, SECRET)
        blank = (bytes(30), frames) if turned else (frames, bytes(30))
        wanted += box(b"moof", *kept) + box(b"mdat", *blank, bytes(30))
    hidden = track(b"meta", number=2)
    wanted = wanted.replace(hidden, box(b"free", bytes(len(hidden) - 8)))
    trex = full(b"trex", 2, 1, 9, 30, 0)
    wanted = wanted.replace(trex, box(b"free", bytes(len(trex) - 8)))
    assert cleaned(mp4, data) == wanted


# ------------------------------------------------------------------------ names, makers, addresses


def test_names_and_makers_of_a_track_go() -> None:
    hdlr = box(b"hdlr", bytes(8), b"vide", SECRET)
    config, profile = box(b"avcC", b"config"), box(b"colr", b"prof", SECRET)
    colours, uuid = box(b"colr", b"nclx", bytes(7)), box(b"uuid", SECRET)
    entry = box(
        b"avc1", bytes(12), b"GoPr", bytes(26), b"\x0bSecret cam.".ljust(32, b"\0"),
        bytes(4), config, profile, colours, uuid, bytes(4),
    )  # fmt: skip
    path, address = box(b"alis", bytes(4), SECRET), box(b"url ", b"\0\0\0\1")
    dinf = box(b"dinf", box(b"dref", bytes(8), path, address))
    stbl = box(b"stbl", box(b"stsd", bytes(8), entry))
    data = FTYP + box(b"moov", box(b"trak", box(b"mdia", hdlr, box(b"minf", dinf, stbl))))
    wanted = data.replace(hdlr, box(b"hdlr", bytes(8), b"vide", bytes(len(SECRET))))
    for private in (profile, uuid):
        wanted = wanted.replace(private, box(b"free", bytes(len(private) - 8)))
    wanted = wanted.replace(b"GoPr", bytes(4)).replace(b"\x0bSecret cam.", bytes(12))
    wanted = wanted.replace(path, box(b"alis", b"\0\0\0\1", bytes(len(SECRET))))
    assert cleaned(mp4, data) == wanted


@pytest.mark.parametrize(("version", "more"), [(0, 0), (1, 16), (1, 0), (2, 36)])
def test_sound_is_described_in_three_lengths(version: int, more: int) -> None:
    facts, private = box(b"esds", b"facts"), box(b"abcd", SECRET)
    fixed = bytes(8) + struct.pack(">HH4s", version, 0, b"appl") + bytes(12 + more)
    entry = box(b"mp4a", fixed, facts, private)
    stsd = box(b"stsd", bytes(8), entry)
    hdlr = box(b"hdlr", bytes(8), b"soun", bytes(13))
    data = FTYP + box(b"moov", box(b"trak", box(b"mdia", hdlr, box(b"minf", box(b"stbl", stsd)))))
    wanted = data.replace(private, box(b"free", bytes(len(SECRET)))).replace(b"appl", bytes(4))
    assert cleaned(mp4, data) == wanted


# ----------------------------------------------------------------------------------------- ranges

RANGES = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 20)).map(lambda a: Range(a[0], a[0] + a[1])),
    max_size=8,
)


@given(RANGES, st.tuples(st.integers(0, 60), st.integers(0, 40)))
def test_what_is_outside_is_what_no_range_covers(
    ranges: list[Range], part: tuple[int, int]
) -> None:
    at, end = part[0], part[0] + part[1]
    covered = {place for one in ranges for place in range(*one)}
    found = [place for one in outside(Range(at, end), merged(ranges)) for place in range(*one)]
    assert found == [place for place in range(at, end) if place not in covered]
