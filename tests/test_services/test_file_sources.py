"""Where files of an import come from: found by name, never from outside, damage told in words."""

from __future__ import annotations

import errno
import os
import stat
import struct
import unicodedata
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.config import Settings
from annotate.services import file_sources, uploads
from annotate.services.containers import FileRefused
from annotate.services.errors import BadInput
from annotate.services.file_sources import FolderFiles, NoFiles, ZipFiles, readable, source_of

ROWS = b'{"id": "a"}\n'
PATTERN = bytes(range(256)) * 40


@pytest.fixture
def plain(tmp_path: Path) -> Settings:
    return Settings("sqlite://", tmp_path / "data")


def zipped(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as out:
        for name, data in files.items():
            out.writestr(name, data)
    return path


def twice(path: Path, name: str) -> Path:
    """Make a zip with two entries of one name, which a program may write."""
    out = zipfile.ZipFile(zipped(path, {name: b"1"}), "a")
    with out, pytest.warns(UserWarning, match="Duplicate name"):
        out.writestr(name, b"2")
    return path


def changed(path: Path, sign: bytes, at: int, new: bytes) -> Path:
    """Write bytes at a distance from every record of the zip that begins with a sign."""
    data = bytearray(path.read_bytes())
    begin = data.find(sign)
    assert begin >= 0
    while begin >= 0:
        data[begin + at : begin + at + len(new)] = new
        begin = data.find(sign, begin + 4)
    path.write_bytes(data)
    return path


def read(source: file_sources.Files, name: str) -> bytes:
    with source.open(name) as stream, readable(name):
        return stream.read()


def uploads_of(plain: Settings) -> list[Path]:
    return list(uploads.folder(plain).iterdir())


# -------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("inside", "asked"),
    [
        ("a.png", "a.png"),
        ("a.png", "./a.png"),
        ("x/y/a.png", "y\\a.png"),
        ("x\\y\\a.png", "y/a.png"),
        ("./x/a.png", "x/a.png"),
        ("top/x/a.png", "x/a.png"),
        ("gr\u00fcn.png", "gru\u0308n.png"),
        ("top/gru\u0308n.png", "gr\u00fcn.png"),
    ],
)
def test_a_name_is_found_however_it_is_written(tmp_path: Path, inside: str, asked: str) -> None:
    source = ZipFiles(zipped(tmp_path / "a.zip", {inside: b"this", "other/b.png": b"that"}))
    assert read(source, asked) == b"this"


@pytest.mark.parametrize(
    "asked",
    ["", "/", "a", "png", "xa.png", "x", "x/", "../x/a.png", "/x/a.png", "A.PNG", "y/a.png"],
)
def test_only_whole_names_are_found(tmp_path: Path, asked: str) -> None:
    source = ZipFiles(zipped(tmp_path / "a.zip", {"x/a.png": b"1", "x/y/": b""}))
    with pytest.raises(FileRefused, match="is not among the files that were sent"):
        source.open(asked)


def test_an_exact_name_goes_before_one_in_a_folder(tmp_path: Path) -> None:
    source = ZipFiles(zipped(tmp_path / "a.zip", {"deep/a.png": b"deep", "a.png": b"top"}))
    assert read(source, "a.png") == b"top"


@given(st.text(st.characters(exclude_characters="\\/\0", codec="utf-8"), min_size=1, max_size=12))
@settings(max_examples=25)
def test_every_name_that_a_zip_holds_is_found_again(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.zip"
    source = ZipFiles(zipped(path, {f"top/{name}": b"this", "top/x/other": b""}))
    for asked in (name, f"top/{name}", unicodedata.normalize("NFD", name)):
        assert read(source, asked) == b"this"


def test_a_name_that_is_there_twice_is_not_guessed(tmp_path: Path) -> None:
    source = ZipFiles(twice(tmp_path / "a.zip", "x/a.png"))
    with pytest.raises(FileRefused, match=r"the file a\.png is there 2 times; rename all but one"):
        source.open("a.png")


# ------------------------------------------------------------------------------------ damaged zips


def test_what_is_no_zip_is_bad_input(tmp_path: Path) -> None:
    whole = zipped(tmp_path / "a.zip", {"a.png": PATTERN}).read_bytes()
    for number, data in enumerate((b"", b"no zip", whole[:-30], whole[len(whole) // 2 : -1])):
        path = tmp_path / f"{number}.zip"
        path.write_bytes(data)
        with pytest.raises(BadInput, match="cannot be read as a zip"):
            ZipFiles(path)
    with pytest.raises(BadInput, match="cannot be read as a zip"):
        ZipFiles(tmp_path / "nowhere.zip")


def test_a_zip_of_too_many_files_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zipped(tmp_path / "a.zip", {"x/": b"", "a": b"", "b": b"", "c": b""})
    monkeypatch.setattr(file_sources, "MAX_ENTRIES", 3)
    assert read(ZipFiles(path), "c") == b""  # folders do not count
    monkeypatch.setattr(file_sources, "MAX_ENTRIES", 2)
    with pytest.raises(BadInput, match="holds 3 files; at most 2 are taken"):
        ZipFiles(path)


METHODS = {
    "stored": zipfile.ZIP_STORED,
    "deflate": zipfile.ZIP_DEFLATED,
    "bzip2": zipfile.ZIP_BZIP2,
    "lzma": zipfile.ZIP_LZMA,
}


@pytest.mark.parametrize("method", METHODS)
def test_a_damaged_entry_costs_that_file_alone(tmp_path: Path, method: str) -> None:
    path = zipped(tmp_path / "a.zip", {"a.png": PATTERN, "b.png": b"whole"}, METHODS[method])
    assert read(ZipFiles(path), "a.png") == PATTERN
    data = bytearray(path.read_bytes())
    data[40:90] = b"\xa5" * 50
    path.write_bytes(data)
    source = ZipFiles(path)
    with pytest.raises(FileRefused, match=r"the file a\.png cannot be read: "):
        read(source, "a.png")
    assert read(source, "b.png") == b"whole"


def test_an_entry_under_another_name_than_the_directory_says_is_refused(tmp_path: Path) -> None:
    path = changed(zipped(tmp_path / "a.zip", {"a.png": b"1"}), b"PK\3\4", 30, b"b")
    with pytest.raises(FileRefused, match=r"a\.png cannot be taken out of the zip"):
        ZipFiles(path).open("a.png")


def test_an_unknown_compression_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.png": b"1"})
    changed(changed(path, b"PK\1\2", 10, b"\x63\0"), b"PK\3\4", 8, b"\x63\0")
    with pytest.raises(FileRefused, match=r"a\.png cannot be taken out of the zip"):
        ZipFiles(path).open("a.png")


def test_an_encrypted_entry_is_told_as_such(plain: Settings, tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.jsonl": ROWS})
    changed(path, b"PK\1\2", 8, struct.pack("<H", 1))
    with pytest.raises(FileRefused, match=r"a\.jsonl is encrypted in the zip"):
        ZipFiles(path).open("a.jsonl")
    with pytest.raises(BadInput, match=r"cannot be taken out of the zip: .* is encrypted"):
        file_sources.unpack_items(plain, path)
    assert uploads_of(plain) == []


def test_trouble_of_this_machine_is_not_the_fault_of_a_file() -> None:
    with pytest.raises(OSError, match="No space left") as caught, readable("a.png"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert not isinstance(caught.value, FileRefused)
    words = r"the file a\.png cannot be read: Invalid data"
    with pytest.raises(FileRefused, match=words), readable("a.png"):
        raise OSError("Invalid data stream")  # as bzip2 says it, without a number
    with readable("a.png"):
        pass


# ------------------------------------------------------------------------------------------ folders


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "files"
    (path / "x").mkdir(parents=True)
    (path / "x" / "a.png").write_bytes(b"inside")
    (tmp_path / "files-of-others").mkdir()
    (tmp_path / "files-of-others" / "a.png").write_bytes(b"outside")
    (path / "out").symlink_to(tmp_path / "files-of-others")
    (path / "in.png").symlink_to(path / "x" / "a.png")
    (path / "circle").symlink_to(path / "circle")
    return path


@pytest.mark.parametrize("name", ["x/a.png", "./x/a.png", "x/../x/a.png", "in.png"])
def test_a_file_of_the_folder_is_read(folder: Path, name: str) -> None:
    assert read(FolderFiles(folder), name) == b"inside"


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_an_accent_may_be_written_otherwise(folder: Path, form: str) -> None:
    name = "gr\u00fcn.png"
    (folder / unicodedata.normalize(form, name)).write_bytes(b"green")
    for asked in ("NFC", "NFD"):
        assert read(FolderFiles(folder), unicodedata.normalize(asked, name)) == b"green"


OUTSIDE = "lies outside the folder"
NOT_READ = {
    "../files-of-others/a.png": OUTSIDE,
    "out/a.png": OUTSIDE,
    "/etc/passwd": OUTSIDE,
    "..": OUTSIDE,
    "x": "is not in the folder",
    "": "is not in the folder",
    "x/b.png": "is not in the folder",
    "x/a.png/b.png": "is not in the folder",
    "circle": "cannot be found under this name",
    "a\0.png": "cannot be found under this name",
    "\ud800.png": "cannot be found under this name",
    "a" * 300 + ".png": "cannot be read: File name too long",
}


@pytest.mark.parametrize("name", NOT_READ)
def test_nothing_else_is_read(folder: Path, name: str) -> None:
    with pytest.raises(FileRefused) as caught:
        FolderFiles(folder).open(name)
    assert str(caught.value) == f"the file {name} {NOT_READ[name]}"


def test_a_file_that_may_not_be_read_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(_path: Path, _mode: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(folder))

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(FileRefused) as caught:
        FolderFiles(folder).open("x/a.png")
    assert str(caught.value) == "the file x/a.png cannot be read: Permission denied"


# ------------------------------------------------------------------------------------------- places


def test_a_place_is_a_folder_a_zip_or_none(folder: Path, tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"b.png": b"zipped"})
    assert read(source_of(str(folder)), "x/a.png") == b"inside"
    assert read(source_of(str(path)), "b.png") == b"zipped"
    assert isinstance(source_of(None), NoFiles)
    with pytest.raises(FileRefused, match=r"no files came .* that holds b\.png"):
        source_of(None).open("b.png")
    with pytest.raises(BadInput):
        source_of(str(tmp_path / "nowhere"))
    assert file_sources.exists(folder)
    assert file_sources.exists(path)
    assert not file_sources.exists(tmp_path / "nowhere")
    assert file_sources.is_zip(path)
    assert not file_sources.is_zip(folder / "x" / "a.png")


def test_files_that_came_one_by_one_become_a_zip(plain: Settings, tmp_path: Path) -> None:
    (tmp_path / "1").write_bytes(b"one")
    (tmp_path / "2").write_bytes(PATTERN)
    path = file_sources.pack(plain, [("x/a.png", tmp_path / "1"), ("b.png", tmp_path / "2")])
    assert uploads_of(plain) == [path]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    source = ZipFiles(path)
    assert (read(source, "a.png"), read(source, "b.png")) == (b"one", PATTERN)


# ---------------------------------------------------------------------------------- the item file


@pytest.mark.parametrize(
    "files",
    [
        {"rows.JSONL": ROWS, "a.png": b""},
        {"top/rows.JSONL": ROWS, "top/x/other.csv": b"", "top/": b""},
        {"rows.JSONL": ROWS, "x/a.jsonl": b"", "x/b.jsonl": b""},
        {"rows.JSONL": ROWS, "__MACOSX/._rows.JSONL": b""},
    ],
)
def test_the_item_file_is_the_one_at_the_top(
    plain: Settings, tmp_path: Path, files: dict[str, bytes]
) -> None:
    path, name = file_sources.unpack_items(plain, zipped(tmp_path / "a.zip", files))
    assert (path.read_bytes(), name) == (ROWS, "rows.JSONL")
    assert uploads_of(plain) == [path]


@pytest.mark.parametrize(
    ("files", "count"),
    [
        ({}, 0),
        ({"a.png": b""}, 0),
        ({"a.txt": b"", "x/a.csv": b""}, 0),
        ({"a.csv": b"", "b.tsv": b""}, 2),
    ],
)
def test_a_zip_without_one_item_file_is_refused(
    plain: Settings, tmp_path: Path, files: dict[str, bytes], count: int
) -> None:
    with pytest.raises(BadInput, match=f"beside its files; it holds {count}$"):
        file_sources.unpack_items(plain, zipped(tmp_path / "a.zip", files))
    assert uploads_of(plain) == []


def test_two_item_files_of_one_name_are_refused(plain: Settings, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is there 2 times"):
        file_sources.unpack_items(plain, twice(tmp_path / "a.zip", "a.csv"))
    assert uploads_of(plain) == []


def test_a_damaged_item_file_is_refused_and_nothing_stays(plain: Settings, tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.jsonl": ROWS * 9}, zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    data[40:45] = b"\xff" * 5
    path.write_bytes(data)
    with pytest.raises(BadInput, match=r"cannot be taken out of the zip: the file a\.jsonl"):
        file_sources.unpack_items(plain, path)
    assert uploads_of(plain) == []


def test_an_item_file_that_grows_beyond_measure_is_refused(
    plain: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zipped(tmp_path / "a.zip", {"a.jsonl": ROWS * 999}, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 999
    monkeypatch.setattr(uploads, "BLOCK", 500)
    monkeypatch.setattr(file_sources, "MAX_ITEM_FILE_BYTES", 999)
    with pytest.raises(BadInput, match="larger than 1 GB; send it by itself"):
        file_sources.unpack_items(plain, path)
    assert uploads_of(plain) == []
    monkeypatch.setattr(file_sources, "MAX_ITEM_FILE_BYTES", 999 * len(ROWS))
    target, _ = file_sources.unpack_items(plain, path)
    assert target.read_bytes() == ROWS * 999
