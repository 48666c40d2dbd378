"""Rounds: plan first, then make tasks and keep places; pause, resume, close.

Planning knows items by their external ids and people by their logins, so that the same design
over the same items gives the same order on every installation.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.db import new_id, now
from annotate.models import (
    Item,
    Project,
    Reservation,
    RoleGrant,
    Round,
    Task,
    Team,
    UserAccount,
)
from annotate.policy import ANNOTATOR, Actor, Grant
from annotate.services import audit, progress, rubrics
from annotate.services.errors import BadInput, Conflict, NotAllowed, NotFound
from annotate.services.ids import known_form
from annotate.services.scoping import visible_items
from annotate.services.text import canonical_json, check_text
from tasks import generation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from annotate.policy import Scope
    from annotate.services.progress import RoundProgress
    from tasks.generation import Plan, PlannedTask

PHASES = ("pilot", "calibration", "production", "bridge")
MAX_OVERLAP = 50
MAX_SEED = 2**63 - 1
MAX_MINUTES = 480.0
NAME_CHARACTERS = 200
CHUNK = 2000
NEXT_STATES: dict[str, tuple[str, ...]] = {
    "open": ("paused", "closed"),
    "paused": ("open", "closed"),
    "closed": (),
}


@dataclass(frozen=True, slots=True)
class RoundDesign:
    """One call for labels, as somebody plans it.

    Attributes
    ----------
    rubric_version_id
        A published version.
    name, phase
        What the round is called, and one of ``PHASES``.
    overlap, seed
        People per item, and what decides order and ties.
    team_ids
        Only these teams; empty means everyone in the scope.
    allocation
        External item id to logins; it replaces the overlap. None lets the plan decide.
    minutes_per_item
        Expected time of one person for one item.
    reserve
        Keep the places in equal shares for named people, instead of for whoever comes first.
    """

    rubric_version_id: str
    name: str
    phase: str = "production"
    overlap: int = 3
    seed: int = 1
    team_ids: tuple[str, ...] = ()
    allocation: Mapping[str, Sequence[str]] | None = None
    minutes_per_item: float = 1.0
    reserve: bool = False


@dataclass(frozen=True, slots=True)
class Worker:
    """Somebody who may label in the project, and for which team."""

    id: str
    login: str
    name: str
    team_id: str | None
    team: str | None


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
    checked = _checked(session, scope, design)
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
    checked = _checked(session, scope, design)
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
        raise Conflict(
            f"Round {found.number} is {found.state} and cannot become {state!r}. "
            + ("A closed round stays closed." if found.state == "closed" else "")
        )
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
    kept = json.loads(found.design) if isinstance(found, Round) else {}
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


def workers(session: Session, scope: Scope) -> list[Worker]:
    """Return who may label in the project, by login, each with the team they label for."""
    rows = session.execute(
        sa.select(
            UserAccount.id,
            UserAccount.login,
            UserAccount.display_name,
            RoleGrant.project_id,
            RoleGrant.team_id,
        )
        .join(RoleGrant, RoleGrant.user_id == UserAccount.id)
        .where(
            RoleGrant.role == ANNOTATOR,
            RoleGrant.revoked_at.is_(None),
            RoleGrant.project_id.is_(None) | (RoleGrant.project_id == scope.project_id),
            UserAccount.deactivated_at.is_(None),
            UserAccount.kind == "person",
        )
        .order_by(UserAccount.login, RoleGrant.id)
    ).all()
    names = {team.id: team.name for team in session.scalars(sa.select(Team)).all()}
    people: dict[str, tuple[str, str, str, list[Grant]]] = {}
    for row in rows:
        person = people.setdefault(row.login, (row.id, row.login, row.display_name, []))
        person[3].append(Grant(ANNOTATOR, row.project_id, row.team_id))
    found = []
    for user_id, login, name, grants in people.values():
        team = Actor(user_id, login, name, tuple(grants)).team_for(scope.project_id)
        if scope.sees_team(team):
            found.append(Worker(user_id, login, name, team, names.get(team or "")))
    return found


def teams_of(people: Iterable[Worker]) -> list[tuple[str, str, int]]:
    """Return id, name and number of people of every team among them, by name."""
    sizes = Counter((one.team_id, one.team) for one in people if one.team_id and one.team)
    rows = [(team_id or "", name or "", number) for (team_id, name), number in sizes.items()]
    return sorted(rows, key=lambda row: row[1])


# --------------------------------------------------------------------------------- the design


def _checked(session: Session, scope: Scope, design: RoundDesign) -> RoundDesign:
    """Return the design within the scope, or refuse it with every problem."""
    problems = [*_number_problems(design), *_word_problems(design)]
    known = {team_id for team_id, _, _ in teams_of(workers(session, scope))}
    strange = [team for team in design.team_ids if team not in known]
    if strange:
        words = "Nobody of this team may label here. Choose a team with annotators."
        problems.append({"field": "team_ids", "message": words})
    if problems:
        first = problems[0]
        raise BadInput(f"{first['field']}: {first['message']}", problems=problems)
    version = rubrics.get(session, scope, design.rubric_version_id)
    if version.status != "published":
        raise Conflict(
            f"Version {version.version} is a {version.status}. Publish it, then plan the round."
        )
    teams = design.team_ids
    if not teams and scope.team_ids is not None:
        teams = tuple(scope.team_ids)
    return RoundDesign(
        rubric_version_id=version.id,
        name=" ".join(design.name.split()),
        phase=design.phase,
        overlap=design.overlap,
        seed=design.seed,
        team_ids=tuple(sorted(set(teams))),
        allocation=design.allocation,
        minutes_per_item=float(design.minutes_per_item),
        reserve=design.reserve,
    )


def _number_problems(design: RoundDesign) -> list[dict[str, str]]:
    problems = []
    if design.allocation is None and not 1 <= design.overlap <= MAX_OVERLAP:
        words = f"Give a whole number from 1 to {MAX_OVERLAP}."
        problems.append({"field": "overlap", "message": words})
    if not 0 <= design.seed <= MAX_SEED:
        words = f"Give a whole number from 0 to {MAX_SEED}."
        problems.append({"field": "seed", "message": words})
    if not 0 < design.minutes_per_item <= MAX_MINUTES:
        words = f"Give minutes over 0, {MAX_MINUTES:.0f} at most."
        problems.append({"field": "minutes_per_item", "message": words})
    if design.allocation is not None and not design.allocation:
        words = "The allocation is empty: one row names an item and an annotator."
        problems.append({"field": "allocation", "message": words})
    return problems


def _word_problems(design: RoundDesign) -> list[dict[str, str]]:
    check_text(design.name, "name")
    problems = []
    if not design.name.strip():
        problems.append({"field": "name", "message": "A round needs a name."})
    if len(design.name) > NAME_CHARACTERS:
        words = f"{NAME_CHARACTERS} characters at most."
        problems.append({"field": "name", "message": words})
    if design.phase not in PHASES:
        words = f"Choose one of {', '.join(PHASES)}."
        problems.append({"field": "phase", "message": words})
    return problems


def _by(design: RoundDesign) -> str:
    """Return how places find people: a file, shares, or whoever comes first.

    A task can name one team or none, so a round of some teams but not all keeps its places.
    """
    if design.allocation is not None:
        return "file"
    return "reserve" if design.reserve or len(design.team_ids) > 1 else "open"


def _kept_design(design: RoundDesign) -> str:
    return canonical_json(
        {
            "by": _by(design),
            "minutes_per_item": design.minutes_per_item,
            "team_ids": list(design.team_ids),
        }
    )


def _require_same(found: Round, design: RoundDesign) -> None:
    _require_open(found)
    made = (found.rubric_version_id, found.phase, found.seed, found.design)
    asked = (design.rubric_version_id, design.phase, design.seed, _kept_design(design))
    same_overlap = design.allocation is not None or found.overlap == design.overlap
    if made != asked or not same_overlap:
        problem = {"field": "name", "message": "This name belongs to a round of another design."}
        raise Conflict(
            f"Round {found.number} is called {found.name!r} and has another design. "
            "Choose another name.",
            problems=[problem],
        )


def _require_open(found: Round) -> None:
    if found.state == "closed":
        raise Conflict(f"Round {found.number} is closed: make a new round for more items.")


def _require_ok(planned: Plan) -> None:
    if planned.ok:
        return
    problems = [
        {"code": one.code, "severity": one.severity, "message": one.message}
        for one in planned.problems
        if one.severity == "error"
    ]
    raise BadInput(f"The plan cannot be made: {problems[0]['message']}", problems=problems)


# ----------------------------------------------------------------------------------- planning


def _ground(session: Session, scope: Scope, design: RoundDesign) -> _Ground:
    query = sa.select(Item.id, Item.external_id, Item.language, Item.slices).where(
        *visible_items(scope)
    )
    if design.team_ids:
        query = query.where(Item.team_id.is_(None) | Item.team_id.in_(design.team_ids))
    rows = session.execute(query.order_by(Item.external_id)).all()
    items = tuple(
        generation.PlanItem(row.external_id, row.language, json.loads(row.slices)) for row in rows
    )
    ids = {row.external_id: row.id for row in rows}
    return _Ground(items, ids, {one.login: one for one in workers(session, scope)})


def _plan(session: Session, scope: Scope, design: RoundDesign, ground: _Ground) -> Plan:
    people = [generation.Person(one.login, one.team_id) for one in ground.workers.values()]
    wanted = generation.Design(
        overlap=design.overlap,
        seed=design.seed,
        teams=design.team_ids,
        allocation=design.allocation,
        reserve=_by(design) == "reserve",
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
        .where(Round.id == known_form(round_id, "round"), *progress.visible_rounds(scope))
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
        allocation="open" if _by(design) == "open" else "explicit",
        design=_kept_design(design),
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
