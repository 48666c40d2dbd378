"""Making practice sets: from a file, or from decided cases."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.db import new_id, now
from annotate.models import (
    AdjudicationCase,
    CaseCell,
    Decision,
    Item,
    PracticeAnswer,
    PracticeItem,
    RubricVersion,
)
from annotate.services import audit
from annotate.services.compiled import compiled_rubric
from annotate.services.errors import BadInput, Conflict
from annotate.services.ids import known_form
from annotate.services.places import texts_of
from annotate.services.practice import PracticeLine, ReferenceCell, row_of, waits
from annotate.services.scoping import of_visible_tasks, visible_items
from annotate.services.text import canonical_json, check_text
from exports.strict_json import JsonRefused, parse
from rubrics.sentences import Sentence
from tasks.cells import LabelsRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sqlalchemy.orm import Session

    from annotate.policy import Actor, Scope
    from annotate.services.compiled import CompiledRubric
    from tasks.cells import Cell

MAX_ITEMS = 500
MAX_EXPLANATION = 2000


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
        raise BadInput(Sentence("Give 1 to %(n)s lines, one for each item.", n=MAX_ITEMS))
    rows: list[tuple[str, tuple[ReferenceCell, ...]]] = []
    problems: list[dict[str, Any]] = []
    for number, line in numbered:
        try:
            rows.append(_read_line(session, scope, compiled, line))
        except (BadInput, JsonRefused, LabelsRefused) as error:
            problems.append(
                {
                    "line": number,
                    "message": Sentence(
                        "Line %(number)s: %(error)s", number=number, error=str(error)
                    ),
                }
            )
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
            *of_visible_tasks(AdjudicationCase, scope),
            AdjudicationCase.rubric_version_id == version_id,
            AdjudicationCase.state == "decided",
            CaseCell.project_id == scope.project_id,
            Decision.project_id == scope.project_id,
            Decision.kind == "decide",
            Decision.state != "cannot_assess",
            *visible_items(scope),
            ~waits(scope),
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
    row = row_of(session, scope, practice_item_id)
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
        raise BadInput(
            Sentence(
                "There is no item %(item)s here. Import the items first.",
                item=repr(row.get("id")),
            )
        )
    if _is_waiting(session, scope, item.id):
        raise BadInput(
            Sentence(
                "Item %(item)s still waits to be labelled; practice would give its answer away.",
                item=repr(row["id"]),
            )
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
            raise BadInput(
                Sentence('"why" names %(key)s; the rubric has no such question.', key=repr(key))
            )
        if not isinstance(reason, dict) or not reason.keys() <= {"clause", "text"}:
            raise BadInput(
                Sentence(
                    'The reason of %(key)s is an object with "clause" and "text".', key=repr(key)
                )
            )
        clause, text = str(reason.get("clause") or ""), str(reason.get("text") or "")
        if clause and clause not in known:
            raise BadInput(Sentence("The rubric has no clause %(clause)s.", clause=repr(clause)))
        if len(text) > MAX_EXPLANATION:
            raise BadInput(
                Sentence("An explanation has at most %(n)s characters.", n=MAX_EXPLANATION)
            )
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


def _is_waiting(session: Session, scope: Scope, item_id: str) -> bool:
    query = sa.select(Item.id).where(
        Item.id == item_id, Item.project_id == scope.project_id, waits(scope)
    )
    return session.scalar(query) is not None


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
