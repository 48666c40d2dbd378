"""Work that others hold is worth waiting for only where it could be one's own: both databases."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from annotate.models import Task
from annotate.services import labeling, wellbeing, workbench
from tests.support.budgeting import hint, set_policy
from tests.support.labelling import claim, held, pass_time, submit

if TYPE_CHECKING:
    from tests.support.builders import Standard, World

pytestmark = pytest.mark.db


def told(world: World, std: Standard, login: str) -> tuple[str | None, str]:
    """Return why there is no place, as the claim says it and as My work says it."""
    answer = claim(world, std, login)
    assert answer.place is None
    return answer.reason, on_my_work(world, std, login)


def on_my_work(world: World, std: Standard, login: str) -> str:
    with world.database.read() as session:
        rounds = workbench.rounds(session, world.actor(login), std.scope)
    return next((one.reason for one in rounds if one.id == std.round_id), "not there")


def test_what_somebody_did_is_not_waited_for(world: World) -> None:
    std = world.standard(items=1, overlap=2)
    submit(world, std, "ann-1", held(world, std, "ann-1"))
    held(world, std, "ann-2")
    assert told(world, std, "ann-1") == ("exhausted", "exhausted")
    assert told(world, std, "ann-3") == ("all_leased", "all_leased")


def test_what_somebody_skipped_is_not_waited_for(world: World) -> None:
    std = world.standard(items=1, overlap=1)
    place = held(world, std, "ann-1")
    with world.database.write() as session:
        labeling.skip(session, world.actor("ann-1"), std.scope, place.id, place.fence)
    held(world, std, "ann-2")
    assert told(world, std, "ann-1") == ("exhausted", "exhausted")
    assert told(world, std, "ann-3") == ("all_leased", "all_leased")


def test_what_is_for_another_team_is_not_waited_for(world: World) -> None:
    std = world.standard(items=1, overlap=1)
    world.grant("vendor", "annotator", std.project_id, team="Vendor")
    with world.database.write() as session:
        session.execute(sa.update(Task).values(team_id=world.team("Internal")))
    held(world, std, "ann-1")
    assert told(world, std, "vendor") == ("exhausted", "not there")
    assert told(world, std, "ann-2") == ("all_leased", "all_leased")


def test_what_is_kept_for_others_is_not_waited_for(world: World) -> None:
    std = world.standard(items=2)
    people = [world.users[login] for login in std.annotators]
    plan = {std.item_ids[0]: people[:1], std.item_ids[1]: people[1:2]}
    round_id = world.round(std.project_id, std.version_id, list(std.item_ids), allocation=plan)
    kept = replace(std, round_id=round_id)
    submit(world, kept, "ann-1", held(world, kept, "ann-1"))
    held(world, kept, "ann-2")
    assert told(world, kept, "ann-1") == ("exhausted", "exhausted")
    assert told(world, kept, "ann-3") == ("exhausted", "not there")


def test_a_place_kept_for_oneself_that_another_holds_is_waited_for(world: World) -> None:
    std = world.standard(items=1)
    mine, theirs = (world.users[login] for login in std.annotators[:2])
    plan = {std.item_ids[0]: [mine, theirs]}
    round_id = world.round(std.project_id, std.version_id, list(std.item_ids), allocation=plan)
    kept = replace(std, round_id=round_id)
    held(world, kept, "ann-2")
    with world.database.write() as session:  # the round asks for one answer less than was planned
        session.execute(sa.update(Task).where(Task.round_id == round_id).values(open_slots=0))
    assert told(world, kept, "ann-1") == ("all_leased", "all_leased")


def test_a_category_that_somebody_left_is_not_waited_for(world: World) -> None:
    std = world.standard(items=1, overlap=1)
    hint(world, std, [{"categories": ["sexist"], "severity": 2}])
    with world.database.write() as session:
        wellbeing.opt_out_of(session, world.actor("ann-1"), std.scope, "sexist", out=True)
    held(world, std, "ann-2")
    assert told(world, std, "ann-1") == ("exhausted", "not there")
    assert told(world, std, "ann-3") == ("all_leased", "all_leased")


def test_what_is_too_heavy_now_is_not_waited_for(world: World) -> None:
    std = world.standard(items=2, overlap=1)
    hint(world, std, [{"severity": 4}, {"severity": 0}])
    held(world, std, "ann-2")
    set_policy(world, std, {"per_shift": 1})
    submit(world, std, "ann-1", held(world, std, "ann-1"))
    answer = claim(world, std, "ann-1")
    assert (answer.reason, answer.enough) == ("enough", "shift")
    set_policy(world, std, {"per_shift": 100})
    assert claim(world, std, "ann-1").reason == "all_leased"


def test_an_item_that_one_left_does_not_wait_and_its_round_stays_on_my_work(world: World) -> None:
    std = world.standard(items=1, overlap=1)
    place = held(world, std, "ann-1")
    assert on_my_work(world, std, "ann-1") == ""
    with world.database.write() as session:
        labeling.opt_out(session, world.actor("ann-1"), std.scope, place.id, place.fence)
    assert told(world, std, "ann-1") == ("exhausted", "exhausted")
    assert told(world, std, "ann-2") == ("all_leased", "all_leased")


@pytest.mark.parametrize("how", ["opt out", "budget", "nothing"])
def test_others_are_told_the_same_whatever_keeps_somebody(world: World, how: str) -> None:
    std = world.standard(items=1, overlap=1)
    set_policy(world, std, {"per_shift": 100})
    place = held(world, std, "ann-1")
    actor = world.actor("ann-1")
    with world.database.write() as session:
        if how == "opt out":
            labeling.opt_out(session, actor, std.scope, place.id, place.fence)
        elif how == "budget":
            wellbeing.change_preference(session, actor, std.scope, {"per_shift": 1})
    assert told(world, std, "ann-2") == ("all_leased", "all_leased")
    pass_time(world, seconds=1801)
    assert held(world, std, "ann-2").item["id"] == place.item["id"]
