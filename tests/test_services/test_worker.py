"""The worker's loop outlives trouble and ends when it is told to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from annotate.services import worker
from tests.support.databases import ON_SQLITE
from tests.test_services.items_support import jsonl, new_project, start_import

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from annotate.db import Database

pytestmark = pytest.mark.db


def worked(database: Database, folder: Path) -> worker.Worker:
    """Let a worker do one import and end."""
    loop = worker.Worker(database, poll_seconds=0.01).start()
    try:
        path = jsonl(folder / "a.jsonl", [{"id": "a", "text": "A"}])
        job_id = start_import(database, new_project(database), path)
        assert worker.run_until(database, job_id, poll_seconds=0.01).state == "done"
    finally:
        loop.stop()
    return loop


def test_a_thread_runs_what_comes_and_ends(database: Database, tmp_path: Path) -> None:
    loop = worked(database, tmp_path)
    assert loop._thread is not None
    assert not loop._thread.is_alive()


@ON_SQLITE
def test_trouble_with_the_disk_is_waited_out(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "TROUBLE_SECONDS", 0.01)
    real: Callable[..., int] = worker.uploads.sweep
    failures: list[int] = []

    def sweep(*arguments: Any) -> int:
        if not failures:
            failures.append(1)
            raise OSError(28, "No space left on device")
        return real(*arguments)

    monkeypatch.setattr(worker.uploads, "sweep", sweep)
    worked(database, tmp_path)
    assert failures == [1]
