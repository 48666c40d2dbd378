"""``touchstone quickstart`` and ``serve`` as somebody new to it types them."""

from __future__ import annotations

import os
import signal
import socket
from functools import partialmethod
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from annotate.cli.main import cli
from annotate.cli.serving import WebServer
from annotate.db import Database
from annotate.models import UserAccount
from annotate.services import demo_people
from tests.support.builders import World
from tests.support.databases import environment_for, settings_for
from tests.support.server import COMMAND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from click.testing import Result

    from tests.support.server import Server

pytestmark = pytest.mark.db


def run(folder: Path, *words: str, **more: str) -> Result:
    url = f"sqlite:///{folder / 'touchstone.db'}"
    return CliRunner().invoke(cli, list(words), env={**environment_for(url, folder), **more})


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[WebServer]:
    """Servers that would have been started."""
    servers: list[WebServer] = []
    monkeypatch.setattr(WebServer, "run", partialmethod(servers.append))
    return servers


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.fixture
def served_demo(tmp_path: Path) -> Path:
    """An installation with one demo account, made without its project."""
    url = f"sqlite:///{tmp_path / 'touchstone.db'}"
    assert run(tmp_path, "migrate").exit_code == 0
    database = Database(settings_for(url, tmp_path))
    World(database).user("admin")
    with database.write() as session:
        session.execute(sa.update(UserAccount).values(is_demo=True))
    database.dispose()
    return tmp_path


@pytest.mark.slow
def test_a_first_and_a_second_start_serve_the_same_demo(
    tmp_path: Path, start_server: Callable[..., Server]
) -> None:
    data = tmp_path / "var"
    (tmp_path / "tasks.py").write_text("raise RuntimeError('this is not our package')")
    command = (str(COMMAND), "quickstart", "--port", "{port}")
    server = start_server({"TOUCHSTONE_DATA_DIR": str(data)}, command=command)
    assert server.process is not None
    first = server.log.read_text()
    logins = (data / demo_people.FILE_NAME).read_text()
    assert all(line in first for line in logins.splitlines() if not line.startswith("#"))
    assert server.url in first
    os.killpg(server.process.pid, signal.SIGINT)
    assert server.process.wait(20) == 0
    server.process = None
    assert "Traceback" not in server.log.read_text()

    again = run(data, "quickstart", "--no-serve")
    assert again.exit_code == 0
    assert "Importing" not in again.stdout
    assert "Database" not in again.stdout
    assert all(line in again.stdout for line in logins.splitlines() if not line.startswith("#"))


def test_a_taken_port_is_told_before_anything_is_made(
    tmp_path: Path, taken: int, started: list[WebServer]
) -> None:
    for command in ("quickstart", "serve"):
        result = run(tmp_path / command, command, "--port", str(taken))
        assert result.exit_code == 2
        assert f"cannot listen on 127.0.0.1 port {taken}" in result.stderr
        assert "--port" in result.stderr
        assert not (tmp_path / command / "touchstone.db").exists()
    assert started == []


def test_quickstart_is_for_this_machine_and_the_embedded_database(
    tmp_path: Path, started: list[WebServer]
) -> None:
    outside = {"TOUCHSTONE_PUBLIC_URL": "https://labels.example.org"}
    far = run(tmp_path, "quickstart", **outside)
    assert (far.exit_code, started) == (2, [])
    assert "this machine only" in far.stderr
    other = {"TOUCHSTONE_DATABASE_URL": "postgresql://nobody@127.0.0.1/none"}
    big = run(tmp_path, "quickstart", **other)
    assert (big.exit_code, started) == (2, [])
    assert "embedded" in big.stderr


@pytest.mark.parametrize(
    ("words", "more"),
    [
        (("--host", "0.0.0.0"), {}),  # noqa: S104 - refused, never bound
        (("--host", "touchstone.invalid"), {}),
        ((), {"TOUCHSTONE_PUBLIC_URL": "https://labels.example.org"}),
    ],
)
def test_demo_accounts_keep_it_on_this_machine(
    served_demo: Path, started: list[WebServer], words: tuple[str, ...], more: dict[str, str]
) -> None:
    refused = run(served_demo, "serve", *words, **more)
    assert (refused.exit_code, started) == (2, [])
    assert "remove-demo" in refused.stderr


def test_without_demo_accounts_it_may_be_served_to_others(
    served_demo: Path, started: list[WebServer]
) -> None:
    removed = run(served_demo, "people", "remove-demo")
    assert removed.exit_code == 0
    assert "deactivated: 1." in removed.stdout
    with socket.create_server(("127.0.0.1", 0)) as probe:
        free = probe.getsockname()[1]
    outside = {"TOUCHSTONE_PUBLIC_URL": "https://labels.example.org"}
    assert run(served_demo, "serve", "--port", str(free), **outside).exit_code == 0
    [server] = started
    assert (server.cfg.bind, server.cfg.workers) == ([f"127.0.0.1:{free}"], 1)


def test_the_embedded_database_has_one_serving_process(
    tmp_path: Path, started: list[WebServer]
) -> None:
    result = run(tmp_path, "serve", "--workers", "4")
    assert (result.exit_code, started) == (2, [])
    assert "one process" in result.stderr
