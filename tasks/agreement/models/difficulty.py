"""Raters with an ability, items with a difficulty: which hard items explain the disagreement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tasks.agreement.errors import CoefficientError
from tasks.agreement.models.blocks import blocks_of, in_order
from tasks.agreement.models.dawid_skene import (
    check_settings,
    rated_labels,
    start_posterior,
)
from tasks.agreement.models.result import AnnotatorModel

if TYPE_CHECKING:
    from tasks.agreement.data import ReliabilityData
    from tasks.agreement.levels import Floats, Integers
    from tasks.agreement.models.blocks import Block, BlockMap, RatedLabels

# Easiness of an item, exp(-2) to exp(2): the middle of a normal distribution of its logarithm.
_LOG_EASINESS: Final = np.linspace(-2.0, 2.0, 9)
_EASINESS: Final = np.exp(_LOG_EASINESS)
_BELL: Final = np.exp(-0.5 * _LOG_EASINESS**2) / np.exp(-0.5 * _LOG_EASINESS**2).sum()
_NEWTON_STEPS: Final = 6
_FLOOR: Final = 1e-300


@dataclass(frozen=True, slots=True)
class DifficultyModel(AnnotatorModel):
    """A model with item difficulties.

    Attributes
    ----------
    ability
        Per rater, shape (R,): 0 is guessing between right and wrong, negative is worse.
    difficulty
        Per unit the expected logarithm of its difficulty, shape (U,): 0 is ordinary.
    """

    ability: Floats
    difficulty: Floats


@dataclass(frozen=True, slots=True)
class Partial:
    """What one block adds to the next step.

    Attributes
    ----------
    posterior
        Of each unit and value, shape (B, V).
    log_easiness
        Posterior mean per unit, shape (B,).
    sums
        Expected right labels (R D), wrong labels (R D), units per value (V) and per easiness (D),
        and the log-likelihood, in one row.
    """

    posterior: Floats
    log_easiness: Floats
    sums: Floats


def glad(
    data: ReliabilityData,
    *,
    iterations: int = 500,
    tolerance: float = 1e-6,
    smoothing: float = 1.0,
    start: Floats | None = None,
    map_blocks: BlockMap = map,
) -> DifficultyModel:
    """Estimate true values, an ability per rater and a difficulty per unit.

    Parameters
    ----------
    data
        Labels with raters.
    iterations
        At most so many.
    tolerance
        Stop when the log-posterior gains less than this per label.
    smoothing
        Pseudo-units that spread the difficulties like a bell; above 0 also one normal prior
        observation of ability 1 per rater, weighted by it.
    start
        Posterior to start from, shape (U, V). Vote shares by default.
    map_blocks
        What applies a function to blocks of units, ``map`` or the `map` of an executor. Blocks
        are fixed by the ids, so the result is the same bit for bit however many workers it has.

    Returns
    -------
    DifficultyModel
        `confusion` holds each rater's accuracy over all units, errors even on the other values.

    Raises
    ------
    CoefficientError
        For data that do not tell who rated, or settings without meaning.

    Notes
    -----
    After Whitehill, Ruvolo, Wu, Bergsma & Movellan (2009): a label is right with probability
    1 / (1 + exp(-ability * easiness)). Unlike there, easiness is not a point per unit, which five
    labels cannot tell, but is summed out over nine values whose frequencies are estimated (Bock &
    Aitkin 1981); each step is then exact but for the abilities, whose Newton steps are taken only
    where they raise the log-posterior, so it never falls.

    Examples
    --------
    >>> from tasks.agreement import ReliabilityData
    >>> data = ReliabilityData.from_matrix(
    ...     [[0, 0, 1], [1, 1, 0], [0, 0, 0], [1, 1, 1]], values=[0, 1], level="nominal",
    ... )
    >>> model = glad(data)
    >>> model.labels.tolist(), bool(model.difficulty[0] > model.difficulty[2])
    ([0, 1, 0, 1], True)
    """
    check_settings(data, iterations, smoothing)
    if data.domain.n_values < 2:
        raise CoefficientError("a model of difficulty needs two values or more to choose from")
    labels = rated_labels(data)
    blocks = tuple(blocks_of(labels, data.unit_ids))
    first = start_posterior(data, start)
    state = _State.started(_start_sums(labels, blocks, first), labels, smoothing)
    parts, sums = _expect(state, blocks, map_blocks)
    trace = [float(sums[-1]) + state.log_prior()]
    converged = False
    while not converged and len(trace) < iterations:
        state = state.following(sums)
        parts, sums = _expect(state, blocks, map_blocks)
        trace.append(float(sums[-1]) + state.log_prior())
        converged = trace[-1] - trace[-2] <= tolerance * labels.code.size
    return _model(data, blocks, parts, state, tuple(trace), converged)


@dataclass(frozen=True, slots=True)
class _State:
    """Parameters between two steps."""

    ability: Floats
    prior: Floats
    easiness: Floats
    smoothing: float

    @classmethod
    def started(cls, sums: Floats, labels: RatedLabels, smoothing: float) -> _State:
        even = np.full(labels.n_values, 1.0 / labels.n_values)
        return cls(np.ones(labels.n_raters), even, _BELL, smoothing).following(sums)

    def following(self, sums: Floats) -> _State:
        """Return the parameters that fit the expected counts best."""
        cells = self.ability.size * _EASINESS.size
        right, wrong = (sums[at : at + cells].reshape(-1, _EASINESS.size) for at in (0, cells))
        values = sums[2 * cells : 2 * cells + self.prior.size]
        kinds = sums[2 * cells + self.prior.size : -1] + self.smoothing * _BELL
        ability = _fitted_ability(self.ability, right, wrong, self.smoothing)
        return _State(ability, values / values.sum(), kinds / kinds.sum(), self.smoothing)

    def log_prior(self) -> float:
        """Return the logarithm of the prior density, up to a constant."""
        spread = float((_BELL * np.log(np.maximum(self.easiness, _FLOOR))).sum())
        return self.smoothing * (spread - 0.5 * float(((self.ability - 1.0) ** 2).sum()))


@dataclass(frozen=True, slots=True)
class _Expectation:
    """The step over one block; a class, so that it can be sent to another process."""

    state: _State

    def __call__(self, block: Block) -> Partial:
        labels, state = block.labels, self.state
        right, wrong = _log_chances(state.ability)
        wrong = wrong - np.log(labels.n_values - 1.0)
        missed = wrong[labels.rater]
        gained = right[labels.rater] - missed
        cell = labels.unit * labels.n_values + labels.code
        base = _row_sums(labels.unit, missed, labels.n_units)
        score = _row_sums(cell, gained, labels.n_units * labels.n_values)
        score = score.reshape(labels.n_units, labels.n_values, -1) + base[:, None, :]
        score += np.log(np.maximum(state.prior, _FLOOR))[None, :, None]
        score += np.log(np.maximum(state.easiness, _FLOOR))[None, None, :]
        top = score.max(axis=(1, 2), keepdims=True)
        joint = np.exp(score - top)
        whole = joint.sum(axis=(1, 2), keepdims=True)
        joint /= whole
        likelihood = float((np.log(whole) + top).sum())
        kinds = joint.sum(axis=1)
        mean = (kinds * _LOG_EASINESS).sum(axis=1)
        return Partial(joint.sum(axis=2), mean, _sums(labels, joint, likelihood))


def _expect(
    state: _State, blocks: tuple[Block, ...], map_blocks: BlockMap
) -> tuple[tuple[Partial, ...], Floats]:
    """Take the step over all blocks; return what each found, and the sums of all."""
    parts = tuple(map_blocks(_Expectation(state), blocks))
    return parts, in_order(part.sums for part in parts)


def _sums(labels: RatedLabels, joint: Floats, likelihood: float) -> Floats:
    """Return the expected counts of a block in one row."""
    right = joint[labels.unit, labels.code]
    wrong = joint.sum(axis=1)[labels.unit] - right
    counts = [_row_sums(labels.rater, part, labels.n_raters).ravel() for part in (right, wrong)]
    values, kinds = joint.sum(axis=(0, 2)), joint.sum(axis=(0, 1))
    return np.concatenate([*counts, values, kinds, [likelihood]])


def _row_sums(group: Integers, rows: Floats, n_groups: int) -> Floats:
    """Sum rows by group, in their order, shape (G, D)."""
    width = rows.shape[1]
    cell = group[:, None] * width + np.arange(width)
    summed = np.bincount(cell.ravel(), weights=rows.ravel(), minlength=n_groups * width)
    return np.asarray(summed.reshape(n_groups, width), dtype=np.float64)


def _start_sums(labels: RatedLabels, blocks: tuple[Block, ...], posterior: Floats) -> Floats:
    """Return the counts as if values were known as the start says and difficulty was not."""
    parts = (
        _sums(block.labels, posterior[block.units][:, :, None] * _BELL, 0.0) for block in blocks
    )
    width = 2 * labels.n_raters * _BELL.size + labels.n_values + _BELL.size + 1
    return in_order([np.zeros(width), *parts])


def _log_chances(ability: Floats) -> tuple[Floats, Floats]:
    """Return the logarithms of being right and wrong per rater and easiness, shape (R, D)."""
    push = ability[:, None] * _EASINESS
    return -np.logaddexp(0.0, -push), -np.logaddexp(0.0, push)


def _fitted_ability(ability: Floats, right: Floats, wrong: Floats, smoothing: float) -> Floats:
    """Climb to the ability under which the expected counts are likeliest: Newton's method."""

    def height(at: Floats) -> Floats:
        log_right, log_wrong = _log_chances(at)
        fit = (right * log_right + wrong * log_wrong).sum(axis=1)
        return np.asarray(fit - 0.5 * smoothing * (at - 1.0) ** 2, dtype=np.float64)

    given = right + wrong
    for _ in range(_NEWTON_STEPS):
        chance = np.exp(_log_chances(ability)[0])
        slope = ((right - given * chance) * _EASINESS).sum(axis=1) - smoothing * (ability - 1.0)
        bend = (given * chance * (1.0 - chance) * _EASINESS**2).sum(axis=1) + smoothing
        step = np.clip(slope / np.maximum(bend, 1e-12), -1.0, 1.0)
        moved = ability + step
        ability = np.where(height(moved) >= height(ability), moved, ability)
    return ability


def _model(
    data: ReliabilityData,
    blocks: tuple[Block, ...],
    parts: tuple[Partial, ...],
    state: _State,
    trace: tuple[float, ...],
    converged: bool,  # noqa: FBT001 - a field
) -> DifficultyModel:
    n_values = data.domain.n_values
    posterior, difficulty = np.zeros((data.unit_ids.size, n_values)), np.zeros(data.unit_ids.size)
    for block, part in zip(blocks, parts, strict=True):
        posterior[block.units], difficulty[block.units] = part.posterior, -part.log_easiness
    accuracy = (np.exp(_log_chances(state.ability)[0]) * state.easiness).sum(axis=1)
    even = ((1.0 - accuracy) / (n_values - 1))[:, None, None]
    confusion = np.where(np.eye(n_values, dtype=bool), accuracy[:, None, None], even)
    return DifficultyModel(
        "glad",
        data.unit_ids,
        data.rater_ids,
        posterior,
        state.prior,
        confusion,
        trace,
        converged,
        state.ability,
        difficulty,
    )
