"""The shared ConvAbuse labels give the reference figures."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from rubrics.library import read
from rubrics.loader import load_rubric
from tasks.reliability import LabelColumns, Report, agreement_report, items_behind
from tests.support.shared_data import shared

FOLDER = shared("convabuse")
RUBRIC = load_rubric(read("conversational-abuse"))
SINGLE = {
    "target": ("generalised", "individual", "system"),
    "direction": ("explicit", "implicit"),
}


def cells() -> LabelColumns:
    """Turn wide rows into cells; an answer to a question that the rubric closes is dropped."""
    severities = {str(option.code): option.id for option in RUBRIC.question("severity").options}
    types = [option.id for option in RUBRIC.question("types").options]
    found: list[tuple[object, ...]] = []
    with (FOLDER / "labels_wide.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            who = (row["item"], row["annotator"])
            opened = int(row["severity"]) <= -1
            state = "answered" if opened else "not_asked"
            found.append((*who, "severity", "", severities[row["severity"]], "answered"))
            found += [
                (*who, "types", one, row[f"type_{one}"] if opened else None, state) for one in types
            ]
            for question, options in SINGLE.items():
                chosen = [one for one in options if row[f"{question}_{one}"] == "1"]
                found.append((*who, question, "", chosen[0] if opened else None, state))
    return LabelColumns(*[np.array(part, dtype=object) for part in zip(*found, strict=True)])


@pytest.fixture(scope="module")
def labels() -> LabelColumns:
    return cells()


@pytest.fixture(scope="module")
def report(labels: LabelColumns) -> Report:
    return agreement_report(RUBRIC, labels)


@pytest.fixture(scope="module")
def reference() -> dict[str, dict[str, float]]:
    loaded: dict[str, dict[str, float]] = json.loads(
        (FOLDER / "reference_agreement.json").read_text(encoding="utf-8")
    )
    return loaded


def test_the_report_counts_the_whole_file(report: Report) -> None:
    assert (report.n_items, report.n_annotators, report.n_annotations) == (4055, 8, 12197)


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
def test_severity(report: Report, reference: dict[str, dict[str, float]], level: str) -> None:
    found = report.variable("severity", level=level)
    assert found is not None
    assert found.alpha.value == pytest.approx(reference["severity"][level], abs=1e-6)
    assert len(found.pairs) == 28


def test_abusive(report: Report, reference: dict[str, dict[str, float]]) -> None:
    found = report.variable("abusive")
    assert found is not None
    assert found.alpha.value == pytest.approx(reference["abusive_binary_nominal"], abs=1e-6)


@pytest.mark.parametrize(
    ("key", "conditioning"), [("all_raters_gated", "all"), ("raters_reaching_question", "reached")]
)
def test_one_against_the_rest(
    report: Report, reference: dict[str, dict[str, float]], key: str, conditioning: str
) -> None:
    assert len(reference[key]) == 12
    for name, expected in reference[key].items():
        question, _, category = name.partition("_")
        found = report.variable(
            "types" if question == "type" else question,
            category,
            conditioning=conditioning,  # type: ignore[arg-type]
        )
        assert found is not None
        assert found.alpha.value == pytest.approx(expected, abs=1e-6), name


def test_every_figure_leads_to_its_items(labels: LabelColumns, report: Report) -> None:
    items = items_behind(RUBRIC, labels, "types", "sexist")
    found = report.variable("types", "sexist")
    assert found is not None
    assert len(items) == found.alpha.n_pairable_units
    split = sum(len(one.counts) > 1 for one in items)
    assert 0 < split < 400
    assert all(one.contribution > 0 for one in items[:split])
    assert not any(one.contribution for one in items[split:])
