"""One item with all that is known about it: labels, versions, cases, decisions, releases."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.models import (
    AdjudicationCase,
    AdjudicatorAnswer,
    Assignment,
    CaseCell,
    Decision,
    GoldCell,
    GoldRelease,
    Item,
    Project,
    Round,
    RubricVersion,
    Task,
    UserAccount,
)
from annotate.services import item_labels, rubrics
from annotate.services.errors import NotFound
from annotate.services.ids import known_form
from annotate.services.items import ONLY_FILES
from annotate.services.scoping import visible_items, visible_tasks
from exports.gold_set import gold_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from annotate.policy import Actor, Scope
    from rubrics.schema import Rubric

Row = Any
"""A row of one of the queries below; their columns stand in the query."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """A decision on a cell."""

    question: str
    category: str
    kind: str
    value: str | None
    state: str
    clause: str | None
    cause: str | None
    rationale: str
    adjudicator: str
    created_at: datetime
    in_force: bool


@dataclass(frozen=True, slots=True)
class CaseView:
    """The case of a task."""

    id: str
    state: str
    opened_at: datetime
    cells: tuple[tuple[str, str, str, float | None], ...]
    rulings: tuple[Ruling, ...]


@dataclass(frozen=True, slots=True)
class TaskView:
    """What a round asks of the item, and what came of it."""

    round_id: str
    number: int
    name: str
    fingerprint: str
    version: str
    needed: int
    submissions: tuple[item_labels.Submission, ...]
    rows: tuple[item_labels.QuestionRow, ...]
    case: CaseView | None
    rubric: Rubric

    @property
    def current(self) -> tuple[item_labels.Submission, ...]:
        """The submissions that count."""
        return tuple(one for one in self.submissions if one.current)

    @property
    def earlier(self) -> tuple[item_labels.Submission, ...]:
        """Revisions that were replaced."""
        return tuple(one for one in self.submissions if not one.current)


@dataclass(frozen=True, slots=True)
class GoldView:
    """A cell of a release, and the rubric that its value is to be read by."""

    release_id: str
    number: int
    question: str
    category: str
    value: str | None
    basis: str
    n: int
    rubric: Rubric


@dataclass(frozen=True, slots=True)
class ItemView:
    """One item."""

    id: str
    external_id: str
    kind: str
    only_files: bool
    body: dict[str, Any]
    language: str | None
    source: str | None
    licence: str | None
    content_hash: str
    group_keys: dict[str, str]
    slices: dict[str, str]
    metadata: dict[str, Any]
    created_at: datetime
    import_job_id: str | None
    twins: tuple[tuple[str, str], ...]
    concealed: bool
    sealed: str | None
    tasks: tuple[TaskView, ...] = ()
    gold: tuple[GoldView, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """Return what the JSON API shows."""
        return {
            "id": self.id,
            "external_id": self.external_id,
            "kind": self.kind,
            "body": self.body,
            "language": self.language,
            "source": self.source,
            "licence": self.licence,
            "content_hash": self.content_hash,
            "group_keys": self.group_keys,
            "slices": self.slices,
            "metadata": self.metadata,
            "created_at": self.created_at.isoformat(),
            "sealed": self.sealed,
            "annotations": [
                {
                    "id": one.id,
                    "round_id": task.round_id,
                    "fingerprint": task.fingerprint,
                    "annotator_id": one.annotator_id,
                    "revision": one.revision,
                    "current": one.current,
                    "origin": one.origin,
                    "created_at": one.created_at.isoformat(),
                    "labels": [
                        {
                            "question": cell.question,
                            "category": cell.category,
                            "value": cell.value,
                            "state": cell.state,
                        }
                        for cell in one.cells
                    ],
                }
                for task in self.tasks
                for one in task.submissions
            ],
        }


def detail(session: Session, actor: Actor, scope: Scope, item_id: str) -> ItemView:
    """Return one visible item with everything that is known about it.

    Labels stay sealed from whoever may still have to judge the item: an adjudicator of its open
    case before the own answer, and an annotator of an open round before the own submission.

    Raises
    ------
    NotFound
        When there is none, or it is in quarantine.
    """
    found = session.execute(
        sa.select(Item, ONLY_FILES).where(
            Item.id == known_form(item_id, "item"), *visible_items(scope)
        )
    ).one_or_none()
    if found is None:
        raise NotFound("There is no item of that id here.")
    item, only_files = found
    tasks = _tasks(session, scope, item_id)
    texts = {row.fingerprint: _rubric(row) for row in tasks}
    sealed = _sealed(session, actor, scope, item_id)
    return ItemView(
        id=item.id,
        external_id=item.external_id,
        kind=item.kind,
        only_files=only_files,
        body=json.loads(item.body),
        language=item.language,
        source=item.source,
        licence=item.licence,
        content_hash=item.content_hash,
        group_keys=json.loads(item.group_keys),
        slices=json.loads(item.slices),
        metadata=json.loads(item.attributes),
        created_at=item.created_at,
        import_job_id=item.import_job_id,
        twins=_twins(session, scope, item),
        concealed=_concealed(session, scope, texts.values()),
        sealed=sealed,
        tasks=() if sealed else _task_views(session, scope, item_id, tasks, texts),
        gold=() if sealed else _gold(session, scope, item_id),
    )


def _tasks(session: Session, scope: Scope, item_id: str) -> Sequence[Row]:
    return session.execute(
        sa.select(
            Task.id,
            Task.needed,
            Task.fingerprint,
            Round.id.label("round_id"),
            Round.number,
            Round.name,
            RubricVersion.version,
            RubricVersion.canonical,
        )
        .join(Round, Round.id == Task.round_id)
        .join(RubricVersion, RubricVersion.id == Task.rubric_version_id)
        .where(*visible_tasks(scope), Task.item_id == item_id)
        .order_by(Round.number)
    ).all()


def _rubric(row: Row) -> Rubric:
    return rubrics.read_canonical(row.fingerprint, row.canonical)


def _concealed(session: Session, scope: Scope, texts: Iterable[Rubric]) -> bool:
    """Conceal as soon as one rubric of the item, or of the project, wants it."""
    found = list(texts)
    if not found:
        line = rubrics.current(rubrics.versions(session, scope))
        found = [] if line is None else [rubrics.load(session, scope, line.id)]
    return any(rubric.display.conceal != "never" for rubric in found)


def _twins(session: Session, scope: Scope, item: Item) -> tuple[tuple[str, str], ...]:
    rows = session.execute(
        sa.select(Item.id, Item.external_id)
        .where(*visible_items(scope), Item.content_hash == item.content_hash, Item.id != item.id)
        .limit(20)  # without an order: it would have SQLite walk the whole project
    )
    return tuple(sorted(((row.id, row.external_id) for row in rows), key=lambda row: row[1]))


# --------------------------------------------------------------------------------------- the seal


def _sealed(session: Session, actor: Actor, scope: Scope, item_id: str) -> str | None:
    if actor.is_system:
        return None
    if actor.holds("case.decide", scope.project_id) and _case_waits(session, actor, scope, item_id):
        return "case"
    if actor.holds("work.label", scope.project_id) and _label_waits(session, actor, scope, item_id):
        return "label"
    return None


def _case_waits(session: Session, actor: Actor, scope: Scope, item_id: str) -> bool:
    answered = sa.select(sa.literal(1)).where(
        AdjudicatorAnswer.case_id == AdjudicationCase.id,
        AdjudicatorAnswer.project_id == scope.project_id,
        AdjudicatorAnswer.adjudicator_id == actor.user_id,
    )
    statement = (
        sa.select(sa.literal(1))
        .where(
            AdjudicationCase.project_id == scope.project_id,
            AdjudicationCase.item_id == item_id,
            AdjudicationCase.state == "open",
            ~answered.exists(),
        )
        .limit(1)
    )
    return session.execute(statement).first() is not None


def _label_waits(session: Session, actor: Actor, scope: Scope, item_id: str) -> bool:
    own = sa.select(sa.literal(1)).where(
        Assignment.task_id == Task.id,
        Assignment.project_id == scope.project_id,
        Assignment.annotator_id == actor.user_id,
        Assignment.state == "submitted",
    )
    statement = (
        sa.select(sa.literal(1))
        .select_from(Task)
        .join(Round, Round.id == Task.round_id)
        .join(Project, Project.id == Task.project_id)
        .where(
            Task.project_id == scope.project_id,
            Task.item_id == item_id,
            Round.state != "closed",
            Project.archived_at.is_(None),
            ~own.exists(),
        )
        .limit(1)
    )
    return session.execute(statement).first() is not None


# -------------------------------------------------------------------------------- labels and cases


def _task_views(
    session: Session,
    scope: Scope,
    item_id: str,
    tasks: Sequence[Row],
    texts: dict[str, Rubric],
) -> tuple[TaskView, ...]:
    submissions = item_labels.submissions(session, scope, item_id)
    cases = _cases(session, scope, item_id)
    views = []
    for row in tasks:
        own = tuple(submissions.get(row.id, ()))
        current = [one for one in own if one.current]
        views.append(
            TaskView(
                round_id=row.round_id,
                number=row.number,
                name=row.name,
                fingerprint=row.fingerprint,
                version=row.version,
                needed=row.needed,
                submissions=own,
                rows=tuple(item_labels.side_by_side(texts[row.fingerprint], current)),
                case=cases.get(row.id),
                rubric=texts[row.fingerprint],
            )
        )
    return tuple(views)


def _cases(session: Session, scope: Scope, item_id: str) -> dict[str, CaseView]:
    cases = session.execute(
        sa.select(
            AdjudicationCase.id,
            AdjudicationCase.task_id,
            AdjudicationCase.state,
            AdjudicationCase.opened_at,
        ).where(
            AdjudicationCase.project_id == scope.project_id, AdjudicationCase.item_id == item_id
        )
    ).all()
    cells: dict[str, list[tuple[str, str, str, float | None]]] = defaultdict(list)
    for row in session.execute(
        sa.select(
            CaseCell.case_id, CaseCell.question, CaseCell.category, CaseCell.reason, CaseCell.gap
        )
        .where(
            CaseCell.project_id == scope.project_id,
            CaseCell.case_id.in_([case.id for case in cases]),
        )
        .order_by(CaseCell.question, CaseCell.category)
    ):
        cells[row.case_id].append((row.question, row.category, row.reason, row.gap))
    rulings = _rulings(session, scope, item_id)
    return {
        row.task_id: CaseView(
            row.id, row.state, row.opened_at, tuple(cells[row.id]), tuple(rulings[row.id])
        )
        for row in cases
    }


def _rulings(session: Session, scope: Scope, item_id: str) -> dict[str, list[Ruling]]:
    rows = session.execute(
        sa.select(Decision, UserAccount.display_name)
        .join(UserAccount, UserAccount.id == Decision.adjudicator_id)
        .where(Decision.project_id == scope.project_id, Decision.item_id == item_id)
        .order_by(Decision.created_at, Decision.id)
    ).all()
    superseded = {decision.supersedes_id for decision, _ in rows}
    found: dict[str, list[Ruling]] = defaultdict(list)
    for decision, name in rows:
        found[decision.case_id].append(
            Ruling(
                question=decision.question,
                category=decision.category,
                kind=decision.kind,
                value=decision.value,
                state=decision.state,
                clause=decision.clause,
                cause=decision.cause,
                rationale=decision.rationale,
                adjudicator=name,
                created_at=decision.created_at,
                in_force=decision.id not in superseded and decision.kind == "decide",
            )
        )
    return found


def _gold(session: Session, scope: Scope, item_id: str) -> tuple[GoldView, ...]:
    rows = session.execute(
        sa.select(
            GoldRelease.id,
            GoldRelease.number,
            GoldRelease.rubric_version_id,
            GoldCell.question,
            GoldCell.category,
            GoldCell.value,
            GoldCell.basis,
            GoldCell.n,
        )
        .join(GoldRelease, GoldRelease.id == GoldCell.release_id)
        .where(GoldCell.project_id == scope.project_id, GoldCell.item_id == item_id)
        .order_by(GoldRelease.number.desc(), GoldCell.question, GoldCell.category)
        .limit(500)
    ).all()
    versions = {row.rubric_version_id for row in rows}
    read = {version_id: rubrics.load(session, scope, version_id) for version_id in versions}
    places = {version_id: gold_order(rubric) for version_id, rubric in read.items()}
    in_order = sorted(
        rows,
        key=lambda row: (-row.number, places[row.rubric_version_id][row.question, row.category]),
    )
    return tuple(
        GoldView(
            row.id,
            row.number,
            row.question,
            row.category,
            row.value,
            row.basis,
            row.n,
            read[row.rubric_version_id],
        )
        for row in in_order
    )
