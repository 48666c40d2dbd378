"""``touchstone agreement`` as people call it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from annotate.cli import agreement_commands
from annotate.cli.agreement_commands import agreement
from tasks.verification import Opinion, Verification

if TYPE_CHECKING:
    from pathlib import Path

LABELS = """item,annotator,heat,ripe,language
a,ann,1,0,de
a,bob,1,0,de
b,ann,2,0,de
b,bob,3,1,de
c,ann,3,1,fr
c,bob,3,1,fr
d,ann,2,0,fr
d,cas,1,0,fr
"""
RUBRIC = """schema: touchstone-rubric/1
id: garden
version: 1.0.0
title: Garden
questions:
  - id: tone
    text: How friendly?
    type: ordinal
    options:
      - {id: warm, label: Warm, code: 1}
      - {id: flat, label: Flat, code: 0}
"""
CELLS = """item,annotator,question,value
a,ann,tone,warm
a,bob,tone,warm
b,ann,tone,flat
b,bob,tone,warm
"""


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    path = tmp_path / "labels.csv"
    path.write_text(LABELS, encoding="utf-8")
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(agreement, [str(one) for one in arguments])


def test_every_figure_comes_with_what_it_must_not_travel_without(labels: Path) -> None:
    done = run(labels, "--value", "heat", "--level", "ordinal")
    assert done.exit_code == 0, done.output
    head, row = done.output.splitlines()[0], done.output.splitlines()[2]
    for word in ("value", "interval", "items", "labels", "raters", "prevalence", "evidence"):
        assert word in head
    assert row.split()[:3] == ["heat", "ordinal", "krippendorff_alpha"]
    assert "4/4" in row
    assert "too little: 4/100 units" in row
    assert "○" in done.output
    assert "note: the values are those that occur" in done.output


def test_json_holds_levels_domains_and_no_nan(labels: Path) -> None:
    done = run(labels, "--value", "heat", "--value", "ripe", "--level", "ripe=nominal", "--level",
               "interval", "--scale", "ripe=0,1", "--json", "--pairs")  # fmt: skip
    told = json.loads(done.output)
    assert [(one["variable"], one["level"]) for one in told["variables"]] == [
        ("heat", "interval"),
        ("ripe", "nominal"),
    ]
    assert told["variables"][1]["domain_from_data"] is False
    assert len(told["variables"][0]["pairs"]) == 2
    assert told["files"] == ["labels.csv"]


def test_slices_pairs_second_opinions_and_an_undefined_figure(labels: Path) -> None:
    done = run(labels, "--value", "ripe", "--level", "nominal", "--by", "language", "--pairs",
               "--verify", "--interval", "bca", "--resamples", "50")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "ripe [language=fr]" in done.output
    assert "ann / bob" in done.output
    assert "krippendorff_alpha: verified (krippendorff:" in done.output
    assert "gwet_ac1: no second source" in done.output


def test_a_page_stands_alone_and_escapes_what_it_shows(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(
        "item,annotator,<b>\na,x,1\na,y,1\nb,x,2\nb,y,1\nc,x,2\nc,y,2\n", encoding="utf-8"
    )
    page = tmp_path / "report.html"
    done = run(path, "--value", "<b>", "--level", "nominal", "--report", page, "--pairs",
               "--verify", "--interval", "none")  # fmt: skip
    assert done.exit_code == 0, done.output
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert "&lt;b&gt;" in text
    assert "<b>" not in text
    assert "<circle" in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_no_variation_is_said_in_words_everywhere(tmp_path: Path) -> None:
    path, page = tmp_path / "labels.csv", tmp_path / "report.html"
    path.write_text("item,annotator,flag\na,x,0\na,y,0\nb,x,0\nb,y,0\n", encoding="utf-8")
    done = run(path, "--value", "flag", "--level", "nominal", "--scale", "0,1", "--report", page)
    assert "no variation" in done.output
    assert "chance agreement is certain" in done.output
    assert "no variation" in page.read_text(encoding="utf-8")


def test_a_wide_file(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text("item,ann,bob\na,1,1\nb,2,1\nc,2,2\n", encoding="utf-8")
    done = run(path, "--wide", "--value", "ann", "--value", "bob", "--level", "nominal", "--json")
    assert json.loads(done.output)["variables"][0]["results"]["fleiss_kappa"]["n_raters"] == 2


def test_labels_in_long_form_by_a_rubric(tmp_path: Path) -> None:
    rubric, path = tmp_path / "garden.yaml", tmp_path / "cells.csv"
    rubric.write_text(RUBRIC, encoding="utf-8")
    path.write_text(CELLS, encoding="utf-8")
    done = run(path, "--rubric", rubric, "--verify", "--level", "tone=nominal", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    assert told["rubric_id"] == "garden"
    assert [one["level"] for one in told["variables"]][:2] == ["nominal", "ordinal"]
    opinions = {one["figure"]: one["opinion"] for one in told["variables"][1]["verification"]}
    assert opinions["krippendorff_alpha"] == "verified"
    assert "tone/warm" in run(path, "--rubric", rubric).output


def test_a_figure_that_differs_ends_with_one(labels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = Verification("krippendorff_alpha", 0.5, 0.6, "krippendorff", Opinion.DIFFERS)
    monkeypatch.setattr(agreement_commands, "verify", lambda _data, _result: wrong)
    done = run(labels, "--value", "heat", "--level", "ordinal", "--verify")
    assert done.exit_code == 1
    assert "differs" in done.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name the columns that hold labels"),
        (["--value", "heat"], "never guessed"),
        (["--value", "heat", "--level", "metric"], "unknown level 'metric'"),
        (["--value", "cold", "--level", "nominal"], "no column 'cold'"),
        (["--value", "heat", "--level", "ripe=nominal"], "level of measurement of 'heat'"),
        (["--value", "heat", "--level", "nominal", "--scale", "1,2"], "labels.csv:5: '3'"),
        (["--value", "heat", "--level", "nominal", "--coefficients", "magic"], "'magic'"),
        (["--value", "heat", "--level", "nominal", "--coefficients", ","], "nothing"),
        (["--value", "heat", "--level", "nominal", "--confidence", "2"], "--confidence"),
        (["--value", "heat", "--level", "nominal", "--resamples", "1"], "--resamples"),
        (["--rubric", "nowhere.yaml"], "neither a shipped rubric nor a file"),
        (["--rubric", "conversational-abuse"], "no column 'question'"),
        (["--rubric", "conversational-abuse", "--by", "language"], "without a --rubric"),
        (["--rubric", "conversational-abuse", "--level", "nominal"], "which question"),
        (["--rubric", "conversational-abuse", "--item", "item"], "--item is for files without"),
        (["--rubric", "conversational-abuse", "--annotator", "who"], "--annotator is for files"),
        (["--rubric", "conversational-abuse", "--coefficients", "gwet_ac1"], "--coefficients is"),
    ],
)
def test_bad_input_ends_with_two_and_a_reason(
    labels: Path, arguments: list[str], message: str
) -> None:
    done = run(labels, *arguments)
    assert done.exit_code == 2
    assert message in done.output
