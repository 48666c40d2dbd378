"""Own keys, changed rules, search and practice, by keyboard alone and with the focus in sight."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from annotate.models import (
    Annotation,
    Label,
    PersonalKeys,
    PracticeAnswer,
    RubricAcknowledgement,
)
from annotate.policy import Scope
from annotate.services import practice_sets
from tests.support.browser import accessibility_problems
from tests.support.builders import BENIGN, abusive
from tests.support.labelling import Seat
from tests.test_services.test_practice import line
from tests.test_web.test_label_page import Desk, base

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

    from tests.support.builders import World

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ABUSE = "conversational-abuse"
__all__ = ["base"]

LOST = """() => {
  const at = document.activeElement;
  return !at || at === document.body || at.offsetParent === null
    || at.closest("[inert], [hidden]") !== null;
}"""
"""Whether the focus is nowhere, or on what nobody sees."""


def _label_once(world: World, round_id: str, project: str) -> None:
    Seat(world.database, world.actor("ann"), Scope(project), round_id).label()


def test_changed_rules_own_keys_and_search(
    base: tuple[str, World], context: BrowserContext
) -> None:
    address, world = base
    project = world.project()
    world.grant("ann", "annotator", project, team="Internal")
    first = world.rubric(project, ABUSE)
    _label_once(world, world.round(project, first, world.items(project, 1), overlap=1), project)
    second = world.next_version(first, "label: Mild abuse", "label: Light abuse")
    items = world.items(project, 3, prefix="new")
    round_id = world.round(project, second, items, overlap=1)
    context.add_cookies([{"name": "touchstone", "value": world.cookie("ann"), "url": address}])
    desk = Desk(world, context.new_page(), address, round_id)
    _read_changes(desk)
    _choose_keys(desk)
    _search_and_cite(desk)


def _read_changes(desk: Desk) -> None:
    page = desk.page
    page.goto(desk.address)
    expect(page.locator("#stage-changes")).to_contain_text("Light abuse")
    expect(page.locator("#stage-changes del")).to_have_text("Mild abuse")
    assert accessibility_problems(page) == []
    assert desk.rows(sa.select(RubricAcknowledgement.user_id)) == []
    desk.press("4")
    expect(page.locator("#item-id")).to_be_empty()
    desk.press("Enter")
    desk.expect_item("new-0000")
    assert len(desk.rows(sa.select(RubricAcknowledgement.user_id))) == 1


def _choose_keys(desk: Desk) -> None:
    page = desk.page
    # R reveals; it is refused for another action. B is free. G is an answer's key: it moves.
    desk.press("?")
    expect(page.locator("#keys")).to_be_visible()
    row = page.locator('#key-list [data-action="unsure"] button')
    say = page.locator("#key-say")
    for key, words in (("r", "reveal the next"), ("7", "cannot be used"), ("b", "Saved")):
        row.focus()
        desk.press("Enter", key)
        expect(say).to_contain_text(words)
        expect(row).to_be_focused()
    page.locator('#key-list [data-action="hide"] button').focus()
    desk.press("Enter", "g")
    expect(say).to_contain_text("now has")
    assert accessibility_problems(page) == []
    desk.press("Escape")
    expect(page.locator('[data-act="unsure"] .key')).to_have_text("B")
    assert len(desk.rows(sa.select(PersonalKeys.keys))) == 1
    page.reload()
    desk.expect_item("new-0000")
    caps = page.locator(".q-open .key").all_text_contents()
    assert len(set(caps)) == len(caps) > 3
    desk.press("b")
    expect(page.locator(".q-line .chip-reserved, .q-open .reserved-answer").first).to_be_visible()
    assert page.evaluate(LOST) is False
    desk.press("Escape", "z")


def _search_and_cite(desk: Desk) -> None:
    page = desk.page
    # choose what takes clauses, search with one key, cite with one key, all without the mouse
    for keys in (("4",), ("5",), (".",)):
        desk.press(*keys)
        assert page.evaluate(LOST) is False, keys
    page.keyboard.type("gendered insult")
    expect(page.locator(".hit")).not_to_have_count(0)
    painted = "[...CSS.highlights.get('guidelines')].map((range) => range.toString())"
    assert {word.lower() for word in page.evaluate(painted)} == {"gendered", "insult"}
    assert accessibility_problems(page) == []
    page.locator(".hit .id", has_text="SE-I1").wait_for()
    while page.locator('.hit[aria-selected="true"] .id', has_text="SE-I1").count() == 0:
        desk.press("ArrowDown")
    desk.press("Enter")
    expect(page.locator(".evidence .chip")).to_contain_text("SE-I1")
    assert page.evaluate(LOST) is False
    desk.press("Shift+Digit2")
    expect(page.locator(".evidence .chip")).to_have_count(2)
    for key in (
        "j",
        "j",
        "j",
        "k",
        "c",
        "Escape",
        "]",
        "Escape",
        "b",
        "Escape",
        ".",
        "Escape",
        "n",
    ):
        desk.press(key)
        assert page.evaluate(LOST) is False, key


def _fill_practice_set(world: World, project: str, version: str) -> None:
    why = {"clause": "SE-I1", "text": "The insult is about a gender."}
    text = "\n".join(
        [line("item-0000", abusive("mild", ("sexist",)), types=why), line("item-0001", BENIGN)]
    )
    with world.database.write() as session:
        practice_sets.add_file(session, world.actor("owner"), Scope(project), version, text)


def test_practice_compares_and_makes_no_label(
    base: tuple[str, World], context: BrowserContext
) -> None:
    address, world = base
    project = world.project()
    world.grant("ann", "annotator", project, team="Internal")
    version = world.rubric(project, ABUSE)
    world.items(project, 2)
    context.add_cookies([{"name": "touchstone", "value": world.cookie("ann"), "url": address}])
    page = context.new_page()
    desk = Desk(world, page, address, "")
    page.goto(f"{address}/p/demo/practice/{version}")
    expect(page.locator("#stage-empty")).to_have_text(
        "This set holds no item yetTo the practice sets"
    )
    _fill_practice_set(world, project, version)
    page.reload()
    desk.expect_item("item-0000")
    desk.press("1", "Enter")
    result = page.locator(".practice-result")
    expect(result).to_contain_text("The insult is about a gender.")
    expect(result).to_contain_text("Mild abuse")
    expect(result.locator(".pill-below").first).to_have_text("Differs")
    expect(page.locator("#practice-next")).to_be_focused()
    assert accessibility_problems(page) == []
    desk.press("Enter")
    desk.expect_item("item-0001")
    desk.press("1", "Enter")
    expect(page.locator(".practice-result .pill-met").first).to_have_text("Right")
    desk.press("Enter")
    expect(page.locator("#stage-empty")).to_contain_text("every item of this set")
    assert len(desk.rows(sa.select(PracticeAnswer.id))) == 2
    assert desk.rows(sa.select(Annotation.id)) == []
    assert desk.rows(sa.select(Label.value)) == []
