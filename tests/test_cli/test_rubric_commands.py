"""``touchstone project`` and ``touchstone rubric``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import jsonschema
import pytest

from rubrics import library
from tests.test_cli.project_support import Console
from tests.test_services.test_rubrics import MAJOR, SOURCE, numbered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BROKEN = SOURCE.replace("type: ordinal", "type: ordnal").replace("code: -3", "code: null")


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    yield from Console.opened(tmp_path)


def test_check_tells_every_problem_with_its_place(console: Console) -> None:
    bad, good = console.file("bad.yaml", BROKEN), console.file("good.yaml", SOURCE)
    result = console.run("rubric", "check", bad, good, code=2)
    line = 1 + BROKEN[: BROKEN.index("type: ordnal")].count("\n")
    assert f"{bad}:{line}:" in result.stderr
    told = [one for one in result.stderr.splitlines() if one.startswith(f"{bad}:")]
    assert len(told) >= 3
    assert f"{good}: conversational-abuse 1.0.0 is valid" in result.stdout


def test_check_reads_standard_input_and_survives_any_bytes(console: Console) -> None:
    console.run("rubric", "check", "-", stdin=SOURCE.encode())
    for data in (b"\xff\xfe", b"a: \x00", b"a: [", b"", b"a: &x [*x, *x]"):
        result = console.run("rubric", "check", "-", code=2, stdin=data)
        assert "-:" in result.stderr
    missing = console.run("rubric", "check", "nowhere.yaml", code=2)
    assert "nowhere.yaml" in missing.stderr


def test_a_project_gets_a_rubric_and_publishes_it(console: Console) -> None:
    console.run("project", "create", "demo", "--title", "Demo", "--min-votes", "3")
    assert "demo" in console.run("project", "create", "demo", code=2).stderr
    assert "demo: Demo. 0 items" in console.run("project", "list").stdout
    console.run("rubric", "add", "conversational-abuse", "--project", "demo")
    assert "1.0.0 draft" in console.run("rubric", "list", "--project", "demo").stdout
    console.run("rubric", "publish", "1.0.0", "--project", "demo")
    assert "1.0.0 published" in console.run("rubric", "list", "--project", "demo").stdout
    shown = console.run("project", "show", "demo").stdout
    assert "demo: 1.0.0" in shown
    assert "sexist: 0 of 40 positives, too few" in shown


def test_what_is_not_there_is_said(console: Console) -> None:
    console.run("project", "create", "demo")
    for words in (
        ("rubric", "list", "--project", "none"),
        ("rubric", "publish", "1.0.0", "--project", "demo"),
        ("rubric", "shipped", "conversational-abus"),
        ("rubric", "diff", "nowhere.yaml", "nowhere.yaml"),
        ("project", "create", "Not Good"),
    ):
        assert console.run(*words, code=2).stderr.startswith("touchstone: ")


def test_a_broken_file_is_not_added(console: Console) -> None:
    console.run("project", "create", "demo")
    bad = console.file("bad.yaml", BROKEN)
    result = console.run("rubric", "add", bad, "--project", "demo", code=2)
    assert f"{bad}:" in result.stderr
    console.folder.joinpath("bytes.yaml").write_bytes(b"\xff\xfe")
    bytes_file = str(console.folder / "bytes.yaml")
    console.run("rubric", "add", bytes_file, "--project", "demo", code=2)
    assert console.run("rubric", "list", "--project", "demo").stdout == ""


def test_diff_of_two_files_names_the_step(console: Console) -> None:
    old, new = console.file("old.yaml", SOURCE), console.file("new.yaml", numbered(MAJOR, "1.1.0"))
    result = console.run("rubric", "diff", old, new).stdout
    assert "major: categories[sexist].includes[SE-I1].text" in result
    assert "least step of the version: major" in result
    assert "the next version is 2.0.0" in result
    data = json.loads(console.run("rubric", "diff", old, new, "--json").stdout)
    assert data["required_bump"] == "major"
    assert "no difference" in console.run("rubric", "diff", old, old).stdout
    assert (
        "bad.yaml:"
        in console.run("rubric", "diff", old, console.file("bad.yaml", BROKEN), code=2).stderr
    )


def test_diff_of_two_versions_counts_labels(console: Console) -> None:
    console.run("project", "create", "demo")
    console.run("rubric", "add", "conversational-abuse", "--project", "demo", "--publish")
    new = console.file("new.yaml", numbered(MAJOR, "2.0.0"))
    console.run("rubric", "add", new, "--project", "demo")
    result = console.run("rubric", "diff", "1.0.0", "2.0.0", "--project", "demo").stdout
    assert "labels in question: 0" in result


def test_the_schema_fits_the_shipped_rubrics(console: Console) -> None:
    schema = json.loads(console.run("rubric", "schema").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)


def test_shipped_rubrics_are_named_and_printed(console: Console) -> None:
    assert console.run("rubric", "shipped").stdout.split() == list(library.names())
    assert console.run("rubric", "shipped", "conversational-abuse").stdout == SOURCE
