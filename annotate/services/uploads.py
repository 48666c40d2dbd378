"""Files that people send: streamed to disk, never held whole, removed when no job needs them."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from datetime import UTC, timedelta
from datetime import datetime as moment_of
from typing import TYPE_CHECKING, BinaryIO

import sqlalchemy as sa

from annotate.db import new_id, now, settings_of
from annotate.models import Job
from annotate.services.errors import BadInput
from rubrics.sentences import Sentence

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from sqlalchemy.orm import Session

    from annotate.config import Settings

FOLDER = "uploads"
BLOCK = 1024 * 1024
SPARE_BYTES = 200 * 1024 * 1024
"""What must stay free on the disk after an upload, for the database and its log."""
KEPT_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Upload:
    """A received file."""

    path: Path
    size: int

    def discard(self) -> None:
        """Remove it."""
        self.path.unlink(missing_ok=True)


def folder(settings: Settings) -> Path:
    """Return the folder of uploads, readable by its owner alone."""
    path = settings.data_dir / FOLDER
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def check_room(settings: Settings, size: int | None) -> None:
    """Refuse an upload that the disk could not hold.

    Raises
    ------
    BadInput
        With the figures.
    """
    free = shutil.disk_usage(folder(settings)).free
    if (size or 0) + SPARE_BYTES > free:
        raise BadInput(
            Sentence(
                "The server's disk has %(free)s MB free, too little for a file of %(size)s "
                "MB. Ask an administrator to make room; nothing was stored.",
                free=f"{free // 1024**2:,}",
                size=f"{(size or 0) // 1024**2:,}",
            )
        )


def create(settings: Settings) -> tuple[Path, BinaryIO]:
    """Open a new private file in the folder of uploads, to be written and read."""
    path = folder(settings) / f"{new_id()}.upload"
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    return path, os.fdopen(handle, "w+b")


def receive(settings: Settings, stream: BinaryIO, size: int | None) -> Upload:
    """Write a request's body to disk, block by block.

    Raises
    ------
    BadInput
        When it is empty or the disk is too full; nothing stays then.
    """
    check_room(settings, size)
    path, out = create(settings)
    try:
        with out:
            shutil.copyfileobj(stream, out, BLOCK)
            length = out.tell()
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    if length == 0:
        path.unlink()
        raise BadInput("The body is empty: send the file's content")
    return Upload(path, length)


def sweep(session: Session) -> int:
    """Remove uploads that are older than a day and belong to no job still to run."""
    settings = settings_of(session)
    needed = set(
        session.scalars(
            sa.select(Job.parameters)
            .where(Job.state.in_(("queued", "running")))
            .execution_options(unscoped="files of all projects lie in one folder")
        )
    )
    return sum(_remove_stale(settings, needed, now(session)))


def _remove_stale(settings: Settings, needed: set[str], at: moment_of) -> Iterable[int]:
    for path in folder(settings).glob("*.upload"):
        age = at - moment_of.fromtimestamp(path.stat().st_mtime, UTC)
        if age > KEPT_FOR and not any(path.name in parameters for parameters in needed):
            path.unlink(missing_ok=True)
            yield 1
