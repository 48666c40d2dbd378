"""Adjudication: one adjudicator at a time, own answer first, a decision per cell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.db import new_id, now, settings_of
from annotate.models import (
    AdjudicationCase,
    AdjudicatorAnswer,
    Assignment,
    CaseCell,
    Decision,
    Item,
    Project,
)
from annotate.services import audit, projects
from annotate.services.case_reading import annotated, cells_of, own_answer, row_of
from annotate.services.compiled import compiled_rubric
from annotate.services.errors import BadInput, Conflict, LeaseLost, NotAllowed
from annotate.services.own_answers import cell_key, read_answers
from annotate.services.scoping import of_visible_tasks, visible_items
from annotate.services.text import canonical_json
from rubrics.sentences import Sentence
from tasks.adjudication import DecisionRefused, check_decision

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from annotate.policy import Actor, Scope
    from annotate.services.case_reading import OpenCell
    from annotate.services.compiled import CompiledRubric
    from tasks.label_validation import Cell

MAX_ANSWER = 20_000


@dataclass(frozen=True, slots=True)
class Ruling:
    """What an adjudicator decides on one cell."""

    question: str
    category: str
    value: str | None
    cause: str
    rationale: str = ""
    clause: str | None = None
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """A case that the adjudicator holds."""

    case_id: str
    fence: int
    expires_at: datetime


def take_next(session: Session, actor: Actor, scope: Scope) -> Held | None:
    """Take the longest waiting case that the actor may decide; None when there is none."""
    at = now(session)
    allowed = _may_be_annotator(session, scope)
    free = sa.or_(
        AdjudicationCase.expires_at.is_(None),
        AdjudicationCase.expires_at <= at,
        AdjudicationCase.holder_id == actor.user_id,
    )
    query = (
        sa.select(AdjudicationCase)
        .join(Item, Item.id == AdjudicationCase.item_id)
        .where(
            *of_visible_tasks(AdjudicationCase, scope),
            AdjudicationCase.state == "open",
            free,
            *visible_items(scope),
        )
        .order_by(
            sa.case((AdjudicationCase.holder_id == actor.user_id, 0), else_=1), AdjudicationCase.id
        )
        .limit(1)
        .with_for_update(of=AdjudicationCase, skip_locked=True)
    )
    if not allowed:
        query = query.where(sa.not_(_annotated_by(actor, scope)))
    case = session.scalar(query)
    return None if case is None else _hold(session, actor, case, at)


def _annotated_by(actor: Actor, scope: Scope) -> sa.Exists:
    return (
        sa.select(sa.literal(1))
        .where(
            Assignment.project_id == scope.project_id,
            Assignment.item_id == AdjudicationCase.item_id,
            Assignment.annotator_id == actor.user_id,
            Assignment.state.in_(("leased", "submitted")),
        )
        .correlate(AdjudicationCase)
        .exists()
    )


def take(session: Session, actor: Actor, scope: Scope, case_id: str) -> Held:
    """Take a case, or keep it for another lease.

    Raises
    ------
    NotAllowed
        When the actor labelled the item and the project does not allow that.
    Conflict
        When somebody else holds the case, or it was withdrawn.
    """
    case = row_of(session, scope, case_id, lock=True)
    _require_eligible(session, actor, scope, case)
    if case.state == "withdrawn":
        raise Conflict("This case was withdrawn: the labels agree now.")
    at = now(session)
    if _held_by_other(case, actor, at):
        raise Conflict("Another adjudicator works on this case. Take the next one.")
    return _hold(session, actor, case, at)


def _hold(session: Session, actor: Actor, case: AdjudicationCase, at: datetime) -> Held:
    mine = case.holder_id == actor.user_id and case.expires_at is not None and case.expires_at > at
    if not mine:
        case.fence += 1
        audit.record(
            session, actor, "case.taken", "case", case.id, project_id=case.project_id, at=at
        )
    case.holder_id = actor.user_id
    case.expires_at = at + timedelta(seconds=settings_of(session).lease_seconds)
    session.flush()
    return Held(case.id, case.fence, case.expires_at)


def give_back(session: Session, actor: Actor, scope: Scope, case_id: str) -> None:
    """Let a case go undecided."""
    case = row_of(session, scope, case_id, lock=True)
    if case.holder_id != actor.user_id:
        return
    case.holder_id, case.expires_at = None, None
    case.fence += 1
    session.flush()
    audit.record(session, actor, "case.given_back", "case", case.id, project_id=case.project_id)


def answer(
    session: Session,
    actor: Actor,
    scope: Scope,
    case_id: str,
    answers: Mapping[str, Mapping[str, Any]],
) -> None:
    """Keep the adjudicator's own reading of the questions at issue, before any label is shown.

    Whole questions are asked: the contested categories alone would say what the labels differ in.
    Nothing is decided by it.

    Parameters
    ----------
    answers
        By ``question`` or ``question/category``: ``{"value": …}``, or ``{"state": "unsure"}``.
        A multiple choice may be answered as a whole with ``{"values": [category, …]}``.

    Raises
    ------
    BadInput
        When part of a question has no answer, or one that the rubric does not know.
    Conflict
        When the adjudicator answered before: the first reading stays.
    """
    case = _held_case(session, actor, scope, case_id)
    if own_answer(session, actor, scope, case.id) is not None:
        raise Conflict("Your own answer was kept already; compare it with the labels now.")
    compiled = compiled_rubric(session, scope.project_id, case.rubric_version_id)
    questions = {cell.question for cell in cells_of(session, scope, case.id)}
    kept = read_answers(compiled.rubric, questions, answers)
    text = canonical_json(kept)
    if len(text) > MAX_ANSWER:
        raise BadInput(Sentence("The answers are longer than %(n)s characters", n=MAX_ANSWER))
    session.add(
        AdjudicatorAnswer(
            case_id=case.id,
            adjudicator_id=actor.user_id,
            project_id=scope.project_id,
            answers=text,
            created_at=now(session),
        )
    )
    session.flush()
    audit.record(session, actor, "case.answered", "case", case.id, project_id=scope.project_id)


def decide(
    session: Session,
    actor: Actor,
    scope: Scope,
    case_id: str,
    fence: int,
    rulings: Sequence[Ruling],
) -> tuple[str, ...]:
    """Rule on cells of a case; a ruling on a decided cell supersedes the one in force.

    Raises
    ------
    LeaseLost
        When the case is no longer held under this fence.
    Conflict
        When the adjudicator has not answered first.
    BadInput
        With one problem a mistake, each naming its cell.
    """
    case = _held_case(session, actor, scope, case_id, fence)
    if own_answer(session, actor, scope, case.id) is None:
        raise Conflict("Answer the contested questions yourself first; then the labels are shown.")
    compiled = compiled_rubric(session, scope.project_id, case.rubric_version_id)
    cells = {(cell.question, cell.category): cell for cell in cells_of(session, scope, case.id)}
    checked = _checked(compiled, cells, rulings)
    also_annotated = annotated(session, actor, scope.project_id, case.item_id)
    made = [
        _write(session, actor, case, compiled, (ruling, cell), also_annotated=also_annotated)
        for ruling, cell in checked
    ]
    _close_when_decided(session, scope, case)
    return tuple(made)


def _checked(
    compiled: CompiledRubric,
    cells: Mapping[tuple[str, str], OpenCell],
    rulings: Sequence[Ruling],
) -> list[tuple[Ruling, Cell]]:
    problems: list[dict[str, Any]] = []
    checked = []
    for ruling in rulings:
        place = cell_key(ruling.question, ruling.category)
        if (ruling.question, ruling.category) not in cells:
            problems.append(
                {"place": place, "message": Sentence("This is not at issue in the case.")}
            )
            continue
        try:
            cell = check_decision(
                compiled.rubric,
                ruling.question,
                ruling.category,
                ruling.value,
                ruling.clause,
                ruling.cause,
                ruling.rationale,
                closed=ruling.closed,
            )
        except DecisionRefused as error:
            problems += [
                {"place": place, "field": one.field, "code": one.code, "message": one.message}
                for one in error.problems
            ]
        else:
            checked.append((ruling, cell))
    if not rulings:
        problems.append({"place": "case", "message": Sentence("Decide one cell at least.")})
    if problems:
        raise BadInput("The decision cannot be kept as it is", problems=problems)
    return checked


def _write(
    session: Session,
    actor: Actor,
    case: AdjudicationCase,
    compiled: CompiledRubric,
    decided: tuple[Ruling, Cell],
    *,
    also_annotated: bool,
) -> str:
    ruling, cell = decided
    before = _last_decision(session, case, ruling.question, ruling.category)
    decision_id = new_id()
    at = now(session)
    session.execute(
        sa.insert(Decision),
        {
            "id": decision_id,
            "project_id": case.project_id,
            "team_id": case.team_id,
            "case_id": case.id,
            "item_id": case.item_id,
            "question": ruling.question,
            "category": ruling.category,
            "kind": "decide",
            "value": cell.value,
            "state": cell.state,
            "clause": ruling.clause,
            "cause": ruling.cause,
            "rationale": ruling.rationale,
            "adjudicator_id": actor.user_id,
            "adjudicator_annotated": also_annotated,
            "supersedes_id": before,
            "fingerprint": case.fingerprint,
            "meaning_hash": compiled.meaning[ruling.question],
            "origin": "human",
            "channel": actor.channel,
            "created_at": at,
        },
    )
    _put_in_force(session, case, ruling.question, ruling.category, decision_id)
    audit.record(
        session,
        actor,
        "case.decided" if before is None else "case.superseded",
        "decision",
        decision_id,
        project_id=case.project_id,
        body={"case": case.id, "question": ruling.question, "category": ruling.category},
        at=at,
        outbox=True,
    )
    return decision_id


def _last_decision(
    session: Session, case: AdjudicationCase, question: str, category: str
) -> str | None:
    """Return the last decision of a cell, revocations included: the one that none supersedes.

    Its id may be smaller than that of the one before: machines do not agree on the millisecond.
    """
    later = sa.orm.aliased(Decision)
    superseded = sa.exists().where(
        later.project_id == case.project_id, later.supersedes_id == Decision.id
    )
    return session.scalar(
        sa.select(Decision.id).where(
            Decision.project_id == case.project_id,
            Decision.case_id == case.id,
            Decision.question == question,
            Decision.category == category,
            ~superseded,
        )
    )


def _put_in_force(
    session: Session, case: AdjudicationCase, question: str, category: str, decision_id: str | None
) -> None:
    session.execute(
        sa.update(CaseCell)
        .where(
            CaseCell.case_id == case.id,
            CaseCell.project_id == case.project_id,
            CaseCell.question == question,
            CaseCell.category == category,
        )
        .values(decision_id=decision_id)
    )


def revoke(  # noqa: PLR0913 - what names a decision, and why it goes
    session: Session,
    actor: Actor,
    scope: Scope,
    case_id: str,
    *,
    question: str,
    category: str,
    rationale: str,
) -> str:
    """Take a decision back by a superseding one; the case is open again.

    Raises
    ------
    Conflict
        When no decision is in force on the cell, or another adjudicator works on the case.
    """
    case = row_of(session, scope, case_id, lock=True)
    _require_eligible(session, actor, scope, case)
    at = now(session)
    if _held_by_other(case, actor, at):
        raise Conflict("Another adjudicator works on this case.")
    if not rationale.strip():
        raise BadInput("Say why the decision is revoked", problems=[_needed("rationale")])
    in_force = {(cell.question, cell.category): cell for cell in cells_of(session, scope, case.id)}
    cell = in_force.get((question, category))
    if cell is None or cell.decision_id is None:
        raise Conflict("There is no decision in force on this cell.")
    decision_id = new_id()
    compiled = compiled_rubric(session, scope.project_id, case.rubric_version_id)
    session.add(
        Decision(
            id=decision_id,
            project_id=case.project_id,
            team_id=case.team_id,
            case_id=case.id,
            item_id=case.item_id,
            question=question,
            category=category,
            kind="revoke",
            value=None,
            state="cannot_assess",
            rationale=rationale,
            adjudicator_id=actor.user_id,
            adjudicator_annotated=annotated(session, actor, scope.project_id, case.item_id),
            supersedes_id=cell.decision_id,
            fingerprint=case.fingerprint,
            meaning_hash=compiled.meaning[question],
            origin="human",
            channel=actor.channel,
            created_at=at,
        )
    )
    session.flush()
    _put_in_force(session, case, question, category, None)
    case.state, case.closed_at = "open", None
    session.flush()
    audit.record(
        session,
        actor,
        "case.revoked",
        "decision",
        decision_id,
        project_id=scope.project_id,
        body={"case": case.id, "question": question, "category": category},
        at=at,
        outbox=True,
    )
    return decision_id


def _needed(field: str) -> dict[str, str]:
    return {"field": field, "message": Sentence("This is needed.")}


def _close_when_decided(session: Session, scope: Scope, case: AdjudicationCase) -> None:
    if any(cell.decision_id is None for cell in cells_of(session, scope, case.id)):
        return
    case.state, case.closed_at = "decided", now(session)
    case.holder_id, case.expires_at = None, None
    session.flush()


def _held_case(
    session: Session, actor: Actor, scope: Scope, case_id: str, fence: int | None = None
) -> AdjudicationCase:
    """Return the case, locked, when the actor holds it (a decided one may be taken up again)."""
    case = row_of(session, scope, case_id, lock=True)
    _require_eligible(session, actor, scope, case)
    mine = case.holder_id == actor.user_id and fence in {None, case.fence}
    if not mine:
        raise LeaseLost("You no longer hold this case. Open it again to go on; nothing was kept.")
    return case


def _held_by_other(case: AdjudicationCase, actor: Actor, at: datetime) -> bool:
    return (
        case.holder_id not in {None, actor.user_id}
        and case.expires_at is not None
        and case.expires_at > at
    )


def _require_eligible(session: Session, actor: Actor, scope: Scope, case: AdjudicationCase) -> None:
    if _may_be_annotator(session, scope):
        return
    if annotated(session, actor, scope.project_id, case.item_id):
        raise NotAllowed(
            "You labelled this item, so somebody else decides on it. The project's settings can "
            "allow it; the decision is marked then."
        )


def _may_be_annotator(session: Session, scope: Scope) -> bool:
    project = session.get_one(Project, scope.project_id)
    return bool(projects.settings_of(project)["adjudicator_may_be_annotator"])
