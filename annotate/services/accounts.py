"""Accounts: how one comes to be, and what its owner changes: password, settings, sessions."""

from __future__ import annotations

import json
import re
import zoneinfo
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.db import new_id, now, settings_of
from annotate.models import ApiToken, LoginSession, Project, UserAccount
from annotate.policy import Actor
from annotate.services import audit, identity
from annotate.services.errors import BadInput, Conflict, NotFound
from annotate.services.roles import checked_name
from annotate.services.text import canonical_json, sha256_hex
from rubrics.sentences import Sentence

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy.orm import Session

LOGIN = re.compile(r"[a-z0-9][a-z0-9._@+-]{1,63}\Z")
LOGIN_WORDS = Sentence(
    "Use 2 to 64 of these: a to z, 0 to 9 and . _ @ + -. The first is a letter or a digit."
)
PREFERENCES: dict[str, tuple[str, ...]] = {
    "theme": ("", "light", "dark"),
    "reading_font": ("serif", "sans"),
    "reading_size": ("normal", "large"),
}
"""What a person may set for their own eyes, and the values it may have; the first is the usual."""


@dataclass(frozen=True, slots=True)
class OwnSession:
    """One signed-in browser of a person, as its owner sees it."""

    id: str
    created_at: datetime
    last_seen_at: datetime
    user_agent: str
    address: str


@dataclass(frozen=True, slots=True)
class OwnSettings:
    """What a person chooses for themselves."""

    display_name: str
    language: str
    time_zone: str
    preferences: dict[str, str]


@cache
def time_zones() -> tuple[str, ...]:
    """Return the names of all time zones that can be shown, sorted."""
    return tuple(sorted(name for name in zoneinfo.available_timezones() if len(name) <= 64))


def checked_login(text: str) -> str:
    """Return a login in its one form: trimmed and in small letters.

    Raises
    ------
    BadInput
        When it is not one, or is kept for the system.
    """
    login = text.strip().lower()
    fault = None
    if LOGIN.match(login) is None:
        fault = LOGIN_WORDS
    elif login == identity.SYSTEM_LOGIN:
        fault = Sentence("This name is kept for the system.")
    if fault is not None:
        raise BadInput(
            Sentence("login: %(fault)s", fault=fault),
            problems=[{"field": "login", "message": fault}],
        )
    return login


def create(
    session: Session,
    *,
    login: str,
    display_name: str,
    password_hash: str | None = None,
    is_demo: bool = False,
) -> Actor:
    """Make an account without roles and return it as actor; nobody signs in without a password.

    Raises
    ------
    BadInput
        When login or name cannot be used.
    Conflict
        When the login is taken.
    """
    login = checked_login(login)
    display_name = checked_name(display_name, "display_name")
    if session.scalar(sa.select(UserAccount.id).where(UserAccount.login == login)) is not None:
        raise Conflict(Sentence("The login %(login)s is taken. Choose another one.", login=login))
    user_id = new_id()
    session.execute(
        sa.insert(UserAccount),
        {
            "id": user_id,
            "login": login,
            "display_name": display_name,
            "kind": "person",
            "password_hash": password_hash,
            "is_demo": is_demo,
            "created_at": now(session),
        },
    )
    return Actor(user_id, login, display_name)


@dataclass(frozen=True, slots=True)
class Browser:
    """Where a sign-in comes from, and the session the browser came with, if any."""

    address: str
    user_agent: str
    old_token: str | None = None


def sign_in(
    session: Session,
    candidate: identity.Candidate,
    browser: Browser,
    *,
    login: str,
    new_hash: str | None = None,
) -> str:
    """Open a session for a verified candidate and return its token.

    Parameters
    ----------
    candidate
        Verified outside of this transaction; it must still be as it was.
    login
        As typed; its failed attempts are forgotten.
    new_hash
        Replaces the stored hash when that was made with weaker settings.
    """
    found = session.scalar(
        sa.select(UserAccount.id).where(
            UserAccount.id == candidate.user_id,
            UserAccount.password_hash == candidate.password_hash,
            UserAccount.deactivated_at.is_(None),
        )
    )
    user_id = identity.require_candidate(candidate, fits=found is not None)
    if new_hash is not None:
        session.execute(
            sa.update(UserAccount).where(UserAccount.id == user_id).values(password_hash=new_hash)
        )
    return open_session(session, user_id, browser, login=login)


def open_session(session: Session, user_id: str, browser: Browser, *, login: str = "") -> str:
    """Open a new session and end the one the browser came with.

    Nobody who planted a session in the browser gains by the sign-in.
    """
    if browser.old_token:
        end_token_session(session, browser.old_token)
    return identity.open_session(
        session, user_id, user_agent=browser.user_agent, address=browser.address, login=login
    )


def end_token_session(session: Session, token: str) -> None:
    """End the session of a cookie, whoever it belongs to."""
    session.execute(
        sa.update(LoginSession)
        .where(LoginSession.token_hash == sha256_hex(token), LoginSession.revoked_at.is_(None))
        .values(revoked_at=now(session))
    )


def change_password(
    session: Session, actor: Actor, candidate: identity.Candidate, new_hash: str
) -> int:
    """Set a new password and end all other sessions; return how many ended.

    Raises
    ------
    Conflict
        When the password was changed in the meantime.
    """
    result = session.execute(
        sa.update(UserAccount)
        .where(
            UserAccount.id == actor.user_id,
            UserAccount.password_hash == candidate.password_hash,
        )
        .values(password_hash=new_hash)
    )
    if result.rowcount != 1:  # type: ignore[attr-defined]
        raise Conflict("The password was changed in the meantime. Sign in with the new one.")
    audit.record(session, actor, "password.changed", "person", actor.user_id)
    return end_sessions(session, actor.user_id, but=actor.session_id)


def end_sessions(session: Session, user_id: str, *, but: str | None = None) -> int:
    """End all sessions of a person, but perhaps one; return how many ended."""
    query = sa.update(LoginSession).where(
        LoginSession.user_id == user_id, LoginSession.revoked_at.is_(None)
    )
    if but is not None:
        query = query.where(LoginSession.id != but)
    result = session.execute(query.values(revoked_at=now(session)))
    return int(result.rowcount)  # type: ignore[attr-defined]


def revoke_tokens(session: Session, user_id: str) -> int:
    """Revoke all API tokens of a person; return how many."""
    result = session.execute(
        sa.update(ApiToken)
        .where(ApiToken.user_id == user_id, ApiToken.revoked_at.is_(None))
        .values(revoked_at=now(session))
    )
    return int(result.rowcount)  # type: ignore[attr-defined]


def own_sessions(session: Session, actor: Actor) -> list[OwnSession]:
    """Return the actor's sessions that still work, the newest first."""
    moment = now(session)
    idle = timedelta(seconds=settings_of(session).session_idle_seconds)
    rows = session.execute(
        sa.select(
            LoginSession.id,
            LoginSession.created_at,
            LoginSession.last_seen_at,
            LoginSession.user_agent,
            LoginSession.address,
        )
        .where(
            LoginSession.user_id == actor.user_id,
            LoginSession.revoked_at.is_(None),
            LoginSession.expires_at > moment,
            LoginSession.last_seen_at > moment - idle,
        )
        .order_by(LoginSession.id.desc())
        .limit(100)
    ).all()
    return [OwnSession(*row) for row in rows]


def end_other_sessions(session: Session, actor: Actor) -> int:
    """End all sessions of the actor but the one that asks."""
    ended = end_sessions(session, actor.user_id, but=actor.session_id)
    body = {"ended": ended}
    audit.record(session, actor, "sessions.closed", "person", actor.user_id, body=body)
    return ended


def visible_projects(session: Session, actor: Actor) -> list[tuple[str, str]]:
    """Return id and title of the projects the actor sees, for the choice of one."""
    query = sa.select(Project.id, Project.title).where(Project.archived_at.is_(None))
    visible = actor.project_ids()
    if visible is not None:
        query = query.where(Project.id.in_(sorted(visible)))
    rows = session.execute(query.order_by(Project.title)).all()
    return [(row.id, row.title) for row in rows]


def own_settings(session: Session, actor: Actor) -> OwnSettings:
    """Return what the actor has chosen."""
    row = session.get(UserAccount, actor.user_id)
    if row is None:
        raise NotFound("There is no such account.")
    chosen = preferences_of(row.preferences)
    return OwnSettings(row.display_name, row.language, row.time_zone, chosen)


def change_settings(
    session: Session, actor: Actor, wanted: OwnSettings, *, languages: Collection[str]
) -> None:
    """Store what a person chooses for themselves.

    Raises
    ------
    BadInput
        With one problem for each field that cannot be taken.
    """
    problems: list[dict[str, Any]] = []
    try:
        name = checked_name(wanted.display_name, "display_name")
    except BadInput as error:
        name = ""
        problems.extend(error.problems)
    if wanted.language not in languages:
        problems.append({"field": "language", "message": Sentence("Choose one of the languages.")})
    if wanted.time_zone not in time_zones():
        message = Sentence("Choose a time zone from the list, such as Europe/Berlin.")
        problems.append({"field": "time_zone", "message": message})
    for key, value in wanted.preferences.items():
        if value not in PREFERENCES.get(key, ()):
            problems.append({"field": key, "message": Sentence("Choose one of the values.")})
    if problems:
        raise BadInput("The settings were not saved.", problems=problems)
    session.execute(
        sa.update(UserAccount)
        .where(UserAccount.id == actor.user_id)
        .values(
            display_name=name,
            language=wanted.language,
            time_zone=wanted.time_zone,
            preferences=canonical_json(wanted.preferences),
        )
    )
    audit.record(session, actor, "settings.changed", "person", actor.user_id)


def preferences_of(stored: str) -> dict[str, str]:
    """Return stored preferences with the usual value for all that is unset or unknown."""
    given = _object(stored)
    return {
        key: given[key] if given.get(key) in values else values[0]
        for key, values in PREFERENCES.items()
    }


def _object(text: str) -> dict[str, str]:
    value = json.loads(text)
    return value if isinstance(value, dict) else {}
