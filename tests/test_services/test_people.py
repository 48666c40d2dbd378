"""Accounts, roles, teams, links and tokens: on both databases."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from annotate.db import new_id, now
from annotate.models import (
    AdjudicationCase,
    ApiToken,
    Assignment,
    AuditEvent,
    LoginSession,
    OneTimeLink,
    RoleGrant,
    Task,
    UserAccount,
)
from annotate.services import accounts, identity, labeling, links, people, roles, tokens
from annotate.services.errors import BadInput, Conflict, NotAllowed, NotFound
from annotate.services.roles import Wanted
from annotate.services.text import sha256_hex
from tests.support.builders import World

if TYPE_CHECKING:
    from annotate.db import Database
    from annotate.policy import Actor

pytestmark = pytest.mark.db

ON_SQLITE = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
"""For rules that no database takes part in."""
STORED = "a stored hash: no service looks inside"


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


@pytest.fixture
def admin(world: World) -> Actor:
    """An administrator who can sign in."""
    return administrator(world, "root")


def administrator(world: World, login: str) -> Actor:
    world.grant(login, "administrator")
    with world.database.write() as session:
        session.get_one(UserAccount, world.users[login]).password_hash = STORED
    return world.actor(login, "web")


def holder(world: World, role: str, project_id: str | None = None) -> Actor:
    world.grant(f"only-{role}", role, project_id)
    return world.actor(f"only-{role}", "web")


def audited(world: World) -> list[str]:
    with world.database.read() as session:
        return list(session.scalars(sa.select(AuditEvent.kind).order_by(AuditEvent.id)))


def token_of(address: str) -> str:
    return address.rsplit("/", 1)[1]


# ------------------------------------------------------------------------ the first administrator


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


# ------------------------------------------------------------------------------------------ links


def test_an_invitation_works_once_and_is_stored_only_as_a_hash(world: World, admin: Actor) -> None:
    with world.database.write() as session:
        issued = people.invite(
            session, admin, login=" Ann ", display_name="Ann  Lee", wanted=Wanted("annotator")
        )
    token = token_of(issued.address)
    assert issued.login == "ann"
    with world.database.read() as session:
        row = session.scalars(sa.select(OneTimeLink)).one()
        assert row.token_hash == sha256_hex(token)
        assert token not in str(vars(row))
        assert session.get_one(UserAccount, str(issued.user_id)).password_hash is None
    with world.database.write() as session:
        assert links.use(session, token, links.Chosen(STORED)) == issued.user_id
    with world.database.write() as session, pytest.raises(NotFound):
        links.use(session, token, links.Chosen("another"))
    with world.database.read() as session:
        person = session.get_one(UserAccount, str(issued.user_id))
        assert (person.password_hash, person.display_name) == (STORED, "Ann Lee")
        assert [grant.role for grant in identity.grants_of(session, person.id)] == ["annotator"]
    assert audited(world)[-4:] == [
        "person.added",
        "role.granted",
        "link.issued",
        "person.joined",
    ]


def test_two_who_open_one_link_at_once_do_not_both_get_in(world: World, admin: Actor) -> None:
    with world.database.write() as session:
        issued = people.invite(session, admin, login="ann", display_name="Ann")
    outcomes: list[str] = []
    start = threading.Barrier(2)

    def use(password_hash: str) -> None:
        start.wait(10)
        try:
            with world.database.write() as session:
                links.use(session, token_of(issued.address), links.Chosen(password_hash))
        except NotFound:
            outcomes.append("refused")
        else:
            outcomes.append(password_hash)

    racers = [threading.Thread(target=use, args=(name,)) for name in ("one", "two")]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join(30)
    assert outcomes.count("refused") == 1
    with world.database.read() as session:
        stored = session.get_one(UserAccount, str(issued.user_id)).password_hash
    assert stored == next(outcome for outcome in outcomes if outcome != "refused")


def test_a_link_ends_with_its_time_and_with_the_account(world: World, admin: Actor) -> None:
    with world.database.write() as session:
        early = people.invite(session, admin, login="early", display_name="Early")
        closed = people.invite(session, admin, login="closed", display_name="Closed")
    with world.database.write() as session:
        people.deactivate(session, admin, str(closed.user_id))
        session.execute(
            sa.update(OneTimeLink)
            .where(OneTimeLink.user_id == early.user_id)
            .values(expires_at=now(session) - timedelta(seconds=1))
        )
    for issued in (early, closed):
        with world.database.read() as session, pytest.raises(NotFound) as refusal:
            links.find(session, token_of(issued.address))
        assert str(refusal.value) == links.DEAD


def test_a_reset_ends_sessions_and_tokens_when_it_is_used_and_not_before(
    world: World, admin: Actor
) -> None:
    administrator(world, "ann")
    cookie, bearer = world.cookie("ann"), world.token("ann")
    with world.database.write() as session:
        issued = people.ask_reset(session, admin, world.users["ann"])
    assert issued.purpose == links.RESET
    with world.database.read() as session:
        assert identity.actor_of_session(session, cookie) is not None
    with world.database.write() as session:
        links.use(session, token_of(issued.address), links.Chosen("new"))
    with world.database.read() as session:
        assert identity.actor_of_session(session, cookie) is None
        assert identity.actor_of_token(session, bearer) is None
        assert session.get_one(UserAccount, world.users["ann"]).password_hash == "new"


def test_a_new_link_ends_the_one_before(world: World, admin: Actor) -> None:
    with world.database.write() as session:
        first = people.invite(session, admin, login="ann", display_name="Ann")
    with world.database.write() as session:
        second = people.ask_reset(session, admin, str(first.user_id))
    assert second.purpose == links.INVITE
    with world.database.read() as session:
        assert links.find(session, token_of(second.address)).login == "ann"
        with pytest.raises(NotFound):
            links.find(session, token_of(first.address))


# ------------------------------------------------------------------------------------------ roles


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


# ----------------------------------------------------------------- who leaves, and who comes back


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


# ----------------------------------------------------------------------------------------- tokens


def test_a_token_is_shown_once_and_does_what_its_scopes_say(world: World) -> None:
    project_id, other = world.project(), world.project("other")
    world.grant("ann", "designer")
    ann = world.actor("ann", "web")
    with world.database.write() as session:
        wanted = tokens.NewToken("nightly", ("read",), 7, project_id)
        token = tokens.create(session, ann, wanted)
    with world.database.read() as session:
        row = session.scalars(sa.select(ApiToken)).one()
        assert row.token_hash == sha256_hex(token)
        assert token not in str(vars(row))
        found = identity.actor_of_token(session, token)
        assert found is not None
        actor = found[0]
        assert actor.may("item.view", project_id)
        assert not actor.may("item.import", project_id)
        assert not actor.may("item.view", other)
        assert not actor.sees(other)
        (listed,) = tokens.of_person(session, ann.user_id)
        assert (listed.name, listed.scopes, listed.expired) == ("nightly", ("read",), False)
        assert token.startswith(listed.hint)
    world.user("bob")
    with world.database.write() as session, pytest.raises(NotFound):
        tokens.revoke(session, world.actor("bob"), row.id)
    with world.database.write() as session:
        tokens.revoke(session, ann, row.id)
    with world.database.read() as session:
        assert identity.actor_of_token(session, token) is None
        assert tokens.of_person(session, ann.user_id) == []


@ON_SQLITE
@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": " "}, "name"),
        ({"scopes": ()}, "scopes"),
        ({"scopes": ("read", "everything")}, "scopes"),
        ({"days": 0}, "days"),
        ({"days": tokens.MAX_DAYS + 1}, "days"),
        ({"project_id": "nonsense"}, "project_id"),
        ({"project_id": "01a1ff8a-e590-7df7-a6b2-adbd48dd8f99"}, "project_id"),
    ],
)
def test_a_token_without_name_scope_or_end_is_refused(
    world: World, changed: dict[str, object], field: str
) -> None:
    world.grant("ann", "designer")
    wanted = tokens.NewToken(**{"name": "x", "scopes": ("read",), "days": 1, **changed})  # type: ignore[arg-type]
    with world.database.write() as session, pytest.raises(BadInput) as refusal:
        tokens.create(session, world.actor("ann"), wanted)
    assert [problem["field"] for problem in refusal.value.problems] == [field]


@ON_SQLITE
def test_a_token_reaches_no_project_that_its_owner_does_not_see(world: World) -> None:
    mine, foreign = world.project(), world.project("foreign")
    world.grant("ann", "designer", mine)
    with world.database.write() as session, pytest.raises(BadInput):
        tokens.create(session, world.actor("ann"), tokens.NewToken("x", ("read",), 1, foreign))


@ON_SQLITE
def test_nobody_makes_tokens_for_others_but_the_console(world: World, admin: Actor) -> None:
    world.user("ann")
    wanted = tokens.NewToken("x", ("label",), 1)
    with world.database.write() as session, pytest.raises(NotAllowed):
        tokens.create(session, admin, wanted, owner_id=world.users["ann"])
    with world.database.write() as session:
        system = identity.system_actor(session)
        token = tokens.create(session, system, wanted, owner_id=world.users["ann"])
    with world.database.read() as session:
        found = identity.actor_of_token(session, token)
        assert found is not None
        assert found[0].login == "ann"


# ------------------------------------------------------------------------------------ own account


def test_a_changed_password_ends_the_other_sessions(world: World, admin: Actor) -> None:
    here, there = world.cookie("root"), world.cookie("root")
    with world.database.read() as session:
        found = identity.actor_of_session(session, here)
        assert found is not None
        actor = found[0]
        assert len(accounts.own_sessions(session, actor)) == 2
    candidate = identity.Candidate(admin.user_id, STORED)
    with world.database.write() as session:
        assert accounts.change_password(session, actor, candidate, "new") == 1
    with world.database.write() as session, pytest.raises(Conflict):
        accounts.change_password(session, actor, candidate, "newer")
    with world.database.read() as session:
        assert identity.actor_of_session(session, here) is not None
        assert identity.actor_of_session(session, there) is None
        assert [row.id for row in accounts.own_sessions(session, actor)] == [actor.session_id]


@ON_SQLITE
def test_settings_are_taken_from_lists_and_all_mistakes_are_told_at_once(
    world: World, admin: Actor
) -> None:
    good = accounts.OwnSettings("Root R", "en", "Europe/Berlin", {"theme": "dark"})
    with world.database.write() as session:
        accounts.change_settings(session, admin, good, languages={"en"})
    with world.database.read() as session:
        stored = accounts.own_settings(session, admin)
    assert (stored.display_name, stored.time_zone) == ("Root R", "Europe/Berlin")
    assert stored.preferences == {
        "theme": "dark",
        "reading_font": "serif",
        "reading_size": "normal",
    }
    bad = accounts.OwnSettings("", "xx", "../etc/passwd", {"theme": "pink", "is_admin": "1"})
    with world.database.write() as session, pytest.raises(BadInput) as refusal:
        accounts.change_settings(session, admin, bad, languages={"en"})
    assert [problem["field"] for problem in refusal.value.problems] == [
        "display_name",
        "language",
        "time_zone",
        "theme",
        "is_admin",
    ]
    with world.database.read() as session:
        assert accounts.own_settings(session, admin) == stored


def test_preferences_of_an_older_release_fall_back_to_the_usual() -> None:
    assert accounts.preferences_of('{"theme":"pink","gone":1}')["theme"] == ""
    assert accounts.preferences_of("[]")["reading_font"] == "serif"


@ON_SQLITE
def test_all_rows_of_an_ended_session_stay_for_the_record(world: World, admin: Actor) -> None:
    world.cookie("root")
    with world.database.write() as session:
        assert accounts.end_other_sessions(session, admin) == 1
    with world.database.read() as session:
        assert session.scalars(sa.select(LoginSession)).one().revoked_at is not None
        assert session.scalar(sa.select(sa.func.count(RoleGrant.id))) == 1
