"""A case is answered and decided from the keyboard, and typing is never taken for a key."""

from __future__ import annotations

import json
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from annotate.db import new_id
from annotate.models import Item, Media
from annotate.services import media
from annotate.services.text import canonical_json
from tests.support.browser import accessibility_problems
from tests.support.live import live
from tests.support.media_samples import jpeg

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import BrowserContext, Page

    from tests.test_web.project_support import Site
    from tests.test_web.seeded import Seeded

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def case(context: BrowserContext, site: Site, seeded: Seeded) -> Iterator[Page]:
    """The open case, taken by the second adjudicator."""
    with live(lambda _: site.app) as base:
        cookie = {"name": "touchstone", "value": site.world.cookie("second"), "url": base}
        context.add_cookies([cookie])
        page = context.new_page()
        page.goto(f"{base}/p/demo/cases/{seeded.open_case}")
        page.get_by_role("button", name="Take this case").first.click()
        expect(page.locator("#blind[data-keys=on]")).to_be_visible()
        yield page


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def chosen(page: Page) -> dict[str, str]:
    """Return what is chosen, by field."""
    found = page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('input:checked')]"
        ".map((one) => [one.name, one.value]))"
    )
    return {str(name): str(value) for name, value in found.items()}


def test_keys_answer_compare_and_decide(case: Page) -> None:
    press(case, "Enter")
    expect(case.locator(".error").first).to_contain_text("Answer this first, or say unsure.")
    expect(case.locator("#blind[data-keys=on]")).to_be_visible()
    press(case, "4", "n", "2", "u")
    assert chosen(case)["pick:types"] == ":none"
    case.locator("#blind input[value=sexist]").focus()
    press(case, "2", "5")
    assert case.locator("#blind input[type=checkbox]:checked").count() == 2, (
        "none goes with no other"
    )
    press(case, "2")
    assert chosen(case) == {
        "value:severity": "strong",
        "pick:types": "sexist",
        "value:target": "individual",
        "value:direction": "unsure",
    }
    press(case, "j", "3")
    assert chosen(case)["value:target"] == "system", "J went on to the next question"
    press(case, "j", "2", "Enter")
    expect(case.locator("#decide[data-keys=on]")).to_be_visible()
    expect(case.locator(".votes")).to_be_visible()

    press(case, "n", "6")
    assert chosen(case)["value:types/sexist"] == "1", "N means nothing in a question of severity"
    assert chosen(case)["cause"] == "genuine_pluralism"
    case.get_by_label("Rationale").focus()
    press(case, "n", "3", "j")
    assert case.get_by_label("Rationale").input_value() == "n3j"
    assert chosen(case)["cause"] == "genuine_pluralism"
    press(case, "Tab", "Tab", "Enter")
    expect(case.locator("#blind, .sealed").first).to_be_visible()
    assert "/cases/" in case.url


def test_single_keys_that_are_off_do_nothing(case: Page) -> None:
    case.evaluate("localStorage.setItem('touchstone.single-keys', 'off')")
    press(case, "4", "y")
    assert chosen(case) == {}
    press(case, "Tab")
    case.get_by_label("Not abusive").focus()
    press(case, "Space")
    assert chosen(case) == {"value:severity": "not_abusive"}


def test_files_of_the_item_are_fetched_when_asked_for_and_called_by_no_name(
    case: Page, site: Site, seeded: Seeded
) -> None:
    world = site.world
    kept = media.keep(world.database.settings, seeded.std.project_id, BytesIO(jpeg()))
    entry = {
        "target": "message:1",
        "sha256": kept.sha256,
        "type": kept.media_type,
        "bytes": kept.size,
        "name": "abusive/pot.jpg",
        "alt": "A pot with a plant",
    }
    item_id = seeded.std.item_ids[0]
    with world.database.write() as session:
        item = session.get_one(Item, item_id)
        item.body = canonical_json({**json.loads(item.body), "media": [entry]})
        row = Media(
            id=new_id(),
            project_id=seeded.std.project_id,
            item_id=item_id,
            content_hash=kept.sha256,
            original_hash=kept.original_sha256,
            media_type=kept.media_type,
            size=kept.size,
            created_at=world.now(),
        )
        session.add(row)
    asked: list[str] = []
    case.on("request", lambda one: asked.append(one.url) if "/media/" in one.url else None)
    case.reload()
    offer = case.locator(".turn-user .media-offer")
    expect(offer).to_contain_text("A pot with a plant")
    assert asked == []
    assert "abusive/" not in case.content(), "the name of a file can tell the label"
    assert accessibility_problems(case) == []
    case.get_by_role("button", name="Show", exact=True).click()
    expect(case.locator(".media-image")).to_have_attribute("data-loaded", "yes")
    assert len(asked) == 1
    case.set_viewport_size({"width": 360, "height": 740})
    assert case.evaluate("document.documentElement.scrollWidth") <= 360
