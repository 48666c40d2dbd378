"""What a person at the labelling page waits for, in Chromium, with real key events over CDP.

Run: ``PYTHONPATH=. python bench/labelling_page.py [--write]``. A served Touchstone on a fresh
SQLite database hands out conversations of eight turns under the conversational-abuse rubric; a
browser on the same machine answers them by keys, one key every 400 ms.

* next item: from the keydown that submits to the frame that shows the next item, with items
  fetched ahead as they are, and with none ahead and 40 ms added to every round trip;
* durable: from the same keydown to the server's acknowledgement, which follows its commit. Whenever
  the page says "Saved" the database is asked whether that is true; at the end every answer is
  compared with the one that was pressed;
* first load: bytes and requests of an empty cache, as the browser's network stack counts them, up
  to the frame with the first item;
* heap: live bytes of JavaScript after a forced collection, at item 100 and at item 1,000.

The frame is told by a task that the browser runs after the frame's own work (a message posted from
``requestAnimationFrame``), so it counts layout and paint, not the screen.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from playwright.sync_api import sync_playwright

from annotate.db import Database
from annotate.models import Annotation, Item
from annotate.services.text import canonical_json
from tests.support.browser import launch, use_locked_node
from tests.support.builders import World
from tests.support.databases import environment_for, migrated_database, settings_for
from tests.support.run_folder import LeadingRun
from tests.support.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from playwright.sync_api import Browser, CDPSession, Page

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- labelling_page: begin -->", "<!-- labelling_page: end -->"
KEY_EVERY = 0.4
ROUND_TRIP_MS = 40
ANSWERS = (("1", "not_abusive"), ("2", "ambiguous"))
TALK = (
    "Can you tell me when the library on the square opens on Saturday?",
    "It opens at ten on Saturdays and closes at four. On Sundays it stays closed all day long.",
    "Last week you said nine, so I stood in the rain for an hour. You are no help at all.",
    "I am sorry that you had to wait. Opening hours changed at the start of the month.",
    "Then say so the next time, instead of letting people get wet for nothing.",
    "You are right, I should have said that the hours had changed. Is there anything else?",
    "Yes: how many books may I borrow at once, and for how many weeks may I keep them?",
    "Ten books for four weeks. You can keep each of them two weeks longer if nobody waits for it.",
)
PROBE = """
window.probe = {keys: [], frames: [], answered: []};
addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  probe.keys.push([event.timeStamp, document.getElementById("item-id").textContent]);
}, {capture: true});
new PerformanceObserver((list) => {
  const sent = list.getEntries().filter(({name}) => name.endsWith("/submit"));
  probe.answered.push(...sent.map(({responseEnd}) => responseEnd));
}).observe({type: "resource"});
addEventListener("DOMContentLoaded", () => {
  const name = document.getElementById("item-id");
  if (!name) return;
  const channel = new MessageChannel();
  channel.port1.onmessage = ({data}) => probe.frames.push([performance.now(), data]);
  new MutationObserver(() => {
    const shown = name.textContent;
    requestAnimationFrame(() => channel.port2.postMessage(shown));
  }).observe(name, {childList: true, characterData: true, subtree: true});
});
"""
NOTHING_AHEAD = """
const fetched = window.fetch;
const none = '{"assignment":null,"prefetched":[]}';
const kind = {headers: {"Content-Type": "application/json"}};
window.fetch = (address, how) => (String(how?.body).includes('"prefetch":')
  ? Promise.resolve(new Response(none, kind))
  : fetched(address, how));
"""


@dataclass
class Desk:
    """The labelling page of a round, open in a browser of its own."""

    world: World
    page: Page
    cdp: CDPSession
    url: str
    round_id: str
    pressed: dict[str, str] = field(default_factory=dict)
    false_claims: int = 0

    def open(self) -> None:
        """Load the page and wait for its first item."""
        self.page.goto(self.url)
        self.page.locator(".q-open").wait_for()

    def item(self) -> str:
        """Return the name of the item that is shown."""
        return str(self.page.evaluate("document.getElementById('item-id').textContent"))

    def is_open(self) -> bool:
        """Tell whether an item is on the desk."""
        return bool(self.page.evaluate("document.querySelector('.q-open') !== null"))

    def answer(self, number: int, *, every: float) -> None:
        """Answer an item and submit it, with real keys at a steady pace."""
        key, value = ANSWERS[number % len(ANSWERS)]
        while (name := self.item()) in self.pressed or not self.is_open():
            time.sleep(0.01)
        self.pressed[name] = value
        for one in (key, "Enter"):
            started = time.monotonic()
            self.page.keyboard.press(one)
            time.sleep(max(0.0, every - (time.monotonic() - started)))

    def answer_fast(self, number: int) -> None:
        """Answer an item as soon as it is there."""
        self.answer(number, every=0)

    def check_claim(self) -> None:
        """Ask the database whether "Saved" is true, when the page says so."""
        words, sent = self.page.evaluate(
            "[document.getElementById('save-state').textContent, probe.keys.length]"
        )
        if words == "Saved" and self.stored() < sent:
            self.false_claims += 1

    def stored(self) -> int:
        """Count the annotations of the round."""
        query = sa.select(sa.func.count(Annotation.id)).where(Annotation.round_id == self.round_id)
        with self.world.database.read() as session:
            return int(session.scalar(query) or 0)

    def wrong(self) -> int:
        """Count the answers in the database that differ from the keys that were pressed."""
        query = (
            sa.select(Item.external_id, Annotation.answers)
            .join(Item, Item.id == Annotation.item_id)
            .where(Annotation.round_id == self.round_id)
        )
        with self.world.database.read() as session:
            rows = session.execute(query).all()
        found: dict[str, str] = {}
        found |= {row.external_id: json.loads(row.answers)["severity"]["value"] for row in rows}
        return sum(found.get(name) != value for name, value in self.pressed.items()) + (
            len(rows) - len(found)
        )

    def settle(self) -> None:
        """Wait until everything is on the server."""
        self.page.locator("#save-state", has_text="Saved").wait_for()

    def heap(self) -> int:
        """Return the live bytes of JavaScript after a forced collection."""
        for _ in range(3):
            self.cdp.send("HeapProfiler.collectGarbage")
        return int(self.cdp.send("Runtime.getHeapUsage")["usedSize"])


@contextmanager
def desk(
    browser: Browser, world: World, server: Server, items: int, scripts: Sequence[str]
) -> Iterator[Desk]:
    """Make a round of its own and a browser profile with an empty cache."""
    project = world.project(f"bench-{len(world.users)}")
    login = f"person-{len(world.users)}"
    world.grant(login, "annotator", project, team="Internal")
    ids = world.items(project, items)
    body = canonical_json(
        {
            "messages": [
                {"role": ("user", "assistant")[turn % 2], "content": words}
                for turn, words in enumerate(TALK)
            ]
        }
    )
    with world.database.write() as session:
        session.execute(sa.update(Item).where(Item.project_id == project).values(body=body))
        slug = session.execute(
            sa.text("SELECT slug FROM project WHERE id = :id"), {"id": project}
        ).scalar_one()
    round_id = world.round(project, world.rubric(project), ids, overlap=1)
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    context.add_cookies([{"name": "touchstone", "value": world.cookie(login), "url": server.url}])
    for script in scripts:
        context.add_init_script(script)
    page = context.new_page()
    url = f"{server.url}/p/{slug}/label/{round_id}"
    try:
        yield Desk(world, page, context.new_cdp_session(page), url, round_id)
    finally:
        context.close()


# -------------------------------------------------------------------------------- measurements


@dataclass(frozen=True)
class Paced:
    """One run at a steady pace; milliseconds."""

    shown: Sequence[float]
    durable: Sequence[float]
    stored: int
    wrong: int
    false_claims: int


def say(words: str) -> None:
    """Tell how far the program is."""
    print(words, file=sys.stderr, flush=True)


def paced(open_desk: Desk, count: int) -> Paced:
    """Answer items at one key per 400 ms."""
    open_desk.open()
    time.sleep(1)
    for number in range(count):
        open_desk.answer(number, every=KEY_EVERY)
        open_desk.check_claim()
    open_desk.settle()
    probe: dict[str, Any] = open_desk.page.evaluate("probe")
    shown = []
    frames = iter(probe["frames"])
    for at, before in probe["keys"][:-1]:
        frame = next(one for one in frames if one[0] > at and one[1] != before)
        shown.append(frame[0] - at)
    durable = [
        end - at for (at, _), end in zip(probe["keys"], sorted(probe["answered"]), strict=True)
    ]
    say(f"{count} items: shown p95 {p95(shown):.1f} ms, durable p95 {p95(durable):.1f} ms")
    return Paced(shown, durable, open_desk.stored(), open_desk.wrong(), open_desk.false_claims)


@dataclass(frozen=True)
class Load:
    """What an empty cache fetched until the first item was shown."""

    requests: Sequence[tuple[str, int]]
    hosts: frozenset[str]

    @property
    def bytes(self) -> int:
        """All bytes on the wire, headers included."""
        return sum(size for _, size in self.requests)


def first_load(open_desk: Desk) -> Load:
    """Count what the network stack fetches until the first item is on the page."""
    addresses: dict[str, str] = {}
    sizes: dict[str, int] = {}

    def asked(event: dict[str, Any]) -> None:
        addresses.setdefault(event["requestId"], event["request"]["url"])

    def came(event: dict[str, Any]) -> None:
        sizes.setdefault(event["requestId"], int(event["encodedDataLength"]))

    open_desk.cdp.on("Network.requestWillBeSent", asked)
    open_desk.cdp.on("Network.loadingFinished", came)
    open_desk.cdp.send("Network.enable")
    open_desk.cdp.send("Network.clearBrowserCache")
    open_desk.open()
    seen = set(addresses)
    open_desk.page.wait_for_timeout(500)
    found = [(urlsplit(addresses[one]).path, sizes.get(one, 0)) for one in seen]
    hosts = frozenset(urlsplit(address).netloc for address in addresses.values())
    return Load(sorted(found, key=lambda one: -one[1]), hosts)


def heaps(open_desk: Desk, marks: Sequence[int]) -> list[int]:
    """Return the live heap when so many items were answered."""
    open_desk.open()
    found = []
    for number in range(1, marks[-1] + 1):
        open_desk.answer_fast(number)
        if number in marks:
            open_desk.settle()
            found.append(open_desk.heap())
            say(f"item {number}: {found[-1]} bytes live")
    return found


# ---------------------------------------------------------------------------------- the report


def p95(values: Sequence[float]) -> float:
    """Return the 95th percentile."""
    return statistics.quantiles(values, n=20)[18]


def row(what: str, values: Sequence[float], goal: float) -> str:
    """Return a row of the table of times."""
    middle = statistics.median(values)
    return (
        f"| {what} | {len(values)} | {middle:.1f} | **{p95(values):.1f}** | {max(values):.1f} "
        f"| {goal:g} |"
    )


def machine(browser: Browser) -> str:
    """Describe machine and versions."""
    info = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in info if "model name" in line), "?")
    return (
        f"{os.cpu_count()} cores of {model}, shared by server, browser and this program; Linux "
        f"{platform.release()}; Python {platform.python_version()}; Chromium {browser.version}, "
        f"headless; playwright {version('playwright')}, flask {version('flask')}, gunicorn "
        f"{version('gunicorn')}. Load average at the end: {os.getloadavg()[0]:.1f}."
    )


def report(
    near: Paced, far: Paced, load: Load, marks: Sequence[int], live: Sequence[int], words: str
) -> str:
    """Return the figures as Markdown."""
    largest = ", ".join(f"`{_short(path)}` {size}" for path, size in load.requests[:5])
    stored, wrong = near.stored + far.stored, near.wrong + far.wrong
    false_claims = near.false_claims + far.false_claims
    grown = (live[1] - live[0]) / 1e6
    told = (
        f"{stored} annotations are in the database, {wrong} differ from the keys pressed; the "
        f"page said *Saved* {false_claims} times when it was not true.\n"
    )
    loaded = (
        f"First load, empty cache: **{load.bytes / 1000:.1f} kB** in **{len(load.requests)} "
        f"requests** to {len(load.hosts)} host (goal: 100 kB, 15 requests, no other host); the "
        f"largest: {largest} bytes.\n"
    )
    alive = (
        f"Live heap: {live[0] / 1e6:.2f} MB at item {marks[0]}, {live[1] / 1e6:.2f} MB at item "
        f"{marks[1]} (**{grown:+.2f} MB**; goal: at most 1 MB more).\n"
    )
    lines = [
        "| from the keydown that submits | items | p50 ms | p95 ms | most ms | goal, p95 |",
        "|---|---|---|---|---|---|",
        row("to the frame with the next item", near.shown, 50),
        row(f"the same, nothing ahead, {ROUND_TRIP_MS} ms round trip", far.shown, 200),
        row("to the acknowledgement of the commit", near.durable, 500),
        "",
        told,
        loaded,
        alive,
        words,
    ]
    return "\n".join(lines) + "\n"


def _short(path: str) -> str:
    return path.rsplit("/", 1)[-1] if path.startswith("/static") else path.split("/")[-2]


def write(text: str) -> None:
    """Put the figures into the README, between their two marks."""
    whole = README.read_text(encoding="utf-8")
    before, _, rest = whole.partition(BEGIN)
    after = rest.partition(END)[2]
    README.write_text(f"{before}{BEGIN}\n{text}{END}{after}", encoding="utf-8")


def measure(browser: Browser, world: World, server: Server, options: argparse.Namespace) -> str:
    """Make every measurement."""
    with desk(browser, world, server, 10, ()) as first:
        load = first_load(first)
    with desk(browser, world, server, options.items + 10, [PROBE]) as second:
        near = paced(second, options.items)
    with desk(browser, world, server, options.far + 10, [PROBE, NOTHING_AHEAD]) as third:
        third.cdp.send("Network.enable")
        third.cdp.send(
            "Network.emulateNetworkConditions",
            {
                "offline": False,
                "latency": ROUND_TRIP_MS,
                "downloadThroughput": -1,
                "uploadThroughput": -1,
            },
        )
        far = paced(third, options.far)
    marks = (options.heap // 10, options.heap)
    with desk(browser, world, server, options.heap + 10, ()) as fourth:
        live = heaps(fourth, marks)
    return report(near, far, load, marks, live, machine(browser))


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, default=300)
    parser.add_argument("--far", type=int, default=150)
    parser.add_argument("--heap", type=int, default=1000)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    use_locked_node()
    run = LeadingRun()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="touchstone-bench-") as name,
            migrated_database("sqlite", Path(name)) as url,
            Server(environment_for(url, Path(name)), Path(name)) as server,
            sync_playwright() as playwright,
        ):
            database = Database(settings_for(url, Path(name)))
            browser = launch(playwright.chromium)
            text = measure(browser, World(database), server, options)
            browser.close()
            database.dispose()
    finally:
        run.end()
    print(text)
    if options.write:
        write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
