"""A designer's first hour in a real browser: project, rubric, problems, plan, round."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.browser import accessibility_problems
from tests.support.live import live

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import BrowserContext, Page

    from tests.test_web.project_support import Site

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WIDE = (1366, 768, "light")
NARROW = (360, 740, "dark")


@pytest.fixture
def address(site: Site) -> Iterator[str]:
    with live(lambda _: site.app) as base:
        yield base


@pytest.fixture
def desk(context: BrowserContext, site: Site, address: str) -> Page:
    cookie = {"name": "touchstone", "value": site.world.cookie("root"), "url": address}
    context.add_cookies([cookie])
    return context.new_page()


def look(page: Page, size: tuple[int, int, str]) -> None:
    """Hold the page to the rules that every page must meet, wide and light or narrow and dark."""
    width, height, theme = size
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=theme)
    assert accessibility_problems(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.set_viewport_size({"width": 1366, "height": 768})


def test_a_project_is_made_by_hand(desk: Page, address: str) -> None:
    desk.goto(address)
    look(desk, NARROW)
    desk.get_by_role("link", name="Make the first project").click()
    desk.get_by_label("Name").fill("Assistant safety")
    desk.get_by_label("Address").fill("Assistant Safety")
    desk.get_by_role("button", name="Make the project").click()
    expect(desk.locator("#f-slug-e")).to_be_visible()
    expect(desk.get_by_label("Address")).to_be_focused()
    look(desk, WIDE)
    desk.get_by_label("Address").fill("assistant-safety")
    desk.get_by_role("button", name="Make the project").click()
    expect(desk.get_by_text("There is no rubric yet")).to_be_visible()
    look(desk, NARROW)


def test_a_rubric_is_mended_and_published(site: Site, desk: Page, address: str) -> None:
    site.world.project()
    desk.goto(f"{address}/p/demo/rubric")
    desk.get_by_role("link", name="Start from it").last.click()
    source = desk.get_by_label("Rubric as YAML")
    text = source.input_value()
    source.fill(text.replace("type: ordinal", "type: ordnal", 1))
    desk.get_by_role("button", name="Keep as draft").click()
    expect(desk.get_by_role("heading", name="One problem")).to_be_visible()
    look(desk, NARROW)
    source.fill(text)
    desk.get_by_role("button", name="Keep as draft").click()
    desk.get_by_role("button", name="Publish 1.0.0").click()
    desk.get_by_role("button", name="Yes, do it").click()
    expect(desk.get_by_text("is published")).to_be_visible()
    look(desk, WIDE)
    desk.get_by_role("link", name="Clauses", exact=True).click()
    look(desk, NARROW)


def test_a_round_is_planned_and_then_made(site: Site, desk: Page, address: str) -> None:
    project_id = site.world.project()
    site.world.rubric(project_id)
    site.world.items(project_id, 4)
    for login in ("ann-1", "ann-2", "ann-3"):
        site.world.grant(login, "annotator", project_id)
    desk.goto(f"{address}/p/demo/rounds")
    desk.get_by_role("link", name="Plan a round").click()
    look(desk, WIDE)
    desk.get_by_role("button", name="Show the plan").click()
    expect(desk.get_by_text("Nothing is made yet.")).to_be_visible()
    look(desk, NARROW)
    desk.get_by_role("button", name="Make the round").click()
    expect(desk.get_by_text("The round is made and open.")).to_be_visible()
    desk.goto(f"{address}/p/demo/")
    expect(desk.get_by_text("0 of 4 planned items have all their labels.")).to_be_visible()
    look(desk, WIDE)
