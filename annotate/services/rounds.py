"""Rounds: plan first, then make tasks and keep places; pause, resume, close.

Planning knows items by their external ids and people by their logins, so that the same design
over the same items gives the same order on every installation.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.db import is_embedded, new_id, now
from annotate.models import (
    Item,
    PracticeItem,
    Project,
    Reservation,
    Round,
    Task,
)
from annotate.services import audit, exposure, progress, response_order, round_design, rubrics
from annotate.services.errors import BadInput, Conflict, NotAllowed, NotFound
from annotate.services.ids import known_form
from annotate.services.round_design import PHASES, RoundDesign, Worker, teams_of, workers
from annotate.services.scoping import visible_items, visible_rounds
from rubrics.sentences import Sentence, together
from tasks import generation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from annotate.policy import Actor, Scope
    from annotate.services.progress import RoundProgress
    from tasks.generation import Plan, PlannedTask

__all__ = [
    "NEXT_STATES",
    "PHASES",
    "Generated",
    "RoundDesign",
    "Worker",
    "create",
    "design_of",
    "extend",
    "generate",
    "get",
    "plan",
    "set_state",
    "teams_of",
    "workers",
]

CHUNK = 2000
NEXT_STATES: dict[str, tuple[str, ...]] = {
    "open": ("paused", "closed"),
    "paused": ("open", "closed"),
    "closed": (),
}


@dataclass(frozen=True, slots=True)
class Generated:
    """What generating did: the round, and how much of it is new."""

    round_id: str
    number: int
    name: str
    is_new: bool
    tasks: int
    places: int
    kept: int
    """Places that are kept for named people."""
    unchanged: int
    """Tasks that the round had before."""


@dataclass(frozen=True, slots=True)
class _Ground:
    """What a plan stands on, with the ways back from names to ids."""

    items: tuple[generation.PlanItem, ...]
    item_ids: Mapping[str, str]
    workers: Mapping[str, Worker]


def plan(session: Session, actor: Actor, scope: Scope, design: RoundDesign) -> Plan:
    """Plan a round; nothing is made.

    Raises
    ------
    BadInput
        When a field of the design cannot be used, with one problem a field.
    """
    del actor
    checked = round_design.checked(session, scope, design)
    return _plan(session, scope, checked, _ground(session, scope, checked))


def generate(session: Session, actor: Actor, scope: Scope, design: RoundDesign) -> Generated:
    """Make a round with its tasks and kept places.

    A round of that name and the same design is completed instead: items that came in since then
    get their tasks, and doing it again adds nothing.

    Raises
    ------
    BadInput
        When the design or the plan has an error.
    Conflict
        When the rubric version is not published, or the name belongs to a round of another design.
    """
    _lock_project(session, scope)
    checked = round_design.checked(session, scope, design)
    existing = session.scalar(
        sa.select(Round).where(Round.project_id == scope.project_id, Round.name == checked.name)
    )
    if existing is not None:
        _require_same(existing, checked)
    ground = _ground(session, scope, checked)
    planned = _plan(session, scope, checked, ground)
    _require_ok(planned)
    opened = existing if existing is not None else _open(session, actor, scope, checked)
    return _fill(session, actor, _Filling(opened, ground, planned, is_new=existing is None))


def create(session: Session, actor: Actor, scope: Scope, design: RoundDesign) -> str:
    """Make a round, or complete the one of that name and design, and return its id."""
    return generate(session, actor, scope, design).round_id


def extend(
    session: Session,
    actor: Actor,
    scope: Scope,
    round_id: str,
    allocation: Mapping[str, Sequence[str]] | None = None,
) -> Generated:
    """Add tasks for the items that came in since a round was made.

    Raises
    ------
    BadInput
        When the round was made from a file and no allocation is given for the new items.
    Conflict
        When the round is closed.
    """
    _lock_project(session, scope)
    found = _managed(session, scope, round_id)
    design = design_of(found, allocation)
    if allocation is None and json.loads(found.design).get("by") == "file":
        raise BadInput(
            "The places of this round come from a file: give the allocation of the new items too."
        )
    _require_open(found)
    ground = _ground(session, scope, design)
    planned = _plan(session, scope, design, ground)
    _require_ok(planned)
    return _fill(session, actor, _Filling(found, ground, planned, is_new=False))


def set_state(session: Session, actor: Actor, scope: Scope, round_id: str, state: str) -> Round:
    """Pause, resume or close a round. Closing is final; places already held may be finished.

    Raises
    ------
    Conflict
        When the round cannot go there from where it is.
    """
    found = _managed(session, scope, round_id)
    if found.state == state:
        return found
    if state not in NEXT_STATES.get(found.state, ()):
        raise Conflict(_cannot_become(found, state))
    found.state = state
    session.flush()
    verb = {"open": "resumed", "paused": "paused", "closed": "closed"}[state]
    audit.record(
        session,
        actor,
        f"round.{verb}",
        "round",
        found.id,
        project_id=scope.project_id,
        body={"number": found.number},
        outbox=True,
    )
    return found


def get(session: Session, scope: Scope, round_id: str) -> RoundProgress:
    """Return one round with how far it is."""
    found = progress.rounds(session, scope, known_form(round_id, "round"))
    if not found:
        raise NotFound("There is no round of that id here.")
    return found[0]


def design_of(
    found: Round | RoundProgress, allocation: Mapping[str, Sequence[str]] | None = None
) -> RoundDesign:
    """Return the design a round was made with; an allocation from a file is not kept."""
    kept = json.loads(found.design)
    return RoundDesign(
        rubric_version_id=found.rubric_version_id,
        name=found.name,
        phase=found.phase,
        overlap=found.overlap,
        seed=found.seed,
        team_ids=tuple(kept.get("team_ids", ())),
        allocation=allocation,
        minutes_per_item=kept.get("minutes_per_item", 1.0),
        reserve=kept.get("by") == "reserve",
    )


def _require_same(found: Round, design: RoundDesign) -> None:
    _require_open(found)
    made = (found.rubric_version_id, found.phase, found.seed, found.design)
    asked = (design.rubric_version_id, design.phase, design.seed, round_design.kept_design(design))
    same_overlap = design.allocation is not None or found.overlap == design.overlap
    if made != asked or not same_overlap:
        problem = {
            "field": "name",
            "message": Sentence("This name belongs to a round of another design."),
        }
        raise Conflict(
            Sentence(
                "Round %(number)s is called %(name)s and has another design. Choose another name.",
                number=found.number,
                name=repr(found.name),
            ),
            problems=[problem],
        )


def _cannot_become(found: Round, state: str) -> Sentence:
    refused = Sentence(
        "Round %(number)s is %(state)s and cannot become %(wanted)s.",
        number=found.number,
        state=Sentence(found.state),
        wanted=repr(state),
    )
    if found.state != "closed":
        return refused
    return together((refused, Sentence("A closed round stays closed.")))


def _require_open(found: Round) -> None:
    if found.state == "closed":
        raise Conflict(
            Sentence(
                "Round %(number)s is closed: make a new round for more items.", number=found.number
            )
        )


def _require_ok(planned: Plan) -> None:
    if planned.ok:
        return
    problems = [
        {"code": one.code, "severity": one.severity, "message": one.message}
        for one in planned.problems
        if one.severity == "error"
    ]
    raise BadInput(
        Sentence("The plan cannot be made: %(message)s", message=problems[0]["message"]),
        problems=problems,
    )


# ----------------------------------------------------------------------------------- planning


def _ground(session: Session, scope: Scope, design: RoundDesign) -> _Ground:
    query = sa.select(Item.id, Item.external_id, Item.language, Item.slices).where(
        *visible_items(scope), ~_practised(scope) | _in_round(scope, design.name)
    )
    rubric = rubrics.load(session, scope, design.rubric_version_id)
    query = query.where(response_order.fits(rubric, embedded=is_embedded(session)))
    if design.team_ids:
        query = query.where(Item.team_id.is_(None) | Item.team_id.in_(design.team_ids))
    rows = session.execute(query.order_by(Item.external_id)).all()
    items = tuple(
        generation.PlanItem(row.external_id, row.language, json.loads(row.slices)) for row in rows
    )
    ids = {row.external_id: row.id for row in rows}
    return _Ground(items, ids, {one.login: one for one in workers(session, scope)})


def _practised(scope: Scope) -> sa.Exists:
    """Ask for items whose answers people were told: no figure may rest on labels of them."""
    return sa.exists().where(
        PracticeItem.project_id == scope.project_id, PracticeItem.item_id == Item.id
    )


def _in_round(scope: Scope, name: str) -> sa.Exists:
    """Ask for items that the round has already: completing a round takes nothing out of it."""
    return sa.exists().where(
        Task.project_id == scope.project_id,
        Task.item_id == Item.id,
        Round.id == Task.round_id,
        Round.project_id == scope.project_id,
        Round.name == name,
    )


def _plan(session: Session, scope: Scope, design: RoundDesign, ground: _Ground) -> Plan:
    people = [generation.Person(one.login, one.team_id) for one in ground.workers.values()]
    wanted = generation.Design(
        overlap=design.overlap,
        seed=design.seed,
        teams=design.team_ids,
        allocation=design.allocation,
        reserve=round_design.by(design) == "reserve",
        minutes_per_item=design.minutes_per_item,
    )
    rubric = rubrics.load(session, scope, design.rubric_version_id)
    return generation.plan(ground.items, people, wanted, rubric)


# ------------------------------------------------------------------------------------- making


@dataclass(frozen=True, slots=True)
class _Filling:
    """A round and what is to be in it."""

    round: Round
    ground: _Ground
    planned: Plan
    is_new: bool


def _lock_project(session: Session, scope: Scope) -> None:
    """Let rounds of a project be made one after the other."""
    query = sa.select(Project.id).where(Project.id == scope.project_id)
    session.execute(query.with_for_update(key_share=True))


def _managed(session: Session, scope: Scope, round_id: str) -> Round:
    found = session.scalar(
        sa.select(Round)
        .where(Round.id == known_form(round_id, "round"), *visible_rounds(scope))
        .with_for_update(key_share=True)
    )
    if found is None:
        raise NotFound("There is no round of that id here.")
    if not _whole(scope, found):
        raise NotAllowed("This round is for all teams; your role reaches one team only.")
    return found


def _whole(scope: Scope, found: Round) -> bool:
    if scope.team_ids is None:
        return True
    teams = json.loads(found.design).get("team_ids") or []
    return bool(teams) and scope.team_ids.issuperset(teams)


def _open(session: Session, actor: Actor, scope: Scope, design: RoundDesign) -> Round:
    version = rubrics.get(session, scope, design.rubric_version_id)
    last = session.scalar(
        sa.select(sa.func.max(Round.number)).where(Round.project_id == scope.project_id)
    )
    opened = Round(
        id=new_id(),
        project_id=scope.project_id,
        team_id=design.team_ids[0] if len(design.team_ids) == 1 else None,
        rubric_version_id=version.id,
        fingerprint=version.fingerprint,
        number=(last or 0) + 1,
        name=design.name,
        phase=design.phase,
        overlap=design.overlap if design.allocation is None else _widest(design.allocation),
        seed=design.seed,
        allocation="open" if round_design.by(design) == "open" else "explicit",
        design=round_design.kept_design(design),
        state="open",
        created_by=actor.user_id,
        created_at=now(session),
    )
    session.add(opened)
    session.flush()
    return opened


def _widest(allocation: Mapping[str, Sequence[str]]) -> int:
    return max((len(people) for people in allocation.values()), default=1)


def _fill(session: Session, actor: Actor, filling: _Filling) -> Generated:
    """Insert the tasks the round does not have yet, and the places kept in them."""
    found, ground = filling.round, filling.ground
    had = set(
        session.scalars(
            sa.select(Item.external_id)
            .join(Task, Task.item_id == Item.id)
            .where(Task.project_id == found.project_id, Task.round_id == found.id)
        )
    )
    wanted = generation.not_yet_made(filling.planned, had)
    moment = now(session)
    tasks = [_task_row(found, ground, one, moment) for one in wanted]
    kept = [
        _kept_row(found, ground.workers[login], row)
        for one, row in zip(wanted, tasks, strict=True)
        for login in one.people or ()
    ]
    _insert(session, Task, tasks)
    _insert(session, Reservation, kept)
    exposure.learn_round(session, found.project_id, found.id)
    result = Generated(
        found.id,
        found.number,
        found.name,
        filling.is_new,
        len(tasks),
        sum(one.needed for one in wanted),
        len(kept),
        len(had),
    )
    if tasks or filling.is_new:
        audit.record(
            session,
            actor,
            "round.created" if filling.is_new else "round.extended",
            "round",
            found.id,
            project_id=found.project_id,
            body={"number": found.number, "tasks": result.tasks, "places": result.places},
            outbox=True,
        )
    return result


def _task_row(
    found: Round, ground: _Ground, planned: PlannedTask, moment: datetime
) -> dict[str, Any]:
    return {
        "id": new_id(),
        "project_id": found.project_id,
        "team_id": found.team_id,
        "round_id": found.id,
        "item_id": ground.item_ids[planned.item_id],
        "rubric_version_id": found.rubric_version_id,
        "fingerprint": found.fingerprint,
        "phase": found.phase,
        "priority": 0,
        "ord": planned.ord,
        "needed": planned.needed,
        "open_slots": planned.needed,
        "selection_reason": "all",
        "version": 1,
        "created_at": moment,
    }


def _kept_row(found: Round, worker: Worker, task: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "task_id": task["id"],
        "annotator_id": worker.id,
        "project_id": found.project_id,
        "team_id": worker.team_id,
        "round_id": found.id,
        "priority": 0,
        "ord": task["ord"],
    }


def _insert(session: Session, model: Any, rows: list[dict[str, Any]]) -> None:  # noqa: ANN401
    statement = sa.insert(model.__table__)
    for start in range(0, len(rows), CHUNK):
        session.execute(statement, rows[start : start + CHUNK])
