"""``touchstone init`` and ``touchstone people``: accounts, roles, teams and tokens.

Whoever may run these commands may read the database: they act as the system.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from annotate.cli.context import reading, writing
from annotate.policy import ALL_ROLES, TOKEN_SCOPES
from annotate.services import demo_people, roles, tokens
from annotate.services import people as service

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from annotate.services.links import Issued

_ROLE = click.Choice(sorted(ALL_ROLES))
_PROJECT = click.option("--project", metavar="SLUG", help="In this project only.")
_TEAM = click.option("--team", metavar="NAME", help="For the work of this team only.")


@click.command()
def init() -> None:
    """Print the one-time link with which the first administrator sets up an account."""
    with writing() as (session, actor):
        issued = service.init(session, actor)
    click.echo("Open this address within a day to make the first administrator:")
    click.echo(issued.address)


@click.group()
def people() -> None:
    """Accounts, roles, teams and tokens."""


@people.command("list")
@click.option("--find", "words", default="", metavar="TEXT", help="Part of a login or name.")
def list_people(words: str) -> None:
    """List people with their state and roles."""
    before: str | None = None
    with reading() as (session, actor):
        while True:
            listed, before = service.people(session, actor, words=words, before=before)
            for person in listed:
                held = sorted({grant.role for grant in person.grants})
                named = ", ".join(held) or "no role"
                click.echo(f"{person.login}\t{person.state}\t{named}\t{person.display_name}")
            if before is None:
                break


@people.command()
@click.argument("login")
@click.option("--name", "display_name", metavar="NAME", help="How others see them.")
@click.option("--role", type=_ROLE, help="A first role.")
@_PROJECT
@_TEAM
def invite(
    login: str, display_name: str | None, role: str | None, project: str | None, team: str | None
) -> None:
    """Make an account and print the one-time link for its owner."""
    with writing() as (session, actor):
        wanted = _wanted(session, role, project, team) if role else None
        issued = service.invite(
            session, actor, login=login, display_name=display_name or login, wanted=wanted
        )
    _show(issued)


@people.command()
@click.argument("login")
@click.argument("role", type=_ROLE)
@_PROJECT
@_TEAM
def grant(login: str, role: str, project: str | None, team: str | None) -> None:
    """Give a person a role, everywhere or in one project and for one team."""
    with writing() as (session, actor):
        wanted = _wanted(session, role, project, team)
        roles.grant(session, actor, service.id_of(session, login), wanted)
    click.echo(f"{login} is {role} now.")


@people.command()
@click.argument("login")
@click.argument("role", type=_ROLE)
@_PROJECT
@_TEAM
def revoke(login: str, role: str, project: str | None, team: str | None) -> None:
    """Take a role back, named as it was given."""
    with writing() as (session, actor):
        user_id = service.id_of(session, login)
        wanted = _wanted(session, role, project, team)
        roles.revoke(session, actor, user_id, roles.find_grant(session, user_id, wanted))
    click.echo(f"{login} is {role} no more.")


@people.command()
@click.argument("login")
def reset(login: str) -> None:
    """Print a one-time link with which a person sets a new password."""
    with writing() as (session, actor):
        issued = service.ask_reset(session, actor, service.id_of(session, login))
    _show(issued)


@people.command()
@click.argument("login")
def deactivate(login: str) -> None:
    """Close an account: sessions, tokens and links end, held places are free again."""
    with writing() as (session, actor):
        service.deactivate(session, actor, service.id_of(session, login))
    click.echo(f"{login} is deactivated.")


@people.command()
@click.argument("login")
def reactivate(login: str) -> None:
    """Open a closed account again, with the roles and the password it had."""
    with writing() as (session, actor):
        service.reactivate(session, actor, service.id_of(session, login))
    click.echo(f"{login} is active again.")


@people.command("remove-demo")
def remove_demo() -> None:
    """Close all demo accounts, so that others than this machine may be served."""
    with writing() as (session, actor):
        closed = demo_people.remove(session, actor)
    click.echo(f"Demo accounts deactivated: {closed}. Their labels and the project stay.")
    click.echo("touchstone init prints the link for a first administrator when there is none.")


@people.command()
@click.argument("name", required=False)
@click.option("--vendor", is_flag=True, help="The team belongs to a vendor.")
def teams(name: str | None, *, vendor: bool) -> None:
    """List teams, or make the one that is named."""
    if name is not None:
        with writing() as (session, actor):
            roles.add_team(session, actor, name=name, kind="vendor" if vendor else "internal")
        return
    with reading() as (session, _actor):
        for team in roles.teams(session):
            click.echo(f"{team.name}\t{team.kind}")


@people.command()
@click.argument("login")
@click.option("--name", required=True, help="What the token is for.")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(sorted(TOKEN_SCOPES)),
    multiple=True,
    required=True,
    help="What it may do; may be given again.",
)
@click.option("--days", type=int, default=30, show_default=True, help="Days until it ends.")
@_PROJECT
def token(login: str, name: str, scopes: tuple[str, ...], days: int, project: str | None) -> None:
    """Make an API token for a person and print it, this once."""
    with writing() as (session, actor):
        project_id = roles.find_project(session, project) if project else None
        wanted = tokens.NewToken(name, scopes, days, project_id)
        made = tokens.create(session, actor, wanted, owner_id=service.id_of(session, login))
    click.echo(made)


def _wanted(session: Session, role: str, project: str | None, team: str | None) -> roles.Wanted:
    return roles.Wanted(
        role,
        roles.find_project(session, project) if project else None,
        roles.find_team(session, team) if team else None,
    )


def _show(issued: Issued) -> None:
    end = issued.expires_at.strftime("%Y-%m-%d %H:%M UTC")
    click.echo(f"The link for {issued.login}. It works once, until {end}, and is not shown again:")
    click.echo(issued.address)
