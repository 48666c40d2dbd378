"""Where the files of an import come from: a zip that was sent, or a folder of the console."""

from __future__ import annotations

import lzma
import os
import unicodedata
import zipfile
import zlib
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from annotate.services import uploads
from annotate.services.containers import FileRefused
from annotate.services.errors import BadInput
from rubrics.sentences import Sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from annotate.config import Settings

MAX_ENTRIES = 100_000
MAX_ITEM_FILE_BYTES = 1024**3
ITEM_FILES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv")
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    RuntimeError,  # an entry with a password
    NotImplementedError,  # a compression that Python does not know
)


class Files(Protocol):
    """Something that files are taken from by name."""

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading, or raise FileRefused."""


class NoFiles:
    """No files came along."""

    def open(self, name: str) -> BinaryIO:
        """Refuse."""
        raise FileRefused(f"no files came with this import; send a folder or zip that holds {name}")


def _plain(name: str) -> str:
    """Return a name as it is compared: systems differ in how they write an accent."""
    return unicodedata.normalize("NFC", name.replace("\\", "/")).removeprefix("./")


class ZipFiles:
    """The files of a zip. Nothing is unpacked by name; an entry is read when a row asks for it."""

    def __init__(self, path: Path) -> None:
        """Read the directory of the zip.

        Raises
        ------
        BadInput
            When it is none, or holds more entries than are taken.
        """
        try:
            self.zip = zipfile.ZipFile(path)
        except (*_BROKEN, ValueError, OSError) as error:
            raise BadInput(
                Sentence("The files cannot be read as a zip: %(error)s", error=str(error))
            ) from error
        infos = [info for info in self.zip.infolist() if not info.is_dir()]
        if len(infos) > MAX_ENTRIES:
            raise BadInput(
                Sentence(
                    "The zip holds %(n)s files; at most %(most)s are taken",
                    n=f"{len(infos):,}",
                    most=f"{MAX_ENTRIES:,}",
                )
            )
        self.infos: dict[str, list[zipfile.ZipInfo]] = defaultdict(list)
        self.by_last: dict[str, list[str]] = defaultdict(list)
        for info in infos:
            name = _plain(info.filename)
            self.infos[name].append(info)
            self.by_last[PurePosixPath(name).name].append(name)

    def _find(self, name: str) -> zipfile.ZipInfo:
        wanted = _plain(name)
        names = [wanted] if wanted in self.infos else []
        if not names:  # a zip of a folder has that folder before every name
            last = PurePosixPath(wanted).name
            names = [one for one in self.by_last.get(last, ()) if one.endswith("/" + wanted)]
        found = [info for one in dict.fromkeys(names) for info in self.infos[one]]
        if not found:
            raise FileRefused(f"the file {name} is not among the files that were sent")
        if len(found) > 1:
            raise FileRefused(f"the file {name} is there {len(found)} times; rename all but one")
        return found[0]

    def open(self, name: str) -> BinaryIO:
        """Open an entry."""
        info = self._find(name)
        if info.flag_bits & 1:
            raise FileRefused(f"the file {name} is encrypted in the zip")
        try:
            return cast("BinaryIO", self.zip.open(info))
        except _BROKEN as error:
            raise FileRefused(f"the file {name} cannot be taken out of the zip: {error}") from error


class FolderFiles:
    """The files of a folder of this machine, and of nothing outside it."""

    def __init__(self, folder: Path) -> None:
        """Keep the folder."""
        self.folder = folder.resolve()

    def open(self, name: str) -> BinaryIO:
        """Open a file, also when it is written with another form of its accents."""
        for form in (name, unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)):
            try:
                path = (self.folder / form).resolve()
                if not path.is_relative_to(self.folder):
                    raise FileRefused(f"the file {name} lies outside the folder")
                if path.is_file():
                    return path.open("rb")
            except OSError as error:  # also a name that is too long
                words = Sentence(
                    "the file %(name)s cannot be read: %(reason)s",
                    name=name,
                    reason=error.strerror,
                )
                raise FileRefused(words) from error
            except (ValueError, RuntimeError) as error:  # NUL in it; links that go in a circle
                raise FileRefused(f"the file {name} cannot be found under this name") from error
        raise FileRefused(f"the file {name} is not in the folder")


def source_of(place: str | None) -> Files:
    """Return the files at a place: a folder, a zip, or none."""
    if place is None:
        return NoFiles()
    path = Path(place)
    return FolderFiles(path) if path.is_dir() else ZipFiles(path)


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Turn what a damaged zip raises while it is read into a refusal of the file."""
    try:
        yield
    except _BROKEN as error:
        raise FileRefused(f"the file {name} cannot be read: {error}") from error
    except OSError as error:
        if error.errno is not None:  # this machine's own trouble is no fault of the file
            raise
        raise FileRefused(f"the file {name} cannot be read: {error}") from error


# ------------------------------------------------------------------------------------------ sending


def pack(settings: Settings, files: Sequence[tuple[str, Path]]) -> Path:
    """Put files that were sent one by one into a zip of ours, under the names they came with."""
    path, out = uploads.create(settings)
    with out, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as packed:
        for name, file in files:
            packed.write(file, name)
    return path


def is_zip(path: Path) -> bool:
    """Tell whether a file is a zip, by its content."""
    return zipfile.is_zipfile(path)


def unpack_items(settings: Settings, path: Path) -> tuple[Path, str]:
    """Take the item file out of a zip that holds it beside its files.

    Returns
    -------
    tuple of Path and str
        The item file in the folder of uploads, and its name.

    Raises
    ------
    BadInput
        When the zip holds no item file at its top, or several.
    """
    source = ZipFiles(path)
    depth = min((name.count("/") for name in source.infos), default=0)
    names = [
        name
        for name in source.infos
        if name.count("/") == depth and PurePosixPath(name).suffix.lower() in ITEM_FILES
    ]
    if len(names) != 1:
        raise BadInput(
            Sentence(
                "The zip must hold one item file (%(known)s) at its top, beside its files; it "
                "holds %(n)s",
                known=", ".join(ITEM_FILES),
                n=len(names),
            )
        )
    target, out = uploads.create(settings)
    try:
        with out, readable(names[0]), source.open(names[0]) as stream:
            _copy_item_file(stream, out)
    except FileRefused as refused:
        target.unlink(missing_ok=True)
        raise BadInput(
            Sentence(
                "The item file cannot be taken out of the zip: %(refused)s", refused=str(refused)
            )
        ) from refused
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return target, PurePosixPath(names[0]).name


def _copy_item_file(stream: BinaryIO, out: BinaryIO) -> None:
    while block := stream.read(uploads.BLOCK):
        out.write(block)
        if out.tell() > MAX_ITEM_FILE_BYTES:
            raise BadInput("The item file in the zip is larger than 1 GB; send it by itself")


def exists(place: Path) -> bool:
    """Tell whether there is something to take files from."""
    return place.is_dir() or (place.is_file() and os.access(place, os.R_OK))
