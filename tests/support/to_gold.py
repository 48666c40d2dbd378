"""From a replayed project to gold: cases decided in a browser, a verified release, a classifier.

It is a run of the machinery and no judgement of the items: the adjudicator of this run says
*unsure* blind, and then rules what most of the shown labels say.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import expect, sync_playwright

from annotate.db import Database
from annotate.policy import ADJUDICATOR
from annotate.services import accounts, passwords, roles
from annotate.services.identity import system_actor
from tests.support.browser import Watch, launch, use_locked_node
from tests.support.databases import settings_for
from tests.support.server import COMMAND

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import Locator, Page

    from tests.support.server import Server

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "train_classifier.py"
PROJECT = "replay"
LOGIN = "machinery"
PASSWORD = "four plain garden words"
RATIONALE = "A run of the machinery: the majority of the shown labels, not a judgement."
PATIENCE = 20_000
COMMAND_SECONDS = 900
NO_VOTE = frozenset({"unsure", "cannot assess"})
YES_NO = {"yes": ("1", "true"), "no": ("0", "false")}
KEEP, NOT_ASKED = "keep", "not_asked"


@dataclass(frozen=True)
class Ruling:
    """What was chosen in the browser for one cell; ``value`` as the form has it."""

    item: str
    question: str
    category: str
    value: str

    @property
    def cell(self) -> tuple[str, str, str]:
        return self.item, self.question, self.category

    @property
    def stored(self) -> tuple[str | None, str]:
        """Value and state that the release must give for it."""
        if self.value == KEEP:
            return None, "cannot_assess"
        return (None, NOT_ASKED) if self.value == NOT_ASKED else (self.value, "answered")


@dataclass(frozen=True)
class ToGold:
    """What came of it.

    ``table`` is what the example printed, ``verified`` what the verifier said, and ``problems``
    names whatever is not as it must be.
    """

    cases: int
    rulings: Sequence[Ruling]
    bases: Counter[str]
    verified: str
    table: str
    problems: Sequence[str]


def to_gold(server: Server, database_url: str, cases: int) -> ToGold:
    """Decide cases in a browser, release, verify, write again, and train on the release."""
    _enlist(database_url, server.folder)
    with _desk(server) as page:
        rulings = _decide(page, server, cases)
    first, second = server.folder / "gold", server.folder / "gold-again"
    _touchstone(server, "gold", "release", "--project", PROJECT, "--out", str(first))
    verified = _touchstone(server, "gold", "verify", str(first))
    _touchstone(server, "gold", "write", "--project", PROJECT, "1", str(second))
    table = server.run(sys.executable, EXAMPLE, first, seconds=COMMAND_SECONDS)
    gold = _rows(first / "gold.jsonl")
    return ToGold(
        cases=len({one.item for one in rulings}),
        rulings=rulings,
        bases=Counter(row["basis"] for row in gold),
        verified=verified.strip(),
        table=table,
        problems=[*_not_same(first, second), *_not_released(first, rulings, gold)],
    )


def _enlist(database_url: str, folder: Path) -> None:
    """Make an adjudicator, who labelled nothing."""
    database = Database(settings_for(database_url, folder))
    hashed = passwords.hash_password(PASSWORD)
    try:
        with database.write() as session:
            person = accounts.create(
                session, login=LOGIN, display_name="Machinery", password_hash=hashed
            )
            project_id = roles.find_project(session, PROJECT)
            wanted = roles.Wanted(ADJUDICATOR, project_id)
            roles.grant(session, system_actor(session), person.user_id, wanted)
    finally:
        database.dispose()


@contextmanager
def _desk(server: Server) -> Iterator[Page]:
    """Sign in with a browser that may not misbehave."""
    use_locked_node()
    with sync_playwright() as playwright:
        browser = launch(playwright.chromium)
        context = browser.new_context(locale="en-GB", timezone_id="UTC", reduced_motion="reduce")
        context.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        watch = Watch(context)
        page = context.new_page()
        page.goto(f"{server.url}/login")
        page.get_by_label("Login").fill(LOGIN)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        yield page
        browser.close()
    watch.check()


def _decide(page: Page, server: Server, cases: int) -> list[Ruling]:
    """Take the longest waiting case, and the next one after each decision."""
    page.goto(f"{server.url}/p/{PROJECT}/cases")
    page.get_by_role("button", name="Take the next case").click()
    rulings: list[Ruling] = []
    for _case in range(cases):
        expect(page.locator("#blind[data-keys=on]")).to_be_visible()
        expect(page.locator(".votes")).to_have_count(0)
        for _question in page.locator("#blind fieldset[data-cell]").all():
            page.keyboard.press("u")
        page.keyboard.press("Enter")
        expect(page.locator("#decide[data-keys=on]")).to_be_visible()
        rulings += _rule(page)
        here = page.url
        page.get_by_role("button", name="Decide and next").click()
        page.wait_for_url(lambda url, here=here: url != here)
    return rulings


def _rule(page: Page) -> list[Ruling]:
    """Choose in every cell at issue what most labels beside it say."""
    item = page.locator(".pane-read .chip-id").inner_text()
    rulings = []
    for field in page.locator("#decide fieldset[data-cell]").all():
        key = field.get_attribute("data-cell") or ""
        votes = page.locator(f'.votes tr[data-cell="{key}"] td:not(.mine)').all_inner_texts()
        chosen = _option(field, _majority(votes))
        chosen.check()
        question, _slash, category = key.partition("/")
        rulings.append(Ruling(item, question, category, chosen.get_attribute("value") or ""))
    page.locator('input[name="cause"][value="genuine_pluralism"]').check()
    page.get_by_label("Rationale").fill(RATIONALE)
    return rulings


def _majority(votes: Sequence[str]) -> str | None:
    """Return what more than half of those who answered say, or nothing."""
    said = [vote.strip() for vote in votes if vote.strip() not in NO_VOTE]
    for words, count in Counter(said).most_common(1):
        if 2 * count > len(said):
            return words
    return None


def _option(field: Locator, words: str | None) -> Locator:
    """Return the radio button that says so; without a majority, the distribution is kept."""
    if words is None:
        return field.locator(f'input[value="{KEEP}"]')
    if words == "\N{EN DASH}":
        return field.locator(f'input[value="{NOT_ASKED}"]')
    if words in YES_NO:
        return field.locator(", ".join(f'input[value="{one}"]' for one in YES_NO[words]))
    return field.get_by_role("radio", name=words).first


def _not_same(first: Path, second: Path) -> list[str]:
    """List the files that were not written with the same bytes twice."""
    names = sorted({path.name for folder in (first, second) for path in folder.iterdir()})
    return [
        f"{name} is not the same when written again"
        for name in names
        if not (first / name).exists()
        or not (second / name).exists()
        or (first / name).read_bytes() != (second / name).read_bytes()
    ]


def _not_released(folder: Path, rulings: Sequence[Ruling], gold: list[dict[str, str]]) -> list[str]:
    """List the rulings made in the browser that the release does not hold."""
    released = {
        (row["item_id"], row["question"], row["category"]): (row["value"], row["state"])
        for row in _rows(folder / "decisions.jsonl")
    }
    adjudicated = {
        (row["item_id"], row["question"], row["category"])
        for row in gold
        if row["basis"] == "adjudicated"
    }
    wrong = [
        f"{one.cell}: {released.get(one.cell)} in the release, {one.stored} in the browser"
        for one in rulings
        if released.get(one.cell) != one.stored or one.cell not in adjudicated
    ]
    if len(released) != len(rulings):
        wrong.append(f"{len(released)} rulings are released, not {len(rulings)}")
    return wrong


def _rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _touchstone(server: Server, *arguments: str) -> str:
    return server.run(COMMAND, *arguments, seconds=COMMAND_SECONDS)
