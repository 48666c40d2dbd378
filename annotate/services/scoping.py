"""The parts of a query that keep it inside its scope. Every service builds on these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.models import Annotation, Assignment, Item, Label

if TYPE_CHECKING:
    from annotate.policy import Scope


def in_scope(model: Any, scope: Scope) -> tuple[sa.ColumnElement[bool], ...]:  # noqa: ANN401
    """Return the conditions that keep rows of a table inside project and teams."""
    conditions = [model.project_id == scope.project_id]
    if scope.team_ids is not None and hasattr(model, "team_id"):
        conditions.append(model.team_id.in_(sorted(scope.team_ids)))
    return tuple(conditions)


def visible_items(scope: Scope) -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions for items that may be shown, counted or exported.

    Quarantined items are out of everything. Items without a team belong to all teams of the
    project.
    """
    conditions = [Item.project_id == scope.project_id, Item.quarantined_at.is_(None)]
    if scope.team_ids is not None:
        shared = Item.team_id.is_(None) | Item.team_id.in_(sorted(scope.team_ids))
        conditions.append(shared)
    return tuple(conditions)


def labels_that_count(*columns: Any) -> sa.Select[*tuple[Any, ...]]:  # noqa: ANN401
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
