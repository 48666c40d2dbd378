"""The whole line in a browser, as new users walk it: a rubric goes in, verified gold comes out."""

from __future__ import annotations

import json
import re
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.browser import Watch
from tests.support.databases import environment_for, migrated_database
from tests.support.server import COMMAND, Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PASSWORD = "four plain garden words"
LINK = re.compile(r"http://127\.0\.0\.1:\d+/link/[\w-]{40,}")
DISPUTED = "kettle"
REMARKS = {
    "ferns": "Please water the ferns.",
    DISPUTED: "You silly kettle, you never listen.",
    "clock": "What time is it?",
}
FILE = "\n".join(
    [
        *(
            json.dumps({"id": name, "messages": [{"role": "user", "content": text}]})
            for name, text in REMARKS.items()
        ),
        '{"id": "broken", "text": ',
    ]
)
BENIGN, MILD = ("1",), ("3", "3", "j", "a", "e")
SEVERITY = "How abusive is the last message of the user?"


def touchstone(server: Server, *arguments: str) -> str:
    """Run a command beside the server, as its operator."""
    done = subprocess.run(
        [str(COMMAND), *arguments],
        cwd=server.folder,
        env=server.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def desk(browser: Browser) -> Iterator[Page]:
    """Give somebody a browser of their own, which may not misbehave."""
    context = browser.new_context(locale="en-GB", timezone_id="UTC", reduced_motion="reduce")
    context.set_default_timeout(20_000)
    watch = Watch(context)
    yield context.new_page()
    context.close()
    watch.check()


@pytest.fixture(autouse=True)
def patience() -> Iterator[None]:
    """Wait longer than usual: a real server in processes of its own answers here."""
    expect.set_options(timeout=20_000)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with (
        migrated_database("sqlite", tmp_path) as url,
        Server(environment_for(url, tmp_path), tmp_path) as running,
    ):
        yield running


def choose_password(page: Page, link: str) -> None:
    page.goto(link)
    if page.get_by_label("Name").count():
        page.get_by_label("Login").fill("boss")
        page.get_by_label("Name").fill("Robin")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("The password once more").fill(PASSWORD)
    page.get_by_role("button", name="Set the password and sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def invite(page: Page, server: Server, login: str, role: str) -> str:
    """Make an account with a role in the project and return its one-time link."""
    page.goto(f"{server.url}/people")
    form = page.locator("form", has=page.get_by_role("button", name="Make the link"))
    form.get_by_label("Login").fill(login)
    form.get_by_label("Name", exact=True).fill(login.title())
    form.get_by_label("Role", exact=True).select_option(role)
    form.get_by_label("In", exact=True).select_option(label="Garden talk")
    form.get_by_role("button", name="Make the link").click()
    shown = page.locator(".copy code").first
    expect(shown).to_be_visible()
    found = LINK.search(shown.inner_text())
    assert found is not None
    return found[0]


def make_project(page: Page, server: Server) -> None:
    page.goto(server.url)
    page.get_by_role("link", name="Make the first project").click()
    page.get_by_label("Name").fill("Garden talk")
    page.get_by_label("Address").fill("garden")
    page.get_by_role("button", name="Make the project").click()
    page.get_by_role("link", name="Rubric", exact=True).first.click()
    shipped = page.locator("li", has_text="Conversational abuse")
    shipped.get_by_role("link", name="Start from it").click()
    page.get_by_role("button", name="Keep as draft").click()
    page.get_by_role("button", name="Publish 1.0.0").click()
    page.get_by_role("button", name="Yes, do it").click()
    expect(page.get_by_text("is published")).to_be_visible()


def import_items(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/p/garden/import")
    file = {"name": "talk.jsonl", "mimeType": "application/jsonl", "buffer": FILE.encode()}
    page.get_by_label("File", exact=True).set_input_files(file)
    page.get_by_role("button", name="Import").click()
    report = page.locator("#main")
    expect(report.get_by_text("done", exact=True).first).to_be_visible()
    refused = report.get_by_role("region", name="Rows that did not go in").get_by_role("row")
    expect(refused.last).to_contain_text("not valid JSON")
    expect(refused.last.get_by_role("rowheader")).to_have_text("4")


def open_round(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/p/garden/rounds/new")
    page.get_by_label("Name", exact=True).fill("First look")
    page.get_by_label("People per item").fill("2")
    page.get_by_role("button", name="Show the plan").click()
    expect(page.get_by_text("Nothing is made yet.")).to_be_visible()
    page.get_by_role("button", name="Make the round").click()
    expect(page.get_by_text("The round is made and open.")).to_be_visible()


def label_everything(page: Page, server: Server, disputed: tuple[str, ...]) -> None:
    """Label all items from the keyboard, from My work to the last one."""
    page.goto(f"{server.url}/p/garden/work")
    page.get_by_role("link", name="Label", exact=True).press("Enter")
    name = page.locator("#item-id")
    for done in range(len(REMARKS)):
        expect(page.locator(".q-open")).to_be_visible()
        item = name.inner_text()
        for key in disputed if item == DISPUTED else BENIGN:
            page.keyboard.press(key)
        page.keyboard.press("Enter")
        if done + 1 < len(REMARKS):
            expect(name).not_to_have_text(item)
    # whoever leaves before that takes the last answer along in the browser
    expect(page.locator("#empty-kept")).to_have_text("Everything that you submitted is saved.")
    expect(page.locator("#stage-empty")).to_contain_text("done with this round")


def read_agreement(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/p/garden/agreement")
    expect(page.get_by_text("3 items, 6 annotations, 2 annotators")).to_be_visible()
    page.get_by_role("link", name=SEVERITY).click()
    behind = page.get_by_role("region", name="Items, the most disputed first")
    expect(behind.get_by_role("link").first).to_have_text(DISPUTED)
    behind.get_by_role("link").first.click()
    expect(page.locator("#main")).to_contain_text(REMARKS[DISPUTED])


def decide_the_case(page: Page, server: Server) -> None:
    """Answer blind and decide by keys: not abusive, so nothing else was to be asked."""
    page.goto(f"{server.url}/p/garden/cases")
    page.get_by_role("button", name="Take the next case").click()
    expect(page.locator("#blind[data-keys=on]")).to_be_visible()
    expect(page.locator(".votes")).to_have_count(0)
    for key in ("1", "x", "4", "3"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    expect(page.locator(".votes")).to_contain_text("Mild abuse")
    expect(page.locator("#decide[data-keys=on]")).to_be_visible()
    page.keyboard.press("3")
    expect(page.get_by_label("No clause covers this")).to_be_checked()
    page.get_by_label("Rationale").fill("A kettle cannot be insulted.")
    page.get_by_role("button", name="Decide and next").press("Enter")
    expect(page.get_by_text("No case waits for you.")).to_be_visible()
    expect(page.get_by_text("0 open, 1 decided, 0 withdrawn")).to_be_visible()


def release(page: Page, server: Server) -> bytes:
    """Freeze a release, wait for its files, and fetch the manifest."""
    page.goto(f"{server.url}/p/garden/releases")
    page.get_by_role("button", name="Freeze the release").click()
    expect(page.get_by_role("heading", name="Gold release 1")).to_be_visible()
    address = page.url.partition("?")[0]
    if page.get_by_role("link", name="Follow the job").count():
        page.get_by_role("link", name="Follow the job").click()
        expect(page.locator("#main").get_by_text("done", exact=True).first).to_be_visible()
    page.goto(address)
    expect(page.get_by_text("an adjudicator decided")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="manifest.json").click()
    return download.value.path().read_bytes()


def test_a_rubric_goes_in_and_verified_gold_comes_out(server: Server, browser: Browser) -> None:
    first = LINK.search(touchstone(server, "init"))
    assert first is not None
    with desk(browser) as boss:
        choose_password(boss, first[0])
        make_project(boss, server)
        import_items(boss, server)
        links = {
            login: invite(boss, server, login, role)
            for login, role in (("ann", "annotator"), ("bea", "annotator"), ("jay", "adjudicator"))
        }
        open_round(boss, server)
        for login, keys in (("ann", BENIGN), ("bea", MILD)):
            with desk(browser) as annotator:
                choose_password(annotator, links[login])
                label_everything(annotator, server, keys)
        read_agreement(boss, server)
        with desk(browser) as adjudicator:
            choose_password(adjudicator, links["jay"])
            decide_the_case(adjudicator, server)
        manifest = release(boss, server)
    directory = server.folder / "releases" / "garden" / "0001"
    assert (directory / "manifest.json").read_bytes() == manifest
    assert json.loads(manifest)["counts"]["decisions"] == 4
    touchstone(server, "gold", "verify", str(directory))
