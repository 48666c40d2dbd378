"""What people do with their own account: password, sessions, settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from annotate.models import LoginSession, RoleGrant
from annotate.services import accounts, identity
from annotate.services.errors import BadInput, Conflict
from tests.support.databases import ON_SQLITE
from tests.test_services.people_support import STORED

if TYPE_CHECKING:
    from annotate.policy import Actor
    from tests.support.builders import World

pytestmark = pytest.mark.db


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
