"""What a role for some teams reaches of work: what is their own, and what is for all teams.

Rounds and tasks of another team are not there for such a role, nor are the cases that came of
them: neither by name nor in a count, also where the item is shared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.models import Round, Task

if TYPE_CHECKING:
    from collections.abc import Collection

    from annotate.policy import Scope

Conditions = tuple[sa.ColumnElement[bool], ...]


def own_or_shared(column: Any, team_ids: Collection[str] | None) -> Conditions:  # noqa: ANN401
    """Return the conditions for rows of some teams and of all; none where all may be seen."""
    if team_ids is None:
        return ()
    return (column.is_(None) | column.in_(sorted(team_ids)),)


def visible_rounds(scope: Scope) -> Conditions:
    """Return the conditions for rounds a scope may see."""
    return (Round.project_id == scope.project_id, *own_or_shared(Round.team_id, scope.team_ids))


def visible_tasks(scope: Scope) -> Conditions:
    """Return the conditions for tasks a scope may see."""
    return (Task.project_id == scope.project_id, *own_or_shared(Task.team_id, scope.team_ids))


def of_visible_tasks(model: Any, scope: Scope) -> Conditions:  # noqa: ANN401 - a table with a task
    """Return the conditions for cases or assignments whose task a scope may see."""
    if scope.team_ids is None:
        return (model.project_id == scope.project_id,)
    tasks = sa.select(Task.id).where(*visible_tasks(scope))
    return (model.project_id == scope.project_id, model.task_id.in_(tasks))
