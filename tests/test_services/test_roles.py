"""Roles: who may give them, where they reach, and that one administrator stays."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from annotate.db import new_id
from annotate.services import people, roles
from annotate.services.errors import BadInput, Conflict, NotAllowed, NotFound
from annotate.services.roles import Wanted
from tests.support.databases import ON_SQLITE
from tests.test_services.people_support import administrator, audited, holder

if TYPE_CHECKING:
    from annotate.policy import Actor
    from tests.support.builders import World

pytestmark = pytest.mark.db


def test_only_administrators_of_the_whole_installation_change_people(
    world: World, admin: Actor
) -> None:
    project_id = world.project()
    world.user("ann")
    outsiders = [
        *(holder(world, role) for role in ("designer", "manager", "auditor", "ml_reader")),
        holder(world, "administrator", project_id),
    ]
    for outsider in outsiders:
        with world.database.write() as session, pytest.raises(NotAllowed):
            roles.grant(session, outsider, outsider.user_id, Wanted("administrator"))
        with world.database.write() as session, pytest.raises(NotAllowed):
            people.deactivate(session, outsider, admin.user_id)
        with world.database.write() as session, pytest.raises(NotAllowed):
            people.invite(session, outsider, login="eve", display_name="Eve")
        with world.database.write() as session, pytest.raises(NotAllowed):
            people.ask_reset(session, outsider, admin.user_id)
        with world.database.write() as session, pytest.raises(NotAllowed):
            roles.add_team(session, outsider, name="Mine")
        with world.database.read() as session, pytest.raises(NotAllowed):
            people.people(session, outsider)
    with world.database.read() as session:
        assert roles.administrators(session) == [admin.user_id]


def test_a_role_reaches_its_project_and_team_and_ends_when_revoked(
    world: World, admin: Actor
) -> None:
    project_id, team_id = world.project(), world.team("Vendor", "vendor")
    user_id = world.user("ann")
    wanted = Wanted("annotator", project_id, team_id)
    with world.database.write() as session:
        grant_id = roles.grant(session, admin, user_id, wanted)
    with world.database.write() as session, pytest.raises(Conflict, match="already"):
        roles.grant(session, admin, user_id, wanted)
    actor = world.actor("ann")
    assert actor.may("work.label", project_id)
    assert not actor.may("work.label", new_id())
    assert actor.team_for(project_id) == team_id
    with world.database.read() as session:
        (held,) = roles.held_by(session, user_id)
        assert (held.role, held.project_title, held.team_name) == ("annotator", "Demo", "Vendor")
        assert roles.find_grant(session, user_id, wanted) == grant_id
    with world.database.write() as session:
        roles.revoke(session, admin, user_id, grant_id)
    assert not world.actor("ann").may("work.label", project_id)
    with world.database.write() as session, pytest.raises(NotFound):
        roles.revoke(session, admin, user_id, grant_id)
    assert audited(world) == ["role.granted", "role.revoked"]


def test_a_grant_is_revoked_only_through_its_own_person(world: World, admin: Actor) -> None:
    world.grant("ann", "annotator")
    world.user("bob")
    with world.database.read() as session:
        grant_id = roles.find_grant(session, world.users["ann"], Wanted("annotator"))
    with world.database.write() as session, pytest.raises(NotFound):
        roles.revoke(session, admin, world.users["bob"], grant_id)
    for broken in ("", "x", "0" * 36, "' OR 1=1 --"):
        with world.database.write() as session, pytest.raises(NotFound):
            roles.revoke(session, admin, world.users["ann"], broken)
        with world.database.write() as session, pytest.raises(NotFound):
            people.deactivate(session, admin, broken)


@ON_SQLITE
@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (Wanted("owner"), "role"),
        (Wanted("annotator", "no-such-project"), "project_id"),
        (Wanted("annotator", None, "01a1ff8a-e590-7df7-a6b2-adbd48dd8f99"), "team_id"),
    ],
)
def test_a_role_that_does_not_exist_is_refused_beside_its_field(
    world: World, admin: Actor, wanted: Wanted, field: str
) -> None:
    user_id = world.user("ann")
    with world.database.write() as session, pytest.raises(BadInput) as refusal:
        roles.grant(session, admin, user_id, wanted)
    assert [problem["field"] for problem in refusal.value.problems] == [field]


def test_the_last_administrator_stays(world: World, admin: Actor) -> None:
    world.grant("invited", "administrator")  # has no password: could not sign in
    with world.database.read() as session:
        grant_id = roles.find_grant(session, admin.user_id, Wanted("administrator"))
    with world.database.write() as session, pytest.raises(Conflict, match="last administrator"):
        roles.revoke(session, admin, admin.user_id, grant_id)
    with world.database.write() as session, pytest.raises(Conflict, match="last administrator"):
        people.deactivate(session, admin, admin.user_id)
    administrator(world, "second")
    with world.database.write() as session:
        roles.revoke(session, admin, admin.user_id, grant_id)
    with world.database.read() as session:
        assert roles.administrators(session) == [world.users["second"]]


@pytest.mark.parametrize("verb", ["revoke", "deactivate"])
def test_two_administrators_cannot_remove_each_other_at_once(world: World, verb: str) -> None:
    actors = [administrator(world, "one"), administrator(world, "two")]
    with world.database.read() as session:
        grants = [
            roles.find_grant(session, actor.user_id, Wanted("administrator")) for actor in actors
        ]
    start = threading.Barrier(2)
    outcomes: list[str] = []

    def remove(actor: Actor, victim: Actor, grant_id: str) -> None:
        start.wait(10)
        try:
            with world.database.write() as session:
                if verb == "revoke":
                    roles.revoke(session, actor, victim.user_id, grant_id)
                else:
                    people.deactivate(session, actor, victim.user_id)
        except Conflict:
            outcomes.append("refused")
        else:
            outcomes.append("done")

    racers = [
        threading.Thread(target=remove, args=(actors[0], actors[1], grants[1])),
        threading.Thread(target=remove, args=(actors[1], actors[0], grants[0])),
    ]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(60)
    assert sorted(outcomes) == ["done", "refused"]
    with world.database.read() as session:
        assert len(roles.administrators(session)) == 1
