"""Take the pictures of the README anew: start a demo of its own, walk through it, look.

``PYTHONPATH=. .venv/bin/python scripts/take_pictures.py`` writes into docs/pictures. Another look
is taken with ``--theme dark``, ``--phone`` and ``--out FOLDER``.
"""

from __future__ import annotations

import argparse
import base64
import re
import struct
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from playwright.sync_api import expect, sync_playwright

from annotate.services.demo import SLUG
from annotate.services.demo_people import FILE_NAME
from tests.support.browser import launch, use_locked_node
from tests.support.server import COMMAND, Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PICTURES = Path(__file__).resolve().parent.parent / "docs" / "pictures"
SHOWN = {"overview", "rubric", "import", "label", "agreement", "case", "gold"}
"""What the README shows; the other views are taken only into a folder of their own."""
DESKTOP = {"width": 1400, "height": 860}
PHONE = {"width": 390, "height": 844}
TIMEOUT = 60_000
USUAL = 200


@dataclass
class Photographer:
    """Walks through a served demo and takes pictures."""

    browser: Browser
    base: str
    logins: dict[str, str]
    out: Path
    theme: str
    size: dict[str, int]

    def sign_in(self, login: str) -> Page:
        """Open a browser profile of its own and sign in."""
        context = self.browser.new_context(
            viewport=self.size,
            color_scheme=self.theme,
            locale="en-GB",
            timezone_id="UTC",
            reduced_motion="reduce",
        )
        page = context.new_page()
        page.set_default_timeout(TIMEOUT)
        page.set_default_navigation_timeout(TIMEOUT)
        page.on("pageerror", lambda error: print(f"{login}: {error}"))
        page.goto(self.base)
        page.fill("input[name=login]", login)
        page.fill("input[name=password]", self.logins[login])
        page.keyboard.press("Enter")
        expect(page.locator("[data-logout]")).to_be_visible()
        return page

    def look(self, page: Page, name: str, address: str | None = None) -> None:
        """Take one picture, perhaps of another page of the project."""
        if address is not None:
            page.goto(f"{self.base}/p/{SLUG}/{address}")
        page.wait_for_load_state("networkidle")
        if self.out == PICTURES and name not in SHOWN:
            return
        path = self.out / f"{name}.png"
        path.write_bytes(_with_a_palette(self.browser, page.screenshot()))
        print(f"{name}: {path.stat().st_size // 1000} kB")


def design(shots: Photographer) -> None:
    """Look at what a designer and a manager see."""
    page = shots.sign_in("designer")
    shots.look(page, "overview", "")
    shots.look(page, "rubric", "rubric")
    shots.look(page, "items", "items")
    shots.look(page, "rounds", "rounds")
    shots.look(page, "plan", "rounds/new")
    page.goto(f"{shots.base}/p/{SLUG}/jobs")
    page.locator("main table a").first.click()
    shots.look(page, "import")
    page.context.close()


def people(shots: Photographer) -> None:
    """Look at people and roles as the administrator."""
    page = shots.sign_in("admin")
    page.goto(f"{shots.base}/people")
    shots.look(page, "people")
    page.context.close()


def label(shots: Photographer) -> None:
    """Label two items as an annotator would."""
    page = shots.sign_in("annotator-a")
    shots.look(page, "work", "work")
    page.locator("main a[href*='/label/']").first.click()
    harmful = ("2", "2", "3", "j", "2")
    harmless = ("1", "1", "1", "0", "j", "3")
    for keys, rest in ((harmful, None), (harmless, "Enter")):
        expect(page.locator(".q-open")).to_be_visible()
        while page.locator("[data-reveal]").count():
            page.locator("[data-reveal]").first.click()
        for key in keys:
            page.keyboard.press(key)
        if rest is None:
            shots.look(page, "label")
            give_back(page)
        else:
            shots.look(page, "label-done")
            submit(page)
    page.context.close()


def give_back(page: Page) -> None:
    """Let the item go to somebody else and wait for the next one."""
    before = page.locator("#item-id").inner_text()
    page.keyboard.press("Shift+G")
    page.locator("#skip button[value=yes]").click()
    expect(page.locator("#item-id")).not_to_have_text(before, timeout=TIMEOUT)


def submit(page: Page) -> None:
    """Submit the answers and wait for the next item."""
    before = page.locator("#item-id").inner_text()
    page.keyboard.press("Enter")
    expect(page.locator("#item-id")).not_to_have_text(before, timeout=TIMEOUT)


def judge(shots: Photographer) -> None:
    """Look at agreement and decide a case."""
    page = shots.sign_in("adjudicator")
    shots.look(page, "agreement", "agreement")
    shots.look(page, "cases", "cases")
    page.get_by_role("button", name="Take the next case").first.click()
    shots.look(page, "case-blind")
    choose(page, "#blind")
    for concealed in page.locator(".turn summary").all():
        concealed.click()
    page.get_by_role("button", name="Keep my answer").click()
    expect(page.locator("table.votes")).to_be_visible()
    for concealed in page.locator(".turn summary").all():
        concealed.click()
    choose(page, "#decide")
    shots.look(page, "case")
    page.fill("#decide textarea", "What the response gives decides, not its wording.")
    page.get_by_role("button", name="Decide and next").click()
    shots.look(page, "case-next")
    page.context.close()


def choose(page: Page, form: str) -> None:
    """Answer every question of a form: refused, where that is an answer, else the first one."""
    for group in page.locator(f"{form} fieldset").all():
        refused = group.locator("label.opt").filter(has_text=re.compile("^4?Refused(Declines|$)"))
        (refused if refused.count() else group.locator("label.opt")).first.click()
    page.evaluate("form => document.querySelector(form).parentElement.scrollTo(0, 0)", form)


def release(shots: Photographer) -> None:
    """Freeze a release and look at its files."""
    page = shots.sign_in("ml-reader")
    page.goto(f"{shots.base}/p/{SLUG}/releases")
    page.get_by_role("button", name="Freeze the release").click()
    expect(page.locator(".file").first).to_be_visible()
    shots.look(page, "gold")
    page.context.close()


_PIXELS = """async (address) => {
  const image = new Image();
  image.src = address;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.width, image.height];
  const brush = canvas.getContext("2d");
  brush.drawImage(image, 0, 0);
  const { data } = brush.getImageData(0, 0, canvas.width, canvas.height);
  let text = "";
  for (let at = 0; at < data.length; at += 32768) {
    text += String.fromCharCode(...data.subarray(at, at + 32768));
  }
  return [canvas.width, canvas.height, btoa(text)];
}"""


def _with_a_palette(browser: Browser, png: bytes) -> bytes:
    """Return a picture in the 256 colours it uses most: a third of the size, and looks the same."""
    page = browser.new_page()
    address = "data:image/png;base64," + base64.b64encode(png).decode()
    width, height, text = page.evaluate(_PIXELS, address)
    page.close()
    pixels = np.frombuffer(base64.b64decode(text), np.uint8).reshape(-1, 4)[:, :3]
    colours, which, counts = np.unique(pixels, axis=0, return_inverse=True, return_counts=True)
    palette = colours[np.argsort(-counts)[:USUAL]].astype(np.int32)
    near = np.array([((palette - colour) ** 2).sum(axis=1).min() for colour in colours])
    while len(palette) < 256:  # rare colours, such as those of the mark, each far from the others
        palette = np.vstack([palette, colours[near.argmax()]])
        near = np.minimum(near, ((colours.astype(np.int32) - palette[-1]) ** 2).sum(axis=1))
    nearest = [int(((palette - colour) ** 2).sum(axis=1).argmin()) for colour in colours]
    rows = np.array(nearest, np.uint8)[which.reshape(-1)].reshape(height, width)
    body = b"".join(b"\0" + row.tobytes() for row in rows)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(kind, data)
        for kind, data in (
            (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            (b"PLTE", palette.astype(np.uint8).tobytes()),
            (b"IDAT", zlib.compress(body, 9)),
            (b"IEND", b""),
        )
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _logins(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return {words[-2]: words[-1] for words in (line.split() for line in lines) if words[0] != "#"}


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=PICTURES)
    parser.add_argument("--theme", choices=("light", "dark"), default="light")
    parser.add_argument("--phone", action="store_true", help="a phone's width")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    use_locked_node()
    expect.set_options(timeout=TIMEOUT)
    with (
        tempfile.TemporaryDirectory(prefix="touchstone-pictures-") as folder,
        sync_playwright() as chrome,
    ):
        home = Path(folder)
        command = (str(COMMAND), "quickstart", "--port", "{port}")
        data = {"TOUCHSTONE_DATA_DIR": str(home / "var")}
        with Server(data, home, command=command) as server:
            shots = Photographer(
                launch(chrome.chromium),
                server.url,
                _logins(home / "var" / FILE_NAME),
                options.out,
                options.theme,
                PHONE if options.phone else DESKTOP,
            )
            for walk in (design, people, label, judge, release):
                walk(shots)


if __name__ == "__main__":
    main()
