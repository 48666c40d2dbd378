"""What happens in a process of the server once it has loaded the application."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from selectors import DefaultSelector
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from gunicorn.workers.gthread import PollableMethodQueue

from annotate.app import create_app
from annotate.cli import serving
from annotate.db import Database
from annotate.ending import ENDING_SIGNALS
from tests.support.databases import empty_database, migrated_database, settings_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.support.server import Server

ADDRESS = "http://127.0.0.1:8000"
TOLD_TO_END_AS_IT_STARTS = """\
import os, signal, sys
from annotate.cli.serving import WebServer

age = []

def post_fork(parent, worker):
    age[:] = [worker.age]
    if worker.age == 1:
        for number in sys.argv[2:]:
            os.kill(os.getpid(), int(number))

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"worker %d" % age[0]]

if __name__ == "__main__":
    from plain import post_fork
    WebServer("plain:app", {"bind": "127.0.0.1:" + sys.argv[1], "post_fork": post_fork}).run()
"""
TOLD_TO_END_AS_IT_STARTS_A_THREAD = """\
import os, sys, threading
from annotate.cli.serving import WebServer

begin = threading.Thread.start
age = []

def begin_and_be_told(thread):
    begin(thread)
    if "Pool" in thread.name:
        os.kill(os.getpid(), int(sys.argv[2]))

def interrupt(worker):
    age[:] = [worker.age]
    if worker.age == 1:
        threading.Thread.start = begin_and_be_told

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"worker %d" % age[0]]

if __name__ == "__main__":
    from plain import interrupt
    bound = {"bind": "127.0.0.1:" + sys.argv[1], "post_worker_init": interrupt}
    WebServer("plain:app", bound).run()
"""


def started(
    open_database: Callable[[str, Path], AbstractContextManager[str]], folder: Path
) -> None:
    with open_database("sqlite", folder) as url:
        settings = settings_for(url, folder)
        database = Database(settings)
        try:
            worker = SimpleNamespace(wsgi=create_app(settings, database), age=1)
            serving.announce(worker)
        finally:
            database.dispose()


def test_the_address_is_announced_when_the_server_is_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(serving.ANNOUNCE, ADDRESS)
    started(migrated_database, tmp_path)
    assert f"Touchstone is at {ADDRESS}" in capsys.readouterr().out


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


@pytest.mark.slow
@pytest.mark.parametrize(
    "told",
    [(signal.SIGTERM,), ENDING_SIGNALS],
    ids=["once", "by everybody at once"],
)
def test_a_worker_ends_that_is_told_to_before_it_is_ready(
    tmp_path: Path, start_server: Callable[..., Server], told: tuple[signal.Signals, ...]
) -> None:
    program = tmp_path / "plain.py"
    program.write_text(TOLD_TO_END_AS_IT_STARTS)
    numbers = [str(int(number)) for number in told]
    server = start_server({}, command=[sys.executable, str(program), "{port}", *numbers])
    with urllib.request.urlopen(server.url, timeout=20) as answer:
        assert answer.read() == b"worker 2"
    assert "Traceback" not in server.log.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGQUIT])
def test_a_worker_ends_though_the_signal_comes_as_it_starts_a_thread(
    tmp_path: Path, start_server: Callable[..., Server], told: signal.Signals
) -> None:
    """A pool that is left at this point never ends the thread, for which the process would wait."""
    (tmp_path / "plain.py").write_text(TOLD_TO_END_AS_IT_STARTS_A_THREAD)
    command = [sys.executable, "plain.py", "{port}", str(int(told))]
    server = start_server({}, command=command, ready_path="/")
    with urllib.request.urlopen(server.url, timeout=20) as answer:
        assert answer.read() == b"worker 2"


def test_a_worker_ends_though_the_signal_interrupts_the_handing_over_of_a_request() -> None:
    """The interrupted thread holds the lock of its pool: whoever waits for it waits for ever."""
    worker = serving.Threads.__new__(serving.Threads)
    worker.alive = worker.booted = True
    worker.method_queue = PollableMethodQueue()
    worker.method_queue.init()
    with ThreadPoolExecutor(1) as worker.tpool, DefaultSelector() as worker.poller:
        with worker.tpool._shutdown_lock:
            worker.handle_quit(signal.SIGQUIT, None)
        assert not worker.alive
        with pytest.raises(SystemExit):
            worker.wait_for_and_dispatch_events(0)
    worker.method_queue.close()


def test_the_agreement_of_a_project_needs_no_pandas() -> None:
    code = """
import sys, annotate.services.agreement
from tasks.reliability.table import read_table
from tasks.records import LabelColumns
read_table(LabelColumns(["i"], ["a"], ["q"], [""], ["v"], ["answered"]))
sys.exit("pandas" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
