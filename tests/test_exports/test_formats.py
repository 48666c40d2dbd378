"""Formats of releases: new ones tell the order of responses, old ones stay whole as they are."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest

from exports.manifest import FORMATS, NEWEST
from exports.records import LABEL_COLUMNS
from exports.release import write_release
from exports.tables import parquet_rows
from exports.verify import verify_release
from tests.test_exports.gold_samples import edit_rows, project, rewrite_manifest, row

OLD_LABELS = "6f1682b6bdfbcff9a533b298bda4084384d540052d4e4be91574ea4b06a7c9ca"
"""SHA-256 of the sample project's labels as they were written before there were two formats."""


def written(directory, *, order="r2,r1", **changes):
    items, votes, rulings = project()
    seen = [replace(vote, shown_order=order) for vote in votes[:3]] + votes[3:]
    return write_release(row(**changes), items, seen, rulings, directory)


def rows(directory):
    text = (directory / "labels.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def edited(directory, manifest_edit=lambda _: None, row_edit=lambda _: None):
    """Change labels and manifest, and make the manifest fit the files again."""
    edit_rows(directory, "labels.jsonl", row_edit)
    rewrite_manifest(directory, manifest_edit)
    return verify_release(directory)


def test_labels_tell_the_order_in_which_responses_were_shown(tmp_path):
    manifest = written(tmp_path / "r")
    assert manifest["format"] == FORMATS[NEWEST] == "touchstone-gold-release/2"
    found = rows(tmp_path / "r")
    assert {one["shown_order"] for one in found} == {"r2,r1", None}
    kept = parquet_rows(tmp_path / "r" / "labels.parquet", LABEL_COLUMNS)
    assert [one["shown_order"] for one in kept] == [one["shown_order"] for one in found]
    assert verify_release(tmp_path / "r").ok
    assert written(tmp_path / "again") == manifest


def test_a_release_of_the_first_format_is_written_and_verified_as_it_was(tmp_path):
    manifest = written(tmp_path / "r", format=1)
    assert manifest["format"] == "touchstone-gold-release/1"
    assert hashlib.sha256((tmp_path / "r" / "labels.jsonl").read_bytes()).hexdigest() == OLD_LABELS
    assert "shown_order" not in rows(tmp_path / "r")[0]
    report = verify_release(tmp_path / "r")
    assert report.problems == ()
    assert report.gold_cells == 55


@pytest.mark.parametrize(("number", "other"), [(1, 2), (2, 1)])
def test_columns_of_another_format_are_found(tmp_path, number, other):
    written(tmp_path / "r", format=number)
    report = edited(tmp_path / "r", lambda manifest: manifest.update(format=FORMATS[other]))
    assert any("shown_order" in one.message for one in report.problems)


def test_a_format_that_is_not_known_is_named(tmp_path):
    written(tmp_path / "r")
    name = f"touchstone-gold-release/{NEWEST + 1}"
    report = edited(tmp_path / "r", lambda manifest: manifest.update(format=name))
    assert [one.code for one in report.problems] == ["manifest"]
    assert FORMATS[1] in report.problems[0].message
    assert FORMATS[2] in report.problems[0].message


@pytest.mark.parametrize("order", ["", "r1,r1", "r2,r3", "r1;r2", "first,second"])
def test_an_order_is_one_of_all_responses(tmp_path, order):
    written(tmp_path / "r")
    report = edited(tmp_path / "r", row_edit=lambda one: one.update(shown_order=order))
    assert any("shown_order" in one.message for one in report.problems)
