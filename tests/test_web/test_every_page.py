"""Every page, as the people who may open it see it: sound, readable, and never too wide."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from annotate.app import create_app
from annotate.db import Database
from annotate.models import UserAccount
from annotate.services import adjudication, links
from annotate.web.routes import ROUTES
from tests.support.browser import Watch, accessibility_problems, with_axe
from tests.support.builders import Standard, World
from tests.support.databases import migrated_database, settings_for
from tests.support.labelling import label
from tests.support.live import live
from tests.support.ruling import answer
from tests.test_services.items_support import import_file
from tests.test_services.test_responses import ANSWERS as PAIR_ANSWERS
from tests.test_services.test_responses import PAIRS
from tests.test_web.seeded import Seeded, seed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from flask import Flask
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WIDE, NARROW = 1366, 360
EVERYBODY = "everything"
"""Holds every role, so that every page shows all that it can."""

BAD_FILE = """{"id": "a", "text": "Lunch is at noon."}
{"id": "b", "text":
{"id": "c", "text": 7}
"""

CONTRAST = ("color-contrast",)
"""What a theme can break."""
SIZES = ("target-size", "scrollable-region-focusable", "button-name", "link-name", "label")
"""What a narrow page can break: targets too small, lost scrollers, names that went."""

NOT_PAGES = {"health.static_file", "rubrics.source", "jobs.problems_csv", "releases.download"}
"""Addresses that answer with a file."""

ARGUMENTS: Mapping[str, tuple[tuple[str, str], ...]] = {
    # endpoint: (who looks, the address without its arguments), for every state of the page
    "account.login": (("", "/login"),),
    "account.link": (("", "/link/{link}"),),
    "account.index": ((EVERYBODY, "/account"),),
    "people.index": ((EVERYBODY, "/people"),),
    "people.person": ((EVERYBODY, "/people/{person}"),),
    "people.teams": ((EVERYBODY, "/teams"),),
    "projects.home": ((EVERYBODY, "/"),),
    "projects.index": ((EVERYBODY, "/projects"),),
    "projects.new": ((EVERYBODY, "/projects/new"),),
    "projects.overview": (
        (EVERYBODY, "/p/demo/"),
        (EVERYBODY, "/p/empty/"),
        (EVERYBODY, "/p/pairs/"),
    ),
    "projects.settings": ((EVERYBODY, "/p/demo/settings"),),
    "rubrics.index": ((EVERYBODY, "/p/demo/rubric"), (EVERYBODY, "/p/empty/rubric")),
    "rubrics.new": ((EVERYBODY, "/p/demo/rubric/new"),),
    "rounds.index": ((EVERYBODY, "/p/demo/rounds"), (EVERYBODY, "/p/empty/rounds")),
    "rounds.detail": ((EVERYBODY, "/p/demo/rounds/{round}"),),
    "rounds.new": ((EVERYBODY, "/p/demo/rounds/new"),),
    "items.index": ((EVERYBODY, "/p/demo/items"), (EVERYBODY, "/p/empty/items")),
    "items.detail": (
        (EVERYBODY, "/p/demo/items/{item}"),
        ("designer", "/p/demo/items/{decided_item}"),
        ("designer", "/p/pairs/items/{pair}"),
    ),
    "items.upload": ((EVERYBODY, "/p/demo/import"),),
    "items.quarantine": ((EVERYBODY, "/p/demo/quarantine"),),
    "jobs.index": ((EVERYBODY, "/p/demo/jobs"), (EVERYBODY, "/p/empty/jobs")),
    "jobs.detail": ((EVERYBODY, "/p/demo/jobs/{job}"), (EVERYBODY, "/p/demo/jobs/{import_job}")),
    "wellbeing.own": (("ann-1", "/p/demo/wellbeing"),),
    "wellbeing.rules": ((EVERYBODY, "/p/demo/wellbeing/rules"),),
    "wellbeing.together": ((EVERYBODY, "/p/demo/wellbeing/together"),),
    "workbench.work": (("ann-1", "/p/demo/work"),),
    "workbench.label": (
        ("ann-1", "/p/demo/label/{round}"),
        ("ann-3", "/p/pairs/label/{pairs_round}"),
        ("ann-3", "/p/safety/label/{safety_round}"),
    ),
    "personal.changed": (("ann-1", "/p/demo/feedback"), ("ann-1", "/p/empty/feedback")),
    "practice.index": ((EVERYBODY, "/p/demo/practice"), (EVERYBODY, "/p/empty/practice")),
    "practice.page": (("ann-1", "/p/demo/practice/{version}"),),
    "agreement.index": (
        (EVERYBODY, "/p/demo/agreement"),
        (EVERYBODY, "/p/pairs/agreement"),
        (EVERYBODY, "/p/empty/agreement"),
    ),
    "agreement.variable": (
        (EVERYBODY, "/p/demo/agreement/figure?question=severity"),
        (EVERYBODY, "/p/demo/agreement/figure?question=types&category=racist"),
        (EVERYBODY, "/p/pairs/agreement/figure?question=better"),
    ),
    "cases.index": (
        ("designer", "/p/demo/cases?state=all"),
        (EVERYBODY, "/p/empty/cases"),
    ),
    "cases.detail": (
        ("adjudicator", "/p/demo/cases/{open_case}"),
        ("adjudicator", "/p/demo/cases/{decided_case}"),
        ("designer", "/p/demo/cases/{open_case}"),
        ("second", "/p/demo/cases/{blind_case}"),
        ("adjudicator", "/p/demo/cases/{answered_case}"),
    ),
    "audit.index": (
        ("auditor", "/p/demo/audit"),
        (EVERYBODY, "/p/empty/audit?action=case"),
    ),
    "releases.index": ((EVERYBODY, "/p/demo/releases"), (EVERYBODY, "/p/empty/releases")),
    "releases.detail": ((EVERYBODY, "/p/demo/releases/{release}?checked=1"),),
}

REFUSALS = (("ann-1", "/p/demo/settings", 403), ("ann-1", "/p/none/", 404), ("", "/nothing", 404))


@dataclass
class Tour:
    """A served project, and one tab for all pages: each new one would be a process more."""

    app: Flask
    base: str
    names: dict[str, str]
    cookies: dict[str, str]
    context: BrowserContext
    page: Page
    watch: Watch
    world: World

    def speak(self, login: str, language: str) -> None:
        """Let a person, or whoever is not signed in, read another language."""
        self.context.unroute_all()
        if not login and language != "en":
            accept = {"accept-language": language}
            self.context.route(
                "**/*",
                lambda route: route.continue_(headers={**route.request.headers, **accept}),
            )
        if login:
            with self.world.database.write() as session:
                session.execute(
                    sa.update(UserAccount)
                    .where(UserAccount.id == self.world.users[login])
                    .values(language=language)
                )

    def open(self, login: str, path: str, status: int = 200) -> None:
        """Open an address as a person and hold the answer to what every answer must be."""
        page = self.page
        self.context.clear_cookies()
        if login:
            self.context.add_cookies(
                [{"name": "touchstone", "value": self.cookies[login], "url": self.base}]
            )
        answer = page.goto(self.base + path.format(**self.names))
        assert answer is not None
        assert answer.status == status, page.content()
        if "/label/" in path:
            page.locator("#stage-empty h1, .q-open").first.wait_for()


def _names(seeded: Seeded, link: str) -> dict[str, str]:
    release_id, job_id = seeded.release()
    database = seeded.world.database
    path = database.settings.data_dir / "items.jsonl"
    path.write_text(BAD_FILE, encoding="utf-8")
    import_job = import_file(database, seeded.std.scope, path).id
    blind, answered = seeded.case_of("item-0002"), seeded.case_of("item-0004")
    for login, case_id in (("second", blind), ("adjudicator", answered)):
        with database.write() as session:
            adjudication.take(session, seeded.world.actor(login), seeded.std.scope, case_id)
    answer(seeded.world, seeded.std, answered)
    return {
        "link": link,
        "person": seeded.world.users["ann-1"],
        "round": seeded.std.round_id,
        "version": seeded.std.version_id,
        "item": seeded.std.item_ids[0],
        "decided_item": seeded.std.item_ids[1],
        "job": job_id,
        "release": release_id,
        "import_job": import_job,
        "open_case": seeded.open_case,
        "blind_case": blind,
        "answered_case": answered,
        "decided_case": seeded.decided_case,
    }


def _others(world: World) -> dict[str, str]:
    """Make projects of the other shipped rubrics: pairs that two people labelled, and exchanges."""
    pairs, safety = world.project("pairs"), world.project("safety")
    names = ("ann-1", "ann-2", "ann-3")
    for name in names:
        world.grant(name, "annotator", pairs, team="Internal")
        world.grant(name, "annotator", safety, team="Internal")
    world.grant("designer", "designer", pairs)
    version, items = world.rubric(pairs, PAIRS), world.pairs(pairs, 3)
    round_id = world.round(pairs, version, items)
    std = Standard(pairs, version, round_id, tuple(items), names)
    for login, better in (("ann-1", "first"), ("ann-2", "second")):
        for _ in items:
            label(world, std, login, {**PAIR_ANSWERS, "better": {"value": better}})
    exchanges = world.rubric(safety, "llm-response-safety")
    return {
        "pair": items[0],
        "pairs_round": round_id,
        "safety_round": world.round(safety, exchanges, world.items(safety, 3)),
    }


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Tour]:
    folder = tmp_path_factory.mktemp("tour")
    with migrated_database("sqlite", folder) as url:
        settings = settings_for(url, folder)
        database = Database(settings)
        world = World(database)
        seeded = seed(world)
        empty = world.project("empty")
        world.grant("ann-1", "annotator", empty, team="Internal")
        for role in ("administrator", "adjudicator"):
            world.grant(EVERYBODY, role)
        with database.write() as session:
            issued = links.issue(session, world.actor(EVERYBODY), "reset", world.user("reader"))
        names = _names(seeded, issued.address.rpartition("/")[2]) | _others(world)
        made: list[Flask] = []

        def application(base: str) -> Flask:
            made.append(create_app(replace(settings, public_url=base, inline_jobs=False), database))
            return made[0]

        with live(application) as base:
            context = with_axe(
                browser.new_context(locale="en-GB", timezone_id="UTC", reduced_motion="reduce")
            )
            context.set_default_timeout(20_000)
            people = (EVERYBODY, "ann-1", "ann-3", "adjudicator", "second", "designer", "auditor")
            cookies = {login: world.cookie(login) for login in people}
            watch = Watch(context)
            yield Tour(made[0], base, names, cookies, context, context.new_page(), watch, world)
            context.close()
        database.dispose()


def test_every_page_has_a_sample_here(tour: Tour) -> None:
    pages = {
        rule.endpoint
        for rule in tour.app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and ROUTES[rule.endpoint].kind == "page"
    }
    assert pages - NOT_PAGES == set(ARGUMENTS)


def _fits(page: Page, path: str) -> None:
    page.set_viewport_size({"width": NARROW, "height": 740})
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= NARROW, f"{path} is {wide} px wide"


@pytest.fixture
def complaints(tour: Tour) -> Iterator[list[str]]:
    """What the console calls an error while a test runs."""
    errors: list[str] = []

    def heard(one: ConsoleMessage) -> None:
        if one.type == "error":
            errors.append(one.text)

    tour.page.on("console", heard)
    yield errors
    tour.page.remove_listener("console", heard)


@pytest.mark.parametrize("endpoint", ARGUMENTS)
def test_a_page_is_sound_at_every_size(tour: Tour, endpoint: str, complaints: list[str]) -> None:
    page = tour.page
    for login, path in ARGUMENTS[endpoint]:
        page.set_viewport_size({"width": WIDE, "height": 768})
        page.emulate_media(color_scheme="light")
        tour.open(login, path)
        assert page.title() not in {"", "Touchstone"}, path
        assert accessibility_problems(page) == [], path
        page.emulate_media(color_scheme="dark")
        assert accessibility_problems(page, rules=CONTRAST) == [], f"{path} in the dark"
        _fits(page, path)
        # a theme changes colours alone, a direction everything but them: so the pages that are
        # written right to left are looked at whole, and their colours were looked at before
        page.set_viewport_size({"width": WIDE, "height": 768})
        tour.speak(login, "ar")
        tour.open(login, path)
        assert page.evaluate("document.dir") == "rtl"
        assert accessibility_problems(page) == [], f"{path} right to left, in the dark"
        _fits(page, f"{path} right to left")
        assert accessibility_problems(page, rules=SIZES) == [], f"{path} on a phone"
        tour.speak(login, "en")
    page.goto("about:blank")  # what the last page still asks for belongs to this test
    assert complaints == []
    tour.watch.check()


def _all_in_sight(tour: Tour, path: str, rows: str, *parts: str) -> None:
    """What a table is read for stands on a phone without a scroll sideways, once at any width."""
    page = tour.page
    page.set_viewport_size({"width": NARROW, "height": 740})
    tour.open(EVERYBODY, path)
    found = page.locator(rows)
    assert found.count() > 0
    for row in found.all():
        for part in parts:
            place = row.locator(part).filter(visible=True).first.bounding_box()
            assert place is not None
            assert 0 <= place["x"] <= place["x"] + place["width"] <= NARROW
    page.set_viewport_size({"width": WIDE, "height": 768})
    assert found.first.locator(parts[0]).filter(visible=True).count() == 1


def test_a_phone_tells_figure_and_gate_without_a_scroll_sideways(tour: Tour) -> None:
    rows = ".tbl-forest tbody tr:not(.group)"
    _all_in_sight(tour, "/p/demo/agreement", rows, ".pill", "td.num")


def test_a_phone_tells_who_differs_without_a_scroll_sideways(tour: Tour) -> None:
    rows = ".tbl-side tbody tr:has(.pill-met, .pill-tentative)"
    path = "/p/demo/items/{decided_item}"
    _all_in_sight(tour, path, rows, ":is(th, td:last-child) > * > .pill, td:last-child > .pill")


@pytest.mark.parametrize(("login", "path", "status"), REFUSALS)
def test_a_refusal_is_a_sound_page_too(tour: Tour, login: str, path: str, status: int) -> None:
    page = tour.page
    page.set_viewport_size({"width": WIDE, "height": 768})
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        tour.open(login, path, status)
        assert accessibility_problems(page) == [], f"{path} in {theme}"
    title = page.get_by_role("heading", level=1).inner_text()
    assert f"{title}. " not in page.locator(".lede").inner_text(), "said once"
    _fits(page, path)
    assert page.get_by_role("link", name="To the start page").is_visible()
