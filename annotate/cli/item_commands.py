"""``touchstone items`` and ``touchstone worker``."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from annotate.cli.context import fail, opened
from annotate.policy import Scope
from annotate.services import file_sources, imports, projects
from annotate.services import worker as workers
from annotate.services.identity import system_actor

if TYPE_CHECKING:
    from annotate.db import Database
    from annotate.services.jobs import JobView

SHOWN_PROBLEMS = 20
HELD_SECONDS = 120
"""How long a server leaves an import of the console alone before it takes it over."""


@click.group()
def items() -> None:
    """Bring in what is judged."""


@items.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--project", "slug", required=True, metavar="SLUG", help="Where the items go.")
@click.option(
    "--format",
    "wanted",
    type=click.Choice(["jsonl", "csv"]),
    help="By the file's name when not given.",
)
@click.option(
    "--media",
    type=click.Path(path_type=Path),
    metavar="FOLDER|ZIP",
    help="Where the pictures and recordings lie that rows name.",
)
def import_items(file: Path, slug: str, wanted: str | None, media: Path | None) -> None:
    """Import items from FILE, in JSONL or CSV.

    Rows that are there already are left as they are. Ends with 0 when every row was taken, 1 when
    some rows were refused, 2 when the file could not be read or the project is not there.
    """
    if not file.is_file():
        fail(f"{file} is not a file that can be read")
    try:
        file.open("rb").close()
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}")
    if media is not None and not file_sources.exists(media):
        fail(f"{media} is neither a folder nor a zip that can be read")
    kind = imports.format_of(file.name, wanted or "")
    with opened() as database:
        job_id, scope = _start(database, file, slug, kind, media)
        job = _run(database, job_id, file)
        code = _report(database, scope, job)
    raise SystemExit(code)


def _start(
    database: Database, file: Path, slug: str, kind: imports.Format, media: Path | None
) -> tuple[str, Scope]:
    with database.write() as session:
        actor = system_actor(session)
        scope = Scope(projects.by_slug(session, actor, slug).id)
        job_id = imports.start(
            session,
            actor,
            scope,
            path=file,
            format=kind,
            filename=file.name,
            media=media,
            keep_file=True,
            held_for=HELD_SECONDS,
        )
    return job_id, scope


def _run(database: Database, job_id: str, file: Path) -> JobView:
    """Run the import here, with a bar on a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(binary_units=True))
    with Progress(
        *columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task(file.name, total=file.stat().st_size)
        return workers.run_until(
            database, job_id, watch=lambda job: bar.update(task, completed=job.done * 1024)
        )


def _report(database: Database, scope: Scope, job: JobView) -> int:
    if job.state != "done":
        sys.stderr.write(f"touchstone: {job.message}\n")
        return 2
    click.echo(job.message)
    same = job.result["same_content"]
    if same:
        click.echo(f"{same:,} added items hold the same content as another item; they were kept.")
    refused = job.result["refused"]
    if not refused:
        return 0
    with database.read() as session:
        listed = imports.problems(session, scope, job.id, limit=SHOWN_PROBLEMS)
    for problem in listed:
        column = f", column {problem.column}" if problem.column else ""
        named = f" ({problem.external_id})" if problem.external_id else ""
        sys.stderr.write(f"line {problem.line}{column}{named}: {problem.reason}\n")
    if refused > len(listed):
        sys.stderr.write(f"… and {refused - len(listed):,} more; the import's page lists them.\n")
    return 1


@click.command()
@click.option("--once", is_flag=True, help="Run what waits now, then end.")
def worker(once: bool) -> None:  # noqa: FBT001 - click gives flags by position
    """Run background jobs, until told to stop.

    The embedded server does this by itself; with PostgreSQL start one or more of these.
    """
    with opened() as database:
        if once:
            click.echo(f"{workers.run_all(database)} jobs run")
            return
        loop = workers.Worker(database)
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: loop.stop())
        click.echo(f"worker {loop.name} waits for jobs")
        loop.run()
