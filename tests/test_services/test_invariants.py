"""The invariant checker is silent on sound work and finds each kind of damage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from annotate.db import new_id
from annotate.models import AdjudicationCase
from annotate.services import invariants
from tests.support.builders import BENIGN, World, abusive
from tests.support.labelling import claim, label, seat

if TYPE_CHECKING:
    from annotate.db import Database

pytestmark = pytest.mark.db


@pytest.fixture
def world(database: Database) -> World:
    """Two disagreeing annotators on one item, a lease, an edit, and an item not yet touched."""
    made = World(database)
    demo = made.standard(items=3, overlap=2, annotators=2)
    label(made, demo, "ann-1", BENIGN)
    second = seat(made, demo, "ann-2")
    second.revise(second.label(abusive("strong", ("sexist",))), 1, abusive())
    claim(made, demo, "ann-1")
    return made


def broken(world: World) -> list[str]:
    with world.database.read() as session:
        return [violation.rule for violation in invariants.check(session)]


def test_sound_work_breaks_no_rule(world: World) -> None:
    with world.database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(AdjudicationCase)) == 1
    assert broken(world) == []


DAMAGE = {
    "free places": "UPDATE task SET open_slots = needed WHERE open_slots < needed",
    "project, round and item of its task": """
        UPDATE assignment SET item_id =
        (SELECT id FROM item ORDER BY external_id DESC LIMIT 1)""",
    "annotation that its revision names": """
        UPDATE assignment SET current_revision = 7 WHERE state = 'submitted'""",
    "that is not submitted has no annotation": """
        UPDATE assignment SET state = 'skipped' WHERE state = 'submitted'""",
    "a lease is open": """
        UPDATE assignment SET closed_at = leased_at WHERE state = 'leased'""",
    "ended says when": "UPDATE assignment SET closed_at = NULL WHERE state = 'submitted'",
    "one fingerprint": "UPDATE annotation SET fingerprint = 'other'",
    "the fingerprint of its round": "UPDATE labelling_round SET fingerprint = 'other'",
    "the columns that a label repeats": "UPDATE label SET channel = 'other'",
    "is in the audit": "UPDATE audit_event SET object_id = 'x' WHERE object_type = 'annotation'",
    "a case lies on": "UPDATE adjudication_case SET fingerprint = 'other'",
    "was labelled by somebody": """
        UPDATE case_cell SET question = 'gone' WHERE question = 'severity'""",
    "has a cell to decide": "DELETE FROM case_cell",
    "a decided case has": "UPDATE adjudication_case SET state = 'decided'",
    "quarantine": "UPDATE item SET quarantined_at = created_at",
    "the content hash": "UPDATE item SET content_hash = 'other'",
    "labels are what the answers say": """
        UPDATE label SET value = 'very_strong' WHERE question = 'severity'""",
}


def test_each_kind_of_damage_is_found(world: World) -> None:
    for rule, sql in DAMAGE.items():
        with world.database.write() as session:
            session.execute(sa.text(sql))
            found = invariants.check(session)
            session.rollback()
        assert any(rule in violation.rule for violation in found), rule
    assert broken(world) == []


def test_a_label_that_went_missing_is_found(world: World) -> None:
    with world.database.write() as session:
        session.execute(sa.text("DELETE FROM label WHERE category = 'sexist'"))
    with world.database.read() as session:
        found = {one.rule: one for one in invariants.check(session)}
    missing = found["labels are what the answers say"]
    assert missing.count == 3, "two submissions and one edit"
    assert str(missing).startswith("labels are what the answers say (3: ")


def test_a_job_without_a_worker_is_found(world: World) -> None:
    with world.database.write() as session:
        session.execute(
            sa.text(
                "INSERT INTO job (id, kind, parameters, state, checkpoint, progress_done, message,"
                " attempts, fence, created_by, created_at) SELECT :id, 'k', '{}', 'running', '{}',"
                " 0, '', 0, 0, id, created_at FROM user_account LIMIT 1"
            ),
            {"id": new_id()},
        )
    assert broken(world) == ["a running job is held by a worker for a time"]
