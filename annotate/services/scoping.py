"""The parts of a query that keep it inside its scope. Every service builds on these.

What a role for some teams reaches is their own and what is for all teams. Rounds and tasks of
another team are not there for it, nor are the cases that came of them: neither by name nor in a
count, also where the item is shared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.models import AdjudicationCase, Annotation, Assignment, Item, Label, Round, Task

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.orm import InstrumentedAttribute

    from annotate.policy import Scope

Conditions = tuple[sa.ColumnElement[bool], ...]
TaskBound = type[Task] | type[Assignment] | type[AdjudicationCase]
"""A table of tasks, or of what belongs to one."""


def in_scope(model: Any, scope: Scope) -> Conditions:  # noqa: ANN401
    """Return the conditions that keep rows of a table inside project and teams."""
    conditions = [model.project_id == scope.project_id]
    if scope.team_ids is not None and hasattr(model, "team_id"):
        conditions.append(model.team_id.in_(sorted(scope.team_ids)))
    return tuple(conditions)


def visible_items(scope: Scope) -> Conditions:
    """Return the conditions for items that may be shown, counted or exported.

    Quarantined items are out of everything. Items without a team belong to all teams of the
    project.
    """
    return (
        Item.project_id == scope.project_id,
        Item.quarantined_at.is_(None),
        *own_or_shared(Item.team_id, scope.team_ids),
    )


def own_or_shared(
    column: InstrumentedAttribute[str | None], team_ids: Collection[str] | None
) -> Conditions:
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


def of_visible_tasks(model: TaskBound, scope: Scope) -> Conditions:
    """Return the conditions for tasks that a scope may see, or for what belongs to them."""
    if issubclass(model, Task):
        return visible_tasks(scope)
    if scope.team_ids is None:
        return (model.project_id == scope.project_id,)
    tasks = sa.select(Task.id).where(*visible_tasks(scope))
    return (model.project_id == scope.project_id, model.task_id.in_(tasks))


def labels_that_count(
    *columns: sa.ColumnElement[Any] | InstrumentedAttribute[Any],
) -> sa.Select[*tuple[Any, ...]]:
    """Select over labels of submitted assignments in their last revision, of whatever scope."""
    return (
        sa.select(*columns)
        .select_from(Assignment)
        .join(
            Annotation,
            sa.and_(
                Annotation.assignment_id == Assignment.id,
                Annotation.revision == Assignment.current_revision,
            ),
        )
        .join(Label, Label.annotation_id == Annotation.id)
        .where(Assignment.state == "submitted")
    )
