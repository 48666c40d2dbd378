"""Claim, submit, edit, give back: on both databases."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from annotate.db import new_id
from annotate.models import (
    AdjudicationCase,
    Annotation,
    Assignment,
    AuditEvent,
    CaseCell,
    Item,
    Label,
    OptOut,
    OutboxMessage,
    Task,
)
from annotate.services import labeling
from annotate.services.errors import BadInput, Conflict, LeaseLost, NotFound
from tasks.label_validation import LabelsRefused
from tests.support.builders import BENIGN, Standard, World, abusive
from tests.support.labelling import claim, held, pass_time, submit

pytestmark = pytest.mark.db


@pytest.fixture
def std(world: World) -> Standard:
    return world.standard()


def scalar(world: World, query: Any) -> Any:
    with world.database.read() as session:
        return session.execute(query).scalar()


def test_claim_hands_out_one_place_and_the_same_again(world: World, std: Standard) -> None:
    first = held(world, std, "ann-1")
    assert held(world, std, "ann-1") == first
    assert first.item["body"]["messages"][1]["content"] == "Water the plants, number 0."
    assert scalar(world, sa.select(Task.open_slots).where(Task.ord == 0)) == 2


def test_submit_stores_every_cell_with_audit_and_outbox(world: World, std: Standard) -> None:
    place = held(world, std, "ann-1")
    receipt = submit(world, std, "ann-1", place, abusive())
    assert (receipt.revision, receipt.replayed) == (1, False)
    with world.database.read() as session:
        cells = {
            (label.question, label.category): (label.value, label.state)
            for label in session.scalars(sa.select(Label))
        }
        kinds = Counter(session.scalars(sa.select(AuditEvent.kind)))
        topics = session.scalars(sa.select(OutboxMessage.topic)).all()
        stored = session.scalars(sa.select(Label)).first()
        annotation = session.scalars(sa.select(Annotation)).one()
    assert cells["severity", ""] == ("mild", "answered")
    assert cells["types", "sexist"] == ("1", "answered")
    assert cells["types", "racist"] == ("0", "answered")
    assert kinds["assignment.leased"] == kinds["annotation.submitted"] == 1
    assert topics == ["annotation.submitted"]
    assert stored is not None
    assert stored.fingerprint == annotation.fingerprint == place.fingerprint
    assert stored.channel == "api"
    assert stored.origin == "human"
    assert len(stored.meaning_hash) == 16


def test_a_closed_question_is_refused_by_name_and_nothing_is_stored(
    world: World, std: Standard
) -> None:
    place = held(world, std, "ann-1")
    answers = {"severity": {"value": "not_abusive"}, "target": {"value": "system"}}
    with pytest.raises(LabelsRefused) as refused:
        submit(world, std, "ann-1", place, answers)
    problem = refused.value.problems[0]
    assert problem.question == "target"
    assert problem.code == "closed_by_condition"
    assert problem.condition
    assert scalar(world, sa.select(sa.func.count(Annotation.id))) == 0
    assert held(world, std, "ann-1") == place


def test_the_same_key_twice_is_stored_once(world: World, std: Standard) -> None:
    place = held(world, std, "ann-1")
    key = new_id()
    assert submit(world, std, "ann-1", place, BENIGN, key).replayed is False
    assert submit(world, std, "ann-1", place, BENIGN, key).replayed is True
    with pytest.raises(BadInput):
        submit(world, std, "ann-1", place, abusive(), key)
    with pytest.raises(Conflict):
        submit(world, std, "ann-1", place, BENIGN, new_id())
    assert scalar(world, sa.select(sa.func.count(Annotation.id))) == 1


def test_a_key_of_another_submission_is_refused(world: World, std: Standard) -> None:
    key = new_id()
    submit(world, std, "ann-1", held(world, std, "ann-1"), BENIGN, key)
    with pytest.raises(BadInput):
        submit(world, std, "ann-1", held(world, std, "ann-1"), BENIGN, key)


def test_nobody_gets_an_item_twice_and_all_get_every_item(world: World, std: Standard) -> None:
    for login in std.annotators:
        seen = []
        for _ in std.item_ids:
            place = held(world, std, login)
            seen.append(place.item["id"])
            submit(world, std, login, place)
        assert sorted(seen) == sorted(std.item_ids)
        assert claim(world, std, login) == labeling.Claim(None, "exhausted")
    assert scalar(world, sa.select(sa.func.sum(Task.open_slots))) == 0


def test_places_that_others_hold_are_worth_waiting_for(world: World) -> None:
    std = world.standard(items=1, overlap=1)
    held(world, std, "ann-1")
    answer = claim(world, std, "ann-2")
    assert (answer.place, answer.reason) == (None, "all_leased")
    assert answer.retry_after == labeling.RETRY_AFTER


def test_another_persons_assignment_is_not_there(world: World, std: Standard) -> None:
    place = held(world, std, "ann-1")
    with pytest.raises(NotFound):
        submit(world, std, "ann-2", place)


def test_a_skipped_item_does_not_come_back(world: World, std: Standard) -> None:
    place = held(world, std, "ann-1")
    with world.database.write() as session:
        labeling.skip(session, world.actor("ann-1"), std.scope, place.id, place.fence)
    assert held(world, std, "ann-1").item["id"] != place.item["id"]
    assert held(world, std, "ann-2").item["id"] == place.item["id"]
    with pytest.raises(LeaseLost):
        submit(world, std, "ann-1", place)


LEASE = 1800


def test_an_expired_lease_goes_to_another_and_back(world: World) -> None:
    std = world.standard(items=1, overlap=1)
    first = held(world, std, "ann-1")
    pass_time(world, seconds=LEASE + 1)
    second = held(world, std, "ann-2")
    assert second.item["id"] == first.item["id"]
    with pytest.raises(LeaseLost):
        submit(world, std, "ann-1", first)
    pass_time(world, seconds=LEASE + 1)
    again = held(world, std, "ann-1")
    assert again.id == first.id
    assert again.fence > first.fence
    submit(world, std, "ann-1", again)


def test_a_late_submission_counts_while_nobody_else_has_the_place(world: World) -> None:
    std = world.standard(items=1, overlap=1)
    place = held(world, std, "ann-1")
    pass_time(world, hours=3)
    assert submit(world, std, "ann-1", place).revision == 1


def test_a_heartbeat_keeps_the_place(world: World) -> None:
    std = world.standard(items=1, overlap=1)
    place = held(world, std, "ann-1")
    pass_time(world, seconds=LEASE - 30)
    with world.database.write() as session:
        labeling.heartbeat(session, world.actor("ann-1"), std.scope, place.id, place.fence)
    pass_time(world, seconds=LEASE - 30)
    assert claim(world, std, "ann-2").reason == "all_leased"


def released_traces(world: World, assignment_id: str) -> tuple[Any, ...]:
    with world.database.read() as session:
        row = session.get_one(Assignment, assignment_id)
        audit = session.execute(
            sa.select(AuditEvent.kind, AuditEvent.channel, AuditEvent.body, AuditEvent.actor_id)
            .where(AuditEvent.object_id == assignment_id)
            .order_by(AuditEvent.id)
        ).all()
        return (row.state, row.fence, row.expires_at == row.closed_at, *map(tuple, audit[1:]))


def test_an_opt_out_leaves_the_same_traces_as_an_expiry(world: World) -> None:
    std = world.standard(items=2, overlap=1)
    left = held(world, std, "ann-1")
    with world.database.write() as session:
        labeling.opt_out(session, world.actor("ann-1"), std.scope, left.id, left.fence)
    expired = held(world, std, "ann-2")
    pass_time(world, seconds=LEASE + 1)
    held(world, std, "ann-3")
    assert released_traces(world, left.id) == released_traces(world, expired.id)
    assert scalar(world, sa.select(sa.func.count(OptOut.id))) == 1


def test_who_opted_out_is_not_asked_again_but_others_are(world: World) -> None:
    std = world.standard(items=1, overlap=1)
    place = held(world, std, "ann-1")
    with world.database.write() as session:
        labeling.opt_out(session, world.actor("ann-1"), std.scope, place.id, place.fence)
    assert claim(world, std, "ann-1").place is None
    with pytest.raises(LeaseLost):
        submit(world, std, "ann-1", place)
    assert claim(world, std, "ann-2").reason == "all_leased"  # as with any lease that runs out
    pass_time(world, seconds=LEASE + 1)
    assert claim(world, std, "ann-1").place is None
    assert held(world, std, "ann-2").item["id"] == place.item["id"]


def test_a_report_stops_the_item_for_everybody(world: World, std: Standard) -> None:
    mine = held(world, std, "ann-1")
    theirs = held(world, std, "ann-2")
    assert mine.item["id"] == theirs.item["id"]
    with world.database.write() as session:
        labeling.report(session, world.actor("ann-1"), std.scope, mine.id, mine.fence, kind="other")
    with pytest.raises(LeaseLost):
        submit(world, std, "ann-2", theirs)
    for login in std.annotators:
        assert held(world, std, login).item["id"] != mine.item["id"]
    assert scalar(world, sa.select(Item.quarantined_at).where(Item.id == mine.item["id"]))
    with pytest.raises(NotFound), world.database.read() as session:
        labeling.own_assignment(session, world.actor("ann-1"), std.scope, mine.id)


def test_an_edit_is_a_new_revision_and_the_old_one_stays(world: World, std: Standard) -> None:
    place = held(world, std, "ann-1")
    submit(world, std, "ann-1", place)
    actor = world.actor("ann-1")
    with world.database.read() as session:
        prepared = labeling.prepare(
            session, actor, std.scope, place.id, annotation_id=new_id(), answers=abusive()
        )
    with world.database.write() as session:
        receipt = labeling.revise(session, actor, std.scope, place.id, 1, prepared)
    assert receipt.revision == 2
    with world.database.write() as session:
        assert labeling.revise(session, actor, std.scope, place.id, 1, prepared).replayed
    with world.database.read() as session:
        own = labeling.own_assignment(session, actor, std.scope, place.id)
        listed = labeling.mine(session, actor, std.scope, std.round_id)
    assert own.revision == 2
    assert own.answers == abusive()
    assert listed[0].revision == 2
    assert scalar(world, sa.select(sa.func.count(Annotation.id))) == 2
    stale = replace(prepared, annotation_id=new_id())
    with pytest.raises(Conflict), world.database.write() as session:
        labeling.revise(session, actor, std.scope, place.id, 1, stale)


def test_a_full_item_with_different_labels_opens_one_case(world: World) -> None:
    std = world.standard(items=1)
    answers = [BENIGN, BENIGN, abusive("strong", ("racist",))]
    for login, given in zip(std.annotators, answers, strict=True):
        assert scalar(world, sa.select(sa.func.count(AdjudicationCase.id))) == 0
        submit(world, std, login, held(world, std, login), given)
    with world.database.read() as session:
        case = session.scalars(sa.select(AdjudicationCase)).one()
        cells = {(cell.question, cell.category) for cell in session.scalars(sa.select(CaseCell))}
    assert case.state == "open"
    assert ("severity", "") in cells


def test_agreement_opens_no_case_and_an_edit_withdraws_one(world: World) -> None:
    std = world.standard(items=1)
    places = {login: held(world, std, login) for login in std.annotators}
    for login, given in zip(std.annotators, [BENIGN, BENIGN, abusive()], strict=True):
        submit(world, std, login, places[login], given)
    actor = world.actor("ann-3")
    with world.database.read() as session:
        prepared = labeling.prepare(
            session,
            actor,
            std.scope,
            places["ann-3"].id,
            annotation_id=new_id(),
            answers=BENIGN,
        )
    with world.database.write() as session:
        labeling.revise(session, actor, std.scope, places["ann-3"].id, 1, prepared)
    assert scalar(world, sa.select(AdjudicationCase.state)) == "withdrawn"
    assert scalar(world, sa.select(sa.func.count()).select_from(CaseCell)) == 0


def test_an_explicit_allocation_is_kept(world: World) -> None:
    std = world.standard(items=3)
    people = [world.users[login] for login in std.annotators]
    plan = {std.item_ids[0]: [people[0]], std.item_ids[1]: people[:2], std.item_ids[2]: [people[2]]}
    round_id = world.round(std.project_id, std.version_id, list(std.item_ids), allocation=plan)
    kept = replace(std, round_id=round_id)
    got = {}
    for login in std.annotators:
        got[login] = []
        while (answer := claim(world, kept, login)).place is not None:
            got[login].append(answer.place.item["id"])
            submit(world, kept, login, answer.place)
        assert answer.reason == "exhausted"
    assert got == {
        "ann-1": [std.item_ids[0], std.item_ids[1]],
        "ann-2": [std.item_ids[1]],
        "ann-3": [std.item_ids[2]],
    }


def test_racing_claims_and_retried_submits_leave_the_counters_right(world: World) -> None:
    std = world.standard(items=12, overlap=2, annotators=4)
    errors: list[BaseException] = []

    def work(login: str) -> None:
        try:
            while (place := claim(world, std, login).place) is not None:
                key = new_id()
                for _ in range(2):
                    submit(world, std, login, place, BENIGN, key)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            errors.append(error)

    threads = [threading.Thread(target=work, args=(login,)) for login in std.annotators]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert scalar(world, sa.select(sa.func.count(Annotation.id))) == 24
    assert scalar(world, sa.select(sa.func.sum(Task.open_slots))) == 0
    doubles = sa.select(Assignment.task_id, Assignment.annotator_id).group_by(
        Assignment.task_id, Assignment.annotator_id
    )
    assert scalar(world, sa.select(sa.func.count()).select_from(doubles.subquery())) == 24
