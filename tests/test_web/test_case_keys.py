"""A case is answered and decided from the keyboard, and typing is never taken for a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.live import live
from tests.test_web.project_support import Site
from tests.test_web.seeded import Seeded, seed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    yield from Site.opened(tmp_path)


@pytest.fixture
def seeded(site: Site) -> Seeded:
    return seed(site.world)


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
