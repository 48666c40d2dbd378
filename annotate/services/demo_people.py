"""The people of the demo: one login per role, with passwords of this installation's own."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from annotate.db import now
from annotate.models import UserAccount
from annotate.policy import (
    ADJUDICATOR,
    ADMINISTRATOR,
    ANNOTATOR,
    AUDITOR,
    DESIGNER,
    MANAGER,
    ML_READER,
)
from annotate.services import accounts, audit, leases, links, people, roles
from annotate.services.identity import system_actor
from annotate.services.passwords import hash_password

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy.orm import Session

    from annotate.db import Database
    from annotate.policy import Actor

FILE_NAME = "demo-logins.txt"
HEADER = (
    "# Touchstone demo: role, login, password. Made for this installation; keep it to yourself.\n"
)
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without letters and digits that are taken for each other."""
TEAMS = {"House team": "internal", "Orchard Labels": "vendor"}


@dataclass(frozen=True, slots=True)
class Part:
    """One account of the demo."""

    login: str
    name: str
    role: str
    team: str | None = None

    @property
    def words(self) -> str:
        """The role as people read it."""
        role = self.role.replace("ml_reader", "ML reader")
        return f"{role} ({self.team})" if self.team else role


PARTS = (
    Part("admin", "Ines Adler", ADMINISTRATOR),
    Part("designer", "Davi Moreno", DESIGNER),
    Part("manager", "Maren Holt", MANAGER),
    Part("annotator-a", "Asta Lind", ANNOTATOR, "House team"),
    Part("annotator-b", "Bruno Weiss", ANNOTATOR, "House team"),
    Part("annotator-c", "Camille Roux", ANNOTATOR, "Orchard Labels"),
    Part("adjudicator", "Noor Haddad", ADJUDICATOR),
    Part("ml-reader", "Liv Okafor", ML_READER),
    Part("auditor", "Piet Jansen", AUDITOR),
)
ANNOTATORS = tuple(part.login for part in PARTS if part.role == ANNOTATOR)


@dataclass(frozen=True, slots=True)
class Logins:
    """The demo's logins, and the file in which they stand."""

    path: Path
    passwords: dict[str, str]

    def lines(self) -> list[str]:
        """Return one line a login: role, login, password."""
        if not self.passwords:
            return ["The demo accounts were removed. Sign in with an account of your own."]
        shown = [part for part in PARTS if part.login in self.passwords]
        role, login = (
            max(len(part.words) for part in shown),
            max(len(part.login) for part in shown),
        )
        return [
            f"{part.words:{role}}  {part.login:{login}}  {self.passwords[part.login]}"
            for part in shown
        ]


def ensure(database: Database, say: Callable[[str], None]) -> Logins:
    """Make the demo accounts, or read their passwords again; a lost file gets new passwords."""
    path = database.settings.data_dir / FILE_NAME
    with database.read() as session:
        there, open_ = _accounts(session)
    if there and not open_:
        return Logins(path, {})
    if not there:
        path.unlink(missing_ok=True)
    kept = _read(path)
    if open_ and open_.keys() <= kept.keys():
        return Logins(path, {login: kept[login] for login in open_})
    wanted = [part for part in PARTS if not there or part.login in open_]
    say("Making passwords for the demo accounts …")
    passwords = {part.login: _password() for part in wanted}
    hashes = {login: hash_password(password) for login, password in passwords.items()}
    with database.write() as session:
        actor = system_actor(session)
        if there:
            _reset(session, actor, hashes)
        else:
            _add(session, actor, hashes)
    logins = Logins(path, passwords)
    _write(path, HEADER + "".join(f"{line}\n" for line in logins.lines()))
    return logins


def remove(session: Session, actor: Actor) -> int:
    """Close all demo accounts, so that this installation may be served to others; tells how many.

    Unlike ``people.deactivate`` it takes the last administrator too: ``touchstone init`` makes
    the link for a new one.
    """
    roles.require_administrator(actor)
    roles.lock_administrators(session)
    moment = now(session)
    _, open_ = _accounts(session)
    for user_id in open_.values():
        session.get_one(UserAccount, user_id).deactivated_at = moment
        session.flush()
        links.end_links(session, user_id)
        accounts.end_sessions(session, user_id)
        accounts.revoke_tokens(session, user_id)
        leases.return_leases(session, user_id, moment)
        leases.return_cases(session, user_id)
        audit.record(
            session, actor, "person.deactivated", "person", user_id, at=moment, outbox=True
        )
    return len(open_)


def _accounts(session: Session) -> tuple[bool, dict[str, str]]:
    """Tell whether the demo's accounts were ever made, and return the ids of the open ones."""
    rows = session.execute(
        sa.select(UserAccount.login, UserAccount.id, UserAccount.deactivated_at).where(
            UserAccount.is_demo.is_(True)
        )
    ).all()
    return bool(rows), {row.login: row.id for row in rows if row.deactivated_at is None}


def _add(session: Session, actor: Actor, hashes: dict[str, str]) -> None:
    teams = {team.name: team.id for team in roles.teams(session)}
    for name, kind in TEAMS.items():
        if name not in teams:
            teams[name] = roles.add_team(session, actor, name=name, kind=kind)
    for part in PARTS:
        people.add(
            session,
            actor,
            login=part.login,
            display_name=part.name,
            wanted=roles.Wanted(part.role, team_id=teams[part.team] if part.team else None),
            password_hash=hashes[part.login],
            is_demo=True,
        )


def _reset(session: Session, actor: Actor, hashes: dict[str, str]) -> None:
    _, open_ = _accounts(session)
    for login, password_hash in hashes.items():
        user_id = open_[login]
        session.get_one(UserAccount, user_id).password_hash = password_hash
        accounts.end_sessions(session, user_id)
        audit.record(session, actor, "password.reset", "person", user_id)
    session.flush()


def _password() -> str:
    groups = ("".join(secrets.choice(ALPHABET) for _ in range(4)) for _ in range(3))
    return "-".join(groups)


def _read(path: Path) -> dict[str, str]:
    """Return the passwords of the file by login; none when it is not there."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    path.chmod(0o600)
    words = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return {line[-2]: line[-1] for line in words if len(line) > 2}


def _write(path: Path, text: str) -> None:
    """Put the file there whole, readable by its owner only."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(text)
    fresh.replace(path)
