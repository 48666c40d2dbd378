"""Where an object lies: the guard asks before any view runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.models import (
    AdjudicationCase,
    ApiToken,
    Assignment,
    GoldRelease,
    Item,
    Job,
    LoginSession,
    Project,
    RoleGrant,
    Round,
    RubricVersion,
    Task,
    Team,
    UserAccount,
)
from annotate.policy import Located
from annotate.services.prepared import Prepared

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_NULL: Any = sa.null()


def _select(id_column: Any, project: Any = _NULL, team: Any = _NULL, owner: Any = _NULL) -> Any:  # noqa: ANN401
    return sa.select(
        id_column.label("object_id"),
        project.label("project_id"),
        team.label("team_id"),
        owner.label("owner_id"),
    )


def _by_id(model: Any, project: Any = _NULL, team: Any = _NULL, owner: Any = _NULL) -> Any:  # noqa: ANN401
    return _select(model.id, project, team, owner).where(model.id == sa.bindparam("key"))


_SELECTS: dict[str, Any] = {
    "project": _select(Project.id, Project.id).where(Project.slug == sa.bindparam("key")),
    "project_id": _by_id(Project, Project.id),
    "round_id": _by_id(Round, Round.project_id, Round.team_id),
    "rubric_version_id": _by_id(RubricVersion, RubricVersion.project_id),
    "item_id": _by_id(Item, Item.project_id, Item.team_id),
    "assignment_id": _by_id(
        Assignment, Assignment.project_id, Assignment.team_id, Assignment.annotator_id
    ),
    # of its task's team: the case itself names none
    "case_id": _by_id(AdjudicationCase, AdjudicationCase.project_id, Task.team_id).join(
        Task, Task.id == AdjudicationCase.task_id
    ),
    "release_id": _by_id(GoldRelease, GoldRelease.project_id),
    "job_id": _by_id(Job, Job.project_id, Job.team_id, Job.created_by),
    "user_id": _by_id(UserAccount, owner=UserAccount.id),
    "token_id": _by_id(ApiToken, owner=ApiToken.user_id),
    "session_id": _by_id(LoginSession, owner=LoginSession.user_id),
    "team_id": _by_id(Team),
    "grant_id": _by_id(RoleGrant),
}

_FINDERS = {
    kind: Prepared(select.execution_options(unscoped="this is how the scope is found"))
    for kind, select in _SELECTS.items()
}
KINDS = frozenset(_FINDERS)


def locate(session: Session, kind: str, key: str) -> Located | None:
    """Return where the object lies, or None when there is none of that name."""
    row = _FINDERS[kind].first(session, {"key": key})
    if row is None:
        return None
    return Located(row.project_id, row.team_id, row.owner_id, row.object_id)
