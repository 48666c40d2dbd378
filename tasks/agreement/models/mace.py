"""MACE: raters who either know the answer or give one of a habit of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.agreement.models.dawid_skene import (
    check_settings,
    expect,
    rated_labels,
    start_posterior,
)
from tasks.agreement.models.result import AnnotatorModel

if TYPE_CHECKING:
    from tasks.agreement.data import ReliabilityData
    from tasks.agreement.levels import Floats
    from tasks.agreement.models.dawid_skene import RatedLabels


def mace(
    data: ReliabilityData,
    *,
    iterations: int = 200,
    tolerance: float = 1e-8,
    smoothing: float = 0.1,
    start: Floats | None = None,
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
    posterior = start_posterior(data, start)
    even = np.full(labels.n_values, 1.0 / labels.n_values)
    knows = posterior[labels.unit, labels.code] * 0.5
    confusion = np.zeros((labels.n_raters, labels.n_values, labels.n_values))
    trace: list[float] = []
    converged = False
    for _ in range(iterations):
        theta, habit = _maximise(labels, knows, smoothing)
        confusion = _confusion(theta, habit)
        posterior, likelihood = expect(labels, even, confusion)
        trace.append(likelihood + smoothing * _log_prior(theta, habit))
        knows = _knowing(labels, posterior, theta, habit)
        if len(trace) > 1 and trace[-1] - trace[-2] <= tolerance * labels.code.size:
            converged = True
            break
    return AnnotatorModel(
        "mace", data.unit_ids, data.rater_ids, posterior, even, confusion, tuple(trace), converged
    )


def _maximise(labels: RatedLabels, knows: Floats, smoothing: float) -> tuple[Floats, Floats]:
    """Return how often each rater knows, shape (R,), and their habits, shape (R, V)."""
    known = np.bincount(labels.rater, weights=knows, minlength=labels.n_raters)
    given = np.bincount(labels.rater, minlength=labels.n_raters)
    theta = (known + smoothing) / (given + 2.0 * smoothing)
    cell = labels.rater * labels.n_values + labels.code
    counts = np.bincount(cell, weights=1.0 - knows, minlength=labels.n_raters * labels.n_values)
    guessed = counts.reshape(labels.n_raters, labels.n_values) + max(smoothing, 1e-12)
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
