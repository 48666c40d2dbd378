"""Tokens of programs: shown once, and good for what their scopes say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from annotate.db import now
from annotate.models import ApiToken, RoleGrant
from annotate.services import identity, projects, tokens
from annotate.services.errors import BadInput, NotAllowed, NotFound
from annotate.services.text import sha256_hex
from tests.support.databases import ON_SQLITE

if TYPE_CHECKING:
    from annotate.policy import Actor
    from tests.support.builders import World

pytestmark = pytest.mark.db


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
def test_a_token_for_a_project_lists_it_only_while_its_owner_sees_it(world: World) -> None:
    project_id = world.project()
    world.grant("ann", "designer", project_id)
    with world.database.write() as session:
        wanted = tokens.NewToken("nightly", ("read",), 7, project_id)
        token = tokens.create(session, world.actor("ann", "web"), wanted)
    assert _listed(world, token) == ["demo"]
    with world.database.write() as session:
        session.execute(sa.update(RoleGrant).values(revoked_at=now(session)))
    assert _listed(world, token) == []


def _listed(world: World, token: str) -> list[str]:
    with world.database.read() as session:
        found = identity.actor_of_token(session, token)
        assert found is not None
        return [one.slug for one in projects.listed(session, found[0])]


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
    world: World, changed: dict[str, Any], field: str
) -> None:
    world.grant("ann", "designer")
    given: dict[str, Any] = {"name": "x", "scopes": ("read",), "days": 1, **changed}
    wanted = tokens.NewToken(**given)
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
