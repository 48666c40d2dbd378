"""Places fetched ahead: ordinary leases that the page names, gives back, and looks after."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from annotate.models import Assignment, AuditEvent, Item, Task
from annotate.services import invariants, labeling
from tests.support.builders import BENIGN, Standard, World

if TYPE_CHECKING:
    from collections.abc import Collection


pytestmark = pytest.mark.db


@pytest.fixture
def std(world: World) -> Standard:
    return world.standard(items=9)


def claim(world: World, std: Standard, have: Collection[str] = ()) -> labeling.Claim:
    with world.database.write() as session:
        return labeling.claim(session, world.actor("ann-1"), std.scope, std.round_id, have=have)


def ahead(
    world: World, std: Standard, count: int, have: Collection[str] = ()
) -> tuple[labeling.Place, ...]:
    actor = world.actor("ann-1")
    with world.database.write() as session:
        return labeling.claim_ahead(session, actor, std.scope, std.round_id, count, have=have)


def give_back(world: World, std: Standard, places: dict[str, int], login: str = "ann-1") -> int:
    with world.database.write() as session:
        return labeling.give_back(session, world.actor(login), std.scope, std.round_id, places)


def seen(world: World, ids: Collection[str], login: str = "ann-1") -> dict[str, str]:
    with world.database.read() as session:
        return {row.id: row.state for row in labeling.standing(session, world.actor(login), ids)}


def rows(world: World, query: Any) -> list[Any]:
    with world.database.read() as session:
        return list(session.execute(query).all())


def name_of(place: labeling.Place) -> str:
    return str(place.item["external_id"])


def test_places_ahead_are_other_places_and_leased(world: World, std: Standard) -> None:
    first = claim(world, std).place
    assert first is not None
    later = ahead(world, std, 2, [first.id])
    assert [name_of(place) for place in later] == ["item-0001", "item-0002"]
    in_hand = [first.id, *(place.id for place in later)]
    following = claim(world, std, in_hand).place
    assert following is not None
    assert name_of(following) == "item-0003"
    # A page that was loaded anew has nothing in its hands: it gets what it held, oldest first.
    again = claim(world, std).place
    assert again == first
    assert [place.id for place in ahead(world, std, 2, [first.id])] == in_hand[1:]
    assert sum(row.open_slots for row in rows(world, sa.select(Task.open_slots))) == 9 * 3 - 4


def test_one_person_holds_a_few_places_at_most(world: World, std: Standard) -> None:
    have: list[str] = []
    while (place := claim(world, std, have).place) is not None:
        have.append(place.id)
    assert len(have) == labeling.MOST_HELD
    refused = claim(world, std, have)
    assert refused.reason == "send_first"
    assert ahead(world, std, 2, have) == ()


def test_what_was_never_shown_goes_back_once_and_under_its_fence(
    world: World, std: Standard
) -> None:
    first = claim(world, std).place
    assert first is not None
    one, two = ahead(world, std, 2, [first.id])
    assert give_back(world, std, {one.id: one.fence, two.id: two.fence + 1}) == 1
    assert give_back(world, std, {one.id: one.fence}) == 0
    assert give_back(world, std, {two.id: two.fence}, "ann-2") == 0
    states = {row.id: row.state for row in rows(world, sa.select(Assignment.id, Assignment.state))}
    assert states == {first.id: "leased", one.id: "released", two.id: "leased"}
    kinds = Counter(row.kind for row in rows(world, sa.select(AuditEvent.kind)))
    assert kinds["assignment.released"] == 1
    # It is like an expiry: the same person may get it again.
    have = [first.id, two.id]
    names: list[str] = []
    while (place := claim(world, std, have).place) is not None and len(names) < 3:
        names.append(name_of(place))
        have.append(place.id)
    assert names == ["item-0003", "item-0004", "item-0005"]
    with world.database.read() as session:
        assert invariants.check(session) == []


def test_state_names_what_is_still_there(world: World, std: Standard) -> None:
    first = claim(world, std).place
    assert first is not None
    one, two = ahead(world, std, 2, [first.id])
    ids = [first.id, one.id, two.id]
    assert seen(world, ids) == dict.fromkeys(ids, "leased")
    assert seen(world, ids, "ann-2") == {}
    actor = world.actor("ann-1")
    with world.database.read() as session:
        prepared = labeling.prepare(
            session, actor, std.scope, first.id, annotation_id=first.id, answers=BENIGN
        )
    with world.database.write() as session:
        labeling.submit(session, actor, std.scope, first.id, first.fence, prepared)
        quarantined = sa.update(Item).where(Item.external_id == name_of(one))
        session.execute(quarantined.values(quarantined_at=world.now()))
        lost = sa.update(Assignment).where(Assignment.id == two.id)
        session.execute(lost.values(state="released"))
    assert seen(world, ids) == {first.id: "submitted"}


def test_a_place_that_ran_out_is_not_handed_out_as_held(world: World, std: Standard) -> None:
    first = claim(world, std).place
    assert first is not None
    with world.database.write() as session:
        past = world.now() - timedelta(seconds=1)
        session.execute(sa.update(Assignment).values(expires_at=past))
    again = claim(world, std).place
    assert again is not None
    assert (again.id, name_of(again)) != (first.id, "item-0001")
