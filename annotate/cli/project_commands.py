"""``touchstone project``: make and list projects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from annotate.cli.context import fail, reading, writing
from annotate.policy import Scope
from annotate.services import progress, projects
from annotate.services.errors import ApplicationError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from annotate.policy import Actor
    from annotate.services.progress import RoundProgress


@click.group()
def project() -> None:
    """Make and list projects, and see how far they are."""


@project.command()
@click.argument("slug")
@click.option("--title", help="What the project is called on pages; the slug when left out.")
@click.option("--description", default="", help="What it is for.")
@click.option("--min-votes", type=int, default=2, show_default=True, help="Labels gold needs.")
@click.option(
    "--adjudicator-may-be-annotator",
    is_flag=True,
    help="Let whoever labelled an item decide its case.",
)
def create(
    slug: str,
    title: str | None,
    description: str,
    min_votes: int,
    adjudicator_may_be_annotator: bool,  # noqa: FBT001 - a flag of the command line
) -> None:
    """Make the project SLUG."""
    settings = {
        "min_votes": min_votes,
        "adjudicator_may_be_annotator": adjudicator_may_be_annotator,
    }
    with writing() as (session, actor):
        made = projects.create(
            session,
            actor,
            slug=slug,
            title=title or slug,
            description=description,
            settings=settings,
        )
        click.echo(f"made project {made.slug} ({made.id})")


@project.command("list")
def list_() -> None:
    """List all projects with their progress."""
    with reading() as (session, actor):
        counts = progress.of_projects(session, actor)
        nothing = progress.ProjectProgress()
        for line in projects.listed(session, actor):
            found = counts.get(line.id, nothing)
            click.echo(
                f"{line.slug}: {line.title}. {found.items:,} items, {found.submitted:,} of "
                f"{found.places:,} annotations, {found.open_cases:,} open cases"
            )


@project.command()
@click.argument("slug")
def show(slug: str) -> None:
    """Show how far the project SLUG is."""
    with reading() as (session, actor):
        scope = scope_of(session, actor, slug)
        found = progress.overview(session, scope)
        version = found.current.version if found.current else "no published rubric"
        click.echo(f"{slug}: {version}")
        click.echo(
            f"items: {found.items:,}, in a round {found.planned:,}, complete {found.complete:,}"
        )
        for one in found.rounds:
            click.echo(_round_words(one))
        for element in found.elements:
            word = "enough" if element.enough else "too few"
            click.echo(
                f"  {element.element.id}: {element.positives:,} of {element.element.needed:,} "
                f"positives, {word}"
            )
        click.echo(f"open cases: {found.waiting.open_cases:,}")


def _round_words(one: RoundProgress) -> str:
    return (
        f"round {one.number} {one.name!r} ({one.state}): {one.submitted:,} of {one.places:,} "
        f"annotations, {one.complete:,} of {one.items:,} items complete"
    )


def scope_of(session: Session, actor: Actor, slug: str) -> Scope:
    """Return the scope of a project named on the command line, or leave with what is wrong."""
    try:
        return Scope(projects.by_slug(session, actor, slug).id)
    except ApplicationError as error:
        fail(f"{error} See touchstone project list.")
