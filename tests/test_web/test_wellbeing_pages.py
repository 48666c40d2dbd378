"""Wellbeing as the person in front of the page meets it, and what nobody else ever sees."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from annotate.db import new_id
from annotate.models import Assignment, Break, Exposure, Project, Task, WellbeingPolicy
from annotate.services import wellbeing, wellbeing_report
from annotate.services.text import canonical_json
from annotate.web.routes import ROUTES
from rubrics.codebook import to_client
from rubrics.library import read
from rubrics.loader import load_rubric
from tasks.cells import Cell
from tasks.exposure import Scale
from tests.support.browser import accessibility_problems
from tests.support.budgeting import set_policy
from tests.support.builders import Standard, World
from tests.support.databases import ON_SQLITE, migrated_database, settings_for
from tests.test_web import label_script
from tests.test_web import policy_world as pw
from tests.test_web.test_label_page import _desk, base  # noqa: F401 - a fixture
from tests.test_web.test_policy_matrix import addresses, call, variants

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from playwright.sync_api import BrowserContext, Page

    from annotate.db import Database
    from tests.test_web.test_label_page import Desk

SUPPORT = [
    {"name": "Line of the employer", "contact": "tel:+15550100", "note": "", "language": "en"},
    {"name": "Ligne", "contact": "https://aide.example", "note": "", "language": "fr"},
]


def protect(desk: Desk, policy: dict[str, Any]) -> None:
    """Set what the project of a labelling page sets."""
    world = desk.world
    with world.database.write() as session:
        project_id = session.scalars(sa.select(Project.id)).one()
        session.add(
            WellbeingPolicy(
                project_id=project_id,
                settings=canonical_json(policy),
                version=1,
                changed_at=world.now(),
            )
        )


def ledger(desk: Desk) -> list[tuple[int, int]]:
    """Return points and what was shown of each place, in the order they were handed out."""
    rows = desk.rows(
        sa.select(Exposure.points, Exposure.shown)
        .where(Exposure.category == "")
        .order_by(Exposure.reserved_at)
    )
    return [(row.points, row.shown) for row in rows]


def waits_for(page: Page, what: str) -> Any:
    return page.expect_response(lambda answer: answer.url.endswith(what))


def answer_severely(desk: Desk) -> None:
    desk.press("5", "5", "j", "i", "e")
    expect(desk.page.locator("#submit")).to_be_focused()
    desk.press("Enter")
    desk.expect_saved()


@pytest.mark.browser
@pytest.mark.slow
def test_a_shift_with_a_budget(  # noqa: PLR0915 - one walk through a shift
    base: tuple[str, World],  # noqa: F811
    context: BrowserContext,
) -> None:
    desk = _desk(base, context, "conversational-abuse", items=4)
    rules = {"per_shift": 8, "conceal": True, "break_severity": 3, "support": SUPPORT}
    protect(desk, rules)
    page = desk.page
    desk.open()
    expect(page.locator(".turn-text")).to_have_count(0)
    assert ledger(desk)[0] == (4, 0)
    with waits_for(page, "/exposure"):
        desk.press("r")
    assert ledger(desk)[0] == (4, 1)

    desk.press("Shift+S")
    expect(page.locator("#support")).to_contain_text("Line of the employer")
    expect(page.locator("#support")).not_to_contain_text("Ligne")
    expect(page.locator(".turn-text")).to_have_count(0)
    assert accessibility_problems(page) == []
    desk.press("Escape")

    answer_severely(desk)
    expect(page.locator("#banner")).to_contain_text("That one was severe")
    with waits_for(page, "/breaks"):
        page.locator("#banner button").first.click()
    with waits_for(page, "/breaks/end"):
        desk.press("Enter")
    with waits_for(page, "/exposure"):
        desk.press("r")
    answer_severely(desk)
    empty = page.locator("#stage-empty")
    expect(empty).to_contain_text("Enough of this kind for today")
    expect(empty).to_contain_text("Not counted against you")
    assert accessibility_problems(page) == []
    [rest] = desk.rows(sa.select(Break.reason, Break.ended_at))
    assert rest.reason == "severity"
    assert rest.ended_at is not None
    assert [points for points, _ in ledger(desk)] == [3, 3]


SEVERITIES: dict[str, list[dict[str, Any]]] = {
    "conversational-abuse": [
        {"severity": {"value": one}}
        for one in ("not_abusive", "ambiguous", "mild", "strong", "very_strong")
    ],
    "llm-response-safety": [
        {},
        {"severity": {"hate": {"value": "high"}, "fraud": {"value": "low"}}},
        {"severity": {"hate": {"state": "unsure"}}},
    ],
}


@pytest.mark.parametrize("name", SEVERITIES)
def test_the_page_reads_severity_as_the_server_does(name: str) -> None:
    rubric = load_rubric(read(name))
    scale = Scale(rubric)
    question = next(one for one in rubric.questions if one.id == "severity")
    cases = SEVERITIES[name]
    told = label_script.run("severities", rubric=to_client(rubric), cases=cases)
    assert told == [_by_server(scale, case.get(question.id, {})) for case in cases]
    assert max(told) >= 3


def _by_server(scale: Scale, answer: dict[str, Any]) -> int:
    given = [answer] if {"value", "state"} & answer.keys() else list(answer.values())
    cells = [
        Cell("severity", str(at) if len(given) > 1 else "", one["value"], "answered")
        for at, one in enumerate(given)
        if "value" in one
    ]
    found = scale.answered(cells)
    return 0 if found is None else found.severity


def test_the_medium_of_a_part() -> None:
    body = {
        "media": [
            {"target": "message:0", "type": "image/png"},
            {"target": "message:1", "type": "audio/mpeg"},
            {"target": "message:0", "type": "video/mp4"},
        ]
    }
    parts = ["message:0", "message:0/media:0", "message:0/media:1", "message:1/media:0"]
    told = label_script.run("media", body=body, parts=parts)
    assert told == ["text", "image", "video", "audio"]


# ------------------------------------------------------------------------------- one's own, alone


@pytest.fixture
def people(database: Database) -> tuple[World, Standard]:
    world = World(database)
    std = world.standard(items=2, overlap=2)
    set_policy(world, std, {"per_shift": 50, "support": SUPPORT})
    return world, std


def ask(client: FlaskClient, world: World, login: str, path: str, **options: Any) -> Any:
    """Call as a person in a browser."""
    client.set_cookie("touchstone", world.cookie(login))
    return client.open(path, headers={"Sec-Fetch-Site": "same-origin"}, **options)


@ON_SQLITE
def test_breaks_and_limits_are_for_their_owner(
    people: tuple[World, Standard], client: FlaskClient
) -> None:
    world, _ = people
    path = "/api/v1/projects/demo/wellbeing"
    begun = ask(client, world, "ann-1", f"{path}/breaks", method="POST", json={"reason": "time"})
    assert begun.status_code == 200
    assert ask(client, world, "ann-1", f"{path}/breaks/end", method="POST").status_code == 200
    own = ask(client, world, "ann-1", "/p/demo/wellbeing").get_data(as_text=True)
    other = ask(client, world, "ann-2", "/p/demo/wellbeing").get_data(as_text=True)
    assert "it was time" in own
    assert "it was time" not in other
    told = ask(client, world, "ann-1", path).get_json()
    assert (told["per_shift"], told["enough"]) == (50, False)
    assert [one["name"] for one in told["support"]] == ["Line of the employer"]
    for login in ("manager", "designer", "auditor"):
        assert ask(client, world, login, path).status_code == 403
        assert ask(client, world, login, "/p/demo/wellbeing").status_code == 403


@ON_SQLITE
def test_a_person_can_only_be_stricter(people: tuple[World, Standard]) -> None:
    world, std = people
    set_policy(world, std, {"per_shift": 50, "conceal": True, "idle_minutes": 5, "blur": 1})
    actor = world.actor("ann-1")
    for wish, want in (
        ({"per_shift": 90, "idle_minutes": 30, "conceal": False}, (50, 5, True, 1)),
        ({"per_shift": 20, "idle_minutes": 2, "blur": 3}, (20, 2, True, 3)),
    ):
        with world.database.write() as session:
            wellbeing.change_preference(session, actor, std.scope, wish)
        with world.database.read() as session:
            found = wellbeing.own_rules(session, actor, std.scope)
        assert (found.per_shift, found.idle_minutes, found.conceal, found.blur) == want


# ------------------------------------------------------------------------------------ all together


def shown_to(world: World, std: Standard, count: int) -> None:
    """Let so many people have seen something in the last whole weeks."""
    first, _ = wellbeing_report.weeks(world.now())
    with world.database.write() as session:
        for number in range(count):
            place = new_id()
            task_id = session.scalars(sa.select(Task.id)).first()
            person = world.users[f"seen-{number}"]
            session.add(
                Assignment(
                    id=place,
                    project_id=std.project_id,
                    round_id=std.round_id,
                    task_id=task_id,
                    item_id=std.item_ids[0],
                    annotator_id=person,
                    state="submitted",
                    fence=1,
                    leased_at=first,
                    expires_at=first,
                )
            )
            session.flush()
            session.add(
                Exposure(
                    assignment_id=place,
                    fence=1,
                    category="",
                    project_id=std.project_id,
                    user_id=person,
                    points=40,
                    severity=2,
                    modality=1,
                    shown=1,
                    reserved_at=first + timedelta(days=1),
                )
            )


@pytest.mark.db
@pytest.mark.parametrize("count", [0, 9, 10])
def test_figures_are_of_ten_people_or_more(
    people: tuple[World, Standard], client: FlaskClient, count: int
) -> None:
    world, std = people
    for number in range(count):
        world.user(f"seen-{number}")
    shown_to(world, std, count)
    told = ask(client, world, "manager", "/api/v1/projects/demo/wellbeing/together").get_json()
    assert told["enough"] is (count >= wellbeing_report.FEWEST)
    page = ask(client, world, "manager", "/p/demo/wellbeing/together").get_data(as_text=True)
    if count < wellbeing_report.FEWEST:
        assert told["median_points"] is None
        assert told["categories"] == []
        assert "Too few people" in page
    else:
        assert told["median_points"] == 10
        assert told["left_items"] == [0, 20]
        assert "Too few people" not in page
    assert not any(f"seen-{number}" in page for number in range(count))


def test_shares_never_say_all_or_nobody() -> None:
    for whole in (10, 11, 37):
        found = [wellbeing_report.share(part, whole) for part in range(whole + 1)]
        assert found[0] == found[1]
        assert found[-1] == found[-2]
        for part, one in enumerate(found):
            assert one.least <= 100 * part / whole <= one.most


# ---------------------------------------------------------------------------------------- cleaning


@pytest.mark.db
def test_what_is_old_is_deleted(people: tuple[World, Standard]) -> None:
    world, std = people
    for number in range(2):
        world.user(f"seen-{number}")
    shown_to(world, std, 2)
    with world.database.write() as session:
        session.execute(sa.update(Exposure).values(reserved_at=world.now() - timedelta(days=29)))
    assert wellbeing_report.clean(world.database) == 0
    with world.database.write() as session:
        session.execute(sa.update(Exposure).values(reserved_at=world.now() - timedelta(days=31)))
    assert wellbeing_report.clean(world.database) == 2


# ----------------------------------------------------------------------------- no timers, no ranks

SPEED = re.compile(
    r"\b(?:per hour|items an hour|throughput|leader ?board|fastest|slowest|ranked|speed|"
    r"seconds per|seconds each|(?:average|median|mean) (?:time|duration)|time spent|elapsed|"
    r"countdown|duration|stopwatch|idle time|pace)\b",
    re.IGNORECASE,
)
TIMER_KEYS = re.compile(r"(?:_seconds|_minutes|duration|elapsed|speed|pace|rank|per_hour)$")
OWN_RULES = {"break_minutes", "idle_minutes"}
"""What a person is offered, and when content hides again: nothing that measures them."""
PLANNED = {"minutes_per_item"}
"""What a designer assumes when a round is planned."""


def keys_of(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value).union(*map(keys_of, value.values()))
    return set().union(*map(keys_of, value)) if isinstance(value, list) else set()


@pytest.mark.db
def test_no_page_and_no_route_shows_speed_rank_or_timer(tmp_path: Any) -> None:
    """The rubric of this world weighs two: then nothing may measure how fast anybody is."""
    with migrated_database("sqlite", tmp_path) as url:
        world = pw.build(settings_for(url, tmp_path))
        seen = 0
        wrong = []
        for endpoint in sorted(ROUTES):
            for method, address in addresses(world.app, endpoint):
                if method != "GET" or endpoint in {"openapi.document", "health.static_file"}:
                    continue
                variant = variants(world, endpoint, sorted(address.arguments))[0]
                for name in ("administrator everywhere", "manager in own", pw.OWNER):
                    caller = world.callers[name]
                    response = call(world, caller, method, address, variant)
                    if response.status_code != 200:
                        continue
                    seen += 1
                    text = response.get_data(as_text=True)
                    if response.is_json:
                        keys = keys_of(json.loads(text)) - OWN_RULES - PLANNED
                        wrong += [(endpoint, key) for key in keys if TIMER_KEYS.search(key)]
                    else:
                        found = SPEED.search(re.sub(r"<[^>]*>", " ", text))
                        wrong += [(endpoint, found.group())] if found else []
        world.database.let_go()
        world.database.dispose()
    assert seen > 60
    assert wrong == []
