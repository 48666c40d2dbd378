"""A person labels in a real browser, by keyboard, from the first item to the last."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from annotate.db import Database
from annotate.models import Annotation, Assignment, Item, Label, OptOut
from annotate.services.text import canonical_json
from tests.support.apps import application_on
from tests.support.browser import accessibility_problems
from tests.support.builders import World
from tests.support.databases import migrated_database, settings_for
from tests.support.live import live

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flask import Flask
    from playwright.sync_api import BrowserContext, Page, Route

    from annotate.config import Settings

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LLM = "llm-response-safety"


@dataclass
class Desk:
    """The labelling page of a round, open in a browser."""

    world: World
    page: Page
    base: str
    round_id: str

    @property
    def address(self) -> str:
        return f"{self.base}/p/demo/label/{self.round_id}"

    def open(self) -> None:
        self.page.goto(self.address)
        expect(self.page.locator(".q-open")).to_be_visible()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def expect_item(self, name: str) -> None:
        expect(self.page.locator("#item-id")).to_have_text(name)
        expect(self.page.locator(".q-open")).to_be_visible()

    def rows(self, statement: Any) -> list[Any]:
        with self.world.database.read() as session:
            return list(session.execute(statement).all())

    def expect_saved(self) -> None:
        """Wait until the page says that everything submitted is on the server."""
        expect(self.page.locator("#save-state")).to_have_text("Saved")

    def lose_place(self, name: str) -> None:
        """Let the place on an item go to somebody else."""
        item = sa.select(Item.id).where(Item.external_id == name).scalar_subquery()
        lost = sa.update(Assignment).where(Assignment.item_id == item)
        with self.world.database.write() as session:
            session.execute(lost.values(state="expired", fence=Assignment.fence + 1))

    def expect_next(self, name: str) -> None:
        self.expect_item(name)
        self.expect_saved()

    def answers(self) -> list[str]:
        query = sa.select(Annotation.answers).order_by(Annotation.created_at)
        return [row.answers for row in self.rows(query)]


@contextmanager
def _served(settings: Settings, database: Database) -> Iterator[str]:
    def application(base: str) -> Flask:
        return application_on(replace(settings, public_url=base, inline_jobs=False), database)

    with live(application) as base:
        yield base


@pytest.fixture
def base(tmp_path: Path) -> Iterator[tuple[str, World]]:
    with migrated_database("sqlite", tmp_path) as url:
        settings = settings_for(url, tmp_path)
        database = Database(settings)
        with _served(settings, database) as address:
            yield address, World(database)
        database.dispose()


def _desk(base: tuple[str, World], context: BrowserContext, rubric: str, items: int = 3) -> Desk:
    address, world = base
    project = world.project()
    world.grant("ann", "annotator", project, team="Internal")
    version = world.rubric(project, rubric)
    round_id = world.round(project, version, world.items(project, items), overlap=1)
    context.add_cookies([{"name": "touchstone", "value": world.cookie("ann"), "url": address}])
    return Desk(world, context.new_page(), address, round_id)


def test_abuse_is_labelled_by_keys_alone(base: tuple[str, World], context: BrowserContext) -> None:
    desk = _desk(base, context, "conversational-abuse")
    desk.open()
    desk.expect_item("item-0000")
    assert accessibility_problems(desk.page) == []

    desk.press("Enter")
    expect(desk.page.locator(".q-open .error")).to_be_visible()
    desk.press("4", "5", "c", "1", "j", "i", "u")
    expect(desk.page.locator("#submit")).to_be_focused()
    desk.press("z", "e")
    desk.page.reload()
    expect(desk.page.locator("#question-count")).to_have_text("4 of 4")
    desk.press("Enter")
    desk.expect_next("item-0001")
    [first] = desk.answers()
    assert first == (
        '{"direction":{"value":"explicit"},"severity":{"value":"strong"},'
        '"target":{"value":"individual"},"types":{"clauses":["SE-I1"],"value":["sexist"]}}'
    )

    desk.press("1", "Enter")
    desk.expect_next("item-0002")
    closed = desk.rows(sa.select(Label.state).where(Label.question == "target"))
    assert sorted(row.state for row in closed) == ["answered", "not_asked"]

    desk.press("z")
    expect(desk.page.locator("#banner")).to_contain_text("item-0001")
    desk.press("2", "Enter")
    desk.expect_next("item-0002")
    assert '{"severity":{"value":"ambiguous"}}' in desk.answers()

    desk.press("1", "Enter")
    expect(desk.page.locator("#stage-empty")).to_contain_text("done with this round")
    expect(desk.page.locator("#stage-empty")).to_contain_text(
        "Everything that you submitted is saved"
    )
    assert accessibility_problems(desk.page) == []
    assert desk.page.evaluate("Object.keys(localStorage).filter((k) => k.includes('draft'))") == []


def test_safety_is_labelled_concealed_with_passages_and_clauses(
    base: tuple[str, World], context: BrowserContext
) -> None:
    desk = _desk(base, context, LLM, items=1)
    desk.open()
    shown = desk.page.locator(".turn-text")
    expect(shown).to_have_count(0)
    desk.press("r", "r")
    expect(shown).to_have_count(2)
    desk.press("h")
    expect(shown).to_have_count(0)
    desk.press("r", "r", "2", "2", "8", "c", "1", "Enter", "3")
    expect(desk.page.locator(".q-open legend")).to_contain_text("passages")
    desk.press("]", "]", "ArrowRight", "Shift+ArrowRight", "s")
    expect(desk.page.locator(".passage")).to_have_count(1)
    assert accessibility_problems(desk.page) == []


def test_opt_out_and_report_close_an_item_at_once(
    base: tuple[str, World], context: BrowserContext
) -> None:
    desk = _desk(base, context, "conversational-abuse")
    desk.open()
    desk.press("o", "Enter")
    desk.expect_item("item-0001")
    assert len(desk.rows(sa.select(OptOut.id))) == 1
    desk.press("Shift+L")
    expect(desk.page.locator("#report")).to_be_visible()
    desk.press("Escape")
    assert desk.rows(sa.select(Item.id).where(Item.quarantined_at.is_not(None))) == []
    desk.press("Shift+L", "Enter")
    desk.expect_item("item-0002")
    assert len(desk.rows(sa.select(Item.id).where(Item.quarantined_at.is_not(None)))) == 1


def test_a_dialog_that_is_opened_again_before_word_of_its_end_came_is_heard(
    base: tuple[str, World], context: BrowserContext
) -> None:
    desk = _desk(base, context, "conversational-abuse")
    desk.open()
    desk.page.evaluate(
        """() => {
            const press = () => document.body.dispatchEvent(
                new KeyboardEvent("keydown", { key: "L", shiftKey: true, bubbles: true })
            );
            press();
            document.querySelector("#report").close("");  // as Escape does; its event comes later
            press();
        }"""
    )
    desk.press("Enter")
    desk.expect_item("item-0001")
    assert len(desk.rows(sa.select(Item.id).where(Item.quarantined_at.is_not(None)))) == 1


def test_an_answer_lost_on_its_way_back_is_stored_once(
    base: tuple[str, World], context: BrowserContext
) -> None:
    desk = _desk(base, context, "conversational-abuse")
    desk.open()
    lost: list[str] = []

    def lose(route: Route) -> None:
        if lost:
            route.fallback()
            return
        lost.append(route.request.url)
        route.fetch()  # the server has it; its answer never arrives
        route.abort()

    desk.page.route("**/submit", lose)
    desk.press("1", "Enter")
    desk.expect_next("item-0001")
    assert len(lost) == 1
    assert len(desk.rows(sa.select(Annotation.id))) == 1


def test_what_waited_when_the_page_was_closed_is_sent_when_it_opens_again(
    base: tuple[str, World], context: BrowserContext
) -> None:
    desk = _desk(base, context, "conversational-abuse")
    desk.open()
    desk.page.route("**/submit", lambda route: route.abort())
    desk.press("1", "Enter")
    expect(desk.page.locator("#save-state")).to_have_text("1 waiting to send")
    assert desk.rows(sa.select(Annotation.id)) == []
    desk.expect_item("item-0001")
    desk.page.unroute("**/submit")
    desk.page.reload()
    expect(desk.page.locator("#toasts")).to_contain_text("has been sent")
    desk.expect_next("item-0001")
    assert desk.answers() == ['{"severity":{"value":"not_abusive"}}']
    stored = desk.page.evaluate("JSON.stringify(localStorage)")
    assert "Water the plants" not in stored


def test_a_lost_lease_keeps_the_answers_readable(
    base: tuple[str, World], context: BrowserContext
) -> None:
    desk = _desk(base, context, "conversational-abuse")
    desk.open()
    desk.press("4", "0", "j", "a", "e")
    desk.lose_place("item-0000")
    expect(desk.page.locator("#banner")).to_contain_text("lease ended")
    expect(desk.page.locator(".chip-answer").first).to_have_text("Strong abuse")
    expect(desk.page.locator(".turn-text")).to_have_count(0)
    desk.page.get_by_role("button", name="Next item").click()
    desk.expect_item("item-0001")
    desk.page.route("**/state?*", lambda route: route.abort())
    desk.press("2")
    desk.lose_place("item-0001")
    desk.press("Enter")
    desk.expect_item("item-0002")
    expect(desk.page.locator("#banner")).to_contain_text("lease ended")
    expect(desk.page.locator("#save-state")).to_have_text("1 not taken")
    desk.page.locator("#save-state").click()
    expect(desk.page.locator("#outbox-list")).to_contain_text("item-0001")
    expect(desk.page.locator("#outbox-list")).to_contain_text("Ambiguous")
    assert accessibility_problems(desk.page) == []
    desk.page.get_by_role("button", name="Dismiss").click()
    desk.press("Escape")
    desk.expect_saved()
    assert desk.rows(sa.select(Annotation.id)) == []


def test_the_page_fits_a_phone(base: tuple[str, World], context: BrowserContext) -> None:
    desk = _desk(base, context, LLM, items=1)
    desk.page.set_viewport_size({"width": 320, "height": 640})
    desk.open()
    assert desk.page.evaluate("document.documentElement.scrollWidth") == 320
    expect(desk.page.locator(".submit-row [data-act=report]")).to_be_in_viewport()
    expect(desk.page.locator("#submit")).to_be_in_viewport()
    assert accessibility_problems(desk.page) == []


def test_the_first_load_is_light(base: tuple[str, World], context: BrowserContext) -> None:
    desk = _desk(base, context, "conversational-abuse")
    talk = [{"role": ("user", "assistant")[n % 2], "content": "Word " * 16} for n in range(8)]
    with desk.world.database.write() as session:
        session.execute(sa.update(Item).values(body=canonical_json({"messages": talk})))
    cdp = context.new_cdp_session(desk.page)
    begun: dict[str, str] = {}
    sizes: dict[str, int] = {}
    cdp.on("Network.requestWillBeSent", lambda one: begun.update({one["requestId"]: _url(one)}))
    cdp.on(
        "Network.loadingFinished",
        lambda one: sizes.update({one["requestId"]: int(one["encodedDataLength"])}),
    )
    cdp.send("Network.enable")
    desk.open()
    first = dict(begun)
    expect(desk.page.locator("main[data-ahead='2']")).to_be_visible()
    assert {url.split("/")[2] for url in first.values()} == {urlsplit(desk.base).netloc}
    assert len(first) <= 15, first
    loaded = {first[one]: sizes.get(one, 0) for one in first}
    assert sum(loaded.values()) <= 100_000, loaded
    assert min(size for url, size in loaded.items() if url.endswith(".js")) > 0


def _url(event: dict[str, Any]) -> str:
    return str(event["request"]["url"])
