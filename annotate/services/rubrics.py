"""Rubric versions of a project: read, add, publish, compare."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import sqlalchemy as sa

from annotate.db import new_id, now
from annotate.models import Annotation, Assignment, Item, Label, Project, Rubric, RubricVersion
from annotate.services import audit
from annotate.services.errors import BadInput, Conflict, NotFound
from annotate.services.ids import known_form
from annotate.services.scoping import in_scope, labels_that_count, visible_items
from rubrics import loader, versioning
from rubrics.errors import RubricInvalid
from rubrics.sentences import Sentence
from rubrics.yaml_nodes import Problems, parse

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy.orm import Session

    from annotate.policy import Actor, Scope
    from rubrics.errors import Problem
    from rubrics.schema import Rubric as RubricText
    from rubrics.versioning import RubricDiff

MAX_SOURCE_CHARACTERS = 1_000_000
SOURCE_NAME = "rubric.yaml"
_KEPT_RUBRICS = 64
_by_fingerprint: dict[str, RubricText] = {}


@dataclass(frozen=True, slots=True)
class Reading:
    """A rubric text that can be used."""

    rubric: RubricText
    canonical: str
    fingerprint: str
    warnings: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class VersionLine:
    """One version as a list shows it."""

    id: str
    rubric_id: str
    rubric: str
    version: str
    title: str
    status: str
    fingerprint: str
    certified: bool
    created_by: str
    created_at: datetime
    published_at: datetime | None


@dataclass(frozen=True, slots=True)
class CellImpact:
    """Current labels of one question, for one category, that a new version puts in question."""

    question: str
    category: str
    labels: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between two versions, and what that does to the labels made so far."""

    old: VersionLine
    new: VersionLine
    diff: RubricDiff
    labels: int
    in_question: tuple[CellImpact, ...]

    @property
    def labels_in_question(self) -> int:
        """Number of labels whose meaning changed."""
        return sum(cell.labels for cell in self.in_question)


def read_source(text: str, name: str = SOURCE_NAME) -> Reading:
    """Read a rubric text; do it before a transaction, the result is kept for the write.

    Raises
    ------
    RubricInvalid
        With every problem and its place.
    BadInput
        When the text is empty or far longer than any rubric.
    """
    if not text.strip():
        problem = {"field": "source", "message": Sentence("There is no rubric in it.")}
        raise BadInput("The rubric is empty.", problems=[problem])
    if len(text) > MAX_SOURCE_CHARACTERS:
        words = Sentence(
            "%(most)s characters at most; these are %(n)s.",
            most=f"{MAX_SOURCE_CHARACTERS:,}",
            n=f"{len(text):,}",
        )
        problem = {"field": "source", "message": words}
        raise BadInput(
            Sentence("The rubric is too long: %(words)s", words=words), problems=[problem]
        )
    try:
        found = _read(text)
    except RubricInvalid as invalid:
        raise RubricInvalid(_named(invalid.problems, name)) from None
    return replace(found, warnings=_named(found.warnings, name))


def _named(problems: Iterable[Problem], name: str) -> tuple[Problem, ...]:
    return tuple(replace(problem, source=name) for problem in problems)


@lru_cache(maxsize=16)
def _read(text: str) -> Reading:
    problems = Problems(SOURCE_NAME)
    rubric = loader.build(parse(text, problems), problems)
    return Reading(
        rubric,
        versioning.canonical_json(rubric),
        versioning.fingerprint(rubric),
        tuple(one for one in problems.found if one.severity == "warning"),
    )


def add_version(session: Session, actor: Actor, scope: Scope, source_text: str) -> RubricVersion:
    """Add a version as a draft, or return the one that holds exactly this rubric already.

    A draft of the same number that was never published is replaced: nothing was labelled under it.

    Raises
    ------
    RubricInvalid
        With every problem of the text.
    Conflict
        When the version number is published already with other content.
    """
    reading = read_source(source_text)
    rubric_id = _line(session, scope, reading.rubric.id)
    same = session.scalar(
        sa.select(RubricVersion).where(
            RubricVersion.project_id == scope.project_id,
            RubricVersion.fingerprint == reading.fingerprint,
        )
    )
    if same is not None:
        return same
    _make_room(session, actor, scope, rubric_id, reading.rubric.version)
    version = RubricVersion(
        id=new_id(),
        project_id=scope.project_id,
        rubric_id=rubric_id,
        version=reading.rubric.version,
        title=reading.rubric.title[:200],
        fingerprint=reading.fingerprint,
        source=source_text,
        canonical=reading.canonical,
        status="draft",
        created_by=actor.user_id,
        created_at=now(session),
    )
    session.add(version)
    session.flush()
    _record(session, actor, scope, "rubric.added", version)
    return version


def publish(session: Session, actor: Actor, scope: Scope, version_id: str) -> RubricVersion:
    """Publish a draft, so that rounds may use it. Publishing twice changes nothing.

    Raises
    ------
    Conflict
        When the version number does not step far enough from the last published version.
    """
    version = _locked(session, scope, version_id)
    if version.status == "published":
        return version
    if version.status == "retired":
        raise Conflict(
            Sentence(
                "Version %(version)s is retired; add a new version instead.",
                version=version.version,
            )
        )
    before = _last_published(session, scope, version.rubric_id)
    if before is not None:
        reason = versioning.bump_problem(
            from_version(before), read_canonical(version.fingerprint, version.canonical)
        )
        if reason is not None:
            raise Conflict(Sentence("The version number does not fit: %(reason)s.", reason=reason))
    version.status, version.published_at = "published", now(session)
    session.flush()
    _record(session, actor, scope, "rubric.published", version)
    return version


def get(session: Session, scope: Scope, version_id: str) -> RubricVersion:
    """Return one version of the project."""
    version = session.scalar(
        sa.select(RubricVersion).where(
            RubricVersion.id == known_form(version_id, "rubric version"),
            RubricVersion.project_id == scope.project_id,
        )
    )
    if version is None:
        raise NotFound("There is no rubric version of that id here.")
    return version


def load(session: Session, scope: Scope, version_id: str) -> RubricText:
    """Return the rubric of a version; it is read once a process."""
    query = sa.select(RubricVersion.fingerprint).where(
        RubricVersion.id == known_form(version_id, "rubric version"),
        RubricVersion.project_id == scope.project_id,
    )
    fingerprint = session.scalar(query)
    if fingerprint is None:
        raise NotFound("There is no rubric version of that id here.")
    kept = _by_fingerprint.get(fingerprint)
    return kept if kept is not None else from_version(get(session, scope, version_id))


def from_version(version: RubricVersion) -> RubricText:
    """Return the rubric that a version holds."""
    return read_canonical(version.fingerprint, version.canonical)


def read_canonical(fingerprint: str, canonical: str) -> RubricText:
    """Return the rubric of a canonical text, kept by its fingerprint."""
    kept = _by_fingerprint.get(fingerprint)
    if kept is None:
        kept = versioning.from_canonical_json(canonical)
        while len(_by_fingerprint) >= _KEPT_RUBRICS:
            _by_fingerprint.pop(next(iter(_by_fingerprint)), None)
        _by_fingerprint[fingerprint] = kept
    return kept


def versions(session: Session, scope: Scope) -> list[VersionLine]:
    """Return all versions of the project, newest first."""
    rows = session.execute(
        sa.select(
            RubricVersion.id,
            RubricVersion.rubric_id,
            Rubric.slug.label("rubric"),
            RubricVersion.version,
            RubricVersion.title,
            RubricVersion.status,
            RubricVersion.fingerprint,
            RubricVersion.certified,
            RubricVersion.created_by,
            RubricVersion.created_at,
            RubricVersion.published_at,
        )
        .join(Rubric, Rubric.id == RubricVersion.rubric_id)
        .where(RubricVersion.project_id == scope.project_id)
        .order_by(RubricVersion.id.desc())
    ).all()
    return [VersionLine(*row) for row in rows]


def current(lines: Iterable[VersionLine]) -> VersionLine | None:
    """Return the version that new rounds use: the one published last."""
    published = [line for line in lines if line.status == "published"]
    return max(published, key=lambda line: (line.published_at, line.id), default=None)


def before(lines: Iterable[VersionLine], line: VersionLine) -> VersionLine | None:
    """Return the version that a version follows: the nearest published one of a lower number."""
    number = _number(line.version)
    lower = [
        other
        for other in lines
        if other.rubric_id == line.rubric_id
        and other.status != "draft"
        and _number(other.version) < number
    ]
    return max(lower, key=lambda other: _number(other.version), default=None)


def compare(session: Session, scope: Scope, old_id: str, new_id_: str) -> Comparison:
    """Return what differs between two versions, and which current labels that puts in question."""
    lines = {line.id: line for line in versions(session, scope)}
    if old_id not in lines or new_id_ not in lines:
        raise NotFound("There is no rubric version of that id here.")
    old, new = load(session, scope, old_id), load(session, scope, new_id_)
    diff = versioning.diff(old, new)
    counts = _label_counts(session, scope, lines[old_id].fingerprint)
    meanings = _Meanings(old, new, frozenset(change.element for change in diff.changes))
    changed = tuple(
        CellImpact(question, category, number)
        for (question, category), number in sorted(counts.items())
        if meanings.changed(question, category)
    )
    return Comparison(lines[old_id], lines[new_id_], diff, sum(counts.values()), changed)


class _Meanings:
    """Which cells mean something else in the new version; each is looked at once."""

    def __init__(self, old: RubricText, new: RubricText, touched: frozenset[str]) -> None:
        self._old, self._new, self._touched = old, new, touched
        self._kept = {one.id: one for one in new.questions}
        self._harms = {one.id for one in old.categories}
        self._known: dict[tuple[str, str], bool] = {}

    def changed(self, question: str, category: str) -> bool:
        """Tell whether labels of the cell may no longer be pooled."""
        key = (question, category if category in self._harms else "")
        if key not in self._known:
            self._known[key] = self._changed(*key)
        return self._known[key]

    def _changed(self, question: str, harm: str) -> bool:
        if question not in self._kept:
            return True
        if harm and harm not in {one.id for one in self._new.categories}:
            return True
        if not self._may_differ(question, harm):
            return False
        meaning = versioning.meaning_hash
        return meaning(self._old, question, harm) != meaning(self._new, question, harm)

    def _may_differ(self, question: str, harm: str) -> bool:
        """Tell whether any change touches what the meaning of the cell is made of."""
        parent = self._kept[question].repeat_for
        near = {"rubric", f"question {question}", f"question {parent}", f"category {harm}"}
        if harm:
            return not near.isdisjoint(self._touched)
        return not near.isdisjoint(self._touched) or any(
            one.startswith("category ") for one in self._touched
        )


def _label_counts(session: Session, scope: Scope, fingerprint: str) -> dict[tuple[str, str], int]:
    rows = session.execute(
        labels_that_count(Label.question, Label.category, sa.func.count())
        .join(Item, Item.id == Assignment.item_id)
        .where(
            *in_scope(Assignment, scope),
            *visible_items(scope),
            Annotation.fingerprint == fingerprint,
            Label.project_id == scope.project_id,
            Label.state == "answered",
        )
        .group_by(Label.question, Label.category)
    ).all()
    return {(question, category): number for question, category, number in rows}


def _line(session: Session, scope: Scope, slug: str) -> str:
    """Return the id of the project's line of versions of that name, made on first use."""
    # One writer a project, so that two first versions do not both make the line.
    session.execute(
        sa.select(Project.id).where(Project.id == scope.project_id).with_for_update(key_share=True)
    )
    query = sa.select(Rubric.id).where(Rubric.project_id == scope.project_id, Rubric.slug == slug)
    found: str | None = session.scalar(query)
    if found is not None:
        return found
    line = Rubric(id=new_id(), project_id=scope.project_id, slug=slug, created_at=now(session))
    session.add(line)
    session.flush()
    return line.id


def _make_room(session: Session, actor: Actor, scope: Scope, rubric_id: str, number: str) -> None:
    taken = session.scalar(
        sa.select(RubricVersion).where(
            RubricVersion.project_id == scope.project_id,
            RubricVersion.rubric_id == rubric_id,
            RubricVersion.version == number,
        )
    )
    if taken is None:
        return
    if taken.status != "draft":
        raise Conflict(
            Sentence(
                "Version %(version)s is %(status)s and is never edited. Give the new text a "
                "higher version number.",
                version=number,
                status=Sentence(taken.status),
            )
        )
    _record(session, actor, scope, "rubric.draft_replaced", taken)
    session.delete(taken)
    session.flush()


def _locked(session: Session, scope: Scope, version_id: str) -> RubricVersion:
    version = session.scalar(
        sa.select(RubricVersion)
        .where(
            RubricVersion.id == known_form(version_id, "rubric version"),
            RubricVersion.project_id == scope.project_id,
        )
        .with_for_update(key_share=True)
    )
    if version is None:
        raise NotFound("There is no rubric version of that id here.")
    return version


def _last_published(session: Session, scope: Scope, rubric_id: str) -> RubricVersion | None:
    rows = session.scalars(
        sa.select(RubricVersion).where(
            RubricVersion.project_id == scope.project_id,
            RubricVersion.rubric_id == rubric_id,
            RubricVersion.status != "draft",
        )
    ).all()
    return max(rows, key=lambda row: _number(row.version), default=None)


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _record(
    session: Session, actor: Actor, scope: Scope, kind: str, version: RubricVersion
) -> None:
    audit.record(
        session,
        actor,
        kind,
        "rubric_version",
        version.id,
        project_id=scope.project_id,
        body={"version": version.version, "fingerprint": version.fingerprint},
        outbox=kind == "rubric.published",
    )
