"""Every shipped rubric, labelled by keyboard alone: what was meant is what is stored.

The answers that somebody means to give are drawn over the rubric; a driver turns them into real
key events, looking at the page only for where it stands; then every cell is compared.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from annotate.db import Database
from annotate.models import Annotation, Assignment, Item, Label
from rubrics.codebook import NONE_KEY, TIE_KEY, hotkeys
from rubrics.library import names, read
from rubrics.loader import load_rubric
from tasks.label_validation import validate_answers
from tasks.shown_order import shown_order
from tests.support.apps import application_on
from tests.support.browser import accessibility_problems
from tests.support.builders import World
from tests.support.databases import migrated_database, settings_for
from tests.support.intended import Intended, word_places
from tests.support.live import live

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from flask import Flask
    from playwright.sync_api import BrowserContext, Page

    from rubrics.schema import Question, Rubric

pytestmark = [pytest.mark.browser, pytest.mark.slow]
FEW, ALL = 12, 50
"""Items of each rubric: in every run, and in the long one."""
SHARED = "2=It keeps people safe, number 2 of 3, shared"
SIDES = {"first": "r1", "second": "r2"}
PLACE = """() => {
  const open = document.querySelector('.q-open [data-step]');
  const at = document.activeElement;
  return {
    item: document.querySelector('#item-id')?.textContent ?? '',
    stage: document.querySelector('[data-stage]')?.dataset.stage ?? '',
    step: open?.dataset.step ?? '',
    text: at?.dataset?.text ?? '',
    typing: Boolean(at?.matches('textarea, input[type=number], input[type=search]')),
  };
}"""
GONE = """(item) => {
  if (document.querySelector('[data-stage]').dataset.stage === 'empty') return true;
  const other = document.querySelector('#item-id').textContent !== item;
  return other && document.querySelector('.q-open') !== null;
}"""


@dataclass
class Hands:
    """Somebody at a keyboard who means to give certain answers."""

    page: Page
    rubric: Rubric
    texts: Mapping[str, str]
    shown: tuple[str, ...] = ()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def look(self) -> dict[str, Any]:
        return self.page.evaluate(PLACE)  # type: ignore[no-any-return]

    def annotate(self, answers: Mapping[str, Any]) -> None:
        for turn in self.texts if self.rubric.display.conceal == "always" else ():
            assert turn
            self.press("r")
        for question in self.rubric.questions:
            given = answers.get(question.id)
            if given is None:
                continue
            for category in self._in_order(given.get("per", {"": given})):
                self._answer(question, category, given.get("per", {"": given})[category])
        self._leave_text()
        self.press("Enter")

    def _in_order(self, categories: Mapping[str, Any]) -> list[str]:
        return sorted(categories, key=lambda one: self.shown.index(one) if one in self.shown else 0)

    def _leave_text(self) -> dict[str, Any]:
        place = self.look()
        if place["typing"] or place["text"]:
            self.press("Escape")
        return place

    def _go_to(self, question: Question, category: str) -> None:
        wanted = f"{question.id}/{category}" if category else question.id
        order = [one.id for one in self.rubric.questions]
        for _ in range(40):
            step = self._leave_text()["step"]
            if step == wanted:
                return
            here, there = step.partition("/")[0], question.id
            self.press("k" if order.index(here) > order.index(there) else "j")
            if here == there and self.look()["step"] == step:
                self.press("k")
        raise AssertionError(f"no key leads to {wanted}")

    def _answer(self, question: Question, category: str, given: Mapping[str, Any]) -> None:
        self._go_to(question, category)
        if given.get("state") == "unsure":
            self.press("u")
        elif given.get("state") == "cannot_assess":
            reasons = self.rubric.reserved.cannot_assess.reasons
            self.press("x", *([str(reasons.index(given["reason"]) + 1)] if reasons else []))
        elif question.type in {"text", "number"}:
            self.press("n")
            self.page.keyboard.type(str(given["value"]))
        elif question.type == "span":
            for span in given["value"]:
                self._mark(question, span)
        else:
            self.press(*self._keys(question, given["value"]))

    def _keys(self, question: Question, value: Any) -> list[str]:
        keys = self._hotkeys(question)
        if question.type == "boolean":
            return ["1" if value else "2"]
        if question.type == "multi":
            return [keys[one] for one in value] or [NONE_KEY]
        if question.type == "ranking":
            return [
                key
                for group in value
                for number, one in enumerate(group)
                for key in ([TIE_KEY] if number else []) + [keys[one]]
            ]
        return [keys[value]]

    def _hotkeys(self, question: Question) -> dict[str, str]:
        """Return the key of each option; a response has the key of its place on screen."""
        keys = hotkeys(question)
        if question.type == "preference":
            of_place = {SIDES[one]: keys[one] for one in SIDES}
            shown = {f"r{at}": of_place[f"r{at}"] for at in (1, 2)}
            own = {one: shown[f"r{self.shown.index(SIDES[one]) + 1}"] for one in SIDES}
            return {**keys, **own}
        if question.options_from == "responses":
            return {one: keys[f"r{at}"] for at, one in enumerate(self.shown, start=1)}
        return keys

    def _mark(self, question: Question, span: Mapping[str, Any]) -> None:
        if span.get("label"):
            self.press(hotkeys(question)[span["label"]])
        for _ in range(20):
            self.press("]")
            if self.look()["text"] == span["target"]:
                break
        places = word_places(self.texts[span["target"]])
        first = next(at for at, (start, _) in enumerate(places) if start == span["start"])
        last = next(at for at, (_, end) in enumerate(places) if end == span["end"])
        self.press(*["ArrowRight"] * (first + 1), *["Shift+ArrowRight"] * (last - first), "s")


@contextmanager
def _served(tmp_path: Path) -> Iterator[tuple[str, World]]:
    with migrated_database("sqlite", tmp_path) as url:
        settings = settings_for(url, tmp_path)
        database = Database(settings)

        def application(base: str) -> Flask:
            return application_on(replace(settings, public_url=base, inline_jobs=False), database)

        with live(application) as base:
            yield base, World(database)
        database.dispose()


def _items(world: World, project: str, rubric: Rubric, count: int) -> Mapping[str, str]:
    """Make items the rubric can judge, all alike, and return their texts."""
    if rubric.item.responses:
        world.pairs(project, count)
        return {"prompt": "", "response:r1": "", "response:r2": ""}
    texts = {"prompt": "When do I water a fern?", "response": "Keep its soil moist, never wet."}
    world.items_of(project, "prompt_response", [dict(texts)] * count)
    return texts


def _order_shown(world: World, name: str, rubric: Rubric) -> tuple[str, ...]:
    query = (
        sa.select(Assignment.id)
        .join(Item, Item.id == Assignment.item_id)
        .where(Item.external_id == name)
    )
    with world.database.read() as session:
        place = session.execute(query).scalar_one()
    return shown_order(place, rubric.item.responses or 0)


def _stored(world: World) -> dict[tuple[str, str, str], tuple[Any, ...]]:
    query = (
        sa.select(
            Item.external_id, Label.question, Label.category, Label.state, Label.value, Label.reason
        )
        .join(Annotation, Annotation.id == Label.annotation_id)
        .join(Item, Item.id == Annotation.item_id)
    )
    with world.database.read() as session:
        return {tuple(row[:3]): tuple(row[3:]) for row in session.execute(query)}  # type: ignore[misc]


@contextmanager
def _pairs(tmp_path: Path, context: BrowserContext) -> Iterator[Hands]:
    """Open an item with two responses, the first two questions answered."""
    with _served(tmp_path) as (base, world):
        project = world.project()
        world.grant("ann", "annotator", project, team="Internal")
        version = world.rubric(project, "refusal-pairs")
        round_id = world.round(project, version, world.pairs(project, 2), overlap=1)
        context.add_cookies([{"name": "touchstone", "value": world.cookie("ann"), "url": base}])
        page = context.new_page()
        page.goto(f"{base}/p/demo/label/{round_id}")
        expect(page.locator(".responses > .turn")).to_have_count(2)
        hands = Hands(page, load_rubric(read("refusal-pairs")), {})
        hands.press("1", "1")
        yield hands


def test_a_ranking_is_made_unmade_and_moved(tmp_path: Path, context: BrowserContext) -> None:
    with _pairs(tmp_path, context) as hands:
        page, order = hands.page, hands.page.locator(".rank-name")
        hands.press("2", "Enter")
        expect(page.locator("#open-error")).to_have_text("Give every one of them a place")
        hands.press("Backspace", "3", "t", "1", "2")
        expect(page.locator(".chip-answer").nth(2)).to_have_text(
            "Its manner = It keeps people safe > It helps"
        )
        hands.press("k", "Backspace")
        expect(order).to_have_text([re.compile("^1=Its manner"), re.compile("^1=It keeps people")])
        page.get_by_role("button", name="It helps", exact=True).click()
        hands.press("k")
        order.nth(2).focus()
        hands.press("ArrowUp")
        expect(order).to_have_text(
            ["1It helps, number 1 of 3", "2=Its manner, number 2 of 3, shared", SHARED]
        )
        expect(order.nth(0)).to_be_focused()
        page.get_by_role("button", name="Move It keeps people safe up").click()
        moved = [re.compile(f"^{at}") for at in ("1It helps", "2It keeps people", "3Its manner")]
        expect(order).to_have_text(moved)


def test_a_page_of_pairs_is_for_everyone_and_names_no_model(
    tmp_path: Path, context: BrowserContext
) -> None:
    with _pairs(tmp_path, context) as hands:
        page = hands.page
        hands.press("3", "t", "1")
        assert "model-" not in page.content()
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            assert accessibility_problems(page) == []
        page.set_viewport_size({"width": 360, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        assert accessibility_problems(page) == []


@pytest.mark.parametrize(
    "items", [pytest.param(FEW, id="few"), pytest.param(ALL, id="all", marks=pytest.mark.torture)]
)
@pytest.mark.parametrize("name", names())
def test_what_was_meant_is_what_is_stored(
    name: str, items: int, tmp_path: Path, context: BrowserContext
) -> None:
    rubric = load_rubric(read(name))
    with _served(tmp_path) as (base, world):
        project = world.project()
        world.grant("ann", "annotator", project, team="Internal")
        texts = _items(world, project, rubric, items)
        with world.database.read() as session:
            ids = session.scalars(sa.select(Item.id).order_by(Item.external_id)).all()
        round_id = world.round(project, world.rubric(project, name), list(ids), overlap=1)
        context.add_cookies([{"name": "touchstone", "value": world.cookie("ann"), "url": base}])
        page = context.new_page()
        page.goto(f"{base}/p/demo/label/{round_id}")
        expect(page.locator(".q-open")).to_be_visible()
        draw = Random(f"{name} by keys")  # noqa: S311 - a repeatable draw, not a secret
        expected: dict[tuple[str, str, str], tuple[Any, ...]] = {}
        for _ in range(items):
            item = Hands(page, rubric, texts).look()["item"]
            answers = Intended(rubric, texts, draw).answers()
            for cell in validate_answers(rubric, answers, texts):
                expected[item, cell.question, cell.category] = (cell.state, cell.value, cell.reason)
            Hands(page, rubric, texts, _order_shown(world, item, rubric)).annotate(answers)
            page.wait_for_function(GONE, arg=item)
        expect(page.locator("#save-state")).to_have_text("Saved")
        assert _stored(world) == expected
