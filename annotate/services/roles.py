"""Roles and teams: who may do what, where, and for whom they work. Only administrators grant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from annotate.db import new_id, now
from annotate.models import Project, RoleGrant, Team, UserAccount
from annotate.models.people import ROLES
from annotate.policy import ADMINISTRATOR, ALL_ROLES, ANNOTATOR, Grant
from annotate.services import audit, leases
from annotate.services.errors import BadInput, Conflict, NotAllowed, NotFound
from annotate.services.ids import known_form
from annotate.services.text import check_text
from rubrics.sentences import Sentence, together

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import InstrumentedAttribute, Session

    from annotate.policy import Actor

NAMES = ROLES
TEAM_KINDS = ("internal", "vendor")
NAME_LIMIT = 200
LAST_ADMINISTRATOR = (
    "This is the last administrator who can sign in. Make someone else administrator first."
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A role somebody is to have: everywhere, or in one project, for one team or for all."""

    role: str
    project_id: str | None = None
    team_id: str | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A role somebody has, with the names of project and team."""

    id: str
    role: str
    project_id: str | None
    project_title: str | None
    team_name: str | None
    granted_by: str
    created_at: datetime


def require_administrator(actor: Actor) -> None:
    """Refuse everybody who is not administrator of the whole installation.

    The role within one project does not reach people, or it would be a way to all projects.
    """
    if not actor.everywhere("people.manage"):
        raise NotAllowed("Only an administrator of the whole installation may do this.")


def locked_person(session: Session, user_id: str) -> UserAccount:
    """Return a person's row, locked against other changes to the same person.

    Raises
    ------
    NotFound
        When there is no such person. The system's own account is no person.
    """
    key = known_form(user_id, "person")
    person = session.get(UserAccount, key, with_for_update={"key_share": True})
    if person is None or person.kind != "person":
        raise NotFound("There is no person of that id here.")
    return person


def plain_person(session: Session, user_id: str) -> UserAccount:
    """Return a person's row for reading.

    Raises
    ------
    NotFound
        When there is no such person.
    """
    person = session.get(UserAccount, known_form(user_id, "person"))
    if person is None or person.kind != "person":
        raise NotFound("There is no person of that id here.")
    return person


def grant(session: Session, actor: Actor, user_id: str, wanted: Wanted) -> str:
    """Give a person a role and return the id of the grant.

    Raises
    ------
    BadInput
        For an unknown role, project or team.
    Conflict
        When the person holds it already.
    """
    require_administrator(actor)
    check_wanted(session, wanted)
    person = locked_person(session, user_id)
    if person.deactivated_at is not None:
        raise Conflict("This account is deactivated. Reactivate it first.")
    return write_grant(session, actor, user_id, wanted)


def write_grant(session: Session, actor: Actor, user_id: str, wanted: Wanted) -> str:
    """Write a checked grant of a locked or new person."""
    if _held_grant(session, user_id, wanted) is not None:
        raise Conflict("This person has that role there already.")
    grant_id = new_id()
    moment = now(session)
    session.execute(
        sa.insert(RoleGrant),
        {
            "id": grant_id,
            "user_id": user_id,
            "role": wanted.role,
            "project_id": wanted.project_id,
            "team_id": wanted.team_id,
            "granted_by": actor.user_id,
            "created_at": moment,
        },
    )
    _note(session, actor, "role.granted", user_id, wanted, moment)
    return grant_id


def revoke(session: Session, actor: Actor, user_id: str, grant_id: str) -> None:
    """Take a role back. An annotator's places in projects no longer open to them are returned.

    Raises
    ------
    NotFound
        When the person holds no such grant.
    Conflict
        When nobody would be left to administrate.
    """
    require_administrator(actor)
    lock_administrators(session)
    locked_person(session, user_id)
    row = session.get(RoleGrant, known_form(grant_id, "role"), with_for_update=True)
    if row is None or row.user_id != user_id or row.revoked_at is not None:
        raise NotFound("There is no role of that id here.")
    if row.role == ADMINISTRATOR and row.project_id is None:
        require_another_administrator(session, user_id)
    moment = now(session)
    row.revoked_at = moment
    session.flush()
    if row.role == ANNOTATOR:
        kept = _annotated_projects(session, user_id)
        leases.return_leases(session, user_id, moment, kept_projects=kept)
    wanted = Wanted(row.role, row.project_id, row.team_id)
    _note(session, actor, "role.revoked", user_id, wanted, moment)


def _annotated_projects(session: Session, user_id: str) -> list[str] | None:
    """Return the projects in which a person still labels, or None for all."""
    found = session.scalars(
        sa.select(RoleGrant.project_id).where(
            RoleGrant.user_id == user_id,
            RoleGrant.role == ANNOTATOR,
            RoleGrant.revoked_at.is_(None),
        )
    ).all()
    return None if None in found else [project for project in found if project is not None]


def lock_administrators(session: Session) -> None:
    """Let changes that could take the last administrator away happen one after the other.

    Taken before any other lock. Without it two administrators who revoke or deactivate each other
    at once would both find the other one still there.
    """
    session.execute(
        sa.select(RoleGrant.id)
        .where(RoleGrant.role == ADMINISTRATOR, RoleGrant.revoked_at.is_(None))
        .order_by(RoleGrant.id)
        .with_for_update()
    ).all()


def administrators(session: Session) -> list[str]:
    """Return who can sign in and administrate the whole installation."""
    query = (
        sa.select(RoleGrant.user_id)
        .join(UserAccount, UserAccount.id == RoleGrant.user_id)
        .where(
            RoleGrant.role == ADMINISTRATOR,
            RoleGrant.project_id.is_(None),
            RoleGrant.revoked_at.is_(None),
            UserAccount.kind == "person",
            UserAccount.deactivated_at.is_(None),
            UserAccount.password_hash.is_not(None),
        )
        .order_by(RoleGrant.id)
    )
    return list(session.scalars(query))


def require_another_administrator(session: Session, user_id: str) -> None:
    """Refuse to take the last administrator away; call ``lock_administrators`` before.

    Raises
    ------
    Conflict
        When nobody but this person could administrate.
    """
    if set(administrators(session)) == {user_id}:
        raise Conflict(LAST_ADMINISTRATOR)


def held_by(session: Session, user_id: str) -> list[Held]:
    """Return the roles of a person with the names of projects and teams."""
    granter = aliased(UserAccount)
    rows = session.execute(
        sa.select(
            RoleGrant.id,
            RoleGrant.role,
            RoleGrant.project_id,
            Project.title.label("project_title"),
            Team.name.label("team_name"),
            granter.display_name.label("granted_by"),
            RoleGrant.created_at,
        )
        .join(granter, granter.id == RoleGrant.granted_by)
        .outerjoin(Project, Project.id == RoleGrant.project_id)
        .outerjoin(Team, Team.id == RoleGrant.team_id)
        .where(RoleGrant.user_id == user_id, RoleGrant.revoked_at.is_(None))
        .order_by(RoleGrant.id)
    ).all()
    return [Held(*row) for row in rows]


def grants_of_people(session: Session, user_ids: Sequence[str]) -> dict[str, list[Grant]]:
    """Return the roles of several people at once, for a list of them."""
    rows = session.execute(
        sa.select(RoleGrant.user_id, RoleGrant.role, RoleGrant.project_id, RoleGrant.team_id)
        .where(RoleGrant.user_id.in_(user_ids), RoleGrant.revoked_at.is_(None))
        .order_by(RoleGrant.id)
    ).all()
    found: dict[str, list[Grant]] = {user_id: [] for user_id in user_ids}
    for row in rows:
        found[row.user_id].append(Grant(row.role, row.project_id, row.team_id))
    return found


def add_team(session: Session, actor: Actor, *, name: str, kind: str = "internal") -> str:
    """Make a team and return its id.

    Raises
    ------
    BadInput
        For an empty or overlong name or an unknown kind.
    Conflict
        When there is a team of that name.
    """
    require_administrator(actor)
    name = checked_name(name, "name")
    if kind not in TEAM_KINDS:
        raise BadInput(
            "A team is internal or of a vendor.",
            problems=[{"field": "kind", "message": Sentence("Choose internal or vendor.")}],
        )
    if session.scalar(sa.select(Team.id).where(Team.name == name)) is not None:
        raise Conflict(Sentence("There is a team %(name)s already.", name=name))
    team_id = new_id()
    moment = now(session)
    session.add(Team(id=team_id, name=name, kind=kind, created_at=moment))
    session.flush()
    audit.record(session, actor, "team.created", "team", team_id, body={"kind": kind}, at=moment)
    return team_id


def teams(session: Session) -> list[Team]:
    """Return all teams by name."""
    return list(session.scalars(sa.select(Team).order_by(Team.name)))


def projects(session: Session) -> list[tuple[str, str, str]]:
    """Return id, slug and title of all projects, for the choice of where a role reaches."""
    rows = session.execute(
        sa.select(Project.id, Project.slug, Project.title)
        .where(Project.archived_at.is_(None))
        .order_by(Project.title)
    ).all()
    return [(row.id, row.slug, row.title) for row in rows]


def find_grant(session: Session, user_id: str, wanted: Wanted) -> str:
    """Return the id of a role that a person has, named as it was given.

    Raises
    ------
    NotFound
        When the person has no such role there.
    """
    found = _held_grant(session, user_id, wanted)
    if found is None:
        raise NotFound("This person has no such role there.")
    return found


def find_project(session: Session, slug: str) -> str:
    """Return the id of a project named by its slug."""
    found = session.scalar(sa.select(Project.id).where(Project.slug == slug))
    if found is None:
        raise BadInput(Sentence("There is no project %(slug)s.", slug=repr(slug)))
    return found


def find_team(session: Session, name: str) -> str:
    """Return the id of a team named by its name."""
    found = session.scalar(sa.select(Team.id).where(Team.name == name))
    if found is None:
        raise BadInput(Sentence("There is no team %(name)s.", name=repr(name)))
    return found


def checked_name(text: str, field: str) -> str:
    """Return a trimmed name that can be stored and shown in one line.

    Raises
    ------
    BadInput
        When it is empty, too long or holds control characters.
    """
    name = " ".join(text.split())
    check_text(name, field)
    fault = None
    if not name:
        fault = Sentence("This is needed.")
    elif len(name) > NAME_LIMIT:
        fault = Sentence("%(n)s characters at most.", n=NAME_LIMIT)
    elif not name.isprintable():
        fault = Sentence("Use letters, digits and signs that can be seen.")
    if fault is not None:
        raise BadInput(
            Sentence("%(field)s: %(fault)s", field=field, fault=fault),
            problems=[{"field": field, "message": fault}],
        )
    return name


def check_wanted(session: Session, wanted: Wanted) -> None:
    """Refuse a role, project or team that does not exist.

    Raises
    ------
    BadInput
        With one problem for each part that is wrong.
    """
    problems = []
    if wanted.role not in ALL_ROLES:
        problems.append({"field": "role", "message": Sentence("Choose one of the roles.")})
    if wanted.project_id is not None and not _exists(session, Project, wanted.project_id):
        problems.append({"field": "project_id", "message": Sentence("There is no such project.")})
    if wanted.team_id is not None and not _exists(session, Team, wanted.team_id):
        problems.append({"field": "team_id", "message": Sentence("There is no such team.")})
    if wanted.role == ADMINISTRATOR and wanted.team_id is not None:
        problems.append(
            {"field": "team_id", "message": Sentence("Administrators serve all teams.")}
        )
    if problems:
        words = together(problem["message"] for problem in problems)
        raise BadInput(Sentence("The role cannot be given. %(why)s", why=words), problems=problems)


def _exists(session: Session, model: type[Project | Team], key: str) -> bool:
    try:
        return session.get(model, known_form(key, "project or team")) is not None
    except NotFound:
        return False


def _held_grant(session: Session, user_id: str, wanted: Wanted) -> str | None:
    return session.scalar(
        sa.select(RoleGrant.id).where(
            RoleGrant.user_id == user_id,
            RoleGrant.role == wanted.role,
            _same(RoleGrant.project_id, wanted.project_id),
            _same(RoleGrant.team_id, wanted.team_id),
            RoleGrant.revoked_at.is_(None),
        )
    )


def _same(column: InstrumentedAttribute[str | None], value: str | None) -> sa.ColumnElement[bool]:
    return column.is_(None) if value is None else column == value


def _note(
    session: Session, actor: Actor, kind: str, user_id: str, wanted: Wanted, at: datetime
) -> None:
    body = {"role": wanted.role, "project": wanted.project_id, "team": wanted.team_id}
    audit.record(
        session, actor, kind, "person", user_id, project_id=wanted.project_id, body=body, at=at
    )
