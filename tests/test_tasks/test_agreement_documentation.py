"""What the documentation says runs."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

from annotate.cli.agreement_commands import agreement
from tasks.agreement import Status

PAGE = Path(__file__).resolve().parents[2] / "docs" / "agreement.md"


def test_the_example_gives_what_it_shows() -> None:
    failed, tried = doctest.testfile(str(PAGE), module_relative=False)
    assert (failed, tried) == (0, 4)


def test_every_option_named_exists() -> None:
    named = set(re.findall(r"(?<![\w-])--([a-z]+)", PAGE.read_text(encoding="utf-8")))
    known = {name.removeprefix("--") for one in agreement.params for name in one.opts}
    assert named <= known


def test_every_status_is_explained() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"`{status.value}`" in text for status in Status)
