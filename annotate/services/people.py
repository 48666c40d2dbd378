"""People: who has an account, how they come in and how they leave. Administrators only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from annotate.db import now
from annotate.models import ApiToken, UserAccount
from annotate.services import accounts, audit, leases, links, roles
from annotate.services.errors import Conflict, NotFound
from annotate.services.ids import known_form
from rubrics.sentences import Sentence

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from annotate.policy import Actor, Grant

PAGE = 50
ACTIVE, INVITED, DEACTIVATED = "active", "invited", "deactivated"


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of the list of people."""

    id: str
    login: str
    display_name: str
    state: str
    grants: tuple[Grant, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """One person, as the page about them shows."""

    id: str
    login: str
    display_name: str
    state: str
    is_demo: bool
    created_at: datetime
    deactivated_at: datetime | None
    held: tuple[roles.Held, ...]
    tokens: int


def init(session: Session, actor: Actor) -> links.Issued:
    """Return the link for the first administrator; an earlier unused one ends.

    Raises
    ------
    Conflict
        When there is an administrator already.
    """
    if roles.administrators(session):
        raise Conflict(
            "There is an administrator already. Ask them for an invitation, or run "
            "touchstone people reset LOGIN when nobody can sign in."
        )
    return links.issue(session, actor, links.FIRST_ADMINISTRATOR)


def invite(
    session: Session,
    actor: Actor,
    *,
    login: str,
    display_name: str,
    wanted: roles.Wanted | None = None,
) -> links.Issued:
    """Make an account, perhaps with a first role, and return the link for its owner.

    Raises
    ------
    BadInput
        When login, name or role cannot be used.
    Conflict
        When the login is taken.
    """
    roles.require_administrator(actor)
    user_id = add(session, actor, login=login, display_name=display_name, wanted=wanted)
    return links.issue(session, actor, links.INVITE, user_id)


def add(  # noqa: PLR0913 - one argument a column
    session: Session,
    actor: Actor,
    *,
    login: str,
    display_name: str,
    wanted: roles.Wanted | None = None,
    password_hash: str | None = None,
    is_demo: bool = False,
) -> str:
    """Make an account and return its id; without a password nobody signs in to it."""
    roles.require_administrator(actor)
    if wanted is not None:
        roles.check_wanted(session, wanted)
    person = accounts.create(
        session,
        login=login,
        display_name=display_name,
        password_hash=password_hash,
        is_demo=is_demo,
    )
    audit.record(session, actor, "person.added", "person", person.user_id)
    if wanted is not None:
        roles.write_grant(session, actor, person.user_id, wanted)
    return person.user_id


def ask_reset(session: Session, actor: Actor, user_id: str) -> links.Issued:
    """Return a link with which a person sets a new password; the old one works until then.

    Raises
    ------
    Conflict
        When the account is deactivated.
    """
    roles.require_administrator(actor)
    person = roles.locked_person(session, user_id)
    if person.deactivated_at is not None:
        raise Conflict("This account is deactivated. Reactivate it first.")
    purpose = links.INVITE if person.password_hash is None else links.RESET
    return links.issue(session, actor, purpose, user_id)


def deactivate(session: Session, actor: Actor, user_id: str) -> None:
    """Close an account: its sessions, tokens and links end, and its places are free again.

    Labels and decisions stay, and so do the roles, for a return.

    Raises
    ------
    Conflict
        When nobody would be left to administrate.
    """
    roles.require_administrator(actor)
    roles.lock_administrators(session)
    person = roles.locked_person(session, user_id)
    if person.deactivated_at is not None:
        raise Conflict("This account is deactivated already.")
    roles.require_another_administrator(session, user_id)
    moment = now(session)
    person.deactivated_at = moment
    session.flush()
    links.end_links(session, user_id)
    body = {
        "sessions": accounts.end_sessions(session, user_id),
        "tokens": accounts.revoke_tokens(session, user_id),
        "places": leases.return_leases(session, user_id, moment),
        "cases": leases.return_cases(session, user_id),
    }
    audit.record(
        session, actor, "person.deactivated", "person", user_id, body=body, at=moment, outbox=True
    )


def reactivate(session: Session, actor: Actor, user_id: str) -> None:
    """Open a closed account again, with the roles and the password it had.

    Raises
    ------
    Conflict
        When it is not closed.
    """
    roles.require_administrator(actor)
    person = roles.locked_person(session, user_id)
    if person.deactivated_at is None:
        raise Conflict("This account is not deactivated.")
    person.deactivated_at = None
    session.flush()
    audit.record(session, actor, "person.reactivated", "person", user_id)


def people(
    session: Session, actor: Actor, *, words: str = "", before: str | None = None
) -> tuple[list[Listed], str | None]:
    """Return a page of people, the newest first, and where the next page begins.

    Parameters
    ----------
    words
        Part of a login or name.
    before
        Id of the last person of the page before.
    """
    roles.require_administrator(actor)
    query = sa.select(
        UserAccount.id,
        UserAccount.login,
        UserAccount.display_name,
        UserAccount.password_hash.is_not(None).label("has_password"),
        UserAccount.deactivated_at,
    ).where(UserAccount.kind == "person")
    if words:
        query = query.where(
            sa.or_(
                UserAccount.login.icontains(words, autoescape=True),
                UserAccount.display_name.icontains(words, autoescape=True),
            )
        )
    if before is not None:
        query = query.where(UserAccount.id < known_form(before, "person"))
    rows = session.execute(query.order_by(UserAccount.id.desc()).limit(PAGE + 1)).all()
    shown = rows[:PAGE]
    held = roles.grants_of_people(session, [row.id for row in shown])
    listed = [
        Listed(
            row.id,
            row.login,
            row.display_name,
            _state(has_password=row.has_password, deactivated=row.deactivated_at is not None),
            tuple(held[row.id]),
        )
        for row in shown
    ]
    return listed, shown[-1].id if len(rows) > PAGE else None


def person(session: Session, actor: Actor, user_id: str) -> Person:
    """Return what the page of one person shows.

    Raises
    ------
    NotFound
        When there is no such person.
    """
    roles.require_administrator(actor)
    row = roles.plain_person(session, user_id)
    moment = now(session)
    tokens = session.scalar(
        sa.select(sa.func.count())
        .select_from(ApiToken)
        .where(
            ApiToken.user_id == user_id,
            ApiToken.revoked_at.is_(None),
            ApiToken.expires_at > moment,
        )
    )
    return Person(
        row.id,
        row.login,
        row.display_name,
        _state(
            has_password=row.password_hash is not None, deactivated=row.deactivated_at is not None
        ),
        row.is_demo,
        row.created_at,
        row.deactivated_at,
        tuple(roles.held_by(session, user_id)),
        tokens or 0,
    )


def id_of(session: Session, login: str) -> str:
    """Return the id of the person with a login.

    Raises
    ------
    NotFound
        When nobody has it.
    """
    found = session.scalar(
        sa.select(UserAccount.id).where(
            UserAccount.login == login.strip().lower(), UserAccount.kind == "person"
        )
    )
    if found is None:
        raise NotFound(Sentence("Nobody has the login %(login)s.", login=repr(login)))
    return found


def demo_accounts_exist(session: Session) -> bool:
    """Tell whether an account with a printed password is open; such are for this machine only."""
    found = session.scalar(
        sa.select(UserAccount.id)
        .where(UserAccount.is_demo.is_(True), UserAccount.deactivated_at.is_(None))
        .limit(1)
    )
    return found is not None


def _state(*, has_password: bool, deactivated: bool) -> str:
    if deactivated:
        return DEACTIVATED
    return ACTIVE if has_password else INVITED
