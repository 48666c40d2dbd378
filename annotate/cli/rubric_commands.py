"""``touchstone rubric``: check files, add and publish versions, tell what differs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from annotate.cli.context import fail, reading, writing
from annotate.cli.project_commands import scope_of
from annotate.services import rubrics
from annotate.services.errors import ApplicationError
from rubrics import json_schema, library, loader, versioning
from rubrics.errors import RubricError, RubricInvalid

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from annotate.policy import Scope
    from annotate.services.rubrics import Comparison, VersionLine
    from rubrics.schema import Rubric
    from rubrics.versioning import RubricDiff

_PROJECT = click.option("--project", "slug", required=True, help="The project's slug.")


@click.group()
def rubric() -> None:
    """Check, add, publish and compare rubrics."""


@rubric.command()
@click.argument("files", nargs=-1, required=True)
def check(files: tuple[str, ...]) -> None:
    """Tell every problem of each FILE as file:line:column, ``-`` reads standard input.

    Leaves with 2 when a file cannot be used; warnings alone leave with 0.
    """
    bad = [name for name in files if not _check(name)]
    sys.exit(2 if bad else 0)


def _check(name: str) -> bool:
    source = _read(name)
    try:
        found = loader.load_rubric(source, name)
    except RubricInvalid as invalid:
        for problem in invalid.problems:
            click.echo(f"{problem}", err=True)
        count = len(invalid.problems)
        click.echo(f"{name}: {count} problem{'' if count == 1 else 's'}", err=True)
        return False
    for problem in loader.warnings_of(source, name):
        click.echo(f"{problem} [warning]", err=True)
    mark = versioning.fingerprint(found)
    click.echo(f"{name}: {found.id} {found.version} is valid, fingerprint {mark}")
    return True


@rubric.command()
@click.argument("file")
@_PROJECT
@click.option("--publish", "also", is_flag=True, help="Publish it at once.")
def add(file: str, slug: str, also: bool) -> None:  # noqa: FBT001 - a flag of the command line
    """Add FILE as a draft version; a shipped rubric may be named by its name alone."""
    text = _text(file)
    try:
        rubrics.read_source(text, file)
    except RubricInvalid as invalid:
        _refuse(invalid)
    with writing() as (session, actor):
        scope = scope_of(session, actor, slug)
        version = rubrics.add_version(session, actor, scope, text)
        if also:
            version = rubrics.publish(session, actor, scope, version.id)
        click.echo(f"version {version.version} is {version.status} ({version.id})")


@rubric.command()
@click.argument("version")
@_PROJECT
def publish(version: str, slug: str) -> None:
    """Publish VERSION, a number such as 1.2.0 or an id."""
    with writing() as (session, actor):
        scope = scope_of(session, actor, slug)
        line = _find(session, scope, version)
        done = rubrics.publish(session, actor, scope, line.id)
        click.echo(f"version {done.version} is published ({done.id})")


@rubric.command("list")
@_PROJECT
def list_(slug: str) -> None:
    """List the versions of a project, newest first."""
    with reading() as (session, actor):
        for line in rubrics.versions(session, scope_of(session, actor, slug)):
            click.echo(
                f"{line.rubric} {line.version} {line.status} {line.fingerprint[:16]} {line.id}"
            )


@rubric.command()
@click.argument("old")
@click.argument("new")
@click.option("--project", "slug", help="Compare two versions of this project, by number or id.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def diff(old: str, new: str, slug: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Tell what differs from OLD to NEW: two files, or two versions of a project."""
    if slug is None:
        first, second = _load(old), _load(new)
        _print_diff(versioning.diff(first, second), as_json=as_json)
        reason = versioning.bump_problem(first, second)
        if reason is not None and not as_json:
            click.echo(f"the version number does not fit: {reason}")
        return
    with reading() as (session, actor):
        scope = scope_of(session, actor, slug)
        lines = (_find(session, scope, old), _find(session, scope, new))
        found = rubrics.compare(session, scope, lines[0].id, lines[1].id)
    _print_diff(found.diff, as_json=as_json)
    if not as_json:
        _print_impact(found)


def _print_diff(found: RubricDiff, *, as_json: bool) -> None:
    if as_json:
        changes = [
            {
                "element": change.element,
                "path": change.path,
                "kind": change.kind,
                "impact": change.impact,
                "old": change.old,
                "new": change.new,
            }
            for change in found.changes
        ]
        body = {"required_bump": found.required_bump, "changes": changes}
        click.echo(json.dumps(body, ensure_ascii=False, indent=2))
        return
    click.echo(str(found) if found.changes else "no difference")
    click.echo(f"least step of the version: {found.required_bump}")


def _print_impact(found: Comparison) -> None:
    click.echo(f"labels under {found.old.version}: {found.labels:,}")
    click.echo(f"labels in question: {found.labels_in_question:,}")
    for cell in found.in_question:
        name = f"{cell.question}/{cell.category}" if cell.category else cell.question
        click.echo(f"  {name}: {cell.labels:,}")


@rubric.command()
def schema() -> None:
    """Print the JSON Schema of rubric files, for editors."""
    click.echo(json.dumps(json_schema.json_schema(), ensure_ascii=False, indent=2))


@rubric.command()
@click.argument("name", required=False)
def shipped(name: str | None) -> None:
    """Name the rubrics that come with Touchstone, or print the one called NAME."""
    if name is None:
        for one in library.names():
            click.echo(one)
        return
    click.echo(library.read(name), nl=False)


def _read(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        fail(f"{name} cannot be read: {error.strerror}")


def _text(name: str) -> str:
    if name in library.names() and not Path(name).exists():
        return library.read(name)
    data = _read(name)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        loader.load_rubric(data, name)  # tells the place
        raise


def _load(name: str) -> Rubric:
    try:
        return loader.load_rubric(_text(name), name)
    except RubricInvalid as invalid:
        _refuse(invalid)
    except RubricError as error:
        fail(str(error))


def _refuse(invalid: RubricInvalid) -> NoReturn:
    for problem in invalid.problems:
        click.echo(str(problem), err=True)
    raise SystemExit(2)


def _find(session: Session, scope: Scope, wanted: str) -> VersionLine:
    lines = rubrics.versions(session, scope)
    found = [line for line in lines if wanted in {line.id, line.version}]
    if not found:
        known = ", ".join(line.version for line in lines) or "none"
        raise ApplicationError(f"there is no version {wanted!r} here; there are: {known}")
    return found[0]
