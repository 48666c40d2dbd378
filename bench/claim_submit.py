"""What a claim and a submission cost: processor time of every server process, and latency.

Run: ``PYTHONPATH=. python bench/claim_submit.py [sqlite] [postgresql]``. A served Touchstone on a
fresh database hands out places of the conversational-abuse rubric to annotators, half of them with
a browser's session and half with a token, each over one connection; every answer is validated,
stored with its labels, audit and outbox rows, and routed to a case where the labels differ.

Processor time is user plus system time from ``/proc``, of the server's processes and of all of
PostgreSQL's, so that it says the same on a busy machine. With ``--write`` the figures go into
``bench/README.md``.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from annotate.client import uuid7
from annotate.db import Database
from tests.support.builders import BENIGN, World, abusive
from tests.support.databases import environment_for, migrated_database, settings_for
from tests.support.run_folder import LeadingRun
from tests.support.server import Server

if TYPE_CHECKING:
    from collections.abc import Sequence

OVERLAP = 3
PEOPLE = 12
GOAL_MS = 6.0
README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- claim_submit: begin -->", "<!-- claim_submit: end -->"
# One annotation in four finds abuse; sometimes two of an item differ, and a case opens.
ANSWERS = (BENIGN, BENIGN, abusive(), BENIGN, BENIGN, BENIGN, abusive("strong"), BENIGN)


# ---------------------------------------------------------------------------- processor time


def processes() -> dict[int, tuple[int, int, int]]:
    """Return parent, session and ticks (its own and of ended children) of every process."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        found[int(entry.name)] = (int(fields[1]), int(fields[3]), sum(map(int, fields[11:15])))
    return found


def seconds_of(session: int) -> float:
    """Return the processor time of all processes of a session."""
    ticks = sum(ticks for _, own, ticks in processes().values() if own == session)
    return ticks / os.sysconf("SC_CLK_TCK")


def seconds_below(root: int) -> float:
    """Return the processor time of a process and all its descendants."""
    table = processes()
    below, total = [root], 0
    while below:
        pid = below.pop()
        total += table[pid][2]
        below += [child for child, (parent, _, _) in table.items() if parent == pid]
    return total / os.sysconf("SC_CLK_TCK")


def postmaster(database: Database) -> int:
    """Return the process id of the PostgreSQL that holds a database."""
    with database.write_engine.connect() as connection:
        folder = Path(connection.exec_driver_sql("SHOW data_directory").scalar_one())
    return int((folder / "postmaster.pid").read_text().split()[0])


# -------------------------------------------------------------------------------- annotators


@dataclass
class Annotator:
    """One person with one connection."""

    address: str
    headers: dict[str, str]
    round_id: str
    claims: list[float] = field(default_factory=list)
    submits: list[float] = field(default_factory=list)

    def work(self, pairs: itertools.count[int], until: int) -> None:
        """Claim and submit until all together have done enough."""
        parts = urlsplit(self.address)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
        while (number := next(pairs)) < until:
            path = f"/api/v1/rounds/{self.round_id}/claim"
            taken, place = self._timed(connection, path, {})
            body = {
                "annotation_id": uuid7(),
                "fence": place["assignment"]["fence"],
                "answers": ANSWERS[number % len(ANSWERS)],
            }
            path = f"/api/v1/assignments/{place['assignment']['id']}/submit"
            stored, _ = self._timed(connection, path, body)
            self.claims.append(taken)
            self.submits.append(stored)
        connection.close()

    def _timed(
        self, connection: http.client.HTTPConnection, path: str, body: dict[str, Any]
    ) -> tuple[float, dict[str, Any]]:
        started = time.perf_counter()
        connection.request("POST", path, json.dumps(body), self.headers)
        answer = connection.getresponse()
        data = answer.read()
        taken = time.perf_counter() - started
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status} {data!r}")
        return taken, json.loads(data)


def staff(world: World, names: Sequence[str], address: str, round_id: str) -> list[Annotator]:
    """Return the annotators, every other one with a browser's session."""
    people = []
    for number, name in enumerate(names):
        if number % 2:
            who = {"Authorization": f"Bearer {world.token(name)}"}
        else:
            who = {"Cookie": f"touchstone={world.cookie(name)}", "Sec-Fetch-Site": "same-origin"}
        people.append(Annotator(address, {**who, "Content-Type": "application/json"}, round_id))
    return people


# ------------------------------------------------------------------------------- measurement


@dataclass(frozen=True)
class Measured:
    """Figures of one database; milliseconds."""

    kind: str
    pairs: int
    server: float
    database: float
    claims: Sequence[float]
    submits: Sequence[float]
    seconds: float

    @property
    def total(self) -> float:
        """Processor time per pair, of all server processes."""
        return self.server + self.database

    def row(self, at_once: int) -> str:
        """Return the row of the table."""
        cells = [
            self.kind,
            str(self.pairs),
            str(at_once),
            f"**{self.total:.2f}**",
            f"{self.server:.2f}",
            f"{self.database:.2f}" if self.database else "in the server",
            percentiles(self.claims),
            percentiles(self.submits),
            f"{self.pairs / self.seconds:.0f}",
        ]
        return f"| {' | '.join(cells)} |"


def percentiles(seconds: Sequence[float]) -> str:
    """Return p50 / p95 in milliseconds."""
    cuts = statistics.quantiles(seconds, n=20)
    return f"{cuts[9] * 1000:.1f} / {cuts[18] * 1000:.1f}"


def measure(kind: str, pairs: int, at_once: int, warm: int) -> Measured:
    """Serve a fresh database and let annotators work on it."""
    # Some more than needed: near the end the free places lie on items that somebody has done.
    items = (pairs + warm) // min(OVERLAP, at_once) + 200
    with tempfile.TemporaryDirectory(prefix="touchstone-bench-", dir=_disk()) as name:
        folder = Path(name)
        with migrated_database(kind, folder) as url:
            database = Database(settings_for(url, folder))
            world = World(database)
            demo = world.standard(items=items, overlap=OVERLAP, annotators=PEOPLE)
            with Server(environment_for(url, folder), folder) as server:
                people = staff(world, demo.annotators, server.url, demo.round_id)
                root = None if kind == "sqlite" else postmaster(database)
                database.dispose()
                return _run(kind, server, root, people, pairs, at_once, warm)


def _disk() -> str | None:
    return os.environ.get("BENCH_FOLDER")


def _run(  # noqa: PLR0913, PLR0917 - the parts of one measurement
    kind: str,
    server: Server,
    root: int | None,
    people: list[Annotator],
    pairs: int,
    at_once: int,
    warm: int,
) -> Measured:
    assert server.process is not None
    _together(people[:at_once], warm)
    for person in people:
        person.claims.clear()
        person.submits.clear()
    before = seconds_of(server.process.pid), seconds_below(root) if root else 0.0
    started = time.perf_counter()
    _together(people[:at_once], pairs)
    seconds = time.perf_counter() - started
    after = seconds_of(server.process.pid), seconds_below(root) if root else 0.0
    return Measured(
        kind,
        pairs,
        (after[0] - before[0]) / pairs * 1000,
        (after[1] - before[1]) / pairs * 1000,
        [one for person in people for one in person.claims],
        [one for person in people for one in person.submits],
        seconds,
    )


def _together(people: Sequence[Annotator], pairs: int) -> None:
    numbers = itertools.count()
    threads = [threading.Thread(target=one.work, args=(numbers, pairs)) for one in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = sum(len(one.submits) for one in people)
    if done != pairs:
        raise SystemExit(f"{done} of {pairs} pairs were done: an annotator failed")


# -------------------------------------------------------------------------------- the report


def yardstick() -> float:
    """Return how much processor time a fixed loop takes here and now, in milliseconds.

    Neighbours on the same cores make the same work take up to twice the processor time.
    """
    started = time.process_time()
    for number in range(20_000):
        json.loads(json.dumps({"number": number, "answers": BENIGN}))
    return (time.process_time() - started) * 1000


def machine() -> str:
    """Describe machine and versions."""
    info = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in info if "model name" in line), "?")
    packages = ("flask", "werkzeug", "gunicorn", "sqlalchemy", "psycopg", "pydantic")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    postgres = subprocess.run(
        ["/usr/bin/env", "psql", "--version"], capture_output=True, text=True, check=False
    ).stdout.split()
    return (
        f"{os.cpu_count()} cores of {model}; Linux {platform.release()}; Python "
        f"{platform.python_version()}; SQLite {sqlite3.sqlite_version}; PostgreSQL "
        f"{postgres[2] if len(postgres) > 2 else 'given by TEST_DATABASE_URL'}; {versions}. "
        f"Load average at the end: {os.getloadavg()[0]:.1f}; the yardstick loop took "
        f"{yardstick():.0f} ms."
    )


def table(found: Sequence[Measured], at_once: int) -> str:
    """Return the figures as Markdown."""
    head = (
        "| database | pairs | annotators at once | CPU ms a pair | of it server | of it PostgreSQL "
        "| claim p50 / p95 ms | submit p50 / p95 ms | pairs/s |\n" + "|---" * 9 + "|"
    )
    rows = "\n".join(one.row(at_once) for one in found)
    goal = f"Goal: at most {GOAL_MS:g} ms of processor time a pair on SQLite."
    return f"{head}\n{rows}\n\n{goal} {machine()}\n"


def write(text: str) -> None:
    """Put the figures into the README, between their two marks."""
    whole = README.read_text(encoding="utf-8")
    before, _, rest = whole.partition(BEGIN)
    after = rest.partition(END)[2]
    README.write_text(f"{before}{BEGIN}\n{text}{END}{after}", encoding="utf-8")


def main() -> int:
    """Measure each kind of database and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kinds", nargs="*", default=["sqlite", "postgresql"])
    parser.add_argument("--pairs", type=int, default=5000)
    parser.add_argument("--warm", type=int, default=300)
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    run = LeadingRun()
    try:
        found = [
            measure(kind, options.pairs, options.at_once, options.warm) for kind in options.kinds
        ]
    finally:
        run.end()
    text = table(found, options.at_once)
    print(text)
    if options.write:
        write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
