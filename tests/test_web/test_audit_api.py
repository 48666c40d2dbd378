"""The audit trail as a program reads it: the same events, filters and walls as the page."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from annotate.models import AuditEvent
from annotate.services import audit, audit_reading
from tests.support.ruling import answer, decide, rulings, take

if TYPE_CHECKING:
    from tests.test_web.project_support import Site
    from tests.test_web.seeded import Seeded

EVENTS = "/api/v1/projects/demo/audit"


def events(seeded: Seeded) -> list[AuditEvent]:
    with seeded.world.database.read() as session:
        query = sa.select(AuditEvent).where(AuditEvent.project_id == seeded.std.project_id)
        return list(session.scalars(query.order_by(AuditEvent.id.desc())))


def read(site: Site, address: str = EVENTS, login: str = "auditor") -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {site.world.token(login, 'read')}"}
    found = site.app.test_client().get(address, headers=headers)
    assert found.status_code == 200, found.text
    return found.get_json()


def ids(site: Site, query: str) -> list[str]:
    return [one["object_id"] for one in read(site, f"{EVENTS}{query}")["events"]]


def test_an_event_is_told_whole(site: Site, seeded: Seeded) -> None:
    [newest, *_] = events(seeded)
    [told, *_] = read(site)["events"]
    assert told == {
        "id": newest.id,
        "at": newest.at.isoformat(),
        "login": told["login"],
        "name": told["name"],
        "channel": newest.channel,
        "kind": newest.kind,
        "object_type": newest.object_type,
        "object_id": newest.object_id,
        "facts": json.loads(newest.body),
    }
    assert seeded.world.users[told["login"]] == newest.actor_id


def test_every_event_is_given_once_over_the_pages(site: Site, seeded: Seeded) -> None:
    with seeded.world.database.write() as session:
        actor = seeded.world.actor("designer")
        for number in range(audit_reading.PAGE + 15):
            where = seeded.std.project_id
            audit.record(session, actor, "round.looked", "round", str(number), project_id=where)
    expected = [one.id for one in events(seeded) if one.kind == "round.looked"]
    found, address = [], f"{EVENTS}?action=round.looked"
    while address:
        page = read(site, address)
        found += [one["id"] for one in page["events"]]
        assert len(found) <= len(expected)
        address = page["next"]
    assert found == expected


def test_filters_are_those_of_the_page(site: Site, seeded: Seeded) -> None:
    decided = [one.object_id for one in events(seeded) if one.kind == "case.decided"]
    assert ids(site, "?action=case.decided") == decided
    assert ids(site, f"?object={decided[0]}&action=case.decided") == decided[:1]
    assert ids(site, "?who=Adjudicator")
    assert ids(site, "?who=nobody") == []
    today, day = datetime.now(UTC).date(), timedelta(days=1)
    assert ids(site, f"?from={today - day}&to={today + day}")
    assert ids(site, f"?to={today - 2 * day}") == []


@pytest.mark.parametrize(
    ("query", "status"), [("?from=yesterday", 422), ("?before=x", 404), ("?who=%00", 422)]
)
def test_a_filter_that_cannot_be_is_refused(
    site: Site, seeded: Seeded, query: str, status: int
) -> None:
    del seeded
    assert site.browser("auditor").get(f"{EVENTS}{query}").status_code == status


def test_the_walls_are_those_of_the_page(site: Site, seeded: Seeded) -> None:
    world, std = seeded.world, seeded.std
    world.grant("theirs", "auditor", std.project_id, team="Internal")
    for login in ("theirs", "ann-1", "adjudicator", "designer", "reader"):
        client = site.browser(login)
        assert client.get(EVENTS).status_code == client.get("/p/demo/audit").status_code == 403
    other = world.project("other")
    with world.database.write() as session:
        actor = world.actor("designer")
        audit.record(session, actor, "round.elsewhere", "round", "far", project_id=other)
    assert ids(site, "?action=round.elsewhere") == []


def test_who_may_decide_gets_no_facts(site: Site, seeded: Seeded) -> None:
    world, std = seeded.world, seeded.std
    held = take(world, std)
    answer(world, std, held.case_id)
    decide(world, std, held, rulings(world, std, held.case_id))
    decided = f"{EVENTS}?action=case.decided"
    assert all("category" in one["facts"] for one in read(site, decided)["events"])
    world.grant("second", "auditor", std.project_id)
    sealed = read(site, decided, "second")["events"]
    assert sealed
    assert {one["facts"] for one in sealed} == {None}
