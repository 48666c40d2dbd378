"""One-time links: the first administrator, an invitation, a reset. Used once, then dead."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from annotate.db import new_id, now, settings_of
from annotate.models import OneTimeLink, UserAccount
from annotate.policy import ADMINISTRATOR, Actor
from annotate.services import accounts, audit, roles
from annotate.services.errors import Conflict, NotFound
from annotate.services.text import sha256_hex

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

FIRST_ADMINISTRATOR, INVITE, RESET = "first_administrator", "invite", "reset"
LIFETIMES = {
    FIRST_ADMINISTRATOR: timedelta(days=1),
    INVITE: timedelta(days=7),
    RESET: timedelta(days=1),
}
DEAD = (
    "This link does not work any more: it was used, replaced by a newer one, or its time is over. "
    "Ask an administrator for a new one."
)


@dataclass(frozen=True, slots=True)
class Issued:
    """A new link. The address is known now and never again: only a hash is stored."""

    address: str
    purpose: str
    expires_at: datetime
    user_id: str | None = None
    login: str | None = None


@dataclass(frozen=True, slots=True)
class OpenLink:
    """A link that still works, and for whom."""

    id: str
    purpose: str
    user_id: str | None
    login: str | None
    display_name: str | None


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the person behind a link chose. Login and name count for the first administrator."""

    password_hash: str
    login: str = ""
    display_name: str = ""


def issue(session: Session, actor: Actor, purpose: str, user_id: str | None = None) -> Issued:
    """Make a link and end all earlier ones of the same person.

    Parameters
    ----------
    purpose
        ``first_administrator``, ``invite`` or ``reset``.
    user_id
        For whom; None for the first administrator, who has no account yet.
    """
    end_links(session, user_id)
    moment = now(session)
    token = secrets.token_urlsafe(32)
    link_id = new_id()
    expires_at = moment + LIFETIMES[purpose]
    session.execute(
        sa.insert(OneTimeLink),
        {
            "id": link_id,
            "purpose": purpose,
            "user_id": user_id,
            "token_hash": sha256_hex(token),
            "created_by": actor.user_id,
            "created_at": moment,
            "expires_at": expires_at,
        },
    )
    body = {"purpose": purpose, "person": user_id}
    audit.record(session, actor, "link.issued", "link", link_id, body=body, at=moment)
    login = session.scalar(sa.select(UserAccount.login).where(UserAccount.id == user_id))
    address = f"{settings_of(session).public_url}/link/{token}"
    return Issued(address, purpose, expires_at, user_id, login)


def end_links(session: Session, user_id: str | None) -> None:
    """End all unused links of a person, or those for the first administrator."""
    whose = OneTimeLink.user_id.is_(None) if user_id is None else OneTimeLink.user_id == user_id
    session.execute(
        sa.update(OneTimeLink)
        .where(whose, OneTimeLink.used_at.is_(None))
        .values(used_at=now(session))
    )


def find(session: Session, token: str) -> OpenLink:
    """Return a link that still works.

    Raises
    ------
    NotFound
        The same for a link that never was, was used, is over or belongs to a closed account.
    """
    row = session.execute(
        sa.select(
            OneTimeLink.id,
            OneTimeLink.purpose,
            OneTimeLink.user_id,
            UserAccount.login,
            UserAccount.display_name,
        )
        .outerjoin(UserAccount, UserAccount.id == OneTimeLink.user_id)
        .where(
            OneTimeLink.token_hash == sha256_hex(token),
            OneTimeLink.used_at.is_(None),
            OneTimeLink.expires_at > now(session),
            UserAccount.deactivated_at.is_(None),
        )
    ).first()
    if row is None:
        raise NotFound(DEAD)
    return OpenLink(*row)


def use(session: Session, token: str, chosen: Chosen) -> str:
    """Use up a link: set the password, and return the id of the person it belongs to.

    A reset ends all sessions and revokes all API tokens: whoever had got in is out.

    Raises
    ------
    NotFound
        When the link does not work any more, also when somebody else used it a moment ago.
    Conflict
        When there is an administrator already, or the login is taken.
    """
    link = find(session, token)
    if not _use_up(session, link.id):
        raise NotFound(DEAD)
    if link.purpose == FIRST_ADMINISTRATOR:
        return _first_administrator(session, chosen)
    person = _person(link)
    session.execute(
        sa.update(UserAccount)
        .where(UserAccount.id == person.user_id)
        .values(password_hash=chosen.password_hash)
    )
    end_links(session, person.user_id)
    kind = "person.joined" if link.purpose == INVITE else "password.reset"
    if link.purpose == RESET:
        accounts.end_sessions(session, person.user_id)
        accounts.revoke_tokens(session, person.user_id)
    audit.record(session, person, kind, "person", person.user_id)
    return person.user_id


def _use_up(session: Session, link_id: str) -> bool:
    result = session.execute(
        sa.update(OneTimeLink)
        .where(OneTimeLink.id == link_id, OneTimeLink.used_at.is_(None))
        .values(used_at=now(session))
    )
    return bool(result.rowcount == 1)  # type: ignore[attr-defined]


def _person(link: OpenLink) -> Actor:
    if link.user_id is None or link.login is None or link.display_name is None:
        raise NotFound(DEAD)
    return Actor(link.user_id, link.login, link.display_name)


def _first_administrator(session: Session, chosen: Chosen) -> str:
    if roles.administrators(session):
        raise Conflict("There is an administrator already. Ask them for an invitation.")
    person = accounts.create(
        session,
        login=chosen.login,
        display_name=chosen.display_name,
        password_hash=chosen.password_hash,
    )
    roles.write_grant(session, person, person.user_id, roles.Wanted(ADMINISTRATOR))
    audit.record(session, person, "person.joined", "person", person.user_id)
    return person.user_id
