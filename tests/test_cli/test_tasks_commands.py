"""``touchstone tasks plan`` and ``touchstone tasks generate``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from annotate.db import Database
from tests.support.builders import World
from tests.support.databases import settings_for
from tests.test_cli.project_support import Console

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    for console in Console.opened(tmp_path):
        database = Database(settings_for(console.url, tmp_path))
        world = World(database)
        project_id = world.project()
        world.rubric(project_id)
        world.items(project_id, 6)
        for number in range(1, 4):
            world.grant(f"ann-{number}", "annotator", project_id, team="North")
        database.dispose()
        yield console


DESIGN = ("--project", "demo", "--name", "First", "--overlap", "2", "--seed", "7")


def test_the_plan_shows_load_coverage_and_hours_and_makes_nothing(console: Console) -> None:
    result = console.run("tasks", "plan", *DESIGN, "--minutes", "5").stdout
    assert "6 tasks, 12 annotations, 1.0 people-hours" in result
    assert "ann-1  Ann-1" in result
    assert "types/sexist" in result
    assert "language en" in result
    assert "0 of 0 annotations" in console.run("project", "list").stdout


def test_the_plan_is_the_same_every_time(console: Console) -> None:
    plans = {console.run("tasks", "plan", *DESIGN, "--json").stdout for _ in range(2)}
    assert len(plans) == 1
    data = json.loads(plans.pop())
    assert data["load"] == {"ann-1": 4, "ann-2": 4, "ann-3": 4}


def test_generating_twice_adds_nothing_and_says_so(console: Console) -> None:
    first = json.loads(console.run("tasks", "generate", *DESIGN, "--json").stdout)
    assert (first["tasks_added"], first["places_added"], first["new_round"]) == (6, 12, True)
    again = console.run("tasks", "generate", *DESIGN).stdout
    assert "nothing was added" in again
    other = console.run("tasks", "generate", *DESIGN[:-4], "--overlap", "3", code=2)
    assert "another design" in other.stderr


def test_an_allocation_file_keeps_places(console: Console) -> None:
    file = console.file("who.csv", "item,annotator\nitem-0000,ann-1\nitem-0001,ann-2\n")
    made = console.run("tasks", "generate", *DESIGN, "--allocation", file).stdout
    assert "2 tasks with 2 places, 2 of them kept for named people" in made


def test_a_bad_allocation_names_file_and_line(console: Console) -> None:
    file = console.file("who.csv", "item,annotator\nitem-0000,ann-1\nitem-0000,ann-1\nx\n")
    result = console.run("tasks", "plan", *DESIGN, "--allocation", file, code=2)
    assert f"{file}:3: " in result.stderr
    assert f"{file}:4: " in result.stderr
    console.folder.joinpath("bytes.csv").write_bytes(b"item,annotator\n\xff,b\n")
    path = str(console.folder / "bytes.csv")
    assert "UTF-8" in console.run("tasks", "plan", *DESIGN, "--allocation", path, code=2).stderr


def test_a_plan_that_cannot_be_made_leaves_with_two(console: Console) -> None:
    wide = (*DESIGN[:-4], "--overlap", "4")
    assert "error: " in console.run("tasks", "plan", *wide, code=2).stderr
    assert "cannot be made" in console.run("tasks", "generate", *wide, code=2).stderr


def test_unknown_names_are_said(console: Console) -> None:
    for words in (("--rubric", "9.9.9"), ("--team", "Nowhere")):
        result = console.run("tasks", "plan", *DESIGN, *words, code=2)
        assert words[1] in result.stderr
    assert "1.0.0" in console.run("tasks", "plan", *DESIGN, "--rubric", "9.9.9", code=2).stderr
    console.run("tasks", "plan", *DESIGN, "--rubric", "1.0.0", "--team", "North")


def test_without_a_published_rubric_the_next_step_is_named(console: Console) -> None:
    console.run("project", "create", "bare")
    words = ("tasks", "plan", "--project", "bare", "--name", "x")
    assert "touchstone rubric publish" in console.run(*words, code=2).stderr
