"""MACE: raters who either know the answer or give one of a habit of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tasks.agreement.models.blocks import blocks_of, in_order
from tasks.agreement.models.dawid_skene import (
    check_settings,
    expect,
    rated_labels,
    start_posterior,
)
from tasks.agreement.models.result import AnnotatorModel

if TYPE_CHECKING:
    from tasks.agreement.data import ReliabilityData
    from tasks.agreement.levels import Floats, Integers
    from tasks.agreement.models.blocks import Block, BlockMap, RatedLabels


def mace(
    data: ReliabilityData,
    *,
    iterations: int = 200,
    tolerance: float = 1e-8,
    smoothing: float = 0.1,
    start: Floats | None = None,
    map_blocks: BlockMap = map,
) -> AnnotatorModel:
    """Estimate true values and how often each rater knows them.

    Parameters
    ----------
    data
        Labels with raters.
    iterations
        At most so many.
    tolerance
        Stop when the log-posterior gains less than this per label.
    smoothing
        Pseudo-labels added to knowing, to not knowing, and to each habitual answer.
    start
        Posterior to start from, shape (U, V). Vote shares by default, so there is no chance in it.
    map_blocks
        As for `dawid_skene`.

    Returns
    -------
    AnnotatorModel
        The prior over values is even, as in the paper.

    Raises
    ------
    CoefficientError
        For data that do not tell who rated, or settings without meaning.

    Notes
    -----
    Hovy, Berg-Kirkpatrick, Vaswani & Hovy (2013): a label is the true value with probability
    theta_r, and else drawn from the rater's habit xi_r, whatever the truth.

    Examples
    --------
    >>> from tasks.agreement import ReliabilityData
    >>> data = ReliabilityData.from_matrix(
    ...     [[0, 0, 1], [1, 1, 1], [0, 0, 1], [1, 1, 1]], values=[0, 1], level="nominal",
    ... )
    >>> mace(data).labels.tolist()
    [0, 1, 0, 1]
    """
    check_settings(data, iterations, smoothing)
    labels = rated_labels(data)
    blocks = tuple(blocks_of(labels, data.unit_ids))
    posterior = start_posterior(data, start)
    even = np.full(labels.n_values, 1.0 / labels.n_values)
    given = np.bincount(labels.rater, minlength=labels.n_raters)
    sums = in_order(
        _row(one.labels, posterior[one.units][one.labels.unit, one.labels.code] * 0.5, 0.0)
        for one in blocks
    )
    confusion = np.zeros((labels.n_raters, labels.n_values, labels.n_values))
    trace: list[float] = []
    converged = False
    while not converged and len(trace) < iterations:
        theta, habit = _maximise(sums, given, smoothing)
        confusion = _confusion(theta, habit)
        parts = tuple(map_blocks(_Step(theta, habit, confusion, even), blocks))
        sums = in_order(part[1] for part in parts)
        trace.append(float(sums[-1]) + smoothing * _log_prior(theta, habit))
        for block, part in zip(blocks, parts, strict=True):
            posterior[block.units] = part[0]
        gained = trace[-1] - trace[-2] if len(trace) > 1 else np.inf
        converged = gained <= tolerance * labels.code.size
    return AnnotatorModel(
        "mace", data.unit_ids, data.rater_ids, posterior, even, confusion, tuple(trace), converged
    )


@dataclass(frozen=True, slots=True)
class _Step:
    """The posterior of a block, and its counts; a class, so that it can be sent elsewhere."""

    theta: Floats
    habit: Floats
    confusion: Floats
    prior: Floats

    def __call__(self, block: Block) -> tuple[Floats, Floats]:
        posterior, likelihood = expect(block.labels, self.prior, self.confusion)
        knows = _knowing(block.labels, posterior, self.theta, self.habit)
        return posterior, _row(block.labels, knows, likelihood)


def _row(labels: RatedLabels, knows: Floats, likelihood: float) -> Floats:
    """Return what a block adds: labels known and guessed per rater, log-likelihood."""
    known = np.bincount(labels.rater, weights=knows, minlength=labels.n_raters)
    cell = labels.rater * labels.n_values + labels.code
    n_cells = labels.n_raters * labels.n_values
    guessed = np.bincount(cell, weights=1.0 - knows, minlength=n_cells)
    return np.concatenate([known, guessed, [likelihood]])


def _maximise(sums: Floats, given: Integers, smoothing: float) -> tuple[Floats, Floats]:
    """Return how often each rater knows, shape (R,), and their habits, shape (R, V)."""
    raters = given.size
    theta = (sums[:raters] + smoothing) / (given + 2.0 * smoothing)
    guessed = sums[raters:-1].reshape(raters, -1) + max(smoothing, 1e-12)
    return np.asarray(theta), np.asarray(guessed / guessed.sum(axis=1, keepdims=True))


def _confusion(theta: Floats, habit: Floats) -> Floats:
    guessing = (1.0 - theta)[:, None, None] * habit[:, None, :]
    return np.asarray(theta[:, None, None] * np.eye(habit.shape[1]) + guessing)


def _knowing(labels: RatedLabels, posterior: Floats, theta: Floats, habit: Floats) -> Floats:
    """Return the chance that each label was given in knowledge, shape (N,)."""
    sure = theta[labels.rater]
    guess = (1.0 - sure) * habit[labels.rater, labels.code]
    both = sure + guess
    share = np.divide(sure, both, out=np.zeros_like(both), where=both > 0.0)
    return np.asarray(posterior[labels.unit, labels.code] * share)


def _log_prior(theta: Floats, habit: Floats) -> float:
    floor = 1e-300
    known = np.log(np.maximum(theta, floor)) + np.log(np.maximum(1.0 - theta, floor))
    return float(known.sum() + np.log(np.maximum(habit, floor)).sum())
