"""Practice, feedback, own keys and changed rules: what a person has beside the labels."""

from __future__ import annotations

import json
from typing import Any

import pytest
import sqlalchemy as sa

from annotate.db import new_id
from annotate.models import (
    Annotation,
    Assignment,
    Label,
    PracticeAnswer,
    PracticeItem,
)
from annotate.services import (
    feedback,
    key_bindings,
    practice,
    practice_sets,
    progress,
    rounds,
    rule_changes,
)
from annotate.services.errors import BadInput, NotFound
from annotate.services.rounds import RoundDesign
from tests.support.builders import BENIGN, Standard, World, abusive
from tests.support.labelling import disputed
from tests.support.ruling import answer, decide, rulings, take

pytestmark = pytest.mark.db
ANN = "ann-1"


@pytest.fixture
def std(world: World) -> Standard:
    """Two items that everybody labelled; the first is disputed and decided as mild abuse."""
    std = disputed(world, severity="mild")
    held = take(world, std)
    answer(world, std, held.case_id)
    decide(world, std, held, rulings(world, std, held.case_id))
    return std


def line(external_id: str, answers: dict[str, Any], **why: dict[str, str]) -> str:
    return json.dumps({"id": external_id, "answers": answers, "why": why})


def add(world: World, std: Standard, text: str) -> int:
    with world.database.write() as session:
        actor = world.actor("owner")
        return practice_sets.add_file(session, actor, std.scope, std.version_id, text)


def count(world: World, model: Any) -> int:
    with world.database.read() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(model)) or 0


def given(world: World, std: Standard, after: str | None = None) -> practice.PracticePlace | None:
    with world.database.read() as session:
        actor = world.actor(ANN)
        return practice.next_item(session, actor, std.scope, std.version_id, after=after)


def tried(
    world: World, std: Standard, practice_id: str, answers: dict[str, Any]
) -> dict[tuple[str, str], practice.Compared]:
    with world.database.write() as session:
        outcome = practice.answer(
            session,
            world.actor(ANN),
            std.scope,
            practice_id,
            answer_id=new_id(),
            answers=answers,
        )
    return {(one.question, one.category): one for one in outcome.questions}


def test_a_try_is_compared_and_explained_and_makes_no_label(world: World, std: Standard) -> None:
    why = {"clause": "SE-I1", "text": "The remark is about all women."}
    text = line("item-0000", abusive("mild", ("sexist",)), types=why) + "\n"
    assert add(world, std, text + line("item-0001", BENIGN)) == 2
    before = [count(world, model) for model in (Assignment, Annotation, Label)]
    first = given(world, std)
    assert first is not None
    assert first.item["external_id"] == "item-0000"

    found = tried(world, std, first.id, abusive("strong", ("sexist",)))
    assert found["severity", ""].right is False
    assert found["types", ""].right is True
    assert found["types", ""].clause == "SE-I1"
    assert found["types", ""].explanation == "The remark is about all women."
    assert found["types", ""].clause_text
    assert [count(world, model) for model in (Assignment, Annotation, Label)] == before
    assert count(world, PracticeAnswer) == 1

    second = given(world, std)
    assert second is not None
    assert tried(world, std, second.id, BENIGN)["severity", ""].right is True
    assert given(world, std) is None
    again = given(world, std, after="")
    assert again is not None
    assert again.id == first.id
    with world.database.read() as session:
        [own] = practice.sets(session, world.actor(ANN), std.scope)
    assert (own.items, own.done) == (2, 2)


def test_decided_cases_give_the_cells_that_were_ruled_on(world: World, std: Standard) -> None:
    with world.database.write() as session:
        taken = practice_sets.add_decided(session, world.actor("owner"), std.scope, std.version_id)
    assert taken == 1
    place = given(world, std)
    assert place is not None
    found = tried(world, std, place.id, BENIGN)
    assert found["severity", ""].right is False
    assert found["severity", ""].explanation


def test_an_item_that_waits_is_refused_and_a_practised_one_joins_no_round(
    world: World, std: Standard
) -> None:
    free = world.items(std.project_id, 2, prefix="free")
    world.round(std.project_id, std.version_id, free[:1])
    with pytest.raises(BadInput, match="still waits"):
        add(world, std, line("free-0000", BENIGN))
    assert count(world, PracticeItem) == 0
    assert add(world, std, line("free-0001", BENIGN)) == 1
    design = RoundDesign(std.version_id, "Next", overlap=1)
    with world.database.write() as session:
        assert progress.unplanned(session, std.scope) == 0
        actor = world.actor("owner")
        planned = rounds.plan(session, actor, std.scope, design)
    assert "free-0001" not in {task.item_id for task in planned.tasks}
    assert "free-0000" in {task.item_id for task in planned.tasks}


BROKEN = (
    ("", "1 to 500 lines"),
    ("{", "Line 1"),
    (line("nowhere", BENIGN), "no item"),
    (line("item-0000", {"severity": {"value": "purple"}}), "Line 1"),
    (line("item-0000", BENIGN, severity={"clause": "ZZ-9", "text": ""}), "no clause"),
    (line("item-0000", BENIGN, nothing={"clause": "", "text": ""}), "no such question"),
    (line("item-0000", BENIGN) + "\n[]", "Line 2"),
)


def test_a_file_goes_in_whole_or_not_at_all(world: World, std: Standard) -> None:
    for text, words in BROKEN:
        with pytest.raises(BadInput, match=words):
            add(world, std, text)
    assert count(world, PracticeItem) == 0


def test_a_removed_item_takes_its_tries_along(world: World, std: Standard) -> None:
    add(world, std, line("item-0001", BENIGN))
    place = given(world, std)
    assert place is not None
    tried(world, std, place.id, BENIGN)
    with world.database.write() as session:
        practice_sets.remove(session, world.actor("owner"), std.scope, place.id)
    assert count(world, PracticeAnswer) == 0
    with pytest.raises(NotFound), world.database.write() as session:
        practice_sets.remove(session, world.actor("owner"), std.scope, place.id)


# ------------------------------------------------------------------------------------- feedback


def heard(world: World, std: Standard, login: str) -> tuple[feedback.Overruled, ...]:
    with world.database.read() as session:
        return feedback.overruled(session, world.actor(login), std.scope)


def test_whoever_was_overruled_reads_the_ruling(world: World, std: Standard) -> None:
    first, _, third = std.annotators
    [severity] = [one for one in heard(world, std, first) if one.question == "severity"]
    assert (severity.own_value, severity.value) == ("not_abusive", "mild")
    assert severity.external_id == "item-0000"
    assert severity.rationale
    assert "severity" not in {one.question for one in heard(world, std, third)}
    with world.database.read() as session:
        led_to = feedback.changed(session, world.actor(third), std.scope)
    assert led_to.cases == 1
    assert led_to.rulings > 1
    assert led_to.releases == ()


def test_a_ruling_waits_while_a_place_on_its_item_waits(world: World, std: Standard) -> None:
    first = std.annotators[0]
    again = {std.item_ids[0]: [world.users[first]]}
    world.round(std.project_id, std.version_id, list(std.item_ids[:1]), allocation=again)
    assert heard(world, std, first) == ()
    assert heard(world, std, std.annotators[1]) != ()


def test_nobody_hears_of_other_peoples_items(world: World, std: Standard) -> None:
    world.grant("newcomer", "annotator", std.project_id, team="Internal")
    assert heard(world, std, "newcomer") == ()
    with world.database.read() as session:
        assert feedback.changed(session, world.actor("newcomer"), std.scope).rulings == 0


# ----------------------------------------------------------------------------------------- keys


def test_keys_are_kept_whole_and_restored(world: World) -> None:
    world.user("owner")
    actor = world.actor("owner")
    options = {"abuse/severity/mild": "m"}
    with world.database.write() as session:
        key_bindings.store(session, actor, {"unsure": "b", "report": "shift+r"}, options)
        key_bindings.store(session, actor, {"unsure": "shift+b"}, options)
        assert key_bindings.own(session, actor) == {
            "actions": {"unsure": "shift+b"},
            "options": options,
        }
        key_bindings.store(session, actor, {}, {})
        assert key_bindings.own(session, actor) == {"actions": {}, "options": {}}


REFUSED: tuple[tuple[dict[str, str], dict[str, str]], ...] = (
    ({"unsure": "1"}, {}),
    ({"unsure": "B"}, {}),
    ({"unsure": "b", "undo": "b"}, {}),
    ({"dance": "b"}, {}),
    ({}, {"abuse/severity/mild": "shift+m"}),
    ({}, {"mild": "m"}),
)


def test_keys_that_cannot_be_are_refused(world: World) -> None:
    world.user("owner")
    actor = world.actor("owner")
    for actions, options in REFUSED:
        with pytest.raises(BadInput), world.database.write() as session:
            key_bindings.store(session, actor, actions, options)


# -------------------------------------------------------------------------------- changed rules


def test_changes_are_pending_until_they_are_acknowledged(world: World, std: Standard) -> None:
    new = world.next_version(std.version_id, "label: Mild abuse", "label: Some abuse")
    actor = world.actor(std.annotators[0])
    with world.database.write() as session:
        assert rule_changes.pending(session, actor, std.scope, std.version_id) is None
        found = rule_changes.pending(session, actor, std.scope, new)
        assert found is not None
        assert any("severity" in change.path for change in found.changes)
        assert rule_changes.pending(session, world.actor("owner"), std.scope, new) is None
        rule_changes.acknowledge(session, actor, std.scope, new)
        rule_changes.acknowledge(session, actor, std.scope, new)
        assert rule_changes.pending(session, actor, std.scope, new) is None
