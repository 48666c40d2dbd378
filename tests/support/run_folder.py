"""The folder that all processes of one test run share, and its locks."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLE = "TOUCHSTONE_TEST_RUN"


class RunFolder:
    """Made by the process that leads the run, found by its workers through the environment."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def current(cls) -> RunFolder:
        return cls(Path(os.environ[VARIABLE]))

    @property
    def alive(self) -> Path:
        return self.path / "alive"

    @contextmanager
    def only_one(self, name: str) -> Iterator[None]:
        """Let one process at a time through."""
        with (self.path / f"{name}.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


class LeadingRun(RunFolder):
    """The run of this very process: it holds the lock that tells others that it is alive."""

    def __init__(self) -> None:
        super().__init__(Path(tempfile.mkdtemp(prefix="touchstone-test-")))
        self._lock: BinaryIO = self.alive.open("wb")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        os.environ[VARIABLE] = str(self.path)

    def end(self) -> None:
        self._lock.close()
        os.environ.pop(VARIABLE, None)
        shutil.rmtree(self.path, ignore_errors=True)
