"""The audit trail as an auditor reads it: filters, pages, no content, nothing of other projects."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from annotate.models import AuditEvent
from annotate.policy import Scope
from annotate.services import audit, audit_reading
from annotate.services.audit_reading import AuditFilter
from annotate.services.errors import NotAllowed
from tests.support.ruling import answer, decide, rulings, take

if TYPE_CHECKING:
    from tests.test_web.project_support import Site
    from tests.test_web.seeded import Seeded

ROW = re.compile(r'<tr><th scope="row".*?</tr>', re.DOTALL)
PAGE = "/p/demo/audit"


def rows(site: Site, query: str = "", login: str = "auditor") -> list[str]:
    return ROW.findall(site.get(f"{PAGE}{query}", login))


def events(seeded: Seeded) -> list[AuditEvent]:
    with seeded.world.database.read() as session:
        query = sa.select(AuditEvent).where(AuditEvent.project_id == seeded.std.project_id)
        return list(session.scalars(query.order_by(AuditEvent.id.desc())))


def test_every_event_is_listed_once_over_the_pages(site: Site, seeded: Seeded) -> None:
    for number in range(audit_reading.PAGE + 15):
        with seeded.world.database.write() as session:
            actor = seeded.world.actor("designer")
            where = seeded.std.project_id
            audit.record(session, actor, "round.looked", "round", str(number), project_id=where)
    expected = [one.object_id for one in events(seeded)]
    assert len(expected) > 2 * audit_reading.PAGE
    found, address = [], PAGE
    while address:
        page = site.get(address, "auditor")
        found += re.findall(r'object=([^"&]+)">', page)
        older = re.search(r'href="([^"]*before=[^"]*)"', page)
        address = older[1].replace("&amp;", "&") if older else ""
        assert len(found) <= len(expected)
    assert found == expected


def test_filters_find_by_person_action_object_and_day(site: Site, seeded: Seeded) -> None:
    known = events(seeded)
    decided = [one for one in known if one.kind == "case.decided"]
    assert len(rows(site, "?action=case.decided")) == len(decided)
    of_cases = [one for one in known if one.kind.startswith("case.")]
    assert len(rows(site, "?action=case")) == len(of_cases) > len(decided)
    assert rows(site, "?action=ca") == []
    assert rows(site, "?action=%25") == [], "a percent sign is no wildcard"
    one = rows(site, f"?object={decided[0].object_id}")
    assert len(one) == 1
    assert decided[0].object_id in one[0]
    by = rows(site, "?who=Adjudicator")
    assert by
    assert all("adjudicator" in row for row in by)
    assert rows(site, "?who=nobody") == []
    today = datetime.now(UTC).date()
    day = timedelta(days=1)
    assert rows(site, f"?from={today - day}&to={today + day}")
    assert rows(site, f"?from={today + 2 * day}") == []
    assert rows(site, f"?to={today - 2 * day}") == []


@pytest.mark.parametrize(
    "query", ["?from=yesterday", "?before=x", "?who=%00", f"?action={'a' * 201}"]
)
def test_a_filter_that_cannot_be_is_refused(site: Site, seeded: Seeded, query: str) -> None:
    del seeded
    assert site.browser("auditor").get(f"{PAGE}{query}").status_code in {404, 422}


def test_no_content_and_no_other_project_is_in_it(site: Site, seeded: Seeded) -> None:
    assert seeded.open_case
    other = site.world.project("other")
    with site.world.database.write() as session:
        actor = site.world.actor("designer")
        audit.record(session, actor, "round.elsewhere", "round", "far", project_id=other)
    whole = "".join(rows(site))
    assert "round.elsewhere" not in whole
    assert "Both read it." not in whole, "a rationale"
    assert "Message 0" not in whole
    for login in ("ann-1", "adjudicator", "designer", "reader"):
        assert site.browser(login).get(PAGE).status_code == 403
    assert f'href="{PAGE}"' in site.get("/p/demo/", "auditor")
    assert f'href="{PAGE}"' not in site.get("/p/demo/", "designer")


def test_who_may_decide_learns_no_cells_from_it(site: Site, seeded: Seeded) -> None:
    world, std = seeded.world, seeded.std
    held = take(world, std)
    answer(world, std, held.case_id)
    decide(world, std, held, rulings(world, std, held.case_id))
    assert "category" in "".join(rows(site, "?action=case.decided"))
    world.grant("second", "auditor", std.project_id)
    told = "".join(rows(site, "?action=case.decided", "second"))
    assert told
    assert "category" not in told
    assert "Facts are sealed for you" in site.get(PAGE, "second")
    assert "Facts are sealed for you" not in site.get(PAGE, "auditor")


def test_a_role_for_one_team_is_not_shown_the_way_to_it(site: Site, seeded: Seeded) -> None:
    seeded.world.grant("theirs", "auditor", seeded.std.project_id, team="Internal")
    assert site.browser("theirs").get(PAGE).status_code == 403
    shown = site.get("/p/demo/", "theirs")
    assert 'href="/p/demo/items"' in shown
    assert f'href="{PAGE}"' not in shown


def test_a_role_for_one_team_is_not_enough(seeded: Seeded) -> None:
    scope = Scope(seeded.std.project_id, frozenset({seeded.std.project_id}))
    with seeded.world.database.read() as session, pytest.raises(NotAllowed):
        audit_reading.listed(session, seeded.world.actor("auditor"), scope, AuditFilter())
