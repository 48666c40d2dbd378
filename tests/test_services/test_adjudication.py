"""Cases: who may take them, own answer first, decisions that are superseded and never edited."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from annotate.db import new_id
from annotate.models import AdjudicationCase, AuditEvent, Decision, Item, Project
from annotate.services import adjudication, case_reading, labeling, workbench
from annotate.services.adjudication import Ruling
from annotate.services.case_reading import CaseFilter
from annotate.services.errors import BadInput, Conflict, LeaseLost, NotAllowed, NotFound
from annotate.services.text import canonical_json
from tests.support.builders import BENIGN, Standard, World
from tests.support.labelling import disputed
from tests.support.ruling import answer, decide, own_answers, rulings, seen, take

pytestmark = pytest.mark.db


@pytest.fixture
def std(world: World) -> Standard:
    """Two items that everybody labelled: one disputed, one not."""
    return disputed(world)


def test_one_adjudicator_at_a_time(world: World, std: Standard) -> None:
    held = take(world, std)
    assert take(world, std).case_id == held.case_id
    with world.database.write() as session:
        assert adjudication.take_next(session, world.actor("second"), std.scope) is None
    with pytest.raises(Conflict), world.database.write() as session:
        adjudication.take(session, world.actor("second"), std.scope, held.case_id)
    with world.database.write() as session:
        adjudication.give_back(session, world.actor("adjudicator"), std.scope, held.case_id)
    assert take(world, std, "second").case_id == held.case_id
    with pytest.raises(LeaseLost):
        answer(world, std, held.case_id)


def test_labels_are_sealed_until_the_own_answer(world: World, std: Standard) -> None:
    held = take(world, std)
    sealed = seen(world, std, held.case_id, "adjudicator")
    assert sealed.votes is None
    assert sealed.own is None
    assert seen(world, std, held.case_id, "designer").votes is not None
    with pytest.raises(Conflict):
        decide(world, std, held, rulings(world, std, held.case_id))
    answer(world, std, held.case_id)
    opened = seen(world, std, held.case_id, "adjudicator")
    assert opened.votes is not None
    assert {vote.who for vote in opened.votes} == {"a", "b", "c"}
    with pytest.raises(Conflict):
        answer(world, std, held.case_id)


def test_the_blind_step_asks_whole_questions_whichever_part_is_at_issue(
    world: World, std: Standard
) -> None:
    held = take(world, std)
    at_issue = {(one.question, one.category) for one in rulings(world, std, held.case_id)}
    asked = seen(world, std, held.case_id, "adjudicator").cells
    every = {one.category for one in asked if one.question == "types"}
    assert len(every) == 7
    assert len({category for question, category in at_issue if question == "types"}) == 1
    assert {(one.reason, one.gap, one.decision_id) for one in asked} == {("", None, None)}
    answer(world, std, held.case_id)
    opened = seen(world, std, held.case_id, "adjudicator")
    assert {(one.question, one.category) for one in opened.cells} == at_issue
    assert opened.own is not None
    assert {key for key in opened.own if "/" in key} == {f"types/{one}" for one in every}
    assert opened.decisions == (), "nothing is decided by the own answer"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"values": ["sexist"]}, {"sexist": {"value": "1"}, "racist": {"value": "0"}}),
        ({"values": []}, {"sexist": {"value": "0"}, "racist": {"value": "0"}}),
        ({"state": "unsure"}, {"sexist": {"state": "unsure"}, "racist": {"state": "unsure"}}),
        ({"value": "not_asked"}, {"sexist": {"state": "not_asked"}}),
    ],
)
def test_a_multiple_choice_is_answered_whole(
    world: World, std: Standard, given: dict[str, Any], kept: dict[str, Any]
) -> None:
    held = take(world, std)
    answers = own_answers(world, std, held.case_id)
    answers = {key: value for key, value in answers.items() if not key.startswith("types/")}
    judge = world.actor("adjudicator")
    wrong = {**answers, "types": {"values": ["sexist", "the moon"]}}
    with pytest.raises(BadInput) as refused, world.database.write() as session:
        adjudication.answer(session, judge, std.scope, held.case_id, wrong)
    assert [problem["place"] for problem in refused.value.problems] == ["types"]
    with world.database.write() as session:
        whole = {**answers, "types": given}
        adjudication.answer(session, judge, std.scope, held.case_id, whole)
    own = seen(world, std, held.case_id, "adjudicator").own
    assert own is not None
    assert {name: own[f"types/{name}"] for name in kept} == kept


def test_the_list_says_nothing_of_a_case_before_the_own_answer(world: World, std: Standard) -> None:
    def listed(login: str, chosen: CaseFilter) -> tuple[case_reading.CaseLine, ...]:
        with world.database.read() as session:
            return case_reading.listed(session, world.actor(login), std.scope, chosen)

    telling = [
        CaseFilter(category="sexist"),
        CaseFilter(least_gap=0),
        CaseFilter(reason="disagree"),
        CaseFilter(question="severity", least_gap=3),
    ]
    held = take(world, std)
    assert all(listed("designer", one) for one in telling)
    assert not any(listed("adjudicator", one) for one in telling)
    [line] = listed("adjudicator", CaseFilter(question="severity"))
    assert line.sealed
    assert (line.cells, line.decided, line.largest_gap) == (None, None, None)
    answer(world, std, held.case_id)
    assert all(listed("adjudicator", one) for one in telling)
    assert not any(listed("second", one) for one in telling)
    assert listed("adjudicator", CaseFilter())[0].largest_gap == 3
    with world.database.read() as session:
        known = case_reading.cells_at_issue(session, world.actor("second"), std.scope)
        all_known = case_reading.cells_at_issue(session, world.actor("designer"), std.scope)
    assert {category for _, category in known} == {""}
    assert ("types", "sexist") in all_known


def test_an_incomplete_own_answer_names_every_cell(world: World, std: Standard) -> None:
    held = take(world, std)
    answers = own_answers(world, std, held.case_id)
    answers.pop("severity")
    answers["target"] = {"value": "the moon"}
    with pytest.raises(BadInput) as refused, world.database.write() as session:
        adjudication.answer(session, world.actor("adjudicator"), std.scope, held.case_id, answers)
    assert {problem["place"] for problem in refused.value.problems} == {"severity", "target"}


def test_a_decision_per_cell_closes_the_case(world: World, std: Standard) -> None:
    held = take(world, std)
    answer(world, std, held.case_id)
    made = rulings(world, std, held.case_id)
    decide(world, std, held, made[:1])
    assert seen(world, std, held.case_id, "designer").state == "open"
    decide(world, std, held, made[1:])
    closed = seen(world, std, held.case_id, "designer")
    assert closed.state == "decided"
    assert len(closed.decisions) == len(made)
    assert all(cell.decision_id for cell in closed.cells)
    with world.database.read() as session:
        kinds = session.scalars(sa.select(AuditEvent.kind)).all()
    assert kinds.count("case.decided") == len(made)


def test_a_later_decision_supersedes_and_a_revocation_opens_again(
    world: World, std: Standard
) -> None:
    held = take(world, std)
    answer(world, std, held.case_id)
    made = rulings(world, std, held.case_id)
    decide(world, std, held, made)
    with world.database.write() as session:
        again = adjudication.take(session, world.actor("adjudicator"), std.scope, held.case_id)
    severity = next(one for one in made if one.question == "severity")
    decide(world, std, again, [replace(severity, value="strong")])
    with world.database.write() as session:
        adjudication.revoke(
            session,
            world.actor("adjudicator"),
            std.scope,
            held.case_id,
            question="severity",
            category="",
            rationale="The clause was read wrongly.",
        )
    with world.database.read() as session:
        chain = session.scalars(
            sa.select(Decision).where(Decision.question == "severity").order_by(Decision.id)
        ).all()
        state = session.scalar(
            sa.select(AdjudicationCase.state).where(AdjudicationCase.id == held.case_id)
        )
    assert [one.kind for one in chain] == ["decide", "decide", "revoke"]
    assert [one.value for one in chain] == ["mild", "strong", None]
    assert [one.supersedes_id for one in chain] == [None, chain[0].id, chain[1].id]
    assert state == "open"


def test_bad_rulings_are_all_named_and_nothing_is_kept(world: World, std: Standard) -> None:
    held = take(world, std)
    answer(world, std, held.case_id)
    bad = [
        Ruling("severity", "", "enormous", "genuine_pluralism", "x"),
        Ruling("target", "", "system", "no_such_cause", "x"),
        Ruling("types", "racist", "1", "rater_error", "x"),
    ]
    with pytest.raises(BadInput) as refused:
        decide(world, std, held, bad)
    places = {problem["place"] for problem in refused.value.problems}
    assert {"severity", "target", "types/racist"} <= places
    with world.database.read() as session:
        assert session.scalar(sa.select(sa.func.count(Decision.id))) == 0


def test_an_annotator_of_the_item_does_not_decide_unless_the_project_says_so(
    world: World, std: Standard
) -> None:
    world.grant("ann-1", "adjudicator", std.project_id)
    with world.database.read() as session:
        designer = world.actor("designer")
        case_id = case_reading.listed(session, designer, std.scope, CaseFilter())[0].id
    with world.database.write() as session:
        assert adjudication.take_next(session, world.actor("ann-1"), std.scope) is None
    with pytest.raises(NotAllowed), world.database.write() as session:
        adjudication.take(session, world.actor("ann-1"), std.scope, case_id)
    with world.database.write() as session:
        project = session.get_one(Project, std.project_id)
        project.settings = canonical_json({"adjudicator_may_be_annotator": True})
    with world.database.write() as session:
        held = adjudication.take(session, world.actor("ann-1"), std.scope, case_id)
    answers = own_answers(world, std, case_id)
    with world.database.write() as session:
        adjudication.answer(session, world.actor("ann-1"), std.scope, case_id, answers)
    made = rulings(world, std, case_id)
    with world.database.write() as session:
        adjudication.decide(session, world.actor("ann-1"), std.scope, case_id, held.fence, made)
    assert all(one.adjudicator_annotated for one in seen(world, std, case_id, "designer").decisions)


def test_a_decided_item_can_no_longer_be_edited(world: World, std: Standard) -> None:
    held = take(world, std)
    answer(world, std, held.case_id)
    decide(world, std, held, rulings(world, std, held.case_id)[:1])
    actor = world.actor("ann-3")
    with world.database.read() as session:
        done = labeling.mine(session, actor, std.scope, std.round_id)
        item_id = seen(world, std, held.case_id, "designer").item["id"]
        assignment_id = next(
            one.assignment_id
            for one in done
            if labeling.own_assignment(session, actor, std.scope, one.assignment_id).item["id"]
            == item_id
        )
        prepared = labeling.prepare(
            session, actor, std.scope, assignment_id, annotation_id=new_id(), answers=BENIGN
        )
    with pytest.raises(Conflict), world.database.write() as session:
        labeling.revise(session, actor, std.scope, assignment_id, 1, prepared)
    with world.database.read() as session:
        own = workbench.submissions(session, actor, std.scope)
        listed = labeling.mine(session, actor, std.scope, std.round_id)
    assert {one.assignment_id: one.editable for one in listed} == {
        one.assignment_id: one.editable for one in own
    }
    offered = {one.assignment_id: (one.editable, one.decided) for one in own}
    assert offered.pop(assignment_id) == (False, True)
    assert list(offered.values()) == [(True, False)]


def test_filters_and_quarantine(world: World, std: Standard) -> None:
    def listed(chosen: CaseFilter) -> int:
        with world.database.read() as session:
            return len(case_reading.listed(session, world.actor("designer"), std.scope, chosen))

    assert listed(CaseFilter()) == 1
    assert listed(CaseFilter(question="severity", least_gap=3)) == 1
    assert listed(CaseFilter(question="severity", least_gap=4)) == 0
    assert listed(CaseFilter(question="types", category="racist")) == 0
    assert listed(CaseFilter(state="decided")) == 0
    with world.database.write() as session:
        case = session.scalars(sa.select(AdjudicationCase)).one()
        session.get_one(Item, case.item_id).quarantined_at = case.opened_at
        case_id = case.id
    assert listed(CaseFilter()) == 0
    with pytest.raises(NotFound):
        seen(world, std, case_id, "adjudicator")
