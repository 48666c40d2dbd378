# ruff: noqa: E501 - scripts that run in the browser keep their shape
"""150 hostile texts through everything that people can name: shown as they are, and inert.

Many are put on each page, so that a few pages hold all of them. A page without our defences shows
that each class does take effect in this very browser: else silence would prove nothing.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from annotate.app import create_app
from annotate.db import Database, new_id
from annotate.models import (
    AdjudicationCase,
    Item,
    Project,
    Round,
    Team,
    UserAccount,
)
from annotate.policy import Scope
from annotate.services import gold, worker
from annotate.services.text import canonical_json, sha256_hex
from tests.support import media_samples
from tests.support.browser import Watch
from tests.support.builders import Standard, World
from tests.support.databases import migrated_database, settings_for
from tests.support.hostile import payloads
from tests.support.labelling import label
from tests.support.live import live
from tests.test_services.items_support import start_import

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from flask import Flask
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ALL = payloads()
EVERY = [payload.text for payload in ALL]
CLASSES = frozenset(payload.kind for payload in ALL)
WATCHED = """
window.seen = [];
window.hit = (number) => { window.seen.push(number); };
"""
LOOK = """
(numbers) => {
  const marked = (node) => numbers.filter((n) => getComputedStyle(node).getPropertyValue(`--hit${n}`));
  for (const node of document.querySelectorAll("body *")) {
    for (const name of ["mouseover", "mouseenter", "contextmenu"]) node.dispatchEvent(new MouseEvent(name));
  }
  return [...window.seen, ...marked(document.documentElement), ...marked(document.body)];
}
"""
TEXT = """
() => {
  const attributes = ["value", "aria-label", "data-confirm", "href"];
  const held = [...document.querySelectorAll("*")].flatMap((node) => attributes.map((name) => node.getAttribute(name) ?? ""));
  return [document.documentElement.textContent, ...held].join("\\n");
}
"""
SPILLS = """
() => {
  const order = /[\\u202a-\\u202e\\u2066-\\u2069]/u;
  const apart = new Set(["isolate", "isolate-override", "plaintext"]);
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const spills = [];
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    if (!order.test(text.data) || text.parentElement.closest("template, script, style, option, textarea")) continue;
    if (!text.parentElement.checkVisibility()) continue;
    const inline = (node) => node.nodeType === 3 || (node.nodeType === 1 && getComputedStyle(node).display.startsWith("inline"));
    const kept = (node) => apart.has(getComputedStyle(node).unicodeBidi) || getComputedStyle(node).display === "inline-block";
    let node = text;
    while (inline(node.parentElement) && !kept(node.parentElement)) node = node.parentElement;
    if (inline(node.parentElement)) continue;
    const beside = [];
    for (const way of ["previousSibling", "nextSibling"]) for (let one = node[way]; one && inline(one); one = one[way]) if (one.nodeType === 3 || !kept(one)) beside.push(one.textContent.trim());
    const within = node.nodeType === 3 ? "" : node.textContent.replace(text.data, "").trim();
    if (beside.join("") || within) spills.push(`${node.parentElement.tagName}.${node.parentElement.className}: ${node.parentElement.innerText.slice(0, 60)}`);
  }
  return spills;
}
"""
CONTROL = """
async (payloads) => {
  window.seen = [];
  window.hit = (number) => { window.seen.push(number); };
  const loaded = [];
  const frames = payloads.map(([number, kind, text]) => {
    const frame = document.createElement("iframe");
    const set = "<script>var hit = (n) => parent.seen.push(n)</" + "script>";
    frame.srcdoc = `${set}<div>${text}</div><p title="${text}">x</p><p title='${text}'>x</p><script>var s = '${text}'</` + "script>";
    loaded.push(new Promise((done) => { frame.onload = done; }));
    document.body.append(frame);
    return { frame, number };
  });
  const late = new Promise((done) => setTimeout(done, 8000));
  await Promise.race([late, Promise.all(loaded)]);
  await new Promise((done) => setTimeout(done, 500));
  for (const { frame, number } of frames) {
    const inner = frame.contentDocument;
    for (const node of inner?.querySelectorAll("body *") ?? []) {
      if (getComputedStyle(node).getPropertyValue(`--hit${number}`)) window.seen.push(number);
      for (const name of ["mouseover", "mouseenter", "contextmenu", "focus"]) node.dispatchEvent(new MouseEvent(name));
      if (node.matches("a, b, mi, mn, maction, button, area, [onclick], text")) node.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
    }
  }
  const run = (expression) => { try { new Function("hit", `return (${expression})`).call(window, window.hit); } catch { /* not an expression */ } };
  const line = document.createElement("p");
  line.dir = "ltr";
  document.body.append(line);
  for (const [number, kind, text] of payloads) {
    if (kind === "template") for (const found of text.matchAll(/\\{\\{(.+?)\\}\\}|\\$\\{(.+?)\\}|<%=(.+?)%>|#\\{(.+?)\\}/g)) run(found.slice(1).find(Boolean));
    if (kind === "formula") run(text.slice(1).replace(/[&|].*/, ""));
    if (kind !== "unicode") continue;
    line.textContent = text + "AB";
    const range = document.createRange();
    const left = (at) => { range.setStart(line.firstChild, at); range.setEnd(line.firstChild, at + 1); return range.getBoundingClientRect().left; };
    if (left(line.textContent.length - 2) > left(line.textContent.length - 1)) window.seen.push(number);
  }
  await new Promise((done) => setTimeout(done, 300));
  return window.seen;
}
"""


def quoted(text: str) -> str:
    """A text as YAML writes it: as it is where it can, by numbers beyond ASCII."""
    if all(32 <= ord(one) < 127 for one in text):
        return "'" + text.replace("'", "''") + "'"
    plain = "".join(one if 32 <= ord(one) < 127 else f"\\U{ord(one):08X}" for one in text)
    return f'"{plain}"'


def rubric_of(texts: Sequence[str], shown: Sequence[str]) -> str:
    """A rubric that says a hostile text wherever a rubric says anything."""
    said = iter([*texts, *texts])
    lines = ["schema: touchstone-rubric/1", "id: hostile", "version: 1.0.0"]
    lines += [f"title: {quoted(next(said))}", f"description: {quoted(next(said))}"]
    lines += ["item:", f"  show: [{', '.join(shown)}]", "display:", "  conceal: never"]
    lines += [f"  notice: {quoted(next(said))}", "questions:"]
    for number in range(7):
        lines += [f"  - id: q{number}", f"    text: {quoted(next(said))}"]
        lines += [f"    help: {quoted(next(said))}", "    type: single", "    options:"]
        for option in range(6):
            lines += [f"      - id: o{number}{option}", f"        label: {quoted(next(said))}"]
            lines += [f"        help: {quoted(next(said))}"]
    lines += ["  - id: kinds", f"    text: {quoted(next(said))}", "    type: multi"]
    lines += ["    options_from: categories", "    cite: true"]
    lines += ["  - id: why", f"    text: {quoted(next(said))}", "    type: text"]
    lines += ["categories:"]
    for number in range(8):
        lines += [f"  - id: c{number}", f"    name: {quoted(next(said))}"]
        lines += [f"    definition: {quoted(next(said))}"]
        for kind in ("includes", "excludes", "edge_cases"):
            mark = {"includes": "I", "excludes": "X", "edge_cases": "E"}[kind]
            lines += [f"    {kind}:", f"      - id: C{number}-{mark}1"]
            lines += [f"        text: {quoted(next(said))}"]
            if kind == "edge_cases":
                lines += [f"        ruling: {quoted(next(said))}"]
        lines += ["    examples:", f"      - text: {quoted(next(said))}"]
    return "\n".join(lines) + "\n"


@dataclass
class Place:
    """The served project, and a browser for each person."""

    world: World
    base: str
    context: BrowserContext
    watch: Watch
    ids: dict[str, str]

    def open(self, login: str, path: str) -> Page:
        self.context.clear_cookies()
        cookie = {"name": "touchstone", "value": self.world.cookie(login), "url": self.base}
        self.context.add_cookies([cookie])
        page = self.context.new_page()
        answer = page.goto(self.base + path)
        assert answer is not None
        assert answer.status == 200, page.content()
        return page


def _items(world: World, project_id: str) -> list[str]:
    """Three conversations of fifty turns, each with fifty metadata entries, and tool calls."""
    rows = []
    moment = world.now()
    for part in range(3):
        texts = [payload.text for payload in ALL[part * 50 : part * 50 + 50]]
        calls = [{"name": texts[0], "arguments": texts[1], "id": texts[2]}]
        messages: list[dict[str, Any]] = [{"role": "user", "content": text} for text in texts]
        messages.append({"role": "assistant", "content": "", "tool_calls": calls})
        messages.append({"role": "tool", "content": texts[3], "name": texts[4]})
        body = canonical_json({"messages": messages})
        about = {f"k{number}": text for number, text in enumerate(texts)}
        rows.append(
            {
                "id": new_id(), "project_id": project_id, "kind": "messages", "body": body,
                "external_id": texts[5], "content_hash": sha256_hex(body), "language": None,
                "source": texts[6], "licence": texts[7], "created_at": moment,
                "group_keys": json.dumps({texts[8]: texts[9]}),
                "slices": json.dumps({texts[10]: texts[11]}), "attributes": json.dumps(about),
            }
        )  # fmt: skip
    with world.database.write() as session:
        session.execute(sa.insert(Item), rows)
    return [str(row["id"]) for row in rows]


def _names(world: World, project_id: str) -> None:
    """Give people, teams, projects and rounds hostile names."""
    moment = world.now()
    people, teams, projects = [], [], []
    owner = world.user("owner")
    for payload in ALL:
        common = {"created_at": moment}
        people.append(
            {"id": new_id(), "login": f"p{payload.number}", "display_name": payload.text, **common}
        )
        teams.append({"id": new_id(), "name": payload.text, "kind": "vendor", **common})
        projects.append({"id": new_id(), "slug": f"s{payload.number}", "title": payload.text, "created_by": owner, **common})  # fmt: skip
    with world.database.write() as session:
        session.execute(sa.insert(UserAccount), people)
        session.execute(sa.insert(Team), teams)
        session.execute(sa.insert(Project), projects)
        session.execute(
            sa.update(Project).where(Project.id == project_id).values(title=ALL[0].text)
        )
        session.execute(
            sa.update(Round).where(Round.project_id == project_id).values(name=ALL[20].text)
        )


def _labels(world: World, project_id: str, version_id: str, item_id: str) -> dict[str, str]:
    """Two people differ, and say all hostile texts as their reason; return case and release."""
    people = {login: world.grant(login, "annotator", project_id) for login in ("one", "two")}
    allocation = {item_id: list(people.values())}
    round_id = world.round(project_id, version_id, [item_id], allocation=allocation)
    std = Standard(project_id, version_id, round_id, (item_id,), tuple(people))
    for number, login in enumerate(people):
        answers: dict[str, Any] = {
            f"q{question}": {"value": f"o{question}{number}"} for question in range(7)
        }
        said = {"why": {"value": " ~ ".join(EVERY)}, "kinds": {"value": [f"c{number}"]}}
        label(world, std, login, {**answers, **said})
    with world.database.write() as session:
        boss = world.actor("boss")
        release_id = gold.freeze(session, boss, std.scope, gold.ReleaseWish(version_id))
        job_id = gold.enqueue(session, boss, std.scope, release_id)
    assert worker.run_until(world.database, job_id).state == "done"
    with world.database.read() as session:
        of_item = AdjudicationCase.item_id == item_id
        case_id = session.scalars(sa.select(AdjudicationCase.id).where(of_item)).one()
    return {"case": case_id, "release": release_id}


def _import(world: World, project_id: str, folder: Path) -> str:
    """Import a file with a hostile name, whose rows name hostile files; return the job."""
    named = [payload for payload in ALL if payload.kind in {"file name", "formula", "svg"}]
    zipped = folder / "files.zip"
    with zipfile.ZipFile(zipped, "w") as out:
        for payload in named:
            out.writestr(payload.text.replace("/", "_"), media_samples.png())
    rows = [{"id": f"x{p.number}", "text": "Look.", "media": p.text} for p in named[1:]]
    rows = [{**row, "media": str(row["media"]).replace("/", "_")} for row in rows]
    rows += [{"id": payload.text, "text": 7} for payload in ALL]
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    hostile = folder / (ALL[16].text.replace("/", "_") + ".jsonl")
    path.rename(hostile)
    job_id = start_import(world.database, Scope(project_id), hostile, media=zipped)
    worker.run_until(world.database, job_id)
    return job_id


def _fill(world: World, folder: Path) -> dict[str, str]:
    """Put everything there, and return the ids of what pages are about."""
    project_id = world.project()
    for login in ("boss", "ann-0", "ann-1", "ann-2"):
        world.grant(login, "annotator", project_id, team="Internal")
    for role in ("administrator", "adjudicator", "designer"):
        world.grant("boss", role)
    world.grant("reader", "ml_reader")
    source = rubric_of([payload.text for payload in ALL], [f"k{n}" for n in range(50)])
    version_id = world.rubric(project_id, "hostile", source)
    item_ids = _items(world, project_id)
    rounds = [
        world.round(project_id, version_id, [one], overlap=1, allocation={one: [world.users[f"ann-{n}"]]})
        for n, one in enumerate(item_ids)
    ]  # fmt: skip
    _names(world, project_id)
    made = _labels(world, project_id, version_id, item_ids[0])
    job_id = _import(world, project_id, folder)
    ids = {f"round{n}": one for n, one in enumerate(rounds)}
    ids |= {f"item{n}": one for n, one in enumerate(item_ids)}
    return {**ids, "job": job_id, **made}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("hostile")
    with migrated_database("sqlite", folder) as url:
        settings = settings_for(url, folder)
        database = Database(settings)
        world = World(database)
        ids = _fill(world, folder)

        def application(base: str) -> Flask:
            return create_app(replace(settings, public_url=base, inline_jobs=False), database)

        with live(application) as base:
            context = browser.new_context(
                locale="en-GB", timezone_id="UTC", reduced_motion="reduce"
            )
            context.set_default_timeout(20_000)
            context.add_init_script(WATCHED)
            yield Place(world, base, context, Watch(context), ids)
            context.close()
        database.dispose()


def _missing(page: Page, wanted: Sequence[str]) -> list[str]:
    text = " ".join(str(page.evaluate(TEXT)).split())
    return [one for one in wanted if " ".join(one.split()) not in text]


def _sound(place: Place, page: Page, path: str) -> None:
    """Nothing took effect, and no text turned round what stands beside it."""
    numbers = [payload.number for payload in ALL]
    assert page.evaluate(LOOK, numbers) == [], path
    assert page.evaluate(SPILLS) == [], path
    assert page.url.startswith(place.base), path


def _inert(place: Place, page: Page, path: str) -> None:
    numbers = [payload.number for payload in ALL]
    assert page.evaluate(LOOK, numbers) == [], path
    page.close()
    place.watch.check()


def test_each_class_takes_effect_where_nothing_stands_against_it(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content("<!doctype html><body></body>")
    page.on("dialog", lambda dialog: dialog.dismiss())
    seen = set(page.evaluate(CONTROL, [[p.number, p.kind, p.text] for p in ALL]))
    page.close()
    found = Counter(payload.kind for payload in ALL if payload.number in seen)
    assert found.keys() == CLASSES
    quiet = [payload.text for payload in ALL if payload.number not in seen]
    assert len(quiet) <= 25, quiet


@pytest.mark.parametrize("part", range(3))
def test_the_labelling_page_shows_them_as_they_are(place: Place, part: int) -> None:
    path = f"/p/demo/label/{place.ids[f'round{part}']}"
    page = place.open(f"ann-{part}", path)
    page.wait_for_selector(".q-open")
    page.wait_for_selector(".tool-call")
    texts = [payload.text for payload in ALL[part * 50 : part * 50 + 50]]
    page.locator("#item-facts summary").click()
    assert _missing(page, texts) == []
    shown = page.locator(".turn-text").all_text_contents()
    assert shown[:50] == texts
    facts = page.locator("#item-facts dd").all_text_contents()
    assert sorted(facts) == sorted(texts)
    questions = [payload.text for payload in ALL[3::14][:7]]
    assert page.locator(".q-line, .q-open .q-head").count() >= len(questions)
    assert _missing(page, questions) == []
    _sound(place, page, path)
    if page.locator("#invisibles").is_visible():
        page.locator("#invisibles").click()
        page.wait_for_selector(".unseen")
        assert page.locator(".turn-text").all_text_contents()[:50] == texts
    _inert(place, page, path)


def _look(place: Place, path: str, wanted: Sequence[str], login: str = "boss") -> None:
    page = place.open(login, path)
    assert _missing(page, wanted) == [], path
    _sound(place, page, path)
    _inert(place, page, path)


LISTS = {
    "/projects": EVERY,
    "/people": EVERY,
    "/teams": EVERY,
}


@pytest.mark.parametrize("path", LISTS)
def test_lists_of_names_show_them_as_they_are(place: Place, path: str) -> None:
    _look(place, path, LISTS[path])


def test_items_show_them_as_they_are(place: Place) -> None:
    ids = [ALL[part * 50 + 5].text for part in range(3)]
    _look(place, "/p/demo/items?words=1", ids)
    for part in range(3):
        _look(place, f"/p/demo/items/{place.ids[f'item{part}']}", EVERY[part * 50 : part * 50 + 50])


def test_pages_about_the_rubric_show_it_as_it_is(place: Place) -> None:
    plain = [text for text in EVERY if text.isascii() and "'" not in text]
    assert len(plain) > 90
    _look(place, "/p/demo/rubric?view=source", plain)
    _look(place, "/p/demo/rubric?view=form", EVERY[3:100])
    ruled = {EVERY[104 + 7 * number + 5] for number in range(6)}  # stand in the source alone
    clauses = [text for text in EVERY[105:150] if text not in ruled]
    _look(place, "/p/demo/rubric?view=clauses", clauses)
    _look(place, "/p/demo/agreement", [EVERY[3 + 14 * number] for number in range(7)])
    for path in ("/p/demo/rounds", "/p/demo/", "/p/demo/work"):
        _look(place, path, [EVERY[0]])


def test_labels_cases_and_releases_show_them_as_they_are(place: Place) -> None:
    _look(place, f"/p/demo/items/{place.ids['item0']}", EVERY, "reader")
    _look(place, f"/p/demo/cases/{place.ids['case']}", [EVERY[3], EVERY[5]])
    _look(place, f"/p/demo/cases/{place.ids['case']}", EVERY[:50], "reader")
    _look(place, "/p/demo/cases", [EVERY[5]], "reader")
    _look(place, f"/p/demo/releases/{place.ids['release']}", [EVERY[0]])
    _look(place, "/p/demo/releases", [EVERY[0]])


def test_files_and_rows_with_hostile_names(place: Place) -> None:
    wanted = [EVERY[16].replace("/", "_") + ".jsonl"]
    _look(place, f"/p/demo/jobs/{place.ids['job']}", wanted)
    _look(place, "/p/demo/jobs", wanted)
    with place.world.database.read() as session:
        found = session.execute(
            sa.select(Item.id, Item.body).where(Item.import_job_id == place.ids["job"])
        ).all()
    assert len(found) > 20
    for row in found[:3]:
        [file] = json.loads(row.body)["media"]
        _look(place, f"/p/demo/items/{row.id}", [file["name"]])


def test_no_cell_of_a_table_is_a_formula(place: Place) -> None:
    page = place.open("boss", f"/p/demo/jobs/{place.ids['job']}")
    answer = page.request.get(f"{place.base}/p/demo/jobs/{place.ids['job']}/problems.csv")
    page.close()
    cells = [cell for row in csv.reader(io.StringIO(answer.text())) for cell in row]
    assert not [cell for cell in cells if cell[:1] in {"=", "+", "-", "@", "\t", "\r"}]
    formulas = [payload.text for payload in ALL if payload.kind == "formula"]
    assert {f"'{text}" for text in formulas} <= set(cells)
