"""What README and docs name exists: commands, options, make targets, files, addresses, settings."""

from __future__ import annotations

import json
import re
import shlex
from functools import cache
from pathlib import Path

import click
import pytest

from annotate.cli.main import cli

ROOT = Path(__file__).resolve().parent.parent
PAGES = (ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md")))
NAMED = [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES]
PICTURE_BYTES = 150_000
FENCE = re.compile(r"^```[a-z]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)", re.DOTALL)
SETTING = re.compile(r"\bTOUCHSTONE_[A-Z_]+[A-Z]\b")
ADDRESS = re.compile(r"(?:GET|POST|PUT) ((?:/api/v1)?/[A-Za-z/…-]+)")


def code(page: Path) -> list[str]:
    """Return every line of code of a page."""
    text = page.read_text(encoding="utf-8")
    blocks = FENCE.findall(text)
    lines = [line for block in blocks for line in block.splitlines()]
    return [*lines, *INLINE.findall(FENCE.sub("", text))]


def calls(page: Path, program: str) -> list[list[str]]:
    """Return the words after a program's name, of every line that calls it."""
    found = []
    for line in code(page):
        words = line.split("#")[0].split("|")[0]
        place = re.match(rf"(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?{program}(?: |$)", words)
        if place is not None:
            found.append(shlex.split(words[place.end() :]))
    return found


@cache
def targets() -> frozenset[str]:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return frozenset(re.findall(r"^([a-z-]+):", text, re.MULTILINE))


def problem_of(words: list[str]) -> str | None:
    """Tell what a call of ``touchstone`` names that there is not."""
    command: click.Command = cli
    context = click.Context(cli, info_name="touchstone")
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        found = command.get_command(context, rest[0])
        if found is None:
            return f"there is no command {rest[0]!r}"
        command = found
        rest.pop(0)
    known = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    for word in rest:
        name = word.split("=")[0]
        if name.startswith("--") and name not in {*known, "--help"}:
            return f"{command.name} has no option {name}"
    return None


@pytest.mark.parametrize("page", NAMED)
def test_commands_and_options_exist(page: Path) -> None:
    wrong = {
        " ".join(words): problem
        for words in calls(page, "touchstone")
        if (problem := problem_of(words)) is not None
    }
    assert wrong == {}


@pytest.mark.parametrize("page", NAMED)
def test_make_targets_exist(page: Path) -> None:
    named = {
        word for words in calls(page, "make") for word in words if re.fullmatch(r"[a-z-]+", word)
    }
    assert named <= targets()


@pytest.mark.parametrize("page", NAMED)
def test_links_lead_somewhere(page: Path) -> None:
    links = {" ".join(link.split()) for link in LINK.findall(page.read_text(encoding="utf-8"))}
    local = {link for link in links if "://" not in link and not link.startswith("mailto:")}
    assert {link for link in local if not (page.parent / link).exists()} == set()


def test_the_readme_shows_what_can_be_called_wrong() -> None:
    """The tests above find what they look for."""
    assert problem_of(["rubrik", "check"]) == "there is no command 'rubrik'"
    assert problem_of(["gold", "verify", "DIR", "--fast"]) == "verify has no option --fast"
    assert problem_of(["gold", "verify", "DIR"]) is None
    assert len(calls(ROOT / "README.md", "touchstone")) >= 8
    assert {"run", "test", "deps"} <= {
        word for words in calls(ROOT / "README.md", "make") for word in words
    }


def test_every_setting_is_told() -> None:
    config = SETTING.findall((ROOT / "annotate" / "config.py").read_text(encoding="utf-8"))
    told = SETTING.findall((ROOT / "docs" / "operations.md").read_text(encoding="utf-8"))
    assert set(config) == set(told)


def test_addresses_of_the_api_exist() -> None:
    document = json.loads((ROOT / "annotate" / "web" / "openapi.json").read_text(encoding="utf-8"))
    known = {re.sub(r"\{[a-z_]+\}", "*", path) for path in document["paths"]}
    told = ADDRESS.findall((ROOT / "docs" / "api.md").read_text(encoding="utf-8"))
    assert len(told) >= 20
    shapes = {
        re.sub(r"/[A-Z]+(?=/|$)", "/*", path if path.startswith("/api") else f"/api/v1{path}")
        for path in told
    }
    assert {shape for shape in shapes if shape not in known} == set()


def test_pictures_are_small_and_all_shown() -> None:
    pictures = list((ROOT / "docs" / "pictures").iterdir())
    shown = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in pictures if path.stat().st_size > PICTURE_BYTES] == []
    assert [path.name for path in pictures if f"docs/pictures/{path.name}" not in shown] == []


def test_the_readme_says_what_the_licences_are() -> None:
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert "`krippendorff`, which is licensed GPL-3.0-or-later" in text
    assert "distributed together" in text
    assert "under the [Apache License 2.0](LICENSE)" in text
