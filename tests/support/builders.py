"""A small world to test in: people, a project, a rubric version, items and tasks, as rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa

from annotate.db import new_id, now
from annotate.models import (
    ApiToken,
    Item,
    Project,
    Reservation,
    RoleGrant,
    Round,
    Rubric,
    RubricVersion,
    Task,
    Team,
    UserAccount,
)
from annotate.policy import Actor, Scope
from annotate.services import identity
from annotate.services.text import canonical_json, sha256_hex
from rubrics.library import read
from rubrics.loader import load_rubric
from rubrics.versioning import canonical_json as rubric_json
from rubrics.versioning import fingerprint

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from annotate.db import Database

ABUSE = "conversational-abuse"


class _Read(NamedTuple):
    source: str
    canonical: str
    fingerprint: str
    version: str
    title: str


@cache
def shipped(name: str) -> _Read:
    """Read a shipped rubric, once."""
    return _read_source(read(name))


@dataclass
class World:
    """Builds rows; every method opens its own transaction and returns ids."""

    database: Database
    teams: dict[str, str] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=dict)

    def _add(self, *rows: Any) -> None:
        with self.database.write() as session:
            session.add_all(rows)

    def now(self) -> datetime:
        with self.database.read() as session:
            return now(session)

    def team(self, name: str = "Internal", kind: str = "internal") -> str:
        if name not in self.teams:
            self.teams[name] = new_id()
            self._add(Team(id=self.teams[name], name=name, kind=kind, created_at=self.now()))
        return self.teams[name]

    def user(self, login: str) -> str:
        if login not in self.users:
            self.users[login] = new_id()
            self._add(
                UserAccount(
                    id=self.users[login],
                    login=login,
                    display_name=login.title(),
                    created_at=self.now(),
                )
            )
        return self.users[login]

    def grant(
        self, login: str, role: str, project_id: str | None = None, team: str | None = None
    ) -> str:
        user_id = self.user(login)
        self._add(
            RoleGrant(
                id=new_id(),
                user_id=user_id,
                role=role,
                project_id=project_id,
                team_id=self.team(team) if team else None,
                granted_by=user_id,
                created_at=self.now(),
            )
        )
        return user_id

    def actor(self, login: str, channel: Any = "api") -> Actor:
        with self.database.read() as session:
            return Actor(
                self.users[login],
                login,
                login,
                identity.grants_of(session, self.users[login]),
                channel=channel,
            )

    def token(self, login: str, scopes: str = "label", seconds: int = 3600) -> str:
        """Return a bearer token of a person; only its hash is stored."""
        token = identity.TOKEN_PREFIX + new_id()
        with self.database.write() as session:
            moment = now(session)
            session.add(
                ApiToken(
                    id=new_id(),
                    user_id=self.user(login),
                    name="test",
                    token_hash=sha256_hex(token),
                    hint=token[-4:],
                    scopes=scopes,
                    created_at=moment,
                    expires_at=identity.later(session, seconds),
                )
            )
        return token

    def cookie(self, login: str) -> str:
        """Return the token of an open session of a person."""
        with self.database.write() as session:
            return identity.open_session(
                session, self.user(login), user_agent="test", address="127.0.0.1"
            )

    def project(self, slug: str = "demo") -> str:
        owner = self.user("owner")
        project_id = new_id()
        self._add(
            Project(
                id=project_id,
                slug=slug,
                title=slug.title(),
                created_by=owner,
                created_at=self.now(),
            )
        )
        return project_id

    def rubric(self, project_id: str, name: str = ABUSE, source: str | None = None) -> str:
        version = shipped(name) if source is None else _read_source(source)
        rubric_id = new_id()
        self._add(
            Rubric(id=rubric_id, project_id=project_id, slug=name, created_at=self.now()),
        )
        return self._version(project_id, rubric_id, version)

    def next_version(self, first_id: str, old: str, new: str) -> str:
        """Publish 1.1.0 of a rubric that stands at 1.0.0, with other words."""
        with self.database.read() as session:
            first = session.get_one(RubricVersion, first_id)
        source = first.source.replace("version: 1.0.0", "version: 1.1.0").replace(old, new)
        return self._version(first.project_id, first.rubric_id, _read_source(source))

    def _version(
        self, project_id: str, rubric_id: str, read: tuple[str, str, str, str, str]
    ) -> str:
        version_id, moment = new_id(), self.now()
        self._add(
            RubricVersion(
                **read._asdict(),
                id=version_id,
                project_id=project_id,
                rubric_id=rubric_id,
                status="published",
                created_by=self.user("owner"),
                created_at=moment,
                published_at=moment,
            )
        )
        return version_id

    def items(self, project_id: str, count: int, prefix: str = "item") -> list[str]:
        bodies = [
            {
                "messages": [
                    {"role": "assistant", "content": "How can I help?"},
                    {"role": "user", "content": f"Water the plants, number {number}."},
                ]
            }
            for number in range(count)
        ]
        return self.items_of(project_id, "messages", bodies, prefix)

    def pairs(self, project_id: str, count: int, responses: int = 2) -> list[str]:
        """Make items with several responses, whose ids must stay with the server."""
        bodies = [
            {
                "prompt": f"When do I water plant {number}?",
                "responses": [
                    {"id": f"model-{place}", "text": f"Answer {place} to request {number}."}
                    for place in range(1, responses + 1)
                ],
            }
            for number in range(count)
        ]
        return self.items_of(project_id, "responses", bodies, f"pair{responses}")

    def items_of(
        self, project_id: str, kind: str, bodies: list[dict[str, Any]], prefix: str = "item"
    ) -> list[str]:
        moment = self.now()
        rows: list[dict[str, Any]] = []
        for number, content in enumerate(bodies):
            body = canonical_json(content)
            rows.append(
                {
                    "id": new_id(),
                    "project_id": project_id,
                    "external_id": f"{prefix}-{number:04}",
                    "kind": kind,
                    "content_hash": sha256_hex(body),
                    "body": body,
                    "language": "en",
                    "group_keys": "{}",
                    "slices": "{}",
                    "attributes": "{}",
                    "created_at": moment,
                }
            )
        with self.database.write() as session:
            session.execute(sa.insert(Item), rows)
        return [row["id"] for row in rows]

    def round(
        self,
        project_id: str,
        version_id: str,
        item_ids: list[str],
        *,
        overlap: int = 3,
        allocation: dict[str, list[str]] | None = None,
    ) -> str:
        round_id = new_id()
        moment = self.now()
        with self.database.write() as session:
            mark = session.get_one(RubricVersion, version_id).fingerprint
            number = session.scalar(
                sa.select(sa.func.count(Round.id)).where(Round.project_id == project_id)
            )
            session.add(
                Round(
                    id=round_id,
                    project_id=project_id,
                    rubric_version_id=version_id,
                    fingerprint=mark,
                    number=(number or 0) + 1,
                    name=f"Round {(number or 0) + 1}",
                    phase="production",
                    overlap=overlap,
                    seed=1,
                    allocation="explicit" if allocation is not None else "open",
                    state="open",
                    created_by=self.user("owner"),
                    created_at=moment,
                )
            )
            session.flush()
            _insert_tasks(session, locals())
        return round_id

    def standard(self, items: int = 5, overlap: int = 3, annotators: int = 3) -> Standard:
        """Return a project with a round and people of every role."""
        project_id = self.project()
        for login, role in PEOPLE.items():
            self.grant(login, role, project_id)
        names = [f"ann-{number}" for number in range(1, annotators + 1)]
        for name in names:
            self.grant(name, "annotator", project_id, team="Internal")
        version_id = self.rubric(project_id)
        item_ids = self.items(project_id, items)
        round_id = self.round(project_id, version_id, item_ids, overlap=overlap)
        return Standard(project_id, version_id, round_id, tuple(item_ids), tuple(names))


@dataclass(frozen=True)
class Standard:
    """Ids of the standard project."""

    project_id: str
    version_id: str
    round_id: str
    item_ids: tuple[str, ...]
    annotators: tuple[str, ...]

    @property
    def scope(self) -> Scope:
        return Scope(self.project_id, None)


PEOPLE = {
    "designer": "designer",
    "manager": "manager",
    "adjudicator": "adjudicator",
    "reader": "ml_reader",
    "auditor": "auditor",
}


def _read_source(source: str) -> _Read:
    rubric = load_rubric(source)
    return _Read(source, rubric_json(rubric), fingerprint(rubric), rubric.version, rubric.title)


def _insert_tasks(session: Session, given: dict[str, Any]) -> None:
    allocation = given["allocation"]
    tasks, reservations = [], []
    for order, item_id in enumerate(given["item_ids"]):
        people = allocation.get(item_id, []) if allocation is not None else None
        needed = len(people) if people is not None else given["overlap"]
        task_id = new_id()
        common = {"project_id": given["project_id"], "round_id": given["round_id"]}
        tasks.append(
            {
                **common,
                "id": task_id,
                "item_id": item_id,
                "rubric_version_id": given["version_id"],
                "fingerprint": given["mark"],
                "phase": "production",
                "priority": 0,
                "ord": order,
                "needed": needed,
                "open_slots": needed,
                "selection_reason": "all",
                "version": 1,
                "created_at": given["moment"],
            }
        )
        reservations += [
            {**common, "task_id": task_id, "annotator_id": person, "priority": 0, "ord": order}
            for person in people or []
        ]
    session.execute(sa.insert(Task), tasks)
    if reservations:
        session.execute(sa.insert(Reservation), reservations)


BENIGN: dict[str, Any] = {"severity": {"value": "not_abusive"}}


def abusive(severity: str = "mild", kinds: tuple[str, ...] = ("sexist",)) -> dict[str, Any]:
    """Return answers that find abuse."""
    return {
        "severity": {"value": severity},
        "types": {"value": list(kinds)},
        "target": {"value": "individual"},
        "direction": {"value": "explicit"},
    }
