"""Commands where the installation is not as it should be: one line that says so, no traceback."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from contextlib import closing
from sqlite3 import connect
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from annotate.cli.main import cli
from annotate.config import Settings, SettingsError
from annotate.db import Database
from tests.support.databases import environment_for

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

SMALL = 200_000
COMMANDS = "from annotate.cli.main import cli; cli()"


def run(data: Path, *words: str) -> Result:
    env = {**environment_for(f"sqlite:///{data / 'touchstone.db'}", data)}
    del env["TOUCHSTONE_SECRET"]
    return CliRunner().invoke(cli, list(words), env=env)


def refused(result: Result, words: str) -> None:
    """Expect one line of ours and exit code 2; a traceback would be another exception."""
    assert result.exit_code == 2, result.exception
    assert isinstance(result.exception, SystemExit)
    assert result.stderr.startswith("touchstone: ") or "Error: " in result.stderr
    assert words in result.stderr


@pytest.mark.parametrize("command", ["migrate", "doctor", "serve"])
def test_a_data_folder_that_is_a_file(tmp_path: Path, command: str) -> None:
    place = tmp_path / "data"
    place.write_text("a file")
    refused(run(place, command), str(place))


@pytest.mark.parametrize("command", ["migrate", "serve", "backup"])
def test_a_database_that_is_none(tmp_path: Path, command: str) -> None:
    (tmp_path / "touchstone.db").write_bytes(b"no database" * 1000)
    refused(run(tmp_path, command), "database")


def test_a_server_says_that_its_database_was_not_made(tmp_path: Path) -> None:
    refused(run(tmp_path, "serve"), "run touchstone migrate first")


def test_a_port_that_is_none(tmp_path: Path) -> None:
    refused(run(tmp_path, "serve", "--port", "99999"), "99999")


def test_a_database_of_a_later_release(tmp_path: Path) -> None:
    assert run(tmp_path, "migrate").exit_code == 0
    with closing(connect(tmp_path / "touchstone.db")) as file:
        file.execute("UPDATE alembic_version SET version_num = '9999'")
        file.commit()
    refused(run(tmp_path, "migrate"), "a later release made it")
    refused(run(tmp_path, "serve"), "revision 9999")


def test_a_secret_that_was_cut_short(tmp_path: Path) -> None:
    env = {"TOUCHSTONE_DATA_DIR": str(tmp_path)}
    (tmp_path / "secret").touch(mode=0o600)
    with pytest.raises(SettingsError, match="holds no secret"):
        Settings.from_env(env)
    (tmp_path / "secret").unlink()
    assert len(Settings.from_env(env).secret) == 64
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def _no_large_files() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, SMALL))


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    """As a limit for files, which a process meets where it would meet the end of the disk."""
    database = f"sqlite:///{tmp_path / 'touchstone.db'}"
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, "migrate"],
        env=environment_for(database, tmp_path),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=_no_large_files,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("touchstone: ")


@pytest.mark.parametrize("command", [["migrate"], ["project", "list"], ["backup"], ["doctor"]])
def test_a_data_folder_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    """As the superuser may write everywhere, the gate is a file that nobody can open."""
    assert run(tmp_path, "migrate").exit_code == 0
    with closing(connect(tmp_path / "touchstone.db")) as file:
        file.execute("UPDATE alembic_version SET version_num = '0001'")
        file.commit()
    gate = tmp_path / "touchstone.db.gate"
    gate.unlink(missing_ok=True)
    gate.mkdir()
    closed: list[int] = []
    monkeypatch.setattr(Database, "_close", lambda _self: closed.append(1))
    done = run(tmp_path, *command)
    assert done.exit_code in {1, 2}
    assert isinstance(done.exception, SystemExit), done.exception
    assert closed
