"""How much memory an import takes, and how fast it is: a big file through the service.

Run: ``python bench/import_memory.py [MEGABYTES]`` (1024 by default). The goal is a peak resident
size under 300 MB for 1 GB. File and database are made in a temporary folder and removed. With
``TOUCHSTONE_DATABASE_URL`` set to an empty PostgreSQL database, that one is used.
"""

from __future__ import annotations

import json
import os
import platform
import random
import resource
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from annotate.config import Settings
from annotate.db import Database
from annotate.policy import Scope
from annotate.services import imports, migration, projects, worker
from annotate.services.identity import system_actor

SENTENCE = (
    "the water of a quiet lake keeps what falls into it and gives nothing back before spring "
    "when every garden wants rain and nobody remembers how long winter was or who closed it"
)
WORDS = SENTENCE.split()
GOAL_MEGABYTES = 300


def write_file(path: Path, size: int) -> int:
    """Write conversations of four turns until the file has the size; return the rows."""
    draw = random.Random(7)  # noqa: S311 - text to import, no secret
    rows = 0
    with path.open("w", encoding="utf-8") as out:
        while out.tell() < size:
            for _ in range(500):
                turns = [
                    {
                        "role": "assistant" if turn % 2 else "user",
                        "content": " ".join(draw.choices(WORDS, k=draw.randint(20, 90))),
                    }
                    for turn in range(4)
                ]
                row = {"id": f"row-{rows}", "messages": turns, "slices": {"part": str(rows % 7)}}
                out.write(json.dumps(row) + "\n")
                rows += 1
    return rows


def peak_megabytes() -> float:
    """Return the largest resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> int:
    """Make the file, import it, import it again, and print the figures."""
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 1024
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        url = os.environ.get("TOUCHSTONE_DATABASE_URL", f"sqlite:///{folder / 'bench.db'}")
        settings = Settings.from_env(
            {"TOUCHSTONE_DATABASE_URL": url, "TOUCHSTONE_DATA_DIR": str(folder)}
        )
        database = Database(settings)
        migration.migrate(database)
        path = folder / "items.jsonl"
        rows = write_file(path, megabytes * 1024**2)
        before = peak_megabytes()
        first = timed_import(database, path)
        second = timed_import(database, path)
        peak = peak_megabytes()
        database.dispose()
    kind = f"SQLite {sqlite3.sqlite_version}" if settings.embedded else "PostgreSQL"
    print(f"{megabytes} MB, {rows:,} rows, {kind}, Python {platform.python_version()}")
    print(f"first import   {first:7.1f} s  {rows / first:9,.0f} rows/s")
    print(f"second import  {second:7.1f} s  {rows / second:9,.0f} rows/s  (adds nothing)")
    print(f"peak resident  {peak:7.0f} MB  (before the import {before:.0f} MB)")
    return 0 if peak < GOAL_MEGABYTES else 1


def timed_import(database: Database, path: Path) -> float:
    """Import the file as a job and return the seconds it took."""
    with database.write() as session:
        actor = system_actor(session)
        found = [line for line in projects.listed(session, actor) if line.slug == "bench"]
        key = (
            found[0].id
            if found
            else projects.create(session, actor, slug="bench", title="Bench").id
        )
        job_id = imports.start(
            session,
            actor,
            Scope(key),
            path=path,
            format="jsonl",
            filename=path.name,
            keep_file=True,
        )
    begin = time.perf_counter()
    job = worker.run_until(database, job_id)
    if job.state != "done" or job.result["refused"]:
        raise SystemExit(f"the import did not go well: {job.message}")
    return time.perf_counter() - begin


if __name__ == "__main__":
    raise SystemExit(main())
