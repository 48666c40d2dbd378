"""A real Touchstone server in processes of its own, on a port that nobody else can take."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LOOPBACK = "127.0.0.1"
START_SECONDS = 120
STOP_SECONDS = 30
POLL_SECONDS = 0.05
COMMAND = Path(sys.executable).with_name("touchstone")
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE")


class ServerError(AssertionError):
    """The server did not start, or did not stop, as it should."""


class ReservedPort:
    """A loopback port that stays ours while the server on it comes and goes.

    The socket is bound but never listens. With SO_REUSEADDR the server may bind and listen beside
    it, while the kernel gives the port to nobody who asks for any free one.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((LOOPBACK, 0))
        self.number: int = self._socket.getsockname()[1]

    def release(self) -> None:
        self._socket.close()


@dataclass
class Server:
    """Starts ``touchstone serve`` (or another command that serves) and ends its whole group.

    Parameters
    ----------
    settings
        ``TOUCHSTONE_…`` variables; the public address is added.
    folder
        Where it runs and where its log is written.
    command
        Program and arguments, ``{port}`` stands for the port; ``touchstone serve`` if not given,
        with two processes where the database allows more than one.
    """

    settings: Mapping[str, str]
    folder: Path
    command: Sequence[str] = ()
    ready_path: str = "/readyz"
    port: ReservedPort = field(default_factory=ReservedPort)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port.number}"

    @property
    def log(self) -> Path:
        return self.folder / f"server-{self.port.number}.log"

    @property
    def environment(self) -> dict[str, str]:
        """What the server's processes see: our settings and nothing of the tests' own."""
        passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        return {**passed, "TOUCHSTONE_PUBLIC_URL": self.url, **self.settings}

    def start(self) -> Self:
        """Start it and wait until it says that it is ready."""
        if self.process is not None:
            raise ServerError("this server runs already")
        command = [part.format(port=self.port.number) for part in self.command or self._serve()]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self) -> int:
        """Ask it to end, as an operator would, and return its exit code."""
        process = self._running()
        os.killpg(process.pid, signal.SIGTERM)
        try:
            status = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerError(f"the server did not stop in time\n{self.log_tail()}") from None
        self._end_group(process.pid)
        self.process = None
        return status

    def kill(self) -> None:
        """End all its processes at once, as a power cut would (SIGKILL)."""
        process = self._running()
        self._end_group(process.pid)
        process.wait(STOP_SECONDS)
        self.process = None

    def close(self) -> None:
        """Stop it if it runs, and give the port back."""
        try:
            if self.process is not None:
                self.stop()
        finally:
            self.port.release()

    def log_tail(self) -> str:
        """Return the end of what it wrote."""
        return self.log.read_text(errors="replace")[-4000:] if self.log.exists() else ""

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.port.release()
            raise

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, *command: str | Path, seconds: float) -> str:
        """Run a command with the server's settings, in its folder, and return what it printed."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        if done.returncode != 0:
            raise AssertionError(
                f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}\n{self.log_tail()}"
            )
        return done.stdout

    def _serve(self) -> list[str]:
        many = self.settings.get("TOUCHSTONE_DATABASE_URL", "").startswith("postgresql")
        serve = [str(COMMAND), "serve", "--host", LOOPBACK, "--port", "{port}"]
        return [*serve, "--workers", "2"] if many else serve

    def _running(self) -> subprocess.Popen[bytes]:
        if self.process is None:
            raise ServerError("this server does not run")
        return self.process

    def _end_group(self, group: int) -> None:
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            return  # the whole group has ended by itself
        deadline = time.monotonic() + STOP_SECONDS
        while _living(group):  # a worker that still dies may hold connections and locks
            if time.monotonic() > deadline:
                raise ServerError(f"processes of the server survive: {_living(group)}")
            time.sleep(POLL_SECONDS)

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._ready():
            status = self._running().poll()
            if status is not None:
                raise ServerError(f"the server ended with {status} at once\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise ServerError(f"the server was not ready in time\n{self.log_tail()}")
            time.sleep(POLL_SECONDS)

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}{self.ready_path}", timeout=10) as answer:
                return answer.status == 200
        except urllib.error.HTTPError as answer:
            answer.close()
            return False
        except OSError:
            return False


def _living(group: int) -> list[int]:
    """List the processes of a group that have not ended (those only waiting to be reaped have)."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            state, _, process_group = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(process_group) == group and state != "Z":
            found.append(int(entry.name))
    return found
