"""What must always hold, asked of the whole database: for every test, and for the doctor.

Each check is a query for the rows that break a rule. The constraints of the tables forbid most of
it already; this is the second opinion, and the place where the rules stand in words.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.models import Annotation, Item, Label
from annotate.services.compiled import CompiledRubric, compiled_rubric
from annotate.services.text import sha256_hex
from tasks.errors import TaskError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy.orm import InstrumentedAttribute, Session

EXAMPLES = 5
BATCH = 500
EVERYWHERE = {"unscoped": "the invariants of the whole installation"}


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that does not hold, how often, and where first."""

    rule: str
    count: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        """Tell it in a line."""
        more = ", …" if self.count > len(self.examples) else ""
        return f"{self.rule} ({self.count}: {', '.join(self.examples)}{more})"


# Each query gives the ids of the rows that break the rule.
RULES: dict[str, str] = {
    "the free places of a task are those needed less those leased or submitted": """
        SELECT t.id FROM task t LEFT JOIN (
            SELECT task_id, count(*) AS taken FROM assignment
            WHERE state IN ('leased', 'submitted') GROUP BY task_id
        ) a ON a.task_id = t.id
        WHERE t.open_slots <> t.needed - coalesce(a.taken, 0)""",
    "an annotator has one place of a task at most": """
        SELECT task_id FROM assignment GROUP BY annotator_id, task_id HAVING count(*) > 1""",
    "an assignment lies in the project, round and item of its task": """
        SELECT a.id FROM assignment a JOIN task t ON t.id = a.task_id
        WHERE a.project_id <> t.project_id OR a.round_id <> t.round_id
           OR a.item_id <> t.item_id""",
    "a submitted assignment has the annotation that its revision names": """
        SELECT a.id FROM assignment a LEFT JOIN annotation n
            ON n.assignment_id = a.id AND n.revision = a.current_revision
        WHERE a.state = 'submitted' AND n.id IS NULL""",
    "an assignment that is not submitted has no annotation": """
        SELECT a.id FROM assignment a JOIN annotation n ON n.assignment_id = a.id
        WHERE a.state <> 'submitted'""",
    "revisions run from one to the current one without a gap": """
        SELECT a.id FROM assignment a JOIN (
            SELECT assignment_id, count(*) AS revisions, max(revision) AS newest,
                   min(revision) AS oldest
            FROM annotation GROUP BY assignment_id
        ) n ON n.assignment_id = a.id
        WHERE n.oldest <> 1 OR n.newest <> n.revisions OR n.newest <> a.current_revision""",
    "a lease is open and ends after it began": """
        SELECT id FROM assignment WHERE state = 'leased'
        AND (closed_at IS NOT NULL OR expires_at < leased_at)""",
    "an assignment that ended says when": """
        SELECT id FROM assignment WHERE state <> 'leased' AND closed_at IS NULL""",
    "an annotation agrees with its assignment": """
        SELECT n.id FROM annotation n JOIN assignment a ON a.id = n.assignment_id
        WHERE n.project_id <> a.project_id OR n.round_id <> a.round_id OR n.task_id <> a.task_id
           OR n.item_id <> a.item_id OR n.annotator_id <> a.annotator_id""",
    "task, annotation and rubric version have one fingerprint": """
        SELECT n.id FROM annotation n JOIN task t ON t.id = n.task_id
            JOIN rubric_version v ON v.id = n.rubric_version_id
        WHERE n.fingerprint <> t.fingerprint OR n.fingerprint <> v.fingerprint
           OR n.rubric_version_id <> t.rubric_version_id""",
    "a task has the fingerprint of its round": """
        SELECT t.id FROM task t JOIN labelling_round r ON r.id = t.round_id
        WHERE t.fingerprint <> r.fingerprint OR t.rubric_version_id <> r.rubric_version_id
           OR t.project_id <> r.project_id""",
    "the columns that a label repeats are those of its annotation": """
        SELECT l.annotation_id FROM label l JOIN annotation n ON n.id = l.annotation_id
        WHERE l.project_id <> n.project_id OR l.item_id <> n.item_id
           OR l.annotator_id <> n.annotator_id OR l.fingerprint <> n.fingerprint
           OR l.team_id IS DISTINCT FROM n.team_id OR l.origin <> n.origin
           OR l.channel <> n.channel""",
    "every annotation is in the audit": """
        SELECT n.id FROM annotation n WHERE n.origin = 'human' AND CAST(n.id AS varchar(64))
        NOT IN (SELECT object_id FROM audit_event WHERE object_type = 'annotation')""",
    "a case lies on the item, round and rubric of its task": """
        SELECT c.id FROM adjudication_case c JOIN task t ON t.id = c.task_id
        WHERE c.project_id <> t.project_id OR c.item_id <> t.item_id
           OR c.round_id <> t.round_id OR c.fingerprint <> t.fingerprint""",
    "a cell of a case was labelled by somebody": """
        SELECT k.case_id FROM case_cell k JOIN adjudication_case c ON c.id = k.case_id
        WHERE NOT EXISTS (
            SELECT 1 FROM annotation n JOIN label l ON l.annotation_id = n.id
            WHERE n.item_id = c.item_id AND n.task_id = c.task_id
              AND l.question = k.question AND l.category = k.category)""",
    "an open case has a cell to decide": """
        SELECT c.id FROM adjudication_case c WHERE c.state = 'open'
        AND NOT EXISTS (SELECT 1 FROM case_cell k WHERE k.case_id = c.id)""",
    "the decision in force on a cell is a decision on that cell": """
        SELECT k.case_id FROM case_cell k LEFT JOIN decision d ON d.id = k.decision_id
        WHERE k.decision_id IS NOT NULL AND (d.id IS NULL OR d.case_id <> k.case_id
           OR d.question <> k.question OR d.category <> k.category)""",
    "a decision in force was superseded by none": """
        SELECT k.case_id FROM case_cell k JOIN decision p ON p.supersedes_id = k.decision_id""",
    "a decided case has a decision in force on each of its cells": """
        SELECT k.case_id FROM case_cell k JOIN adjudication_case c ON c.id = k.case_id
        WHERE c.state = 'decided' AND k.decision_id IS NULL""",
    "a decision lies on the item of its case": """
        SELECT d.id FROM decision d JOIN adjudication_case c ON c.id = d.case_id
        WHERE d.project_id <> c.project_id OR d.item_id <> c.item_id
           OR d.fingerprint <> c.fingerprint""",
    "a decision supersedes one on the same cell": """
        SELECT d.id FROM decision d JOIN decision p ON p.id = d.supersedes_id
        WHERE d.case_id <> p.case_id OR d.question <> p.question OR d.category <> p.category""",
    "the decisions on a cell are one chain": """
        SELECT case_id FROM decision WHERE supersedes_id IS NULL
        GROUP BY case_id, question, category HAVING count(*) > 1""",
    "nobody holds a place on an item in quarantine": """
        SELECT a.id FROM assignment a JOIN item i ON i.id = a.item_id
        WHERE a.state = 'leased' AND i.quarantined_at IS NOT NULL""",
    "nobody decides on an item in quarantine": """
        SELECT d.id FROM decision d JOIN item i ON i.id = d.item_id
        WHERE i.quarantined_at IS NOT NULL AND d.created_at > i.quarantined_at""",
    "no release holds an item that was in quarantine before it": """
        SELECT g.item_id FROM gold_cell g JOIN gold_release r ON r.id = g.release_id
            JOIN item i ON i.id = g.item_id
        WHERE i.quarantined_at IS NOT NULL AND r.created_at > i.quarantined_at""",
    "a running job is held by a worker for a time": """
        SELECT id FROM job WHERE state = 'running' AND (expires_at IS NULL OR worker IS NULL)""",
    "a job that ended says when": """
        SELECT id FROM job WHERE state IN ('done', 'failed', 'cancelled')
        AND finished_at IS NULL""",
}


def check(session: Session, *, deep: bool = True) -> list[Violation]:
    """Return every rule that does not hold.

    Parameters
    ----------
    session
        For reading.
    deep
        Whether labels are derived anew from the stored answers and contents hashed again, which
        takes some milliseconds for every thousand of them.
    """
    found = [violation for rule, sql in RULES.items() for violation in _ask(session, rule, sql)]
    if deep:
        found += _counted("the content hash is that of the content", _wrong_hashes(session))
        found += _counted("labels are what the answers say", _wrong_labels(session))
    return found


def _ask(session: Session, rule: str, sql: str) -> Iterator[Violation]:
    counted = session.execute(
        sa.text(f"SELECT count(*) FROM ({sql}) broken").execution_options(**EVERYWHERE)  # noqa: S608
    ).scalar_one()
    if counted:
        limited = sa.text(f"SELECT * FROM ({sql}) broken LIMIT {EXAMPLES}")  # noqa: S608
        rows = session.execute(limited.execution_options(**EVERYWHERE))
        yield Violation(rule, counted, tuple(str(row[0]) for row in rows))


def _counted(rule: str, broken: Iterator[str]) -> Iterator[Violation]:
    ids = list(broken)
    if ids:
        yield Violation(rule, len(ids), tuple(ids[:EXAMPLES]))


def _batches(
    session: Session,
    statement: sa.Select[*tuple[Any, ...]],
    key: InstrumentedAttribute[str],
) -> Iterator[Sequence[sa.Row[Any]]]:
    """Yield all rows in the order of a key that is among the columns as ``id``, some at a time."""
    after = ""
    while rows := session.execute(
        (statement.where(key > after) if after else statement)
        .order_by(key)
        .limit(BATCH)
        .execution_options(**EVERYWHERE)
    ).all():
        yield rows
        after = rows[-1].id


def _wrong_hashes(session: Session) -> Iterator[str]:
    statement = sa.select(Item.id, Item.body, Item.content_hash)
    for rows in _batches(session, statement, Item.id):
        yield from (row.id for row in rows if sha256_hex(row.body) != row.content_hash)


def _wrong_labels(session: Session) -> Iterator[str]:
    """Yield annotations whose labels differ from those that their answers make."""
    statement = sa.select(
        Annotation.id,
        Annotation.project_id,
        Annotation.rubric_version_id,
        Annotation.answers,
        Annotation.origin,
    )
    for rows in _batches(session, statement, Annotation.id):
        yield from _wrong_in(session, rows)


CellRow = tuple[str, str, str | None, str, str]


def _wrong_in(session: Session, rows: Sequence[Any]) -> Iterator[str]:
    stored: dict[str, set[CellRow]] = {row.id: set() for row in rows}
    labels = sa.select(
        Label.annotation_id,
        Label.question,
        Label.category,
        Label.value,
        Label.state,
        Label.meaning_hash,
    ).where(Label.annotation_id.in_(list(stored)))
    for label in session.execute(labels.execution_options(**EVERYWHERE)):
        stored[label.annotation_id].add(
            (label.question, label.category, label.value, label.state, label.meaning_hash)
        )
    for row in rows:
        compiled = compiled_rubric(session, row.project_id, row.rubric_version_id)
        if _derived(compiled, row.answers) != stored[row.id]:
            yield row.id


def _derived(compiled: CompiledRubric, answers: str) -> set[CellRow] | None:
    """Return the cells of stored answers, or None when they could not be submitted at all."""
    try:
        cells = compiled.validator.validate(json.loads(answers), None)
    except TaskError:
        return None
    meaning = compiled.meaning
    return {
        (cell.question, cell.category, cell.value, cell.state, meaning[cell.question])
        for cell in cells
    }
