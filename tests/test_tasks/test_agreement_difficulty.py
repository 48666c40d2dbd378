"""The model with item difficulties: planted truth, the posterior by enumeration, fixed blocks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.agreement import CoefficientError, ReliabilityData
from tasks.agreement.models import glad, majority_vote
from tasks.agreement.models.blocks import N_BLOCKS, block_of, in_order

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tasks.agreement.models.blocks import Block
    from tasks.agreement.models.difficulty import Partial

ABILITY = np.array([3.0, 2.0, 1.5, 1.0, 0.5])


def planted(
    n_values: int, spread: float, seed: int = 1
) -> tuple[ReliabilityData, np.ndarray, np.ndarray, np.ndarray]:
    """Draw labels of five raters on 2,000 units; return truth, chances and easiness too."""
    rng = np.random.default_rng(seed)
    easiness = np.exp(rng.normal(0, spread, 2000))
    chance = 1 / (1 + np.exp(-ABILITY * easiness[:, None]))
    share = np.array([0.5, 0.3, 0.2][:n_values])
    truth = rng.choice(n_values, 2000, p=share / share.sum())
    wrong = (truth[:, None] + rng.integers(1, n_values, (2000, 5))) % n_values
    given_ = np.where(rng.random((2000, 5)) < chance, truth[:, None], wrong)
    data = ReliabilityData.from_matrix(given_, values=range(n_values), level="nominal")
    return data, truth, chance, easiness


def small(seed: int, n_units: int = 15) -> ReliabilityData:
    rng = np.random.default_rng(seed)
    matrix = rng.integers(0, 3, (n_units, 4)).astype(float)
    matrix[rng.random(matrix.shape) < 0.3] = np.nan
    return ReliabilityData.from_matrix(matrix, values=range(3), level="nominal")


@pytest.mark.parametrize(("n_values", "spread"), [(2, 0.0), (2, 0.7), (3, 0.7)])
def test_planted_accuracies_are_recovered_and_posteriors_are_calibrated(
    n_values: int, spread: float
) -> None:
    data, truth, chance, easiness = planted(n_values, spread)
    model = glad(data)
    assert model.converged
    assert np.sqrt(((model.accuracy - chance.mean(axis=0)) ** 2).mean()) <= 0.03
    assert (np.diff(model.ability) < 0).all()
    sure, hit = model.posterior.max(axis=1), model.labels == truth
    edges = np.digitize(sure, np.linspace(0.3, 1, 11))
    error = sum(
        abs(sure[edges == one].mean() - hit[edges == one].mean()) * (edges == one).mean()
        for one in np.unique(edges)
    )
    assert error <= 0.05
    votes = np.array([-1 if one.code is None else one.code for one in majority_vote(data)])
    assert hit.mean() > (votes == truth).mean() + 0.01
    if spread:
        assert np.corrcoef(model.difficulty, -np.log(easiness))[0, 1] > 0.4


def test_the_posterior_is_the_one_enumeration_gives() -> None:
    data = small(3)
    model = glad(data, iterations=4, tolerance=-1.0)
    matrix = np.full((15, 4), -1)
    matrix[data.unit, data.rater] = data.code
    again = glad(data, iterations=3, tolerance=-1.0)
    assert again.trace == model.trace[:3]
    easiness = np.exp(np.linspace(-2, 2, 9))
    # The mean accuracy of a rater and the parameters tell the weights only together; take them
    # from the joint: nine kinds, three values, every label independent given both.
    weights = fitted_weights(data)
    for row, posterior, difficulty in zip(matrix, model.posterior, model.difficulty, strict=True):
        joint = np.zeros((3, 9))
        for value in range(3):
            for kind in range(9):
                chance = model.prior[value] * weights[kind]
                for rater, code in enumerate(row):
                    right = 1 / (1 + np.exp(-model.ability[rater] * easiness[kind]))
                    if code >= 0:
                        chance *= right if code == value else (1 - right) / 2
                joint[value, kind] = chance
        joint /= joint.sum()
        assert posterior == pytest.approx(joint.sum(axis=1), abs=1e-10)
        assert difficulty == pytest.approx(-(joint.sum(axis=0) @ np.log(easiness)), abs=1e-10)


def fitted_weights(data: ReliabilityData) -> np.ndarray:
    """Return the frequencies of the kinds of the fourth step, as the third step's counts say."""
    seen: list[Any] = []

    def spy(function: Any, blocks: Iterable[Block]) -> list[Partial]:
        seen.append(function.state.easiness)
        return [function(block) for block in blocks]

    glad(data, iterations=4, tolerance=-1.0, map_blocks=spy)
    return np.asarray(seen[-1])


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), smoothing=st.sampled_from([0.0, 0.5, 2.0]))
def test_the_log_posterior_never_falls(seed: int, smoothing: float) -> None:
    model = glad(small(seed), smoothing=smoothing, iterations=20)
    assert (np.diff(model.trace) >= -1e-6).all()
    assert model.posterior.sum(axis=1) == pytest.approx(1)
    assert model.confusion.sum(axis=2) == pytest.approx(1)
    assert np.isfinite(model.difficulty).all()


def test_whoever_makes_which_block_the_bits_are_the_same() -> None:
    data = small(5, 200)
    alone = glad(data, iterations=12)

    def elsewhere(function: Any, blocks: Iterable[Block]) -> list[Partial]:
        """Send each block away, in an order of its own, and sort what comes back."""
        listed = list(blocks)
        order = np.random.default_rng(1).permutation(len(listed))
        found = {one: deepcopy(function)(deepcopy(listed[one])) for one in order}
        return [found[one] for one in range(len(listed))]

    with ThreadPoolExecutor(3) as pool:
        others = [glad(data, iterations=12, map_blocks=way) for way in (elsewhere, pool.map)]
    for other in others:
        assert other.trace == alone.trace
        assert other.posterior.tobytes() == alone.posterior.tobytes()
        assert other.ability.tobytes() == alone.ability.tobytes()
        assert other.difficulty.tobytes() == alone.difficulty.tobytes()


def test_the_order_of_rows_does_not_reach_the_bits() -> None:
    data = small(6, 60)
    unit, rater = data.unit_ids[data.unit], data.rater_ids[data.rater]
    order = np.random.default_rng(0).permutation(unit.size)
    mixed = ReliabilityData.from_long(
        unit[order], rater[order], data.code[order], n_values=3, level="nominal"
    )
    assert glad(mixed).posterior.tobytes() == glad(data).posterior.tobytes()


def split_mix(number: int) -> int:
    """Mix as the paper says, with integers of any size."""
    mixed = (number + 0x9E3779B97F4A7C15) % 2**64
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB % 2**64
    return mixed ^ (mixed >> 31)


def test_blocks_hang_on_the_id_alone() -> None:
    ids = np.arange(-500, 4000)
    block = block_of(ids)
    assert block_of(ids[1700:1800]).tolist() == block[1700:1800].tolist()
    counts = np.bincount(block, minlength=N_BLOCKS)
    assert counts.size == N_BLOCKS
    # About 140 each; six standard deviations off would be no hash.
    assert counts.min() > 70
    assert counts.max() < 215
    assert block_of(np.array([0, 1, -7, 2**62])).tolist() == [
        split_mix(one) % N_BLOCKS for one in (0, 1, -7, 2**62)
    ]
    assert in_order([np.array([1e16]), np.array([1.0]), np.array([-1e16])]).tolist() == [0.0]


def test_a_warm_start_finds_what_it_started_from() -> None:
    data, _, _, _ = planted(2, 0.7)
    first = glad(data)
    second = glad(data, start=first.posterior)
    assert (second.labels == first.labels).mean() > 0.99
    assert len(second.trace) <= len(first.trace) + 5


def test_what_is_refused() -> None:
    data = small(1)
    with pytest.raises(CoefficientError, match="iterations"):
        glad(data, iterations=0)
    with pytest.raises(CoefficientError, match="shape"):
        glad(data, start=np.ones((2, 2)))
    counted = ReliabilityData.from_counts([[1, 1]], values=[0, 1], level="nominal")
    with pytest.raises(CoefficientError, match="who rated"):
        glad(counted)
    one = ReliabilityData.from_long([0, 0], [0, 1], [0, 0], n_values=1, level="nominal")
    with pytest.raises(CoefficientError, match="two values"):
        glad(one)
