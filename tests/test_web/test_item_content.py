"""What an item holds besides plain words, in a browser: files, calls, many turns, the unseen."""

from __future__ import annotations

import json
import re
import zipfile
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from playwright.sync_api import expect

from annotate.models import Annotation, Item
from annotate.policy import Scope
from annotate.services import practice_sets, wellbeing
from tests.support import media_samples
from tests.support.browser import accessibility_problems
from tests.test_services.items_support import import_file, jsonl
from tests.test_services.test_responses import ANSWERS
from tests.test_web.test_label_page import LLM, Desk, base

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Page

    from tests.support.builders import World

__all__ = ["base"]
pytestmark = [pytest.mark.browser, pytest.mark.slow]
SPANS = """\
schema: touchstone-rubric/1
id: spans
version: 1.0.0
title: Passages
questions:
  - id: where
    text: Which words name a plant?
    type: span
    target: text
"""
WORDS = "\U0001f469\u200d\U0001f33e grows\u200b \u202erettuce\u202c and \U0001f345 tomatoes"
TURNS = [
    {
        "role": "user" if n % 2 == 0 else "assistant",
        "content": f"{n + 1}. " + "Water it. " * (n % 9),
    }
    for n in range(200)
]
CALL = {"id": "k1", "function": {"name": "opening_hours", "arguments": '{"day": "Monday"}'}}
ROWS = [
    {
        "id": "pictured",
        "prompt": "Draw a pot.",
        "response": "Here it is.",
        "media": [
            {"file": "pot.jpg", "target": "response", "alt": "A pot with a plant"},
            {"file": "said.wav", "target": "response", "transcript": "This is my pot."},
            {"file": "film.webm", "target": "response"},
        ],
    },
    {
        "id": "pair",
        "prompt": "Draw a pot.",
        "responses": [
            {"id": "model-a", "text": "I would rather not."},
            {"id": "model-b", "media": [{"file": "pot.jpg", "alt": "A pot with a plant"}]},
        ],
    },
    {"id": "long", "messages": TURNS},
    {"id": "unseen", "text": WORDS},
    {
        "id": "tools",
        "messages": [
            {"role": "user", "content": "Is it open?", "media": "pot.jpg"},
            {"role": "assistant", "content": "", "tool_calls": [CALL]},
            {"role": "tool", "content": '{"opens": "9:00"}', "tool_call_id": "k1"},
            {"role": "assistant", "content": f"From nine\u200b on. {WORDS}"},
        ],
    },
]


def _import(world: World, project: str, folder: Path) -> dict[str, str]:
    source = folder / "files.zip"
    with zipfile.ZipFile(source, "w") as out:
        out.writestr("pot.jpg", media_samples.jpeg())
        out.writestr("said.wav", media_samples.wav())
        out.writestr("film.webm", media_samples.webm())
    path = jsonl(folder / "rows.jsonl", ROWS)
    job = import_file(world.database, Scope(project), path, media=source)
    assert job.result["added"] == len(ROWS)
    with world.database.read() as session:
        of_project = sa.select(Item.external_id, Item.id).where(Item.project_id == project)
        return {row.external_id: row.id for row in session.execute(of_project)}


def _desk(
    base: tuple[str, World],
    context: BrowserContext,
    folder: Path,
    item: str,
    rubric: tuple[str, str | None],
) -> Desk:
    address, world = base
    project = world.project()
    world.grant("ann", "annotator", project, team="Internal")
    ids = _import(world, project, folder)
    version = world.rubric(project, *rubric)
    round_id = world.round(project, version, [ids[item]], overlap=1)
    context.add_cookies([{"name": "touchstone", "value": world.cookie("ann"), "url": address}])
    return Desk(world, context.new_page(), address, round_id)


def _asked(page: Page) -> list[str]:
    """The files that the page asks for from now on."""
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if "/media/" in one.url else None)
    return asked


def test_files_of_a_concealed_item_are_fetched_when_they_are_shown(  # noqa: PLR0915 - one visit
    base: tuple[str, World], context: BrowserContext, tmp_path: Path
) -> None:
    desk = _desk(base, context, tmp_path, "pictured", (LLM, None))
    page = desk.page
    asked = _asked(page)
    desk.open()
    offers = page.locator(".media-offer")
    expect(offers).to_have_count(3)
    expect(offers.first).to_contain_text("Picture of 96 × 64 pixels")
    expect(offers.first).to_contain_text("A pot with a plant")
    assert accessibility_problems(page) == []
    desk.press("r", "r")
    expect(page.locator(".turn-text")).to_have_count(2)
    assert asked == []

    desk.press("r")
    figure = page.locator(".media-image")
    expect(figure).to_have_attribute("data-loaded", "yes")
    expect(page.locator(".media-frame")).to_be_focused()
    assert len(asked) == 1
    blurred = "() => getComputedStyle(document.querySelector('.media-image img')).filter"
    assert "blur" in page.evaluate(blurred)
    hold = figure.locator(".media-hold")
    hold.focus()
    page.keyboard.down("Space")
    assert page.evaluate(blurred) == "none"
    page.keyboard.up("Space")
    assert "blur" in page.evaluate(blurred)
    figure.get_by_role("button", name="Greyscale").click()
    assert "grayscale" in page.evaluate(blurred)
    page.locator(".media-frame").focus()
    desk.press("+", "+")
    expect(page.locator(".media-zoom")).to_have_text("200%")

    desk.press("r", "r")
    expect(page.locator(".transcript .turn-text")).to_have_text("This is my pot.")
    expect(page.locator("audio, video")).to_have_count(0)
    assert len(asked) == 1
    for load in page.locator(".media-stage").get_by_role("button", name="Load").all()[::-1]:
        load.click()
    expect(page.locator("audio, video")).to_have_count(2)
    page.wait_for_function("document.querySelector('video').readyState > 0")
    states = page.evaluate(
        "[...document.querySelectorAll('audio, video')].map((one) =>"
        " [one.paused, one.muted, one.autoplay, one.controls])"
    )
    assert states == [[True, True, False, True]] * 2
    assert page.evaluate("document.querySelector('video').duration") == pytest.approx(0.6, abs=0.1)
    assert accessibility_problems(page) == []

    desk.press("h")
    expect(page.locator(".media-offer")).to_have_count(3)
    expect(page.locator("img[src*='/media/'], audio, video")).to_have_count(0)
    page.reload()
    expect(page.locator(".q-open")).to_be_visible()
    desk.press("r", "r", "r")
    assert "grayscale" in page.evaluate(blurred), "the wish is remembered"


def _radius(page: Page, levels: tuple[str, ...] = ()) -> float:
    """How strong the blur of the picture is, in pixels."""
    drawn = page.evaluate("getComputedStyle(document.querySelector('.media-image img')).filter")
    assert all(level in drawn for level in levels)
    found = re.search(r"blur\(([\d.]+)px\)", drawn)
    return float(found.group(1)) if found else 0.0


def test_blur_and_sound_are_as_project_and_person_set_them(
    base: tuple[str, World], context: BrowserContext, tmp_path: Path
) -> None:
    desk = _desk(base, context, tmp_path, "pictured", (LLM, None))
    page, world = desk.page, desk.world
    actor = world.actor("ann")
    with world.database.read() as session:
        scope = Scope(session.scalars(sa.select(Item.project_id)).first() or "")

    def visit(**wish: object) -> None:
        with world.database.write() as session:
            wellbeing.change_preference(session, actor, scope, wish)
        desk.open()
        desk.press("r", "r", "r")
        expect(page.locator(".media-image")).to_have_attribute("data-loaded", "yes")

    def muted() -> list[bool]:
        desk.press("r", "r")
        for load in page.locator(".media-stage").get_by_role("button", name="Load").all()[::-1]:
            load.click()
        expect(page.locator("audio, video")).to_have_count(2)
        told: list[bool] = page.evaluate(
            "[...document.querySelectorAll('audio, video')].map((one) => one.muted)"
        )
        assert page.evaluate(
            "[...document.querySelectorAll('audio, video')].every((one) => one.paused)"
        )
        return told

    found = []
    for level in (1, 2, 3):
        visit(blur=level)
        found.append(_radius(page))
    assert 0 < found[0] < found[1] / 2 < found[2] / 4, "each much stronger than the one before"
    visit(blur=3, grey=True)
    assert _radius(page, ("grayscale",)) == found[2]
    assert muted() == [True, True], "a project begins with muted sound"
    with world.database.write() as session:
        wellbeing.change_policy(session, actor, scope, 1, {"mute": False})
    visit()
    assert muted() == [False, False]
    visit(mute=True)
    assert muted() == [True, True]


def test_a_file_of_one_response_stands_with_it_and_names_no_model(
    base: tuple[str, World], context: BrowserContext, tmp_path: Path
) -> None:
    desk = _desk(base, context, tmp_path, "pair", ("refusal-pairs", None))
    page = desk.page
    given: list[str] = []
    page.on("response", lambda one: given.append(one.text()) if "/claim" in one.url else None)
    asked = _asked(page)
    desk.open()
    drawn = page.locator("[data-turn='response:r2'] .media-image")
    expect(drawn).to_have_attribute("data-loaded", "yes")
    expect(page.locator(".media")).to_have_count(1)
    expect(page.locator("[data-turn='response:r1'] .turn-text")).to_have_text("I would rather not.")
    assert len(asked) == 1
    assert "A pot with a plant" in given[0]
    assert "model-" not in given[0] + page.content()
    assert accessibility_problems(page) == []
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    desk.press("h")
    expect(page.locator(".media-offer")).to_have_count(1)
    expect(page.locator("img[src*='/media/']")).to_have_count(0)


def test_files_of_a_practice_item_are_shown_until_it_is_in_quarantine(
    base: tuple[str, World], context: BrowserContext, tmp_path: Path
) -> None:
    address, world = base
    project = world.project()
    world.grant("ann", "annotator", project, team="Internal")
    version = world.rubric(project, "refusal-pairs")
    ids = _import(world, project, tmp_path)
    with world.database.write() as session:
        text = json.dumps({"id": "pair", "answers": ANSWERS})
        owner = world.actor("owner")
        practice_sets.add_file(session, owner, Scope(project), version, text)
    context.add_cookies([{"name": "touchstone", "value": world.cookie("ann"), "url": address}])
    page = context.new_page()
    page.goto(f"{address}/p/demo/practice/{version}")
    picture = page.locator("[data-turn='response:r2'] .media-image")
    expect(picture).to_have_attribute("data-loaded", "yes")
    file = picture.locator("img").get_attribute("src") or ""
    assert page.request.get(address + file).status == 200
    with world.database.write() as session:
        gone = sa.update(Item).where(Item.id == ids["pair"])
        session.execute(gone.values(quarantined_at=world.now()))
    assert page.request.get(address + file).status == 404


def test_two_hundred_turns_are_one_jump_away(
    base: tuple[str, World], context: BrowserContext, tmp_path: Path
) -> None:
    desk = _desk(base, context, tmp_path, "long", ("conversational-abuse", None))
    page = desk.page
    desk.open()
    expect(page.locator(".turn-jump")).to_be_visible()
    texts = page.locator("#turns .turn-text")
    assert 8 <= texts.count() <= 60
    desk.press("Shift+T")
    page.keyboard.type("150")
    desk.press("Enter")
    focused = page.locator(".turn-text:focus")
    expect(focused).to_have_text("150. " + ("Water it. " * (149 % 9)))
    pane = page.locator("#turns").bounding_box()
    box = focused.bounding_box()
    assert pane is not None
    assert box is not None
    assert 0 <= box["y"] - pane["y"] < pane["height"] / 2
    assert texts.count() <= 60
    desk.press("]")
    expect(page.locator(".turn-text:focus")).to_contain_text("151. ")
    page.get_by_role("button", name="To the last turn").click()
    expect(page.locator(".turn-text:focus")).to_contain_text("200. ")
    expect(page.locator("#turn-field")).not_to_have_value("151")
    assert accessibility_problems(page) == []
    desk.press("1", "Enter")
    expect(page.locator("#stage-empty")).to_be_visible()
    expect(page.locator(".turn-jump")).to_have_count(0)


def test_unseen_characters_are_named_and_offsets_stay(
    base: tuple[str, World], context: BrowserContext, tmp_path: Path
) -> None:
    desk = _desk(base, context, tmp_path, "unseen", ("spans", SPANS))
    page = desk.page
    desk.open()
    expect(page.locator("#invisibles-bar")).to_contain_text("Invisible characters: 4")
    desk.press("Shift+I")
    expect(page.locator(".unseen")).to_have_count(4)
    names = [node.get_attribute("data-name") for node in page.locator(".unseen").all()]
    assert names == ["ZWJ", "ZWSP", "RLO", "PDF"]
    expect(page.locator(".turn-text")).to_have_text(WORDS)
    page.locator(".turn-text").focus()
    desk.press("ArrowLeft", "s")
    expect(page.locator("mark.span")).to_have_text("tomatoes")
    desk.press("Shift+I", "Enter")
    expect(page.locator("#stage-empty")).to_be_visible()
    expect(page.locator("#save-state")).to_contain_text("Saved")
    [row] = desk.rows(sa.select(Annotation.answers))
    [span] = json.loads(row.answers)["where"]["value"]
    assert WORDS[span["start"] : span["end"]] == "tomatoes"


def test_nothing_of_one_item_is_left_in_the_frames_of_the_next(
    base: tuple[str, World], context: BrowserContext
) -> None:
    address, world = base
    project = world.project()
    world.grant("ann", "annotator", project, team="Internal")
    words = ("A fern grows.", "Peas climb.", "Sow\u200b in March.", "Water it.")
    ids = world.items_of(project, "text", [{"text": text} for text in words])
    ids += world.items_of(project, "messages", [{"messages": TURNS[:2]}], prefix="talk")
    version = world.rubric(project, "spans", SPANS.replace("    target: text\n", ""))
    round_id = world.round(project, version, ids, overlap=1)
    context.add_cookies([{"name": "touchstone", "value": world.cookie("ann"), "url": address}])
    desk = Desk(world, context.new_page(), address, round_id)
    page = desk.page
    desk.open()
    text = page.locator(".turn-text")
    page.evaluate("document.querySelector('.turn').kept = true")
    text.focus()
    left = {"ArrowRight ArrowRight s": "mark", "h": ".concealed", "Shift+I": ".unseen", "j": "#no"}
    for at, (keys, shown) in enumerate(left.items()):
        expect(page.locator("#item-id")).to_have_text(f"item-{at:04}")
        expect(text).to_have_text(words[at])
        expect(page.locator("mark, .unseen, .concealed")).to_have_count(0)
        assert page.evaluate("document.querySelector('.turn').kept"), "it is the same frame"
        desk.press(*keys.split())
        expect(page.locator(shown)).to_have_count(int(shown != "#no"))
        desk.press("Enter")
    expect(page.locator("#item-id")).to_have_text("talk-0000")
    expect(page.locator("#invisibles-bar")).to_be_hidden()
    expect(text).to_have_count(2)
    assert text.all_inner_texts() == [turn["content"] for turn in TURNS[:2]]
    expect(page.locator(".turn-who").first).to_contain_text("turn 1")


def test_experts_see_files_calls_and_the_unseen(
    base: tuple[str, World], context: BrowserContext, tmp_path: Path
) -> None:
    address, world = base
    project = world.project()
    world.grant("designer", "designer", project)
    world.rubric(project)
    ids = _import(world, project, tmp_path)
    cookie = {"name": "touchstone", "value": world.cookie("designer"), "url": address}
    context.add_cookies([cookie])
    page = context.new_page()
    asked = _asked(page)
    page.goto(f"{address}/p/demo/items/{ids['tools']}")
    expect(page.locator(".media-offer")).to_be_visible()
    assert asked == []
    expect(page.locator(".tool-call")).to_contain_text("opening_hours")
    expect(page.locator(".tool-from")).to_contain_text("k1")
    page.get_by_role("button", name="Invisible characters").click()
    assert page.locator(".unseen").count() == 5
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator(".media-image")).to_have_attribute("data-loaded", "yes")
    assert len(asked) == 1
    assert accessibility_problems(page) == []
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
