"""Models of annotators: reference values, planted truth, laws."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.agreement import CoefficientError, ReliabilityData
from tasks.agreement.models import (
    dawid_skene,
    mace,
    majority_vote,
    one_coin_dawid_skene,
    vote_shares,
)
from tests.support.shared_data import shared

MODELS = {"dawid_skene": dawid_skene, "one_coin_dawid_skene": one_coin_dawid_skene}


def planted(
    n_units: int = 2000, n_values: int = 3, seed: int = 1
) -> tuple[ReliabilityData, np.ndarray, np.ndarray]:
    """Draw labels of five raters of known accuracy."""
    rng = np.random.default_rng(seed)
    accuracy = np.array([0.95, 0.85, 0.75, 0.65, 0.55])
    truth = rng.choice(n_values, n_units, p=[0.5, 0.3, 0.2][:n_values])
    wrong = (truth[:, None] + rng.integers(1, n_values, (n_units, 5))) % n_values
    given_ = np.where(rng.random((n_units, 5)) < accuracy, truth[:, None], wrong)
    data = ReliabilityData.from_matrix(given_, values=range(n_values), level="nominal")
    return data, truth, accuracy


def reference(metric: str) -> tuple[ReliabilityData, dict[str, object]]:
    path = shared("agreement_reference") / "aggregation.json"
    cases = json.loads(path.read_text(encoding="utf-8"))["cases"]
    case = next(one for one in cases if one["metric"] == metric)
    unit, rater, code = np.array(case["triples"]).T
    data = ReliabilityData.from_long(unit, rater, code, n_values=3, level="nominal")
    return data, case["expected"]


@pytest.mark.parametrize("name", MODELS)
def test_models_equal_crowd_kit(name: str) -> None:
    data, expected = reference(name)
    # The peer makes fifty rounds whatever happens.
    model = MODELS[name](data, iterations=50, tolerance=-1.0)
    marginals: dict[str, float] = expected["class_marginals"]  # type: ignore[assignment]
    labels: dict[str, int] = expected["labels"]  # type: ignore[assignment]
    assert model.posterior.mean(axis=0) == pytest.approx(list(marginals.values()), abs=1e-6)
    assert model.labels.tolist() == list(labels.values())


def test_vote_shares_equal_the_reference() -> None:
    data, expected = reference("vote_shares")
    assert vote_shares(data) == pytest.approx(np.array(list(expected.values())), abs=1e-8)


@pytest.mark.parametrize("name", MODELS)
def test_planted_accuracies_are_recovered_and_posteriors_are_calibrated(name: str) -> None:
    data, truth, accuracy = planted()
    model = MODELS[name](data)
    assert model.converged
    assert np.sqrt(((model.accuracy - accuracy) ** 2).mean()) < 0.03
    assert (model.labels == truth).mean() > 0.93
    sure = model.posterior.max(axis=1)
    hit = model.labels == truth
    edges = np.digitize(sure, np.linspace(0.3, 1, 11))
    error = sum(
        abs(sure[edges == one].mean() - hit[edges == one].mean()) * (edges == one).mean()
        for one in np.unique(edges)
    )
    assert error <= 0.05


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), smoothing=st.sampled_from([0.0, 0.5, 2.0]))
def test_the_log_posterior_never_falls(seed: int, smoothing: float) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.integers(0, 3, (15, 4)).astype(float)
    matrix[rng.random(matrix.shape) < 0.3] = np.nan
    data = ReliabilityData.from_matrix(matrix, values=range(3), level="nominal")
    for model in (
        dawid_skene(data, smoothing=smoothing, iterations=25),
        one_coin_dawid_skene(data, iterations=25),
        mace(data, smoothing=smoothing, iterations=25),
    ):
        assert (np.diff(model.trace) >= -1e-6).all()
        assert model.posterior.sum(axis=1) == pytest.approx(1)
        assert model.confusion.sum(axis=2) == pytest.approx(1)


@pytest.mark.parametrize("model", [dawid_skene, one_coin_dawid_skene, mace])
def test_whoever_makes_which_block_the_bits_are_the_same(model: Any) -> None:
    data, _, _ = planted(300)
    alone = model(data, iterations=8)

    def elsewhere(function: Any, blocks: Any) -> list[Any]:
        """Send each block away, the last one first, and put the answers in order."""
        return [deepcopy(function)(deepcopy(one)) for one in reversed(list(blocks))][::-1]

    other = model(data, iterations=8, map_blocks=elsewhere)
    assert other.trace == alone.trace
    assert other.posterior.tobytes() == alone.posterior.tobytes()
    assert other.confusion.tobytes() == alone.confusion.tobytes()


def test_mace_tells_who_knows_from_who_has_a_habit() -> None:
    rng = np.random.default_rng(4)
    knowledge = np.array([0.95, 0.8, 0.7, 0.5, 0.0])
    truth = rng.integers(0, 3, 2000)
    # Whoever does not know mostly says 0; the last one never looks.
    habit = rng.choice(3, (2000, 5), p=[0.7, 0.2, 0.1])
    given_ = np.where(rng.random((2000, 5)) < knowledge, truth[:, None], habit)
    data = ReliabilityData.from_matrix(given_, values=range(3), level="nominal")
    model = mace(data)
    assert model.converged
    # A right answer comes from knowledge or, one time in three at even values, from habit.
    expected = knowledge + (1 - knowledge) / 3
    assert np.sqrt(((model.accuracy - expected) ** 2).mean()) < 0.03
    votes = np.array([-1 if one.code is None else one.code for one in majority_vote(data)])
    assert (model.labels == truth).mean() > (votes == truth).mean() + 0.03
    assert model.confusion[4].std(axis=0).max() < 0.03


def test_a_warm_start_goes_on_where_it_stood() -> None:
    data, _, _ = planted(300)
    first = dawid_skene(data, iterations=5, tolerance=-1.0)
    second = dawid_skene(data, iterations=3, tolerance=-1.0, start=first.posterior)
    whole = dawid_skene(data, iterations=8, tolerance=-1.0)
    assert not first.converged
    assert second.posterior == pytest.approx(whole.posterior, abs=1e-12)
    assert first.trace + second.trace == pytest.approx(whole.trace)


def test_the_majority_has_no_value_on_a_tie() -> None:
    data = ReliabilityData.from_matrix(
        [[0, 0, 1], [0, 1, None], [2, None, None]], values=range(3), level="nominal"
    )
    found = majority_vote(data)
    assert [(one.unit, one.code, one.votes, one.n_labels) for one in found] == [
        (0, 0, 2, 3),
        (1, None, 1, 2),
        (2, 2, 1, 1),
    ]
    none = ReliabilityData.from_long([], [], [], n_values=2, level="nominal")
    assert majority_vote(none) == ()


def test_what_models_refuse() -> None:
    counted = ReliabilityData.from_counts([[1, 1]], values=[0, 1], level="nominal")
    with pytest.raises(CoefficientError, match="who rated"):
        dawid_skene(counted)
    data, _, _ = planted(20)
    with pytest.raises(CoefficientError, match="iterations"):
        one_coin_dawid_skene(data, iterations=0)
    with pytest.raises(CoefficientError, match="shape"):
        dawid_skene(data, start=np.ones((3, 3)))
