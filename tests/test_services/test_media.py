"""Files of items: cleaned, bounded, kept once, found again only by those who may."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageOps

from annotate.config import Settings
from annotate.models import Item, Media
from annotate.policy import Scope
from annotate.services import backup, claiming, doctor, file_sources, media
from annotate.services.containers import FileRefused
from annotate.services.errors import BadInput, NotFound
from tests.support import media_samples as samples
from tests.support.builders import World
from tests.support.databases import ON_SQLITE
from tests.test_services.items_support import import_file, jsonl, new_project, problems

if TYPE_CHECKING:
    from pathlib import Path

    from annotate.db import Database


@pytest.fixture
def plain(tmp_path: Path) -> Settings:
    """Settings of a data folder without a database."""
    return Settings("sqlite://", tmp_path / "data")


def kept(settings: Settings, data: bytes) -> tuple[Any, bytes]:
    facts = media.keep(settings, "p", io.BytesIO(data))
    return facts, media.path_of(settings, "p", facts.sha256).read_bytes()


@pytest.mark.parametrize("kind", samples.SAMPLES)
def test_a_file_is_known_by_its_content_and_loses_what_it_carried(
    plain: Settings, kind: str
) -> None:
    data = samples.SAMPLES[kind]()
    assert samples.SECRET in data
    facts, clean = kept(plain, data)
    assert facts.media_type == kind
    assert samples.SECRET not in clean
    assert (facts.sha256, facts.size) == (hashlib.sha256(clean).hexdigest(), len(clean))
    assert facts.original_sha256 == hashlib.sha256(data).hexdigest()
    again, same = kept(plain, clean)
    assert (again.sha256, same) == (facts.sha256, clean)
    folder = plain.data_dir / media.FOLDER
    assert [path for path in folder.rglob("*") if path.is_file()] == [
        media.path_of(plain, "p", facts.sha256)
    ]
    assert media.path_of(plain, "p", facts.sha256).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("make", [samples.png, samples.jpeg, samples.progressive_jpeg, samples.gif])
def test_a_cleaned_picture_looks_as_before(plain: Settings, make: Any) -> None:
    data = make()
    facts, clean = kept(plain, data)
    before, after = (ImageOps.exif_transpose(Image.open(io.BytesIO(one))) for one in (data, clean))
    assert ImageChops.difference(before.convert("RGB"), after.convert("RGB")).getbbox() is None
    assert (facts.width, facts.height) == (96, 64)


def test_sound_and_film_keep_their_frames(plain: Settings) -> None:
    _, clean = kept(plain, samples.mp4())
    assert len(clean) == len(samples.mp4())
    assert clean.endswith(b"frames")
    _, film = kept(plain, samples.webm())
    assert len(film) == len(samples.webm())
    assert film.count(b"\xa3") >= 3
    assert kept(plain, samples.mp4(b"soun"))[0].media_type == "audio/mp4"


REFUSED: dict[str, tuple[bytes, str]] = {
    "svg": (b'<svg xmlns="x"><script>1</script></svg>', "can hold a program"),
    "xml": (b"\xef\xbb\xbf <?xml version='1.0'?><svg/>", "can hold a program"),
    "page": (b"<!doctype html><script>1</script>", "none of the types"),
    "pdf": (b"%PDF-1.7", "PDF"),
    "ogg": (b"OggS" + bytes(60), "Ogg"),
    "tiff": (b"II*\0" + bytes(60), "TIFF"),
    "nothing": (b"", "empty"),
    "moving gif": (samples.moving_gif(), "moving picture"),
    "moving png": (samples.moving_png(), "moving picture"),
    "too many pixels": (samples.wide_png(8000, 8000), "40 million"),
    "too long a side": (samples.wide_png(60_000, 2), "16,384 a side"),
    "pixels missing": (samples.wide_png(900, 900), "cannot be decoded"),
    "cut png": (samples.png()[:200], "cut off"),
    "cut jpeg": (samples.jpeg()[:700], "cut off"),
    "cut webp": (samples.webp()[:60], "cut off"),
    "webp without a picture": (b"RIFF\4\0\0\0WEBP", "cut off"),
    "page in a picture's coat": (b"GIF89a<script>alert(1)</script>", "cut off"),
    "heic": (b"\0\0\0\x18ftypheic" + bytes(12), "HEIC"),
    "film without a film": (b"\0\0\0\x10ftypisom\0\0\0\0", "neither picture nor sound"),
    "endless boxes": (b"\0\0\0\x10ftypisom" + bytes(4) + b"\0\0\0\4moov", "cut off"),
    "mp3 without sound": (b"ID3" + bytes(60), "cut off"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_picture_or_recording_is_refused(plain: Settings, name: str) -> None:
    data, reason = REFUSED[name]
    with pytest.raises(FileRefused, match=reason):
        media.keep(plain, "p", io.BytesIO(data))
    assert not [path for path in (plain.data_dir / media.FOLDER).rglob("*") if path.is_file()]


def test_a_picture_of_too_many_bytes_is_refused(
    plain: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media, "MAX_PICTURE_BYTES", 100)
    with pytest.raises(FileRefused, match="larger than"):
        media.keep(plain, "p", io.BytesIO(samples.png()))
    monkeypatch.setattr(media, "MAX_RECORDING_BYTES", 100)
    with pytest.raises(FileRefused, match="larger than"):
        media.keep(plain, "p", io.BytesIO(samples.wav()))


@given(
    st.sampled_from(sorted(samples.SAMPLES)),
    st.lists(st.tuples(st.integers(0, 10**6), st.binary(min_size=1, max_size=6)), max_size=4),
    st.integers(0, 10**6),
)
def test_a_damaged_file_is_kept_clean_or_refused(
    kind: str, changes: list[tuple[int, bytes]], end: int
) -> None:
    """Whatever the bytes are: a cleaned file or a refusal, never another error."""
    data = bytearray(samples.SAMPLES[kind]())
    for at, new in changes:
        place = at % len(data)
        data[place : place + len(new)] = new
    cut = bytes(data[: end % len(data)]) if end % 3 == 0 else bytes(data)
    try:
        read = media.reader_of(cut[:64])
        written = b"".join(read(memoryview(cut)).pieces)
    except (FileRefused, IndexError, struct.error):  # ``keep`` refuses the last two as cut off
        return
    assert len(written) <= len(cut) + 64


# ------------------------------------------------------------------------------------- the import


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as out:
        for name, data in files.items():
            out.writestr(name, data)
    return path


ROWS = [
    {"id": "a", "media": [{"file": "pots/blue.png", "alt": "A blue pot"}]},
    {"id": "b", "text": "Listen.", "media": "spoken.wav"},
    {"id": "c", "text": "Gone.", "media": "lost.png"},
    {"id": "d", "text": "A program.", "media": "plan.svg"},
    {"id": "e", "text": "Same pot.", "media": "pots/blue.png"},
]
FILES = {
    "garden/pots/blue.png": samples.png(),
    "garden/spoken.wav": samples.wav(),
    "garden/plan.svg": b"<svg onload='x'/>",
}


def rows_of(database: Database, scope: Scope) -> list[Any]:
    with database.read() as session:
        return list(
            session.execute(
                sa.select(
                    Item.external_id, Item.id, Item.body, Media.content_hash, Media.media_type
                )
                .join(Media, Media.item_id == Item.id)
                .where(Item.project_id == scope.project_id)
                .order_by(Item.id)
            )
        )


@pytest.mark.db
def test_rows_come_in_with_their_files_and_bad_files_cost_one_row(
    database: Database, tmp_path: Path
) -> None:
    scope = new_project(database)
    source = zipped(tmp_path / "garden.zip", FILES)
    job = import_file(database, scope, jsonl(tmp_path / "a.jsonl", ROWS), media=source)
    assert (job.result["added"], job.result["refused"]) == (3, 2)
    told = {problem.external_id: problem.reason for problem in problems(database, scope, job)}
    assert told["c"] == "the file lost.png is not among the files that were sent"
    assert "plan.svg is not taken: it is SVG" in told["d"]
    rows = rows_of(database, scope)
    assert [(row.external_id, row.media_type) for row in rows] == [
        ("a", "image/png"), ("b", "audio/wav"), ("e", "image/png"),
    ]  # fmt: skip
    [entry] = json.loads(rows[0].body)["media"]
    assert entry == {
        "sha256": rows[0].content_hash, "type": "image/png", "name": "blue.png", "width": 96,
        "height": 64, "alt": "A blue pot", "target": "text", "bytes": entry["bytes"],
    }  # fmt: skip
    again = import_file(database, scope, tmp_path / "a.jsonl", media=source)
    assert (again.result["added"], again.result["unchanged"]) == (0, 3)
    assert len(rows_of(database, scope)) == 3


@pytest.mark.db
@ON_SQLITE
def test_a_folder_of_the_console_gives_nothing_outside_it(
    database: Database, tmp_path: Path
) -> None:
    scope = new_project(database)
    folder = tmp_path / "files"
    folder.mkdir()
    (tmp_path / "outside.png").write_bytes(samples.png())
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    (folder / "gr\u00fcn.png").write_bytes(samples.png())
    rows = [
        {"id": "a", "text": "x", "media": "link.png"},
        {"id": "b", "text": "x", "media": "gru\u0308n.png"},
        {"id": "c", "text": "x", "media": "none.png"},
    ]
    job = import_file(database, scope, jsonl(tmp_path / "a.jsonl", rows), media=folder)
    told = {problem.external_id: problem.reason for problem in problems(database, scope, job)}
    assert "lies outside the folder" in told["a"]
    assert "is not in the folder" in told["c"]
    assert [row.external_id for row in rows_of(database, scope)] == ["b"]
    bare = import_file(
        database, scope, jsonl(tmp_path / "b.jsonl", [{"id": "z", "media": "q.png"}])
    )
    assert "no files came with this import" in problems(database, scope, bare)[0].reason


def test_a_zip_is_read_by_name_only(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"x/a.png": b"1", "y/a.png": b"2", "x/b.png": b"3"})
    source = file_sources.ZipFiles(path)
    assert source.open("b.png").read() == b"3"
    assert source.open("x/a.png").read() == b"1"
    with pytest.raises(FileRefused, match="is there 2 times"):
        source.open("a.png")
    with pytest.raises(BadInput, match="cannot be read as a zip"):
        file_sources.ZipFiles(jsonl(tmp_path / "no.zip", [{}]))


def test_the_item_file_is_taken_out_of_a_zip(plain: Settings, tmp_path: Path) -> None:
    good = zipped(tmp_path / "good.zip", {"g/rows.jsonl": b'{"id":"a"}\n', "g/x/more.csv": b"id\n"})
    path, name = file_sources.unpack_items(plain, good)
    assert (path.read_bytes(), name) == (b'{"id":"a"}\n', "rows.jsonl")
    for files in ({"a.png": b"1"}, {"a.csv": b"id", "b.jsonl": b"{}"}, {}):
        with pytest.raises(BadInput, match="must hold one item file"):
            file_sources.unpack_items(plain, zipped(tmp_path / "bad.zip", files))


# ------------------------------------------------------------------------------ for the operator


@pytest.mark.db
def test_a_backup_takes_files_along_once_and_the_doctor_misses_them(
    database: Database, tmp_path: Path
) -> None:
    scope = new_project(database)
    source = zipped(tmp_path / "garden.zip", FILES)
    import_file(database, scope, jsonl(tmp_path / "a.jsonl", ROWS), media=source)
    first = backup.create(database)
    assert (first.media.files, first.media.new, first.media.missing) == (2, 2, ())
    copies = sorted(path for path in (first.path.parent / "media").rglob("*") if path.is_file())
    assert len(copies) == 2
    second = backup.create(database, label="again")
    assert (second.media.files, second.media.new) == (2, 0)

    def told() -> tuple[str, str]:
        [found] = [one for one in doctor.examine(database) if one.topic == "media"]
        return found.state, found.words

    assert told() == ("good", "all 2 files of items are there")
    row = rows_of(database, scope)[0]
    path = media.path_of(database.settings, scope.project_id, row.content_hash)
    stray = path.with_name("0" * 64)
    stray.write_bytes(b"left over")
    assert told()[0] == "look"
    stray.unlink()
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + b"x")
    assert told() == ("wrong", told()[1])
    assert "1 are damaged" in told()[1]
    path.unlink()
    assert "1 of 2 files of items are missing" in told()[1]
    third = backup.create(database, label="third")
    assert third.media.missing == ()  # the folder beside the backups still has it
    (first.path.parent / "media" / scope.project_id / path.parent.name / path.name).unlink()
    assert backup.create(database, label="fourth").media.missing == (row.content_hash,)


# ------------------------------------------------------------------------------------ who may see


@pytest.mark.db
@ON_SQLITE
def test_a_file_is_there_for_its_holder_until_the_item_is_stopped(
    database: Database, tmp_path: Path
) -> None:
    world = World(database)
    project_id = world.project()
    scope = Scope(project_id)
    source = zipped(tmp_path / "g.zip", FILES)
    import_file(database, scope, jsonl(tmp_path / "a.jsonl", ROWS[:1]), media=source)
    [row] = rows_of(database, scope)
    round_id = world.round(project_id, world.rubric(project_id), [row.id], overlap=2)
    for login in ("ann", "bo"):
        world.grant(login, "annotator", project_id, team="Internal")
    with database.write() as session:
        place = claiming.claim(session, world.actor("ann"), scope, round_id).place
    assert place is not None
    assert "name" not in place.item["body"]["media"][0]

    def fetch(login: str) -> media.Served:
        with database.read() as session:
            return media.of_assignment(
                session, world.actor(login), scope, place.id, row.content_hash
            )

    assert fetch("ann").media_type == "image/png"
    with pytest.raises(NotFound):
        fetch("bo")
    with database.read() as session:
        assert media.of_item(session, scope, row.id, row.content_hash).name.endswith(".png")
        with pytest.raises(NotFound):
            media.of_item(session, scope, row.id, "0" * 64)
    with database.write() as session:
        claiming.report(session, world.actor("ann"), scope, place.id, place.fence, kind="other")
    with pytest.raises(NotFound), database.read() as session:
        media.of_item(session, scope, row.id, row.content_hash)
    with pytest.raises(NotFound):
        fetch("ann")
