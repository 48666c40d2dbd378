"""The test tools keep their promises: ports that stay ours, servers that end, a kept-in browser."""

from __future__ import annotations

import socket
import sys
import urllib.request
from typing import TYPE_CHECKING

import psycopg
import pytest
import sqlalchemy as sa

from tests.support.browser import accessibility_problems
from tests.support.postgres import running_postgres
from tests.support.run_folder import RunFolder
from tests.support.server import ReservedPort, ServerError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.support.server import Server

PLAIN_SERVER = """\
import sys
from annotate.cli.serving import WebServer

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [b"<!doctype html><html lang=en><title>t</title><main><h1>Ready</h1><img src=x></main>"]

if __name__ == "__main__":
    WebServer("plain:app", {"workers": 2, "bind": "127.0.0.1:" + sys.argv[1]}).run()
"""


@pytest.fixture
def plain_server(start_server: Callable[..., Server], tmp_path: Path) -> Server:
    program = tmp_path / "plain.py"
    program.write_text(PLAIN_SERVER)
    return start_server({}, command=[sys.executable, str(program), "{port}"])


def test_a_reserved_port_is_given_to_nobody_else() -> None:
    reserved = [ReservedPort() for _ in range(50)]
    numbers = {port.number for port in reserved}
    assert len(numbers) == 50
    for port in reserved:
        port.release()


def test_a_killed_server_starts_again_on_its_port(plain_server: Server) -> None:
    before = plain_server.url
    plain_server.kill()
    with pytest.raises(OSError, match=r"refused|reset"):
        urllib.request.urlopen(before, timeout=5)
    assert plain_server.start().url == before
    with urllib.request.urlopen(before, timeout=5) as answer:
        assert b"Ready" in answer.read()


def test_a_server_that_cannot_start_says_why(start_server: Callable[..., Server]) -> None:
    with pytest.raises(ServerError, match="no such luck"):
        start_server({}, command=[sys.executable, "-c", "raise SystemExit('no such luck')"])


def test_postgresql_is_real_and_each_database_is_alone() -> None:
    server = running_postgres(RunFolder.current())
    first, second = server.create("template1"), server.create("template1")
    engines = [sa.create_engine(server.url(name)) for name in (first, second)]
    with engines[0].begin() as connection:
        assert connection.scalar(sa.text("SHOW fsync")) == "on"
        assert connection.scalar(sa.text("SHOW synchronous_commit")) == "on"
        connection.execute(sa.text("CREATE TABLE only_here (n int)"))
    assert sa.inspect(engines[1]).get_table_names() == []
    for engine in engines:
        engine.dispose()
    server.drop(first)
    server.drop(second)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(server.url(first).replace("+psycopg", ""))


def test_a_test_cannot_reach_another_machine() -> None:
    with (
        socket.socket() as leaving,
        pytest.raises(RuntimeError, match="another machine"),
    ):
        leaving.connect(("192.0.2.1", 9))


@pytest.mark.browser
def test_the_browser_shows_pages_and_finds_barriers(page: Page, plain_server: Server) -> None:
    page.goto(plain_server.url)
    assert page.get_by_role("heading").inner_text() == "Ready"
    assert [problem["rule"] for problem in accessibility_problems(page)] == ["image-alt"]
