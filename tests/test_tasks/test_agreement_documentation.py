"""What the documentation says runs."""

from __future__ import annotations

import ast
import doctest
import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from click.testing import CliRunner

import tasks.agreement
from annotate.cli.agreement_commands import agreement
from tasks.agreement import Status

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "agreement.md"


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


def test_every_trap_has_the_test_it_names() -> None:
    named = set(re.findall(r"\| `(test_\w+)` \|", PAGE.read_text(encoding="utf-8")))
    there = {
        one.name
        for path in Path(__file__).parent.glob("test_agreement_*.py")
        for one in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(one, ast.FunctionDef)
    }
    assert len(named) > 20
    assert named <= there


def test_every_public_function_has_an_example() -> None:
    for name in tasks.agreement.__all__:
        one = getattr(tasks.agreement, name)
        if callable(one) and not isinstance(one, type):
            assert ">>> " in (one.__doc__ or ""), name


def test_the_example_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = ".venv/bin/touchstone agreement "
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith(program)]
    assert lines
    rows = [
        f"item-{item},{who},{(item * item + (who == 'cat') * (item % 4 == 0)) % 5}"
        for item in range(40)
        for who in ("ann", "bob", "cat")
    ]
    (tmp_path / "labels.csv").write_text("item,annotator,severity\n" + "\n".join(rows))
    monkeypatch.chdir(tmp_path)
    for line in lines:
        words = shlex.split(line.removeprefix(program))
        done = CliRunner().invoke(agreement, [*words, "--verify", "--json"])
        assert done.exit_code == 0, done.output
        told = json.dumps(json.loads(done.stdout))
        assert "krippendorff_alpha" in told
        assert "verified" in told
