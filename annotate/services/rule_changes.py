"""What a rubric version changed since a person last worked: shown once, then acknowledged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from annotate.db import now
from annotate.models import Annotation, RubricAcknowledgement, RubricVersion
from annotate.services.compiled import compiled_rubric
from annotate.services.ids import known_form
from rubrics.versioning import diff

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from annotate.policy import Actor, Scope
    from rubrics.schema import Rubric
    from rubrics.versioning import Change


@dataclass(frozen=True, slots=True)
class RuleChanges:
    """Two versions of a rubric and every difference between them."""

    rubric_version_id: str
    old: Rubric
    new: Rubric
    changes: tuple[Change, ...]


def pending(
    session: Session, actor: Actor, scope: Scope, rubric_version_id: str
) -> RuleChanges | None:
    """Return what changed since the person last labelled under this rubric.

    None when they never did, did so under this very version, or were shown the changes before.
    """
    version_id = known_form(rubric_version_id, "rubric version")
    if _is_acknowledged(session, actor, scope, version_id):
        return None
    before = _last_version(session, actor, scope, version_id)
    if before is None or before == version_id:
        return None
    old = compiled_rubric(session, scope.project_id, before).rubric
    new = compiled_rubric(session, scope.project_id, version_id).rubric
    return RuleChanges(version_id, old, new, diff(old, new).changes)


def acknowledge(session: Session, actor: Actor, scope: Scope, rubric_version_id: str) -> None:
    """Keep that the person was shown what a version changed; doing it again changes nothing."""
    version_id = known_form(rubric_version_id, "rubric version")
    compiled_rubric(session, scope.project_id, version_id)
    if _is_acknowledged(session, actor, scope, version_id):
        return
    session.execute(
        sa.insert(RubricAcknowledgement),
        {
            "user_id": actor.user_id,
            "rubric_version_id": version_id,
            "project_id": scope.project_id,
            "created_at": now(session),
        },
    )


def _is_acknowledged(session: Session, actor: Actor, scope: Scope, version_id: str) -> bool:
    found = session.execute(
        sa.select(RubricAcknowledgement.created_at).where(
            RubricAcknowledgement.user_id == actor.user_id,
            RubricAcknowledgement.rubric_version_id == version_id,
            RubricAcknowledgement.project_id == scope.project_id,
        )
    ).first()
    return found is not None


def _last_version(session: Session, actor: Actor, scope: Scope, version_id: str) -> str | None:
    """Return the version of the same rubric under which the person last submitted something."""
    line = sa.select(RubricVersion.rubric_id).where(
        RubricVersion.id == version_id, RubricVersion.project_id == scope.project_id
    )
    return session.scalar(
        sa.select(Annotation.rubric_version_id)
        .join(RubricVersion, RubricVersion.id == Annotation.rubric_version_id)
        .where(
            Annotation.project_id == scope.project_id,
            Annotation.annotator_id == actor.user_id,
            RubricVersion.project_id == scope.project_id,
            RubricVersion.rubric_id == line.scalar_subquery(),
        )
        .order_by(Annotation.created_at.desc(), Annotation.id.desc())
        .limit(1)
    )
