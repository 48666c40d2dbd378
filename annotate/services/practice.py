"""Practice: items with explained answers. It makes no place, no annotation and no label.

What people answer here stays in tables of its own, so that no figure, gold cell or case can hold
it, whatever is asked of the database later.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.db import new_id, now
from annotate.models import (
    AdjudicationCase,
    Assignment,
    CaseCell,
    Decision,
    Item,
    PracticeAnswer,
    PracticeItem,
    RubricVersion,
    Task,
)
from annotate.services import audit
from annotate.services.compiled import compiled_rubric
from annotate.services.errors import BadInput, Conflict, NotFound
from annotate.services.feedback import clause_text
from annotate.services.ids import known_form
from annotate.services.places import ITEM_COLUMNS, item_view, texts_of
from annotate.services.scoping import visible_items
from annotate.services.text import canonical_json, check_text
from exports.strict_json import JsonRefused, parse
from tasks.cells import LabelsRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sqlalchemy.orm import Session

    from annotate.policy import Actor, Scope
    from annotate.services.compiled import CompiledRubric
    from tasks.cells import Cell

MAX_ITEMS = 500
MAX_EXPLANATION = 2000
NOT_COMPARED = frozenset({"text", "span"})
"""Types whose answers may differ in many right ways: they are shown, not compared."""


@dataclass(frozen=True, slots=True)
class ReferenceCell:
    """The answer one cell should have, the clause that says so, and why."""

    question: str
    category: str
    value: str | None
    state: str
    clause: str | None = None
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class PracticeSet:
    """The practice items of one rubric version, and how far a person is with them."""

    rubric_version_id: str
    title: str
    version: str
    items: int
    done: int


@dataclass(frozen=True, slots=True)
class PracticeLine:
    """One practice item, for those who make the set."""

    id: str
    external_id: str
    origin: str
    cells: int


@dataclass(frozen=True, slots=True)
class PracticePlace:
    """An item to practise on."""

    id: str
    rubric_version_id: str
    fingerprint: str
    item: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Compared:
    """One question of a try: what was answered, what the reference says, and why.

    ``right`` is None where answers are not compared.
    """

    question: str
    category: str
    own: tuple[ReferenceCell, ...]
    reference: tuple[ReferenceCell, ...]
    right: bool | None
    clause: str | None
    clause_text: str
    explanation: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """A stored try and its comparison."""

    compiled: CompiledRubric
    questions: tuple[Compared, ...]


# ---------------------------------------------------------------------------------- making sets


def add_file(session: Session, actor: Actor, scope: Scope, version_id: str, text: str) -> int:
    """Take practice items from JSON Lines; return how many.

    Each line names an imported item and gives its answers, as a submission does, with a clause and
    an explanation for each question (``why``). All lines go in or none.

    Raises
    ------
    BadInput
        With the line of everything that is wrong.
    """
    compiled = _published(session, scope, version_id)
    numbered = [
        (number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()
    ]
    if not numbered or len(numbered) > MAX_ITEMS:
        raise BadInput(f"Give 1 to {MAX_ITEMS} lines, one for each item.")
    rows: list[tuple[str, tuple[ReferenceCell, ...]]] = []
    problems: list[dict[str, Any]] = []
    for number, line in numbered:
        try:
            rows.append(_read_line(session, scope, compiled, line))
        except (BadInput, JsonRefused, LabelsRefused) as error:
            problems.append({"line": number, "message": f"Line {number}: {error}"})
    if problems:
        raise BadInput(problems[0]["message"], problems=problems)
    return _store(session, actor, scope, (version_id, compiled.fingerprint, "imported"), rows)


def add_decided(session: Session, actor: Actor, scope: Scope, version_id: str) -> int:
    """Take practice items from decided cases: the cells ruled on, with clause and rationale."""
    compiled = _published(session, scope, version_id)
    found = session.execute(
        sa.select(
            AdjudicationCase.item_id,
            Decision.question,
            Decision.category,
            Decision.value,
            Decision.state,
            Decision.clause,
            Decision.rationale,
        )
        .join(CaseCell, CaseCell.case_id == AdjudicationCase.id)
        .join(Decision, Decision.id == CaseCell.decision_id)
        .join(Item, Item.id == AdjudicationCase.item_id)
        .where(
            AdjudicationCase.project_id == scope.project_id,
            AdjudicationCase.rubric_version_id == version_id,
            AdjudicationCase.state == "decided",
            CaseCell.project_id == scope.project_id,
            Decision.project_id == scope.project_id,
            Decision.kind == "decide",
            Decision.state != "cannot_assess",
            *visible_items(scope),
            ~_waits(scope),
        )
        .order_by(AdjudicationCase.id, Decision.question, Decision.category)
    ).all()
    by_item: dict[str, list[ReferenceCell]] = {}
    for row in found:
        by_item.setdefault(row.item_id, []).append(ReferenceCell(*row[1:]))
    rows = [(item_id, tuple(cells)) for item_id, cells in list(by_item.items())[:MAX_ITEMS]]
    return _store(session, actor, scope, (version_id, compiled.fingerprint, "decided"), rows)


def remove(session: Session, actor: Actor, scope: Scope, practice_item_id: str) -> None:
    """Take an item out of its set; what people answered to it goes too."""
    row = _row(session, scope, practice_item_id)
    keys = (PracticeAnswer.practice_item_id == row.id,)
    session.execute(
        sa.delete(PracticeAnswer).where(*keys, PracticeAnswer.project_id == scope.project_id)
    )
    session.execute(
        sa.delete(PracticeItem).where(
            PracticeItem.id == row.id, PracticeItem.project_id == scope.project_id
        )
    )
    audit.record(
        session, actor, "practice.removed", "item", row.item_id, project_id=scope.project_id
    )


def _published(session: Session, scope: Scope, version_id: str) -> CompiledRubric:
    key = known_form(version_id, "rubric version")
    compiled = compiled_rubric(session, scope.project_id, key)
    status = session.scalar(
        sa.select(RubricVersion.status).where(
            RubricVersion.id == key, RubricVersion.project_id == scope.project_id
        )
    )
    if status == "draft":
        raise Conflict("This version is a draft. Publish it, then make a practice set for it.")
    return compiled


def _read_line(
    session: Session, scope: Scope, compiled: CompiledRubric, line: str
) -> tuple[str, tuple[ReferenceCell, ...]]:
    row = parse(line)
    check_text(row)
    if not isinstance(row, dict) or not row.keys() <= {"id", "answers", "why"}:
        raise BadInput('Each line is an object with "id", "answers" and "why".')
    item = session.execute(
        sa.select(Item.id, Item.body).where(
            Item.external_id == str(row.get("id")), *visible_items(scope)
        )
    ).first()
    if item is None:
        raise BadInput(f"There is no item {row.get('id')!r} here. Import the items first.")
    if _is_waiting(session, scope, item.id):
        raise BadInput(
            f"Item {row['id']!r} still waits to be labelled; practice would give its answer away."
        )
    cells = compiled.validator.validate(row.get("answers"), texts_of(item.body))
    reasons = dict(_reasons(row.get("why", {}), compiled))
    return item.id, tuple(_explained(cell, reasons) for cell in cells)


def _reasons(given: object, compiled: CompiledRubric) -> Iterator[tuple[str, tuple[str, str]]]:
    if not isinstance(given, dict):
        raise BadInput('"why" is an object by question, or by question/category.')
    known = {clause.id for one in compiled.rubric.categories for clause in one.clauses}
    questions = {question.id for question in compiled.rubric.questions}
    for key, reason in given.items():
        if key.partition("/")[0] not in questions:
            raise BadInput(f'"why" names {key!r}; the rubric has no such question.')
        if not isinstance(reason, dict) or not reason.keys() <= {"clause", "text"}:
            raise BadInput(f'The reason of {key!r} is an object with "clause" and "text".')
        clause, text = str(reason.get("clause") or ""), str(reason.get("text") or "")
        if clause and clause not in known:
            raise BadInput(f"The rubric has no clause {clause!r}.")
        if len(text) > MAX_EXPLANATION:
            raise BadInput(f"An explanation has at most {MAX_EXPLANATION} characters.")
        yield key, (clause, text)


def _explained(cell: Cell, reasons: Mapping[str, tuple[str, str]]) -> ReferenceCell:
    own = reasons.get(f"{cell.question}/{cell.category}") if cell.category else None
    clause, text = own or reasons.get(cell.question) or ("", "")
    if not clause and cell.clauses:
        clause = cell.clauses[0]
    return ReferenceCell(cell.question, cell.category, cell.value, cell.state, clause or None, text)


def _store(
    session: Session,
    actor: Actor,
    scope: Scope,
    of: tuple[str, str, str],
    rows: Iterable[tuple[str, tuple[ReferenceCell, ...]]],
) -> int:
    version_id, fingerprint, origin = of
    count = 0
    moment = now(session)
    for item_id, cells in rows:
        text = canonical_json([asdict(cell) for cell in cells])
        replaced = session.execute(
            sa.update(PracticeItem)
            .where(
                PracticeItem.project_id == scope.project_id,
                PracticeItem.rubric_version_id == version_id,
                PracticeItem.item_id == item_id,
            )
            .values(reference_cells=text, origin=origin)
        )
        count += 1
        if replaced.rowcount:  # type: ignore[attr-defined]
            continue
        session.execute(
            sa.insert(PracticeItem),
            {
                "id": new_id(),
                "project_id": scope.project_id,
                "item_id": item_id,
                "rubric_version_id": version_id,
                "fingerprint": fingerprint,
                "reference_cells": text,
                "origin": origin,
                "created_by": actor.user_id,
                "created_at": moment,
            },
        )
    body = {"items": count, "origin": origin}
    audit.record(
        session,
        actor,
        "practice.added",
        "rubric_version",
        version_id,
        project_id=scope.project_id,
        body=body,
    )
    return count


def _waits(scope: Scope) -> sa.Exists:
    """Ask for items with a free or held place: whoever practises on one could still get it."""
    free = Task.open_slots > 0
    held = sa.exists().where(
        Assignment.project_id == scope.project_id,
        Assignment.task_id == Task.id,
        Assignment.state == "leased",
    )
    return (
        sa.exists()
        .where(Task.project_id == scope.project_id, Task.item_id == Item.id, sa.or_(free, held))
        .correlate(Item)
    )


def _is_waiting(session: Session, scope: Scope, item_id: str) -> bool:
    query = sa.select(Item.id).where(
        Item.id == item_id, Item.project_id == scope.project_id, _waits(scope)
    )
    return session.scalar(query) is not None


# -------------------------------------------------------------------------------------- reading


def sets(session: Session, actor: Actor, scope: Scope) -> tuple[PracticeSet, ...]:
    """Return the practice sets of the project, the newest rubric version first."""
    done = (
        sa.select(PracticeAnswer.practice_item_id)
        .where(
            PracticeAnswer.project_id == scope.project_id,
            PracticeAnswer.annotator_id == actor.user_id,
        )
        .distinct()
        .subquery()
    )
    rows = session.execute(
        sa.select(
            RubricVersion.id,
            RubricVersion.title,
            RubricVersion.version,
            sa.func.count(PracticeItem.id),
            sa.func.count(done.c.practice_item_id),
        )
        .join(PracticeItem, PracticeItem.rubric_version_id == RubricVersion.id)
        .join(Item, Item.id == PracticeItem.item_id)
        .outerjoin(done, done.c.practice_item_id == PracticeItem.id)
        .where(
            RubricVersion.project_id == scope.project_id,
            PracticeItem.project_id == scope.project_id,
            *visible_items(scope),
        )
        .group_by(RubricVersion.id, RubricVersion.title, RubricVersion.version)
        .order_by(RubricVersion.id.desc())
    ).all()
    return tuple(PracticeSet(*row) for row in rows)


def lines(session: Session, scope: Scope, version_id: str) -> tuple[PracticeLine, ...]:
    """Return the items of a set, for those who make it."""
    rows = session.execute(
        sa.select(
            PracticeItem.id, Item.external_id, PracticeItem.origin, PracticeItem.reference_cells
        )
        .join(Item, Item.id == PracticeItem.item_id)
        .where(
            PracticeItem.project_id == scope.project_id,
            PracticeItem.rubric_version_id == known_form(version_id, "rubric version"),
            *visible_items(scope),
        )
        .order_by(PracticeItem.id)
        .limit(MAX_ITEMS)
    ).all()
    return tuple(
        PracticeLine(row.id, row.external_id, row.origin, len(json.loads(row.reference_cells)))
        for row in rows
    )


def next_item(
    session: Session, actor: Actor, scope: Scope, version_id: str, *, after: str | None = None
) -> PracticePlace | None:
    """Return the next item to practise on: those not tried yet, or all again behind ``after``."""
    key = known_form(version_id, "rubric version")
    conditions = [
        PracticeItem.project_id == scope.project_id,
        PracticeItem.rubric_version_id == key,
        *visible_items(scope),
        ~_waits(scope),
    ]
    if after is None:
        tried = sa.exists().where(
            PracticeAnswer.project_id == scope.project_id,
            PracticeAnswer.practice_item_id == PracticeItem.id,
            PracticeAnswer.annotator_id == actor.user_id,
        )
        conditions.append(~tried)
    elif after:
        conditions.append(PracticeItem.id > known_form(after, "practice item"))
    row = session.execute(
        sa.select(PracticeItem.id, PracticeItem.fingerprint, *ITEM_COLUMNS)
        .join(Item, Item.id == PracticeItem.item_id)
        .where(*conditions)
        .order_by(PracticeItem.id)
        .limit(1)
    ).first()
    if row is None:
        return None
    rubric = compiled_rubric(session, scope.project_id, key).rubric
    return PracticePlace(row.id, key, row.fingerprint, item_view(row, rubric, row.id))


# ------------------------------------------------------------------------------------ answering


def answer(
    session: Session,
    actor: Actor,
    scope: Scope,
    practice_item_id: str,
    *,
    answer_id: str,
    answers: Mapping[str, Any],
) -> Outcome:
    """Keep a try and compare it with the reference; sending it again changes nothing.

    Raises
    ------
    LabelsRefused
        When the rubric does not allow the answers, as for a submission.
    """
    row = _row(session, scope, practice_item_id)
    compiled = compiled_rubric(session, scope.project_id, row.rubric_version_id)
    cells = compiled.validator.validate(answers, texts_of(row.body))
    known = session.scalar(
        sa.select(PracticeAnswer.annotator_id).where(
            PracticeAnswer.id == answer_id, PracticeAnswer.project_id == scope.project_id
        )
    )
    if known is None:
        session.execute(
            sa.insert(PracticeAnswer),
            {
                "id": answer_id,
                "project_id": scope.project_id,
                "practice_item_id": row.id,
                "annotator_id": actor.user_id,
                "answers": canonical_json(answers),
                "created_at": now(session),
            },
        )
    reference = tuple(ReferenceCell(**one) for one in json.loads(row.reference_cells))
    return Outcome(compiled, compare(compiled, cells, reference))


def compare(
    compiled: CompiledRubric, cells: Iterable[Cell], reference: Iterable[ReferenceCell]
) -> tuple[Compared, ...]:
    """Compare a try with its reference, question by question, in the rubric's order."""
    own = {
        (cell.question, cell.category): ReferenceCell(
            cell.question, cell.category, cell.value, cell.state
        )
        for cell in cells
    }
    groups: dict[tuple[str, str], list[ReferenceCell]] = {}
    for cell in reference:
        repeated = compiled.rubric.question(cell.question).repeat_for is not None
        groups.setdefault((cell.question, cell.category if repeated else ""), []).append(cell)
    order = {question.id: place for place, question in enumerate(compiled.rubric.questions)}
    keys = sorted(groups, key=lambda key: (order[key[0]], key[1]))
    found = (_compared(compiled, key, groups[key], own) for key in keys)
    return tuple(one for one in found if one is not None)


def _compared(
    compiled: CompiledRubric,
    key: tuple[str, str],
    reference: list[ReferenceCell],
    own: Mapping[tuple[str, str], ReferenceCell],
) -> Compared | None:
    given = tuple(
        own.get((cell.question, cell.category))
        or ReferenceCell(cell.question, cell.category, None, "not_asked")
        for cell in reference
    )
    if all(one.state == "not_asked" for one in (*given, *reference)):
        return None
    apart = [
        cell
        for cell, one in zip(reference, given, strict=True)
        if (cell.state, cell.value) != (one.state, one.value)
    ]
    right: bool | None = not apart
    if compiled.rubric.question(key[0]).type in NOT_COMPARED:
        right = None
    # what differs is explained first; else whatever has an explanation
    told = next((cell for cell in (*apart, *reference) if cell.clause or cell.explanation), None)
    clause = told.clause if told is not None else None
    return Compared(
        *key,
        own=given,
        reference=tuple(reference),
        right=right,
        clause=clause,
        clause_text=clause_text(compiled.rubric, clause),
        explanation=told.explanation if told is not None else "",
    )


def _row(session: Session, scope: Scope, practice_item_id: str) -> Any:  # noqa: ANN401 - a row
    row = session.execute(
        sa.select(
            PracticeItem.id,
            PracticeItem.item_id,
            PracticeItem.rubric_version_id,
            PracticeItem.reference_cells,
            Item.body,
        )
        .join(Item, Item.id == PracticeItem.item_id)
        .where(
            PracticeItem.id == known_form(practice_item_id, "practice item"),
            PracticeItem.project_id == scope.project_id,
            *visible_items(scope),
        )
    ).first()
    if row is None:
        raise NotFound("There is no such practice item here.")
    return row
