"""One-time links: they work once, for a while, and only for whom they were made."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from annotate.db import now
from annotate.models import OneTimeLink, UserAccount
from annotate.services import identity, links, people
from annotate.services.errors import NotFound
from annotate.services.roles import Wanted
from annotate.services.text import sha256_hex
from tests.test_services.people_support import STORED, administrator, audited, token_of

if TYPE_CHECKING:
    from annotate.policy import Actor
    from tests.support.builders import World

pytestmark = pytest.mark.db


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
