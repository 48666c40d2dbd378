"""The files of items as an operator sees them: copied with a backup, compared with the rows."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from annotate.db import new_id
from annotate.models import Media
from annotate.services import media

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from annotate.db import Database

EXAMPLES = 3
EVERYWHERE = {"unscoped": "the files of the whole installation"}


@dataclass(frozen=True, slots=True)
class Kept:
    """A file as the database knows it."""

    project_id: str
    digest: str
    size: int

    @property
    def place(self) -> str:
        """Where it lies under a folder of media."""
        return f"{self.project_id}/{self.digest[:2]}/{self.digest}"


@dataclass(frozen=True, slots=True)
class Copied:
    """What a backup did about files."""

    files: int = 0
    new: int = 0
    size: int = 0
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Compared:
    """Files against rows: what lacks, what is damaged, and what no row names."""

    files: int
    missing: tuple[str, ...]
    damaged: tuple[str, ...]
    unnamed: int


def known(database: Database) -> list[Kept]:
    """Return every file that an item has, each once in its project."""
    columns = (Media.project_id, Media.content_hash, Media.size)
    query = sa.select(*columns).distinct().order_by(Media.project_id, Media.content_hash)
    with database.read() as session:
        rows = session.execute(query.execution_options(**EVERYWHERE))
        return [Kept(row.project_id, row.content_hash, row.size) for row in rows]


def copy_to(database: Database, folder: Path) -> Copied:
    """Copy the files of all items into a folder, those that are not there yet.

    A file never changes under its hash, so one folder serves every backup beside it.
    """
    source = database.settings.data_dir / media.FOLDER
    wanted = known(database)
    new = size = 0
    missing = []
    for one in wanted:
        size += one.size
        target = folder / one.place
        if target.exists() and target.stat().st_size == one.size:
            continue
        if not _copy(source / one.place, target, one.digest):
            missing.append(one.digest)
            continue
        new += 1
    return Copied(len(wanted), new, size, tuple(missing))


def _copy(source: Path, target: Path, digest: str) -> bool:
    """Copy one file and read the copy back; tell whether it is what its name says."""
    if not source.is_file():
        return False
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    building = target.with_name(f".{new_id()}.building")
    try:
        shutil.copyfile(source, building)
        building.chmod(0o600)
        if _digest(building) != digest:
            return False
        handle = os.open(building, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        building.rename(target)
    finally:
        building.unlink(missing_ok=True)
    return True


def compare(database: Database, *, deep: bool) -> Compared:
    """Hold files and rows against each other; ``deep`` computes every hash anew."""
    root = database.settings.data_dir / media.FOLDER
    wanted = known(database)
    missing, damaged = [], []
    for one in wanted:
        path = root / one.place
        if not path.is_file():
            missing.append(one.digest)
        elif path.stat().st_size != one.size or (deep and _digest(path) != one.digest):
            damaged.append(one.digest)
    named = {one.place for one in wanted}
    unnamed = sum(place not in named for place in _places(root))
    return Compared(len(wanted), tuple(missing), tuple(damaged), unnamed)


def _places(root: Path) -> Iterator[str]:
    for path in root.glob("*/*/*"):
        if path.is_file():
            yield path.relative_to(root).as_posix()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
