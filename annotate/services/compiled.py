"""Rubric versions made ready for work, kept in the process: a version never changes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import sqlalchemy as sa

from annotate.models import RubricVersion
from annotate.services.errors import NotFound
from rubrics.versioning import from_canonical_json, meaning_hash
from tasks.exposure import Scale
from tasks.label_validation import compile_validator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from rubrics.schema import Rubric
    from tasks.label_validation import LabelValidator

KEPT = 64
"""How many versions a process keeps compiled."""

_VERSION = sa.select(
    RubricVersion.id,
    RubricVersion.canonical,
    RubricVersion.fingerprint,
).where(
    RubricVersion.id == sa.bindparam("version_id"),
    RubricVersion.project_id == sa.bindparam("project_id"),
)


@dataclass(frozen=True, slots=True)
class CompiledRubric:
    """A rubric with its validator and the meaning hash of each question."""

    rubric: Rubric
    fingerprint: str
    validator: LabelValidator
    meaning: Mapping[str, str]
    has_spans: bool
    scale: Scale
    """How its answers weigh for the person who reads."""


@lru_cache(maxsize=KEPT)
def _compile(fingerprint: str, canonical: str) -> CompiledRubric:
    rubric = from_canonical_json(canonical)
    return CompiledRubric(
        rubric=rubric,
        fingerprint=fingerprint,
        validator=compile_validator(rubric),
        meaning={question.id: meaning_hash(rubric, question.id) for question in rubric.questions},
        has_spans=any(question.type == "span" for question in rubric.questions),
        scale=Scale(rubric),
    )


class CompiledRubrics:
    """The compiled versions of one process, found by id without asking the database again."""

    def __init__(self) -> None:
        self._by_id: dict[tuple[str, str], CompiledRubric] = {}

    def get(self, session: Session, project_id: str, version_id: str) -> CompiledRubric:
        """Return a version of the project, compiled.

        Raises
        ------
        NotFound
            When the project has no such version.
        """
        found = self._by_id.get((project_id, version_id))
        if found is not None:
            return found
        row = session.execute(
            _VERSION, {"version_id": version_id, "project_id": project_id}
        ).first()
        if row is None:
            raise NotFound("There is no such rubric version in this project")
        compiled = _compile(row.fingerprint, row.canonical)
        if len(self._by_id) >= KEPT:
            self._by_id.clear()
        self._by_id[project_id, version_id] = compiled
        return compiled


_COMPILED = CompiledRubrics()


def compiled_rubric(session: Session, project_id: str, version_id: str) -> CompiledRubric:
    """Return a rubric version of the project, compiled and kept."""
    return _COMPILED.get(session, project_id, version_id)
