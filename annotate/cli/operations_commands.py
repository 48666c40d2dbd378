"""``touchstone migrate``, ``backup`` and ``doctor``: what an operator does."""

from __future__ import annotations

from pathlib import Path

import click

from annotate.cli.context import opened
from annotate.services import backup as backups
from annotate.services import doctor as doctors
from annotate.services import migration

SIGNS = {"good": "ok   ", "look": "look ", "wrong": "WRONG"}


@click.command()
def migrate() -> None:
    """Bring the database to this release's schema.

    An embedded database that holds something is copied first; the copy's place is printed.
    """
    with opened(migrated=False) as database:
        done = migration.migrate(database, backup=backups.before_migration)
    if done.backup is not None:
        click.echo(f"Copied to {done.backup} first.")
    if done.changed:
        click.echo(f"The database is at revision {done.after} (was {done.before or 'empty'}).")
    else:
        click.echo(f"The database is at revision {done.after} already; nothing was done.")


@click.command()
@click.argument("target", type=click.Path(path_type=Path), required=False)
def backup(target: Path | None) -> None:
    """Copy the database while it serves, and verify the copy.

    TARGET is the file to write; without it the copy goes to the backups of the data folder. The
    files of items are copied into the folder media beside it, once for all backups. Releases and
    the secret lie in the data folder: copy them with it. Ends with 1 when a file is missing.
    """
    with opened() as database:
        made = backups.create(database, target)
    click.echo(f"{made.path}")
    click.echo(f"{made.size / 1024**2:.1f} MB, {made.total:,} rows in {len(made.rows)} tables, ")
    click.echo("verified: the copy was read back and holds every row.")
    media = made.media
    if media.files:
        size = f"{media.size / 1024**2:.1f} MB"
        files = "file" if media.files == 1 else "files"
        click.echo(f"{media.files:,} {files} of items ({size}), {media.new:,} copied now.")
    if media.missing:
        lost = len(media.missing)
        words = "file is" if lost == 1 else "files are"
        click.echo(f"{lost:,} {words} missing or damaged; run touchstone doctor.")
        raise SystemExit(1)


@click.command()
@click.option("--quick", is_flag=True, help="Do not compute every label and content anew.")
def doctor(*, quick: bool) -> None:
    """Look over the installation. Ends with 1 when something is wrong."""
    wrong = 0
    with opened(migrated=False) as database:
        for finding in doctors.examine(database, deep=not quick):
            wrong += finding.state == "wrong"
            click.echo(f"{SIGNS[finding.state]} {finding.topic}: {finding.words}")
    raise SystemExit(1 if wrong else 0)
