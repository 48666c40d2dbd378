"""The labelling page in a real browser against a real server, while everything goes wrong.

Whatever happens, nothing that a person submitted is lost, stored twice, or stored under another
name, and the page says what became of it.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Dialog, expect

from annotate.db import Database
from annotate.models import Annotation, Assignment, Item, LoginSession, Task
from annotate.services import invariants
from tests.support.browser import Watch, accessibility_problems
from tests.support.builders import World
from tests.support.databases import environment_for, migrated_database, settings_for
from tests.support.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page, Route

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(400),
]
LONG = [pytest.mark.torture, pytest.mark.timeout(1_800)]
ITEMS = 12
KEPT = """() => new Promise((done) => {
  const request = indexedDB.open("touchstone");
  request.onsuccess = () => {
    const all = request.result.transaction("queue").objectStore("queue").getAll();
    all.onsuccess = () => { request.result.close(); done(JSON.stringify(all.result)); };
  };
})"""
NO_SECOND_TRY = """const later = setTimeout;
window.setTimeout = (act, wait, ...more) => (wait > 700 ? 0 : later(act, wait, ...more));"""


@dataclass
class Office:
    """A round, the people who work in it, and the server they work on."""

    world: World
    server: Server
    slug: str
    round_id: str

    def seat(self, context: BrowserContext, login: str) -> None:
        """Sign a person in, in place of whoever was."""
        cookie = {"name": "touchstone", "value": self.world.cookie(login), "url": self.server.url}
        context.add_cookies([cookie])  # type: ignore[list-item]

    def open(self, context: BrowserContext) -> Tab:
        tab = Tab(self, context.new_page())
        tab.open()
        return tab

    def at_work(self, context: BrowserContext, login: str) -> Tab:
        """Seat a person and wait until two more items have come to their page."""
        self.seat(context, login)
        tab = self.open(context)
        tab.ready_ahead()
        return tab

    def stored(self) -> dict[str, tuple[str, str]]:
        """Return who annotated each item and with which severity; no item may stand twice."""
        query = (
            sa.select(Item.external_id, Annotation.annotator_id, Annotation.answers)
            .join(Item, Item.id == Annotation.item_id)
            .join(Assignment, Assignment.id == Annotation.assignment_id)
            .where(
                Annotation.round_id == self.round_id,
                Annotation.revision == Assignment.current_revision,
            )
        )
        names = {user_id: login for login, user_id in self.world.users.items()}
        with self.world.database.read() as session:
            rows = session.execute(query).all()
            assert invariants.check(session) == []
        found = {
            row.external_id: (
                names[row.annotator_id],
                json.loads(row.answers)["severity"]["value"],
            )
            for row in rows
        }
        assert len(found) == len(rows)
        return found

    def count(self) -> int:
        query = sa.select(sa.func.count(Annotation.id)).where(Annotation.round_id == self.round_id)
        with self.world.database.read() as session:
            return session.scalar(query) or 0


@dataclass
class Tab:
    """One tab with the labelling page."""

    office: Office
    page: Page

    def open(self) -> None:
        self.page.goto(
            f"{self.office.server.url}/p/{self.office.slug}/label/{self.office.round_id}"
        )
        expect(self.page.locator(".q-open")).to_be_visible()

    def answer(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def expect_item(self, number: int) -> None:
        expect(self.page.locator("#item-id")).to_have_text(f"item-{number:04}")

    def expect_state(self, words: str, seconds: float = 40) -> None:
        expect(self.page.locator("#save-state")).to_have_text(words, timeout=1000 * seconds)

    def expect_told(self, words: str, seconds: float = 40) -> None:
        expect(self.page.locator("#banner")).to_contain_text(words, timeout=1000 * seconds)

    def ready_ahead(self) -> None:
        """Wait until two more items are here."""
        expect(self.page.locator("main[data-ahead='2']")).to_be_visible()


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Server]]:
    """One server for the whole file; every test has a project of its own."""
    folder = tmp_path_factory.mktemp("faults")
    with migrated_database("sqlite", folder) as url:
        database = Database(settings_for(url, folder))
        with Server(environment_for(url, folder), folder) as server:
            yield World(database), server
        database.dispose()


@pytest.fixture
def office(serving: tuple[World, Server], request: pytest.FixtureRequest) -> Office:
    world, server = serving
    slug = request.node.name.split("[")[0].removeprefix("test_").replace("_", "-")
    project = world.project(slug)
    for name in ("ann", "bob"):
        world.grant(name, "annotator", project, team="Internal")
    version = world.rubric(project)
    round_id = world.round(project, version, world.items(project, ITEMS), overlap=1)
    if server.process is None:
        server.start()  # a test that failed left it dead
    return Office(world, server, slug, round_id)


@contextmanager
def other_machine(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(locale="en-GB", timezone_id="UTC", reduced_motion="reduce")
    watch = Watch(opened)
    yield opened
    opened.close()
    watch.check()


def test_a_server_that_is_killed_before_and_after_it_stored(
    office: Office, context: BrowserContext
) -> None:
    tab = office.at_work(context, "ann")
    plan = ["after it stored", "before it stored"]

    def strike(route: Route) -> None:
        if office.server.process is None or not plan:
            route.fallback()
            return
        if plan.pop(0) == "after it stored":
            route.fetch()  # the acknowledgement never arrives
        office.server.kill()
        route.abort()

    tab.page.route("**/submit", strike)
    tab.answer("1", "Enter")
    tab.expect_item(1)
    tab.expect_state("1 waiting to send")
    assert office.count() == 1
    tab.answer("2", "Enter")
    tab.expect_item(2)
    tab.expect_state("2 waiting to send")
    office.server.start()
    while plan:
        tab.page.wait_for_timeout(50)
    tab.expect_state("2 waiting to send")
    assert office.count() == 1
    office.server.start()
    tab.expect_state("Saved")
    assert office.stored() == {
        "item-0000": ("ann", "not_abusive"),
        "item-0001": ("ann", "ambiguous"),
    }
    assert office.count() == 2


@pytest.mark.parametrize("seconds", [0, pytest.param(60, marks=LONG)])
def test_a_connection_that_is_cut(office: Office, context: BrowserContext, seconds: int) -> None:
    tab = office.at_work(context, "ann")
    context.set_offline(True)
    tab.answer("1", "Enter")
    tab.expect_item(1)
    tab.answer("2", "Enter")
    tab.expect_item(2)
    tab.expect_state("2 waiting to send")
    tab.page.wait_for_timeout(1000 * seconds)
    assert office.count() == 0
    context.set_offline(False)
    tab.expect_state("Saved")
    assert set(office.stored()) == {"item-0000", "item-0001"}
    assert office.count() == 2


def test_a_tab_that_is_closed_while_something_waits(
    office: Office, context: BrowserContext
) -> None:
    tab = office.at_work(context, "ann")
    context.set_offline(True)
    tab.answer("1", "Enter")
    tab.expect_state("1 waiting to send")
    # Taken back while it waits, and answered otherwise.
    tab.answer("z")
    tab.expect_item(0)
    tab.answer("2", "Enter")
    tab.expect_state("1 waiting to send")
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    tab.page.on("dialog", stay)
    tab.page.close(run_before_unload=True)
    while not asked:
        tab.page.wait_for_timeout(50)
    assert asked == ["beforeunload"]
    tab.page.remove_listener("dialog", stay)
    tab.page.close()
    context.set_offline(False)
    assert office.count() == 0
    tab = office.open(context)
    expect(tab.page.locator("#toasts")).to_contain_text("has been sent")
    tab.expect_state("Saved")
    assert office.stored() == {"item-0000": ("ann", "ambiguous")}
    assert office.count() == 1


def test_a_session_that_ends_between_two_items(office: Office, context: BrowserContext) -> None:
    tab = office.at_work(context, "ann")
    with office.world.database.write() as session:
        session.execute(sa.delete(LoginSession))
    tab.answer("2", "Enter")
    tab.expect_told("You are signed out")
    tab.expect_state("1 waiting to send")
    assert office.count() == 0
    office.seat(context, "ann")
    tab.page.reload()
    tab.expect_state("Saved")
    assert office.stored() == {"item-0000": ("ann", "ambiguous")}
    assert office.count() == 1


def test_one_item_in_two_tabs(office: Office, context: BrowserContext) -> None:
    office.seat(context, "ann")
    first, second = office.open(context), office.open(context)
    first.expect_item(0)
    second.expect_item(0)
    first.expect_told("open in another tab")
    second.expect_told("open in another tab")
    second.answer("2")
    second.page.route("**/state?*", lambda route: route.abort())
    first.answer("1", "Enter")
    first.expect_state("Saved")
    second.answer("Enter")
    second.expect_told("another one stands")
    second.expect_state("1 not taken")
    assert office.stored() == {"item-0000": ("ann", "not_abusive")}
    second.page.locator("#save-state").click()
    expect(second.page.locator("#outbox-list")).to_contain_text("Ambiguous")


def test_a_second_person_on_the_same_machine(office: Office, context: BrowserContext) -> None:
    office.seat(context, "ann")
    tab = office.open(context)
    tab.page.route("**/submit", lambda route: route.abort())
    tab.answer("1", "Enter")
    tab.expect_state("1 waiting to send")
    office.seat(context, "bob")
    tab.page.unroute("**/submit")
    tab.expect_told("Somebody else is signed in")
    other = office.open(context)
    other.expect_state("Saved")
    theirs = other.page.locator("#item-id").inner_text()
    assert theirs != "item-0000"
    kept = other.page.evaluate(KEPT)
    assert '"not_abusive"' in kept
    assert "plants" not in kept
    other.page.locator("#save-state").click()
    expect(other.page.locator("#outbox-list")).to_have_text(
        "Everything that you submitted is saved on the server."
    )
    other.answer("Escape")
    other.answer("2", "Enter")
    other.expect_state("Saved")
    assert office.stored() == {theirs: ("bob", "ambiguous")}
    other.page.close()
    office.seat(context, "ann")
    tab.page.reload()
    tab.expect_state("Saved")
    assert office.stored()["item-0000"] == ("ann", "not_abusive")
    assert office.count() == 2


def test_sign_out_keeps_or_sends_what_waits(office: Office, context: BrowserContext) -> None:
    office.seat(context, "ann")
    tab = office.open(context)
    context.route("**/submit", lambda route: route.abort())
    tab.answer("1", "Enter")
    tab.expect_state("1 waiting to send")
    page = tab.page
    page.goto(f"{office.server.url}/p/{office.slug}/work")
    leave = page.get_by_role("button", name="Sign out", exact=True)
    leave.click()
    expect(page.locator("#unsent-count")).to_have_text("1")
    page.get_by_role("button", name="Send them, then").click()
    expect(page.locator("#unsent-failed")).to_be_visible()
    page.get_by_role("button", name="Keep them").click()
    expect(page).to_have_url(f"{office.server.url}/login?done=signed-out")
    assert office.count() == 0
    office.seat(context, "ann")
    page.goto(f"{office.server.url}/p/{office.slug}/work")
    leave.click()
    expect(page.locator("#unsent-count")).to_have_text("1")
    context.unroute("**/submit")
    page.get_by_role("button", name="Send them, then").click()
    expect(page).to_have_url(f"{office.server.url}/login?done=signed-out")
    assert office.stored() == {"item-0000": ("ann", "not_abusive")}


def _hold_back(tab: Tab, *answers: str) -> None:
    """Answer items while no submission arrives."""
    tab.page.context.route("**/submit", lambda route: route.abort())
    for number, key in enumerate(answers):
        tab.expect_item(number)
        tab.answer(key, "Enter")
    tab.expect_state(f"{len(answers)} waiting to send")


def test_any_page_sends_what_waits(office: Office, context: BrowserContext) -> None:
    tab = office.at_work(context, "ann")
    _hold_back(tab, "1")
    page = tab.page
    note, sent = page.locator("#unsent-note"), page.locator("#unsent-sent")
    context.unroute("**/submit")
    office.seat(context, "bob")
    page.goto(f"{office.server.url}/account")
    page.wait_for_function("indexedDB.databases().then((all) => all.length > 0)")
    expect(note).to_be_hidden()
    assert office.count() == 0, "nothing is sent under another name"
    office.seat(context, "ann")
    page.goto(f"{office.server.url}/account")
    expect(sent).to_be_visible()
    expect(note).to_be_hidden()
    assert office.stored() == {"item-0000": ("ann", "not_abusive")}
    page.reload()
    expect(page.locator("h1")).to_be_visible()
    expect(sent).to_be_hidden()


def test_any_page_tells_what_waits_and_what_was_refused(
    office: Office, context: BrowserContext
) -> None:
    tab = office.at_work(context, "ann")
    _hold_back(tab, "1", "2")
    tab.page.close()
    page = context.new_page()
    page.add_init_script(NO_SECOND_TRY)
    note = page.locator("#unsent-note")
    page.goto(f"{office.server.url}/p/{office.slug}/work")
    expect(note).to_contain_text("Waiting: 2")
    assert accessibility_problems(page) == []

    def spoil(route: Route) -> None:
        body: Any = route.request.post_data_json
        if body["answers"] == {"severity": {"value": "ambiguous"}}:
            body["answers"] = {"severity": {"value": "purple"}}
        route.continue_(post_data=json.dumps(body))

    context.unroute("**/submit")
    context.route("**/submit", spoil)
    page.get_by_role("button", name="Send them now").click()
    expect(note).to_contain_text("Not taken by the server: 1")
    expect(note.locator("[data-unsent=waiting]")).to_be_hidden()
    expect(note.locator("button")).to_be_hidden()
    assert office.stored() == {"item-0000": ("ann", "not_abusive")}
    again = office.open(context).page
    again.locator("#save-state").click()
    expect(again.locator("#outbox-list")).to_contain_text("item-0001")


def test_what_is_refused_comes_back_with_its_problems(
    office: Office, context: BrowserContext
) -> None:
    tab = office.at_work(context, "ann")

    def spoil(route: Route) -> None:
        body: Any = route.request.post_data_json
        wrong = {**body, "answers": {"severity": {"value": "purple"}}}
        route.continue_(post_data=json.dumps(wrong))

    tab.page.route("**/submit", spoil, times=1)
    tab.answer("1", "Enter")
    tab.expect_item(1)
    tab.expect_told("does not allow some of these answers")
    tab.expect_state("1 not taken")
    assert office.count() == 0
    tab.page.get_by_role("button", name="Open it again").click()
    tab.expect_item(0)
    expect(tab.page.locator(".q-open .error")).to_be_visible()
    tab.answer("2", "Enter")
    tab.expect_item(1)
    tab.expect_state("Saved")
    assert office.stored() == {"item-0000": ("ann", "ambiguous")}


def test_a_report_empties_every_other_page_within_two_seconds(
    office: Office, context: BrowserContext, browser: Browser
) -> None:
    with office.world.database.write() as session:
        tasks = sa.update(Task).where(Task.round_id == office.round_id)
        session.execute(tasks.values(needed=2, open_slots=2))
    tab = office.at_work(context, "ann")
    with other_machine(browser) as elsewhere:
        office.seat(elsewhere, "bob")
        theirs = office.open(elsewhere)
        theirs.expect_item(0)
        theirs.answer("Shift+L", "Enter")
        expect(tab.page.locator(".turn-text")).to_have_count(0, timeout=2_000)
        tab.expect_told("closed for everybody", seconds=2)
        theirs.expect_item(1)
        # The next one lies ready at the other page; it never comes to be shown.
        theirs.answer("Shift+L", "Enter")
        theirs.expect_item(2)
        tab.page.wait_for_timeout(2_000)
        tab.page.get_by_role("button", name="Next item").click()
        tab.expect_item(2)
