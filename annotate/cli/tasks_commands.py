"""``touchstone tasks``: show the plan of a round, and make its tasks."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from annotate.cli.context import fail, reading, writing
from annotate.cli.project_commands import scope_of
from annotate.services import allocation_files, roles, rounds, rubrics
from annotate.services.errors import BadInput
from annotate.services.rounds import RoundDesign

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from annotate.policy import Scope
    from annotate.services.rounds import Generated
    from tasks.generation import Plan


@click.group()
def tasks() -> None:
    """Plan rounds and make their tasks."""


def _design_options(command: Callable[..., None]) -> Callable[..., None]:
    options = (
        click.option("--project", "slug", required=True, help="The project's slug."),
        click.option("--name", required=True, help="What the round is called."),
        click.option(
            "--rubric", "version", help="Version or its id; the one in force when left out."
        ),
        click.option("--phase", type=click.Choice(rounds.PHASES), default="production"),
        click.option("--overlap", type=int, default=3, show_default=True, help="People per item."),
        click.option("--seed", type=int, default=1, show_default=True, help="Decides the order."),
        click.option("--team", "teams", multiple=True, help="Only this team; may be repeated."),
        click.option(
            "--allocation",
            "file",
            type=click.Path(path_type=Path, exists=True, dir_okay=False),
            help="CSV of item,annotator; it replaces the overlap.",
        ),
        click.option("--reserve", is_flag=True, help="Keep equal shares for named people."),
        click.option("--minutes", type=float, default=1.0, show_default=True, help="Per item."),
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@tasks.command()
@_design_options
def plan(*, slug: str, as_json: bool, **wanted: Any) -> None:  # noqa: ANN401 - options of click
    """Show load, coverage and people-hours of a round; nothing is made.

    Leaves with 2 when the plan cannot be made.
    """
    with reading() as (session, actor):
        scope = scope_of(session, actor, slug)
        planned = rounds.plan(session, actor, scope, _design(session, scope, wanted))
        names = {one.login: one.name for one in rounds.workers(session, scope)}
    if as_json:
        click.echo(json.dumps(planned.to_json(), ensure_ascii=False, indent=2))
    else:
        _print_plan(planned, names)
    sys.exit(0 if planned.ok else 2)


@tasks.command()
@_design_options
def generate(*, slug: str, as_json: bool, **wanted: Any) -> None:  # noqa: ANN401 - options of click
    """Make the round and its tasks; with the same name and design again, add what is missing."""
    with writing() as (session, actor):
        scope = scope_of(session, actor, slug)
        made = rounds.generate(session, actor, scope, _design(session, scope, wanted))
    if as_json:
        body = {
            "round_id": made.round_id,
            "number": made.number,
            "new_round": made.is_new,
            "tasks_added": made.tasks,
            "places_added": made.places,
            "places_kept": made.kept,
            "tasks_unchanged": made.unchanged,
        }
        click.echo(json.dumps(body))
        return
    click.echo(_made_words(made))


def _design(session: Session, scope: Scope, wanted: dict[str, Any]) -> RoundDesign:
    return RoundDesign(
        rubric_version_id=_version_id(session, scope, wanted["version"]),
        name=wanted["name"],
        phase=wanted["phase"],
        overlap=wanted["overlap"],
        seed=wanted["seed"],
        team_ids=tuple(roles.find_team(session, team) for team in wanted["teams"]),
        allocation=_allocation(wanted["file"]),
        minutes_per_item=wanted["minutes"],
        reserve=wanted["reserve"],
    )


def _version_id(session: Session, scope: Scope, wanted: str | None) -> str:
    lines = rubrics.versions(session, scope)
    if wanted is None:
        current = rubrics.current(lines)
        if current is None:
            fail("this project has no published rubric; see touchstone rubric publish")
        return current.id
    found = next((line.id for line in lines if wanted in {line.id, line.version}), None)
    if found is None:
        known = ", ".join(line.version for line in lines) or "none"
        fail(f"there is no version {wanted!r} here; there are: {known}")
    return found


def _allocation(file: Path | None) -> dict[str, list[str]] | None:
    if file is None:
        return None
    try:
        return allocation_files.read(file.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        fail(f"{file} is not UTF-8: byte {error.start + 1} cannot be read")
    except BadInput as error:
        for problem in error.problems:
            click.echo(f"{file}:{problem['line']}: {problem['message']}", err=True)
        raise SystemExit(2) from error


def _made_words(made: Generated) -> str:
    what = "made" if made.is_new else "completed"
    if not made.tasks and not made.is_new:
        return f"round {made.number} {made.name!r} has all its tasks already: nothing was added"
    kept = f", {made.kept:,} of them kept for named people" if made.kept else ""
    return (
        f"{what} round {made.number} {made.name!r}: {made.tasks:,} tasks with {made.places:,} "
        f"places{kept}; {made.unchanged:,} tasks were there before ({made.round_id})"
    )


def _print_plan(planned: Plan, names: dict[str, str]) -> None:
    places = sum(task.needed for task in planned.tasks)
    click.echo(
        f"{len(planned.tasks):,} tasks, {places:,} annotations, {planned.people_hours:,.1f} "
        "people-hours"
    )
    click.echo("\nload per person")
    for login, items in planned.load.items():
        click.echo(f"  {items:>7,}  {login}  {names.get(login, '')}")
    click.echo("\nitems by language and slice")
    for name, values in planned.slices.items():
        for value, number in values.items():
            click.echo(f"  {number:>7,}  {name} {value or '(not given)'}")
    click.echo("\ncoverage: items, labels, needed items, share of positives needed")
    for row in planned.coverage:
        label = f"{row.question}/{row.category}" if row.category else row.question
        share = "–" if row.prevalence_needed is None else f"{row.prevalence_needed:.1%}"
        most = "≤" if row.conditional else " "
        click.echo(
            f"  {row.items:>7,} {most}{row.labels:>8,} {row.need_items:>6,} {share:>7}  {label}"
        )
    for problem in planned.problems:
        click.echo(f"{problem.severity}: {problem.message}", err=True)
