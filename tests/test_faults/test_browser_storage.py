"""The labelling page where the browser keeps nothing, loses what it kept, or hears a stranger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.test_faults.test_labelling_page import Office, office, serving

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Route

__all__ = ["office", "serving"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(400),
]
NO_STORE = "Object.defineProperty(window, 'indexedDB', {get() { return undefined; }});"
FORBIDDEN = """Object.defineProperty(window, "indexedDB", {
  get() { throw new DOMException("storage is off", "SecurityError"); },
});"""
FULL = """IDBObjectStore.prototype.put = function () {
  this.transaction.abort();
  throw new DOMException("the disk is full", "QuotaExceededError");
};"""


def test_answers_are_sent_where_there_is_no_store(office: Office, context: BrowserContext) -> None:
    _sent_without_store(office, context, NO_STORE)


def test_answers_are_sent_where_the_store_is_forbidden(
    office: Office, context: BrowserContext
) -> None:
    _sent_without_store(office, context, FORBIDDEN)


def test_answers_are_sent_where_the_store_is_full(office: Office, context: BrowserContext) -> None:
    _sent_without_store(office, context, FULL)


def _sent_without_store(office: Office, context: BrowserContext, script: str) -> None:
    context.add_init_script(script)
    tab = office.at_work(context, "ann")
    context.set_offline(True)
    tab.answer("1", "Enter")
    tab.expect_item(1)
    tab.expect_state("1 waiting to send")
    context.set_offline(False)
    tab.answer("2", "Enter")
    tab.expect_item(2)
    tab.expect_state("Saved")
    assert office.stored() == {
        "item-0000": ("ann", "not_abusive"),
        "item-0001": ("ann", "ambiguous"),
    }


def test_answers_are_sent_after_the_browser_closed_its_store(
    office: Office, context: BrowserContext
) -> None:
    """A browser does this when site data are cleared, or when its disk fails."""
    tab = office.at_work(context, "ann")
    tab.answer("1", "Enter")
    tab.expect_state("Saved")
    devtools = context.new_cdp_session(tab.page)
    origin = {"origin": office.server.url, "storageTypes": "indexeddb"}
    devtools.send("Storage.clearDataForOrigin", origin)
    tab.answer("2", "Enter")
    tab.expect_item(2)
    tab.expect_state("Saved")
    assert set(office.stored()) == {"item-0000", "item-0001"}


def test_what_waits_is_sent_although_its_store_was_cleared(
    office: Office, context: BrowserContext
) -> None:
    tab = office.at_work(context, "ann")
    context.set_offline(True)
    tab.answer("1", "Enter")
    tab.expect_state("1 waiting to send")
    devtools = context.new_cdp_session(tab.page)
    origin = {"origin": office.server.url, "storageTypes": "indexeddb"}
    devtools.send("Storage.clearDataForOrigin", origin)
    context.set_offline(False)
    tab.expect_state("Saved")
    assert office.stored() == {"item-0000": ("ann", "not_abusive")}


def test_a_page_of_a_gateway_is_no_acknowledgement(office: Office, context: BrowserContext) -> None:
    tab = office.at_work(context, "ann")

    def gateway(route: Route) -> None:
        route.fulfill(status=200, content_type="text/html", body="<h1>Accept the terms</h1>")

    tab.page.route("**/submit", gateway)
    tab.answer("1", "Enter")
    tab.expect_item(1)
    tab.expect_state("1 waiting to send")
    tab.page.unroute("**/submit")
    tab.expect_state("Saved")
    assert office.stored() == {"item-0000": ("ann", "not_abusive")}


def test_a_sign_out_takes_nothing_of_somebody_else(office: Office, context: BrowserContext) -> None:
    """What a closed page left as a draft, unsent, is that person's until it is sent."""
    context.add_init_script(NO_STORE)
    tab = office.at_work(context, "ann")
    context.set_offline(True)
    tab.answer("1", "Enter")
    tab.expect_state("1 waiting to send")
    tab.page.close()
    context.set_offline(False)
    office.seat(context, "bob")
    page = context.new_page()
    page.goto(f"{office.server.url}/p/{office.slug}/work")
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page).to_have_url(f"{office.server.url}/login?done=signed-out")
    page.close()
    assert office.count() == 0
    office.seat(context, "ann")
    again = office.open(context)
    again.expect_state("Saved")
    assert office.stored() == {"item-0000": ("ann", "not_abusive")}


def test_a_beat_that_fails_once_is_not_the_last(office: Office, context: BrowserContext) -> None:
    context.clock.install()
    tab = office.at_work(context, "ann")
    beats: list[int] = []

    def broken(route: Route) -> None:
        beats.append(1)
        if len(beats) == 1:
            route.fulfill(status=500, json={"error": {"code": "internal", "message": "broken"}})
        else:
            route.fallback()

    tab.page.route("**/heartbeat", broken)
    for _ in range(2):
        with tab.page.expect_request("**/heartbeat"):
            tab.page.clock.fast_forward(700_000)
            tab.page.keyboard.press("Shift")
    assert len(beats) >= 2
