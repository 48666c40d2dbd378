"""People: the first administrator, who leaves and comes back, lists and names: both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from annotate.db import new_id, now
from annotate.models import AdjudicationCase, Assignment, Task, UserAccount
from annotate.services import identity, labeling, links, people, roles
from annotate.services.errors import BadInput, Conflict, NotFound
from annotate.services.roles import Wanted
from tests.support.databases import ON_SQLITE
from tests.test_services.people_support import STORED, administrator, audited, token_of

if TYPE_CHECKING:
    from annotate.policy import Actor
    from tests.support.builders import World

pytestmark = pytest.mark.db


# -------------------------------------------------------------------------- the first administrator


def test_init_makes_one_link_and_refuses_once_there_is_an_administrator(world: World) -> None:
    with world.database.write() as session:
        first = people.init(session, identity.system_actor(session))
    with world.database.write() as session:
        second = people.init(session, identity.system_actor(session))
    chosen = links.Chosen(STORED, "root", "Root")
    with world.database.write() as session, pytest.raises(NotFound):
        links.use(session, token_of(first.address), chosen)
    with world.database.write() as session:
        user_id = links.use(session, token_of(second.address), chosen)
    with world.database.read() as session:
        assert roles.administrators(session) == [user_id]
        assert session.get_one(UserAccount, user_id).login == "root"
    with world.database.write() as session, pytest.raises(Conflict, match="already"):
        people.init(session, identity.system_actor(session))


@ON_SQLITE
def test_a_link_for_the_first_administrator_dies_with_the_first_administrator(
    world: World,
) -> None:
    with world.database.write() as session:
        issued = people.init(session, identity.system_actor(session))
    administrator(world, "quick")
    with world.database.write() as session, pytest.raises(Conflict):
        links.use(session, token_of(issued.address), links.Chosen(STORED, "late", "Late"))
    with world.database.read() as session, pytest.raises(NotFound):
        people.id_of(session, "late")


# ------------------------------------------------------------------- who leaves, and who comes back


def test_deactivation_ends_everything_and_returns_the_places(world: World, admin: Actor) -> None:
    std = world.standard(items=2, overlap=2)
    cookie, bearer = world.cookie("ann-1"), world.token("ann-1")
    with world.database.write() as session:
        place = labeling.claim(session, world.actor("ann-1"), std.scope, std.round_id).place
        assert place is not None
        issued = people.ask_reset(session, admin, world.users["ann-1"])
    with world.database.write() as session:
        people.deactivate(session, admin, world.users["ann-1"])
    with world.database.read() as session:
        assert identity.actor_of_session(session, cookie) is None
        assert identity.actor_of_token(session, bearer) is None
        with pytest.raises(NotFound):
            links.find(session, token_of(issued.address))
        assignment = session.get_one(Assignment, place.id)
        assert (assignment.state, assignment.fence) == ("released", place.fence + 1)
        assert assignment.closed_at is not None
        assert set(session.scalars(sa.select(Task.open_slots))) == {2}
        assert identity.find_candidate(session, "ann-1", "here").user_id is None
    with world.database.write() as session, pytest.raises(Conflict):
        people.deactivate(session, admin, world.users["ann-1"])
    with world.database.write() as session, pytest.raises(Conflict):
        roles.grant(session, admin, world.users["ann-1"], Wanted("auditor"))
    with world.database.write() as session:
        people.reactivate(session, admin, world.users["ann-1"])
    with world.database.read() as session:
        assert identity.actor_of_session(session, cookie) is None
        assert identity.actor_of_token(session, bearer) is None
    assert world.actor("ann-1").may("work.label", std.project_id)
    assert "person.deactivated" in audited(world)
    assert "person.reactivated" in audited(world)


def test_a_revoked_annotator_role_returns_places_of_that_project_alone(
    world: World, admin: Actor
) -> None:
    first = world.standard(items=1, overlap=1)
    other = world.project("other")
    round_id = world.round(other, world.rubric(other), world.items(other, 1), overlap=1)
    world.grant("ann-1", "annotator", other)
    with world.database.write() as session:
        ann = world.actor("ann-1")
        lost = labeling.claim(session, ann, first.scope, first.round_id).place
        kept = labeling.claim(session, ann, ann.scope("work.label", other), round_id).place
        assert lost is not None
        assert kept is not None
    with world.database.write() as session:
        wanted = Wanted("annotator", first.project_id, world.teams["Internal"])
        grant_id = roles.find_grant(session, ann.user_id, wanted)
        roles.revoke(session, admin, ann.user_id, grant_id)
    with world.database.read() as session:
        assert session.get_one(Assignment, lost.id).state == "released"
        assert session.get_one(Assignment, kept.id).state == "leased"


def test_a_deactivated_adjudicator_lets_go_of_the_case(world: World, admin: Actor) -> None:
    std = world.standard(items=1)
    with world.database.write() as session:
        task = session.scalars(sa.select(Task)).one()
        case = AdjudicationCase(
            id=new_id(),
            project_id=std.project_id,
            task_id=task.id,
            round_id=std.round_id,
            item_id=task.item_id,
            rubric_version_id=task.rubric_version_id,
            fingerprint=task.fingerprint,
            state="open",
            fence=4,
            holder_id=world.users["adjudicator"],
            expires_at=identity.later(session, 60),
            opened_at=now(session),
        )
        session.add(case)
    with world.database.write() as session:
        people.deactivate(session, admin, world.users["adjudicator"])
    with world.database.read() as session:
        found = session.get_one(AdjudicationCase, case.id)
        assert (found.holder_id, found.expires_at, found.fence) == (None, None, 5)


# ---------------------------------------------------------------------------------- lists and names


def test_people_are_listed_newest_first_in_pages_and_found_by_words(
    world: World, admin: Actor
) -> None:
    with world.database.write() as session:
        for number in range(people.PAGE):
            people.add(session, admin, login=f"p-{number:02}", display_name=f"50% of {number}")
    with world.database.read() as session:
        first, older = people.people(session, admin)
        second, end = people.people(session, admin, before=older)
        assert [len(first), len(second), end] == [people.PAGE, 1, None]
        assert second[0].login == "root"
        assert [grant.role for grant in second[0].grants] == ["administrator"]
        assert {person.state for person in first} == {people.INVITED}
        assert [p.login for p in people.people(session, admin, words="P-07")[0]] == ["p-07"]
        assert len(people.people(session, admin, words="50%")[0]) == people.PAGE
        assert people.people(session, admin, words="_____")[0] == []
        with pytest.raises(NotFound):
            people.people(session, admin, before="x")


@ON_SQLITE
@pytest.mark.parametrize("login", ["", "a", "-ann", "ann lee", "änn", "a" * 65, "system", "a\x00b"])
def test_a_login_that_cannot_be_typed_is_refused(world: World, admin: Actor, login: str) -> None:
    with world.database.write() as session, pytest.raises(BadInput) as refusal:
        people.invite(session, admin, login=login, display_name="Ann")
    assert refusal.value.problems[0]["field"] == "login"


@ON_SQLITE
@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "a\x1bb", "bad\ud800"])
def test_a_name_that_cannot_be_shown_is_refused(world: World, admin: Actor, name: str) -> None:
    with world.database.write() as session, pytest.raises(BadInput):
        people.invite(session, admin, login="ann", display_name=name)
    with world.database.read() as session, pytest.raises(NotFound):
        people.id_of(session, "ann")


def test_logins_and_team_names_are_there_once(world: World, admin: Actor) -> None:
    with world.database.write() as session:
        people.invite(session, admin, login="ann", display_name="Ann")
        roles.add_team(session, admin, name="Vendor A", kind="vendor")
    with world.database.write() as session, pytest.raises(Conflict, match="taken"):
        people.invite(session, admin, login="ANN", display_name="Other")
    with world.database.write() as session, pytest.raises(Conflict):
        roles.add_team(session, admin, name=" Vendor  A ")
    with world.database.write() as session, pytest.raises(BadInput):
        roles.add_team(session, admin, name="Club", kind="club")


@ON_SQLITE
def test_demo_accounts_are_told_until_they_are_closed(world: World, admin: Actor) -> None:
    with world.database.write() as session:
        assert not people.demo_accounts_exist(session)
        user_id = people.add(session, admin, login="demo", display_name="Demo", is_demo=True)
        assert people.demo_accounts_exist(session)
        people.deactivate(session, admin, user_id)
        assert not people.demo_accounts_exist(session)


@ON_SQLITE
def test_nobody_touches_the_account_of_the_system(world: World, admin: Actor) -> None:
    with world.database.write() as session:
        system = identity.system_actor(session)
    for verb in (people.deactivate, people.ask_reset):
        with world.database.write() as session, pytest.raises(NotFound):
            verb(session, admin, system.user_id)
    with world.database.read() as session, pytest.raises(NotFound):
        people.id_of(session, "system")
