"""``touchstone gold`` and ``touchstone cases``."""

from __future__ import annotations

import json
from math import isfinite
from pathlib import Path

import click

from annotate.cli.context import fail, opened, reading
from annotate.policy import Scope
from annotate.services import agreement as agreement_service
from annotate.services import case_reading, projects, worker
from annotate.services import gold as service
from annotate.services.gold import ReleaseWish
from annotate.services.identity import system_actor
from exports.verify import verify_release

FOLDER = click.Path(file_okay=False, path_type=Path)
SHARE = click.FloatRange(0, 1)


def _finite(_ctx: click.Context, _param: click.Parameter, share: float) -> float:
    """Refuse ``nan``, which Python reads as a number and no bound keeps out."""
    if not isfinite(share):
        raise click.BadParameter(f"{share} is no share: give a number from 0 to 1")
    return share


@click.group()
def gold() -> None:
    """Freeze, write and verify gold releases."""


@gold.command()
@click.option("--project", "slug", required=True, help="Slug of the project.")
@click.option(
    "--version", "version_id", help="Rubric version; the newest labelled one if left out."
)
@click.option("--seed", default=service.DEFAULT_SEED, show_default=True, help="Decides the splits.")
@click.option(
    "--undecided",
    type=click.Choice(["open", "majority"]),
    default="open",
    show_default=True,
    help="What an undecided case gives.",
)
@click.option(
    "--test",
    type=SHARE,
    callback=_finite,
    default=0.2,
    show_default=True,
    help="Share of items for testing.",
)
@click.option(
    "--validation",
    type=SHARE,
    callback=_finite,
    default=0.1,
    show_default=True,
    help="Share for validation.",
)
@click.option("--out", type=FOLDER, help="Copy the files here as well.")
def release(  # noqa: PLR0913, PLR0917 - one argument an option
    slug: str,
    version_id: str | None,
    seed: int,
    undecided: str,
    test: float,
    validation: float,
    out: Path | None,
) -> None:
    """Freeze a release, write its files and verify them."""
    if out is not None and out.is_dir() and any(out.iterdir()):
        fail(f"{out} is there already; name another folder: nothing was released")
    with opened() as database:
        with database.write() as session:
            actor = system_actor(session)
            scope = Scope(projects.by_slug(session, actor, slug).id)
            chosen = version_id or agreement_service.latest_version(session, scope)
            if chosen is None:
                fail("the project has no rounds yet: nothing to release")
            wish = ReleaseWish(chosen, seed, undecided, validation, test)
            release_id = service.freeze(session, actor, scope, wish)
            job_id = service.enqueue(session, actor, scope, release_id)
        job = worker.run_until(database, job_id)
        if job.state != "done":
            fail(f"the files could not be written: {job.message}", 1)
        with database.read() as session:
            found = service.view(session, scope, release_id)
        if out is not None:
            service.write_files(database, scope, release_id, out)
    click.echo(f"Gold release {found.line.number} of {slug}: {found.directory}")
    _report(found.directory, found.line.manifest_hash)


@gold.command()
@click.option("--project", "slug", required=True, help="Slug of the project.")
@click.argument("number", type=click.IntRange(1))
@click.argument("directory", type=FOLDER)
def write(slug: str, number: int, directory: Path) -> None:
    """Make the files of a frozen release NUMBER again, in DIRECTORY: the same bytes."""
    with opened() as database:
        with database.write() as session:
            actor = system_actor(session)
            scope = Scope(projects.by_slug(session, actor, slug).id)
            release_id = service.by_number(session, scope, number)
            known = service.view(session, scope, release_id).line.manifest_hash
        written = service.write_files(database, scope, release_id, directory)
    if known is not None and written != known:
        fail(
            "these files differ from those of the release: an item was quarantined since, or other "
            "versions of numpy or pyarrow wrote them",
            1,
        )
    words = "the same bytes" if known is not None else "written for the first time"
    click.echo(f"{directory}: {words}, manifest {written}")


@gold.command()
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
def verify(directory: Path) -> None:
    """Verify the files of a release: digests, counts, splits, and every gold label again."""
    _report(directory, None)


def _report(directory: Path, expected: str | None) -> None:
    report = verify_release(directory)
    for problem in report.problems:
        click.echo(f"  {problem}", err=True)
    if not report.ok:
        count = len(report.problems)
        fail(f"{directory}: {count} {'problem' if count == 1 else 'problems'}", 1)
    if expected is not None and report.manifest_sha256 != expected:
        fail(f"{directory}: the manifest is not the one recorded with the release", 1)
    click.echo(
        f"{directory}: whole. {report.files} files, {report.gold_cells:,} gold cells worked out "
        f"again, manifest {report.manifest_sha256}"
    )


@gold.command("list")
@click.option("--project", "slug", required=True, help="Slug of the project.")
def list_releases(slug: str) -> None:
    """List the releases of a project."""
    with reading() as (session, actor):
        scope = Scope(projects.by_slug(session, actor, slug).id)
        lines = service.listed(session, scope)
    for line in lines:
        state = line.state if line.certified else f"{line.state}, rubric not certified"
        click.echo(f"{line.number}  {line.created_at:%Y-%m-%d %H:%M} UTC  {line.version}  {state}")
    if not lines:
        click.echo("There are no releases yet. Make one with touchstone gold release.")


@click.group()
def cases() -> None:
    """Look at disagreements that wait for a ruling."""


@cases.command("count")
@click.option("--project", "slug", required=True, help="Slug of the project.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def count(slug: str, *, as_json: bool) -> None:
    """Count the cases of a project by state."""
    with reading() as (session, actor):
        scope = Scope(projects.by_slug(session, actor, slug).id)
        found = case_reading.counts(session, scope)
    if as_json:
        click.echo(json.dumps(found))
        return
    for state, number in found.items():
        click.echo(f"{number:6,} {state}")
