"""Two projects with one object of every kind, and everybody who may come along."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Session

from annotate.app import create_app
from annotate.db import Database, new_id, now
from annotate.models import (
    AdjudicationCase,
    ApiToken,
    Assignment,
    GoldRelease,
    Item,
    Job,
    LoginSession,
    Media,
    PracticeItem,
    RoleGrant,
    Round,
    Task,
    UserAccount,
)
from annotate.models.people import ROLES
from annotate.policy import PERMISSIONS, TOKEN_SCOPES
from annotate.services import gold, media
from annotate.services.text import sha256_hex
from exports.manifest import FILE_NAME
from tests.support.builders import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Flask

    from annotate.config import Settings

OWN, FOREIGN, ELSEWHERE = "own", "foreign", "elsewhere"
OWNER = "annotator in own"
MANIFEST = """{"counts": {"items": 1, "labels": 0, "gold": 0, "decisions": 0, "annotators": 1,
"basis": {}}, "parameters": {"seed": 1, "min_votes": 2, "undecided": "open"}, "canary": "c",
"files": [{"path": "card.md", "bytes": 1, "sha256": "0", "rows": null}]}"""
SCOPED_TEAM, OTHER_TEAM = "Vendor A", "Vendor B"


class UndoneDatabase(Database):
    """A database that takes back whatever a request did, so that every request sees one world."""

    def hold(self) -> None:
        """Begin the one transaction of all sessions; from now on nothing is kept."""
        self._shared = self.write_engine.connect()
        self._outer = self._shared.begin()
        self._is_as_it_was = True

    def undo(self) -> None:
        """Take back what the last request did."""
        if self._is_as_it_was:
            return
        self._outer.rollback()
        self._outer = self._shared.begin()
        self._is_as_it_was = True

    def let_go(self) -> None:
        self._outer.rollback()
        self._shared.close()

    @contextmanager
    def write(self) -> Iterator[Session]:
        session = self._joined("create_savepoint")
        self._is_as_it_was = False
        try:
            yield session
            session.commit()
        finally:
            session.close()

    @contextmanager
    def read(self) -> Iterator[Session]:
        session = self._joined("rollback_only")
        try:
            yield session
        except BaseException:
            self._is_as_it_was = False  # PostgreSQL refuses all that follows an error
            raise
        finally:
            session.close()

    def _joined(self, mode: Literal["create_savepoint", "rollback_only"]) -> Session:
        session = Session(self._shared, join_transaction_mode=mode, expire_on_commit=False)
        session.info["database"] = self
        return session


@dataclass(frozen=True)
class Caller:
    """Somebody who calls routes: what they bring, and what they hold.

    ``roles`` are pairs of a role and where it holds (None: everywhere).
    """

    name: str
    headers: dict[str, str] = field(default_factory=dict)
    csrf: str = ""
    roles: tuple[tuple[str, str | None], ...] = ()
    known: bool = True
    scopes: frozenset[str] | None = None
    token_project: str | None = None
    team: str | None = None

    @property
    def is_token(self) -> bool:
        return self.scopes is not None

    def sees(self, where: str) -> bool:
        if self.token_project not in {None, where}:
            return False
        return any(place in {None, where} for _role, place in self.roles)

    def holds(self, permission: str, where: str | None) -> bool:
        """Whether a role and, for a token, a scope carries the permission there."""
        if self.scopes is not None and not any(
            permission in TOKEN_SCOPES[scope] for scope in self.scopes
        ):
            return False
        return any(
            role in PERMISSIONS[permission] and (where is None or place in {None, where})
            for role, place in self.roles
        )

    def holds_everywhere(self, permission: str) -> bool:
        return any(role in PERMISSIONS[permission] and place is None for role, place in self.roles)


@dataclass
class PolicyWorld:
    """The application, the objects by view argument and project, and the callers."""

    app: Flask
    database: UndoneDatabase
    objects: dict[str, dict[str, str]]
    callers: dict[str, Caller]


def build(settings: Settings) -> PolicyWorld:
    """Make the world; from then on nothing that a request does is kept."""
    plain = Database(settings)
    world = World(plain)
    maker = _Maker(world)
    objects = {OWN: maker.objects(OWN), FOREIGN: maker.objects(FOREIGN)}
    objects[OTHER_TEAM] = maker.other_team(objects[OWN])
    for where in (OWN, FOREIGN):
        directory = gold.folder(settings, where, 1)
        directory.mkdir(parents=True)
        for name, text in ((FILE_NAME, "{}"), ("card.md", "A card")):
            (directory / name).write_text(text, encoding="utf-8")
    callers = maker.callers()
    for kind, key in (("session_id", LoginSession), ("token_id", ApiToken)):
        objects[OWN][kind] = maker.of(key, OWNER)
        objects[FOREIGN][kind] = maker.of(key, "neighbour")
    maker.seen_for_an_hour()
    plain.dispose()
    database = UndoneDatabase(settings)
    database.hold()
    return PolicyWorld(create_app(settings, database), database, objects, callers)


class _Maker:
    def __init__(self, world: World) -> None:
        self.world = world
        self.projects = {name: world.project(name) for name in (OWN, FOREIGN, ELSEWHERE)}
        self.logins: dict[str, str] = {}

    def login(self, name: str) -> str:
        return self.logins.setdefault(name, "p-" + name.replace(" ", "-").replace("_", "-"))

    # ------------------------------------------------------------------------------- objects

    def objects(self, where: str) -> dict[str, str]:
        """Return the value of every view argument for one project."""
        world, project_id = self.world, self.projects[where]
        owner = world.user(self.login(OWNER if where == OWN else "neighbour"))
        version_id = world.rubric(project_id)
        item_id = world.items(project_id, 1, prefix=where)[0]
        round_id = world.round(project_id, version_id, [item_id])
        person = f"person-of-{where}"
        world.grant(person, "annotator", project_id)
        rows = self._work(project_id, version_id, round_id, item_id, owner)
        with world.database.read() as session:
            grant_id = session.scalars(
                sa.select(RoleGrant.id).where(RoleGrant.user_id == world.users[person])
            ).one()
        return {
            "project": where,
            "project_id": project_id,
            "rubric_version_id": version_id,
            "version_id": version_id,
            "round_id": round_id,
            "item_id": item_id,
            "user_id": world.users[person],
            "grant_id": grant_id,
            "team_id": world.team(f"Team of {where}"),
            "digest": self._file(project_id, item_id, where),
            **rows,
        }

    def _file(self, project_id: str, item_id: str, where: str) -> str:
        """Give an item a file and return its hash."""
        digest = hashlib.sha256(where.encode()).hexdigest()
        path = media.path_of(self.world.database.settings, project_id, digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"a file")
        row = Media(
            id=new_id(),
            project_id=project_id,
            item_id=item_id,
            content_hash=digest,
            original_hash=digest,
            media_type="image/png",
            size=6,
            created_at=self.world.now(),
        )
        with self.world.database.write() as session:
            session.add(row)
        return digest

    def _work(
        self, project_id: str, version_id: str, round_id: str, item_id: str, owner: str
    ) -> dict[str, str]:
        world = self.world
        moment = world.now()
        with world.database.write() as session:
            task = session.scalars(sa.select(Task).where(Task.round_id == round_id)).one()
            task.open_slots -= 1
            common = {"project_id": project_id, "item_id": item_id, "round_id": round_id}
            assignment = Assignment(
                **common,
                id=new_id(),
                task_id=task.id,
                annotator_id=owner,
                state="leased",
                fence=1,
                leased_at=moment,
                expires_at=moment + timedelta(hours=1),
            )
            case = AdjudicationCase(
                **common,
                id=new_id(),
                task_id=task.id,
                rubric_version_id=version_id,
                fingerprint=task.fingerprint,
                state="open",
                opened_at=moment,
            )
            release = GoldRelease(
                id=new_id(),
                project_id=project_id,
                number=1,
                rubric_version_id=version_id,
                fingerprint=task.fingerprint,
                certified=False,
                watermark=moment,
                salt="0" * 64,
                seed=1,
                parameters='{"undecided":"open","validation":0.1,"test":0.2,"min_votes":2}',
                versions="{}",
                state="written",
                manifest=MANIFEST,
                manifest_hash="0" * 64,
                created_by=owner,
                created_at=moment,
            )
            job = Job(
                id=new_id(),
                project_id=project_id,
                kind="items.import",
                parameters="{}",
                state="queued",
                created_by=owner,
                created_at=moment,
            )
            practised = PracticeItem(
                id=new_id(),
                project_id=project_id,
                item_id=item_id,
                rubric_version_id=version_id,
                fingerprint=task.fingerprint,
                reference_cells="[]",
                origin="imported",
                created_by=owner,
                created_at=moment,
            )
            session.add_all([assignment, case, release, job, practised])
            session.flush()
            return {
                "assignment_id": assignment.id,
                "case_id": case.id,
                "practice_item_id": practised.id,
                "release_id": release.id,
                "name": FILE_NAME,
                "job_id": job.id,
                "number": "1",
            }

    def other_team(self, own: dict[str, str]) -> dict[str, str]:
        """Return objects of the own project that belong to one team of it."""
        world, project_id = self.world, self.projects[OWN]
        team_id = world.team(OTHER_TEAM, "vendor")
        item_id = world.items(project_id, 1, prefix="vendor")[0]
        round_id = world.round(project_id, own["version_id"], [item_id])
        owner = world.user(self.login(OWNER))
        rows = {
            **self._work_without_release(project_id, own["version_id"], round_id, item_id, owner)
        }
        with world.database.write() as session:
            for model, key in (
                (Round, round_id),
                (Item, item_id),
                (Assignment, rows["assignment_id"]),
                (AdjudicationCase, rows["case_id"]),
                (Job, rows["job_id"]),
            ):
                session.execute(sa.update(model).where(model.id == key).values(team_id=team_id))
            session.execute(
                sa.update(Task).where(Task.round_id == round_id).values(team_id=team_id)
            )
        self._file(project_id, item_id, OWN)
        return {**own, "round_id": round_id, "item_id": item_id, **rows}

    def _work_without_release(self, *given: str) -> dict[str, str]:
        with self.world.database.write() as session:
            kept = session.scalars(
                sa.select(GoldRelease).where(GoldRelease.project_id == given[0])
            ).one()
            kept.number = 1000  # the number of the row made next would be taken
        rows = self._work(*given)
        with self.world.database.write() as session:
            session.execute(sa.delete(GoldRelease).where(GoldRelease.id == rows["release_id"]))
            session.execute(
                sa.update(GoldRelease).where(GoldRelease.project_id == given[0]).values(number=1)
            )
        return {key: rows[key] for key in ("assignment_id", "case_id", "job_id")}

    # ------------------------------------------------------------------------------- callers

    def callers(self) -> dict[str, Caller]:
        """Return everybody, by name."""
        found = [Caller("stranger", known=False)]
        for role in ROLES:
            found.append(self.session(f"{role} in own", ((role, OWN),)))
            found.append(self.session(f"{role} everywhere", ((role, None),)))
        everything = tuple((role, ELSEWHERE) for role in ROLES)
        found.append(self.session("neighbour", everything))
        found.append(self.session("without roles", ()))
        found.append(self.session("manager for a team", (("manager", OWN),), team=SCOPED_TEAM))
        found += self.tokens()
        found += self.dead()
        return {caller.name: caller for caller in found}

    def session(
        self, name: str, roles: tuple[tuple[str, str | None], ...], team: str | None = None
    ) -> Caller:
        login = self.login(name)
        self.world.user(login)
        for role, where in roles:
            place = self.projects[where] if where is not None else None
            self.world.grant(login, role, place, team=team)
        cookie = self.world.cookie(login)
        with self.world.database.read() as session:
            csrf = session.scalars(
                sa.select(LoginSession.csrf_token).where(
                    LoginSession.token_hash == sha256_hex(cookie)
                )
            ).one()
        return Caller(name, _cookie(cookie), csrf, roles, team=team)

    def tokens(self) -> list[Caller]:
        """Programs: every scope with all roles of the own project behind it, and bound ones."""
        everything = tuple((role, OWN) for role in ROLES)
        keeper = "keeper of tokens"
        self.session(keeper, everything)
        found = [
            self.token(f"token for {scope}", keeper, everything, frozenset({scope}))
            for scope in TOKEN_SCOPES
        ]
        owner = (("annotator", OWN),)
        found.append(self.token("token of the owner", OWNER, owner, frozenset({"label"})))
        found.append(self.token("owner's token to read", OWNER, owner, frozenset({"read"})))
        found.append(
            self.token(
                "token bound elsewhere",
                "designer everywhere",
                (("designer", None),),
                frozenset({"read", "design"}),
                bound=ELSEWHERE,
            )
        )
        self.token("a token", "neighbour", (), frozenset({"read"}))
        return found

    def token(
        self,
        name: str,
        keeper: str,
        roles: tuple[tuple[str, str | None], ...],
        scopes: frozenset[str],
        bound: str | None = None,
    ) -> Caller:
        token = self.world.token(self.login(keeper), " ".join(sorted(scopes)))
        if bound is not None:
            with self.world.database.write() as session:
                session.execute(
                    sa.update(ApiToken)
                    .where(ApiToken.token_hash == sha256_hex(token))
                    .values(project_id=self.projects[bound])
                )
        return Caller(name, _bearer(token), "", roles, scopes=scopes, token_project=bound)

    def dead(self) -> list[Caller]:
        """Whoever had something once: all must look like strangers."""
        everything: tuple[tuple[str, str | None], ...] = tuple((role, None) for role in ROLES)
        live = {name: self.session(name, everything) for name in DEAD}
        world = self.world
        past = world.now() - timedelta(seconds=1)
        expired = world.token(self.login("expired token"), "read label design", seconds=-1)
        revoked = world.token(self.login("revoked token"), "read label design")
        with world.database.write() as session:
            _set(session, UserAccount, world.users[self.login("deactivated")], deactivated_at=past)
            for name, values in (
                ("expired session", {"expires_at": past}),
                ("ended session", {"revoked_at": past}),
            ):
                session.execute(
                    sa.update(LoginSession)
                    .where(LoginSession.user_id == world.users[self.login(name)])
                    .values(**values)
                )
            session.execute(
                sa.update(ApiToken)
                .where(ApiToken.token_hash == sha256_hex(revoked))
                .values(revoked_at=now(session))
            )
        headers = {name: live[name].headers for name in DEAD}
        headers["expired token"] = _bearer(expired)
        headers["revoked token"] = _bearer(revoked)
        return [Caller(name, headers[name], known=False) for name in DEAD]

    def seen_for_an_hour(self) -> None:
        """Note the next use of all sessions and tokens now.

        Every request would note it again, as what the one before it wrote is taken back.
        """
        moment = self.world.now() + timedelta(hours=1)
        with self.world.database.write() as session:
            session.execute(sa.update(LoginSession).values(last_seen_at=moment))
            session.execute(sa.update(ApiToken).values(last_used_at=moment))

    def of(self, model: Any, name: str) -> str:
        """Return the id of a session or token of a caller."""
        with self.world.database.read() as session:
            return str(
                session.scalars(
                    sa.select(model.id)
                    .where(model.user_id == self.world.users[self.login(name)])
                    .order_by(model.id)
                ).first()
            )


DEAD = ("deactivated", "expired session", "ended session", "expired token", "revoked token")


def missing(argument: str, own: str) -> str:
    """Return a value of the same form as ``own`` that names nothing."""
    if argument == "project":
        return "nowhere"
    if own.isdecimal():
        return "987654"
    digest = hashlib.sha256(argument.encode()).hexdigest()
    return f"01900000-0000-7{digest[:3]}-8{digest[3:6]}-{digest[6:18]}"


def _set(session: Session, model: Any, key: str, **values: Any) -> None:
    session.execute(sa.update(model).where(model.id == key).values(**values))


def _cookie(token: str) -> dict[str, str]:
    return {"Cookie": f"touchstone={token}", "Sec-Fetch-Site": "same-origin"}


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
