"""What happens in a process of the server once it has loaded the application."""

from __future__ import annotations

import subprocess
import sys
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from annotate.app import create_app
from annotate.cli import serving
from annotate.db import Database
from tests.support.databases import empty_database, migrated_database, settings_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

ADDRESS = "http://127.0.0.1:8000"


def started(
    open_database: Callable[[str, Path], AbstractContextManager[str]], folder: Path
) -> None:
    with open_database("sqlite", folder) as url:
        settings = settings_for(url, folder)
        database = Database(settings)
        try:
            worker = SimpleNamespace(wsgi=create_app(settings, database), age=1)
            serving.post_worker_init(worker)
        finally:
            database.dispose()
    for thread in threading.enumerate():
        if thread.name == "warm-up":
            thread.join()


def test_the_address_is_announced_when_the_server_is_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(serving.ANNOUNCE, ADDRESS)
    started(migrated_database, tmp_path)
    assert f"Touchstone is at {ADDRESS}" in capsys.readouterr().out
    assert "pandas" in sys.modules


def test_a_server_that_is_not_ready_is_not_announced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(serving.ANNOUNCE, ADDRESS)
    started(empty_database, tmp_path)
    said = capsys.readouterr()
    assert "Touchstone is at" not in said.out
    assert "not ready" in said.err


@pytest.mark.slow
def test_commands_and_the_application_start_without_pandas() -> None:
    code = "import sys, annotate.cli.main, annotate.app; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
