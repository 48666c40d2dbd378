"""Recorded labels through a served Touchstone agree with what `krippendorff` makes of the file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import krippendorff
import numpy as np
import pandas as pd
import pytest

from tests.support.replays import RECORDED, alpha, expected_figures, replayed
from tests.support.shared_data import shared

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

ITEMS = 400
SEVERITIES = [-3, -2, -1, 0, 1]
FOLLOW_UPS = ("type_", "target_", "direction_")


@pytest.fixture(scope="module")
def recorded() -> pd.DataFrame:
    """The labels of 400 items; those that answer a closed question are among them."""
    shared("convabuse")
    labels = pd.read_csv(RECORDED / "labels_wide.csv")
    against_rubric = labels.loc[_closed(labels).any(axis=1), "item"]
    wanted = pd.concat([against_rubric, labels["item"]]).drop_duplicates().head(ITEMS)
    return labels[labels["item"].isin(wanted)]


def _items_of(labels: pd.DataFrame) -> Iterator[str]:
    wanted = set(labels["item"])
    with (RECORDED / "items.jsonl").open(encoding="utf-8") as file:
        yield from (line for line in file if json.loads(line)["id"] in wanted)


def _follow_ups(labels: pd.DataFrame) -> pd.DataFrame:
    return labels[[name for name in labels if name.startswith(FOLLOW_UPS)]]


def _closed(labels: pd.DataFrame) -> pd.DataFrame:
    """Which answers a follow-up got although the severity closes it."""
    return _follow_ups(labels).eq(1) & labels[["severity"]].ge(0).to_numpy()


def _alpha(labels: pd.DataFrame, values: pd.Series, level: str, domain: list[int]) -> float:
    rows, raters = pd.factorize(labels["annotator"])
    columns, items = pd.factorize(labels["item"])
    grid = np.full((len(raters), len(items)), np.nan)
    grid[rows, columns] = values
    return krippendorff.alpha(
        reliability_data=grid,
        level_of_measurement=level,
        value_domain=np.array(domain, dtype=float),
    )


def _expected(labels: pd.DataFrame) -> dict[str, object]:
    severity = labels["severity"]
    reached = labels[severity < 0]
    gated = _follow_ups(labels).where(severity < 0, 0)
    return {
        "severity": {
            level: _alpha(labels, severity, level, SEVERITIES)
            for level in ("nominal", "ordinal", "interval")
        },
        "abusive_binary_nominal": _alpha(labels, (severity < 0).astype(int), "nominal", [0, 1]),
        "all_raters_gated": dict(_each(labels, gated)),
        "raters_reaching_question": dict(_each(reached, _follow_ups(reached))),
    }


def _each(labels: pd.DataFrame, columns: pd.DataFrame) -> Iterator[tuple[str, float]]:
    """Give alpha for every column that has both values: one value alone has no alpha."""
    for name in columns:
        if columns[name].nunique() == 2:
            yield name, _alpha(labels, columns[name], "nominal", [0, 1])


def _refused(outcome: Mapping[str, Any]) -> set[tuple[str, str, str]]:
    """What the replay lists; every refusal names the condition, in the rubric's words."""
    listed = set()
    for refusal in outcome["refusals"]:
        assert all("severity" in message for message in refusal["messages"]), refusal
        listed |= {(refusal["item"], refusal["annotator"], name) for name in refusal["columns"]}
    return listed


def _against_rubric(labels: pd.DataFrame, closed: pd.DataFrame) -> set[tuple[str, str, str]]:
    return {
        (labels["item"][row], labels["annotator"][row], name)
        for name in closed
        for row in closed.index[closed[name]]
    }


def _disagreeing(labels: pd.DataFrame) -> int:
    """Count the items whose labels differ in severity, or in a follow-up as the rubric gates it."""
    gated = _follow_ups(labels).where(labels["severity"] < 0, 0).assign(severity=labels["severity"])
    by_item = gated.groupby(labels["item"])
    return int((by_item.max() != by_item.min()).any(axis=1).sum())


@pytest.mark.slow
@pytest.mark.oracle
@pytest.mark.timeout(400)
def test_a_slice_of_the_recorded_labels_gives_the_same_agreement(
    database_kind: str, recorded: pd.DataFrame, tmp_path: Path
) -> None:
    closed = _closed(recorded)
    assert closed.any(axis=None)
    labels = tmp_path / "labels.csv"
    recorded.to_csv(labels, index=False)
    items = tmp_path / "items.jsonl"
    items.write_text("".join(_items_of(recorded)), encoding="utf-8")

    result = replayed(database_kind, tmp_path, labels=labels, items=items, twice=True)

    assert result.outcome["rows"] == result.outcome["submitted"] == len(recorded)
    assert result.outcome["refused_rows"] == closed.any(axis=1).sum()
    assert result.outcome["refused_cells"] == closed.to_numpy().sum()
    assert _refused(result.outcome) == _against_rubric(recorded, closed)
    assert result.open_cases == _disagreeing(recorded)
    assert result.again is not None
    assert result.again["round"] == result.outcome["round"]
    assert (result.again["submitted"], result.again["refused_rows"]) == (0, 0)
    figures = list(expected_figures(_expected(recorded)))
    assert len(figures) > 20
    for wanted, value in figures:
        assert alpha(result.variables, **wanted) == pytest.approx(value, abs=1e-9), wanted
