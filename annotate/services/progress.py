"""How far a project is: rounds, languages, positives found, and what waits for somebody."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.db import later
from annotate.models import (
    AdjudicationCase,
    Assignment,
    Item,
    ItemReport,
    Job,
    PracticeItem,
    Project,
    RoleGrant,
    Round,
    RubricVersion,
    Task,
    UserAccount,
)
from annotate.services import rubrics
from annotate.services.positives import ElementProgress, elements_found
from annotate.services.scoping import (
    of_visible_tasks,
    own_or_shared,
    visible_items,
    visible_rounds,
    visible_tasks,
)

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from annotate.policy import Actor, Scope
    from annotate.services.rubrics import VersionLine

FAILED_JOBS_SHOWN_SECONDS = 7 * 86_400


@dataclass(frozen=True, slots=True)
class RoundProgress:
    """One round: its design and how far it is. Places are items times annotators."""

    id: str
    number: int
    name: str
    phase: str
    state: str
    team_id: str | None
    rubric_version_id: str
    version: str
    fingerprint: str
    overlap: int
    seed: int
    allocation: str
    design: str
    created_at: datetime
    items: int = 0
    complete: int = 0
    places: int = 0
    open_places: int = 0
    leased: int = 0
    submitted: int = 0

    @property
    def from_file(self) -> bool:
        """Tell whether people were named for each item; new items need names too."""
        by = json.loads(self.design).get("by")
        return by == "file" or (by is None and self.allocation == "explicit")


@dataclass(frozen=True, slots=True)
class LanguageProgress:
    """Items of one language (None when it was not given): all, planned, complete."""

    language: str | None
    items: int
    planned: int
    complete: int


@dataclass(frozen=True, slots=True)
class JobLine:
    """A job that runs, waits or failed."""

    id: str
    kind: str
    state: str
    done: int
    total: int | None
    message: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for somebody."""

    open_cases: int = 0
    oldest_case: datetime | None = None
    quarantined: int = 0
    reports: int = 0
    annotators: int = 0
    jobs: tuple[JobLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything the overview page and the progress API tell."""

    items: int
    planned: int
    complete: int
    current: VersionLine | None
    draft: VersionLine | None
    judged_by: VersionLine | None
    rounds: tuple[RoundProgress, ...] = ()
    languages: tuple[LanguageProgress, ...] = ()
    elements: tuple[ElementProgress, ...] = ()
    waiting: Waiting = field(default_factory=Waiting)

    @property
    def places(self) -> int:
        """Return the places of all rounds."""
        return sum(one.places for one in self.rounds)

    @property
    def submitted(self) -> int:
        """Return the submitted annotations of all rounds."""
        return sum(one.submitted for one in self.rounds)

    @property
    def stage(self) -> str:
        """Return what the project needs next, as one word."""
        steps = (
            ("rubric", self.current is None and self.draft is None),
            ("publish", self.current is None),
            ("items", self.items == 0),
            ("round", not self.rounds),
            ("people", self.waiting.annotators == 0 and self.complete < self.planned),
            ("paused", self.places > self.submitted and self._all_rest()),
            ("labelling", self.complete < self.planned),
        )
        return next((name for name, holds in steps if holds), "done")

    def _all_rest(self) -> bool:
        return all(one.state != "open" for one in self.rounds)


def overview(session: Session, scope: Scope) -> Overview:
    """Return how far the project is."""
    lines = rubrics.versions(session, scope)
    current = rubrics.current(lines)
    found = rounds(session, scope)
    languages = _languages(session, scope)
    judged_by = _judged_by(lines, found, current)
    return Overview(
        items=sum(one.items for one in languages),
        planned=sum(one.planned for one in languages),
        complete=sum(one.complete for one in languages),
        current=current,
        draft=next((line for line in lines if line.status == "draft"), None),
        judged_by=judged_by,
        rounds=tuple(found),
        languages=tuple(languages),
        elements=elements_found(session, scope, judged_by),
        waiting=_waiting(session, scope),
    )


def rounds(session: Session, scope: Scope, round_id: str | None = None) -> list[RoundProgress]:
    """Return the rounds with how far each is, newest first; one alone when it is named."""
    query = (
        sa.select(
            Round.id,
            Round.number,
            Round.name,
            Round.phase,
            Round.state,
            Round.team_id,
            Round.rubric_version_id,
            RubricVersion.version,
            Round.fingerprint,
            Round.overlap,
            Round.seed,
            Round.allocation,
            Round.design,
            Round.created_at,
        )
        .join(RubricVersion, RubricVersion.id == Round.rubric_version_id)
        .where(*visible_rounds(scope))
        .order_by(Round.number.desc())
    )
    if round_id is not None:
        query = query.where(Round.id == round_id)
    rows = session.execute(query).all()
    counts = _round_counts(session, scope, round_id)
    return [RoundProgress(**{**row._asdict(), **counts.get(row.id, {})}) for row in rows]


def item_count(session: Session, scope: Scope) -> int:
    """Return how many items may be planned."""
    return _count(session, sa.select(sa.func.count(Item.id)).where(*visible_items(scope)))


def unplanned(session: Session, scope: Scope, round_id: str | None = None) -> int:
    """Return how many items have no task yet: in no round at all, or not in the one named."""
    made = sa.select(Task.item_id).where(*visible_tasks(scope))
    if round_id is not None:
        made = made.where(Task.round_id == round_id)
    # Joined rather than asked item by item: SQLite would read all tasks for every item.
    has_task = made.distinct().subquery()
    query = (
        sa.select(sa.func.count(Item.id))
        .outerjoin(has_task, has_task.c.item_id == Item.id)
        .where(
            *visible_items(scope), has_task.c.item_id.is_(None), Item.id.not_in(_practised(scope))
        )
    )
    return _count(session, query)


def _practised(scope: Scope) -> sa.Select[str]:
    return sa.select(PracticeItem.item_id).where(PracticeItem.project_id == scope.project_id)


@dataclass(frozen=True, slots=True)
class ProjectProgress:
    """Counts of one project for the list of projects."""

    items: int = 0
    places: int = 0
    submitted: int = 0
    open_rounds: int = 0
    open_cases: int = 0


def of_projects(session: Session, actor: Actor) -> dict[str, ProjectProgress]:
    """Return the counts of every project the actor sees, by project id, of the actor's teams."""
    query = sa.select(Project.id)
    visible = actor.project_ids()
    if visible is not None:
        query = query.where(Project.id.in_(sorted(visible)))
    alike: defaultdict[frozenset[str] | None, list[str]] = defaultdict(list)
    for project_id in session.scalars(query):
        alike[actor.scope("round.view", project_id).team_ids].append(project_id)
    counts: dict[str, dict[str, int]] = {}
    for team_ids, ids in alike.items():
        for name, counted in _counts_of_projects(team_ids).items():
            narrowed = counted.where(counted.selected_columns[0].in_(ids))
            for project_id, number in session.execute(narrowed).all():
                counts.setdefault(project_id, {})[name] = int(number)
    return {project_id: ProjectProgress(**found) for project_id, found in counts.items()}


def _counts_of_projects(team_ids: frozenset[str] | None) -> dict[str, sa.Select[Any]]:
    queries = {
        "items": _counted(Item).where(
            Item.quarantined_at.is_(None), *own_or_shared(Item.team_id, team_ids)
        ),
        "places": _summed(Task.project_id, Task.needed).where(
            *own_or_shared(Task.team_id, team_ids)
        ),
        "submitted": _counted(Assignment).where(Assignment.state == "submitted"),
        "open_rounds": _counted(Round).where(
            Round.state == "open", *own_or_shared(Round.team_id, team_ids)
        ),
        "open_cases": _counted(AdjudicationCase).where(AdjudicationCase.state == "open"),
    }
    if team_ids is not None:
        tasks = own_or_shared(Task.team_id, team_ids)
        for name, model in (("submitted", Assignment), ("open_cases", AdjudicationCase)):
            queries[name] = queries[name].join(Task, Task.id == model.task_id).where(*tasks)
    return queries


def _judged_by(
    lines: list[VersionLine], found: list[RoundProgress], current: VersionLine | None
) -> VersionLine | None:
    """Return the version the progress is told by: that of the newest open round, if any."""
    ordered = [one for one in found if one.state == "open"] or found
    if not ordered:
        return current
    return next((one for one in lines if one.id == ordered[0].rubric_version_id), current)


def _tasks_done(scope: Scope) -> sa.Subquery:
    """Return the tasks of visible items with the submissions each has."""
    return (
        sa.select(
            Task.id,
            Task.round_id,
            Task.item_id,
            Task.needed,
            Task.open_slots,
            sa.func.count(Assignment.id).label("submitted"),
        )
        .join(Item, Item.id == Task.item_id)
        .outerjoin(Assignment, (Assignment.task_id == Task.id) & (Assignment.state == "submitted"))
        .where(*visible_tasks(scope), *visible_items(scope))
        .group_by(Task.id, Task.round_id, Task.item_id, Task.needed, Task.open_slots)
        .subquery()
    )


def _round_counts(
    session: Session, scope: Scope, round_id: str | None
) -> dict[str, dict[str, int]]:
    task = _tasks_done(scope)
    query = sa.select(
        task.c.round_id,
        sa.func.count().label("items"),
        sa.func.sum(_is(task.c.submitted >= task.c.needed)).label("complete"),
        sa.func.sum(task.c.needed).label("places"),
        sa.func.sum(task.c.open_slots).label("open_places"),
        sa.func.sum(task.c.submitted).label("submitted"),
    ).group_by(task.c.round_id)
    leased = (
        sa.select(Assignment.round_id, sa.func.count())
        .where(*of_visible_tasks(Assignment, scope), Assignment.state == "leased")
        .group_by(Assignment.round_id)
    )
    if round_id is not None:
        query = query.where(task.c.round_id == round_id)
        leased = leased.where(Assignment.round_id == round_id)
    held = {row[0]: row[1] for row in session.execute(leased).all()}
    return {
        row.round_id: {
            **{name: int(value) for name, value in row._asdict().items() if name != "round_id"},
            "leased": held.get(row.round_id, 0),
        }
        for row in session.execute(query).all()
    }


def _languages(session: Session, scope: Scope) -> list[LanguageProgress]:
    task = _tasks_done(scope)
    done = task.c.submitted >= task.c.needed
    # A task that a closed round left undone is not waited for, but does not complete its item.
    item = (
        sa.select(
            task.c.item_id,
            (sa.func.min(_is(done | (Round.state == "closed"))) * sa.func.max(_is(done))).label(
                "complete"
            ),
        )
        .join(Round, Round.id == task.c.round_id)
        .where(Round.project_id == scope.project_id)
        .group_by(task.c.item_id)
        .subquery()
    )
    rows = session.execute(
        sa.select(
            Item.language,
            sa.func.count(Item.id).label("items"),
            sa.func.count(item.c.item_id).label("planned"),
            sa.func.coalesce(sa.func.sum(item.c.complete), 0).label("complete"),
        )
        .outerjoin(item, item.c.item_id == Item.id)
        .where(*visible_items(scope))
        .group_by(Item.language)
    ).all()
    found = [
        LanguageProgress(row.language, row.items, row.planned, int(row.complete)) for row in rows
    ]
    return sorted(found, key=lambda one: (-one.items, one.language or "~"))


def _is(condition: sa.ColumnElement[bool]) -> sa.Case[int]:
    return sa.case((condition, 1), else_=0)


def _waiting(session: Session, scope: Scope) -> Waiting:
    cases = session.execute(
        sa.select(sa.func.count(), sa.func.min(AdjudicationCase.opened_at))
        .join(Item, Item.id == AdjudicationCase.item_id)
        .where(
            *of_visible_tasks(AdjudicationCase, scope),
            AdjudicationCase.state == "open",
            *visible_items(scope),
        )
    ).one()
    items = (Item.project_id == scope.project_id, *own_or_shared(Item.team_id, scope.team_ids))
    return Waiting(
        open_cases=cases[0],
        oldest_case=cases[1],
        quarantined=_count(
            session,
            sa.select(sa.func.count(Item.id)).where(*items, Item.quarantined_at.is_not(None)),
        ),
        reports=_count(
            session,
            sa.select(sa.func.count(ItemReport.id))
            .join(Item, Item.id == ItemReport.item_id)
            .where(
                ItemReport.project_id == scope.project_id, *items, ItemReport.resolved_at.is_(None)
            ),
        ),
        annotators=_count(session, _annotators(scope)),
        jobs=_jobs(session, scope),
    )


def _annotators(scope: Scope) -> sa.Select[int]:
    query = (
        sa.select(sa.func.count(sa.distinct(RoleGrant.user_id)))
        .join(UserAccount, UserAccount.id == RoleGrant.user_id)
        .where(
            RoleGrant.role == "annotator",
            RoleGrant.revoked_at.is_(None),
            RoleGrant.project_id.is_(None) | (RoleGrant.project_id == scope.project_id),
            UserAccount.deactivated_at.is_(None),
        )
    )
    if scope.team_ids is not None:
        query = query.where(RoleGrant.team_id.in_(sorted(scope.team_ids)))
    return query


def _jobs(session: Session, scope: Scope) -> tuple[JobLine, ...]:
    lately = Job.finished_at >= later(session, -FAILED_JOBS_SHOWN_SECONDS)
    rows = session.execute(
        sa.select(Job.id, Job.kind, Job.state, Job.progress_done, Job.progress_total, Job.message)
        .where(
            Job.project_id == scope.project_id,
            *own_or_shared(Job.team_id, scope.team_ids),
            Job.state.in_(("queued", "running")) | ((Job.state == "failed") & lately),
        )
        .order_by(Job.id.desc())
        .limit(5)
    ).all()
    return tuple(JobLine(*row) for row in rows)


def _count(session: Session, query: sa.Select[int]) -> int:
    return int(session.scalar(query) or 0)


def _counted(model: Any) -> sa.Select[Any]:  # noqa: ANN401 - any table with a project
    return sa.select(model.project_id, sa.func.count()).group_by(model.project_id)


def _summed(project: Any, column: Any) -> sa.Select[Any]:  # noqa: ANN401 - columns of one table
    return (
        sa.select(project, sa.func.sum(column))
        .join(Project, Project.id == project)
        .group_by(project)
    )
