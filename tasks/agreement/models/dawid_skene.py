"""Dawid and Skene's model of raters with a confusion matrix each, and its one-coin form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from tasks.agreement.errors import CoefficientError
from tasks.agreement.models.blocks import Block, RatedLabels, blocks_of, in_order
from tasks.agreement.models.result import AnnotatorModel
from tasks.agreement.models.votes import vote_shares

if TYPE_CHECKING:
    from tasks.agreement.data import ReliabilityData
    from tasks.agreement.levels import Floats
    from tasks.agreement.models.blocks import BlockMap

# Keeps the logarithm of a chance that no label supports finite.
_FLOOR = 1e-10


def dawid_skene(
    data: ReliabilityData,
    *,
    iterations: int = 100,
    tolerance: float = 1e-8,
    smoothing: float = 0.0,
    start: Floats | None = None,
    map_blocks: BlockMap = map,
) -> AnnotatorModel:
    """Estimate true values and a confusion matrix per rater by expectation maximisation.

    Parameters
    ----------
    data
        Labels with raters.
    iterations
        At most so many.
    tolerance
        Stop when the log-posterior gains less than this per label.
    smoothing
        Pseudo-labels added to every cell of every confusion matrix: the mode under a symmetric
        Dirichlet prior with 1 + `smoothing`. 0 is maximum likelihood.
    start
        Posterior to start from, shape (U, V): a warm start. Vote shares by default.
    map_blocks
        What applies a function to blocks of units, ``map`` or the `map` of an executor; the result
        is the same bit for bit however many workers it has.

    Returns
    -------
    AnnotatorModel

    Raises
    ------
    CoefficientError
        For data that do not tell who rated, or settings without meaning.

    Notes
    -----
    Dawid & Skene (1979).

    Examples
    --------
    >>> from tasks.agreement import ReliabilityData
    >>> data = ReliabilityData.from_matrix(
    ...     [[0, 0, 1], [1, 1, 0], [0, 0, 0], [1, 1, 1]], values=[0, 1], level="nominal",
    ... )
    >>> dawid_skene(data).labels.tolist()
    [0, 1, 0, 1]
    """
    check_settings(data, iterations, smoothing)
    settings = (iterations, tolerance, smoothing)
    return _fit("dawid_skene", data, _Confusions(smoothing), settings, start, map_blocks)


def one_coin_dawid_skene(
    data: ReliabilityData,
    *,
    iterations: int = 100,
    tolerance: float = 1e-8,
    start: Floats | None = None,
    map_blocks: BlockMap = map,
) -> AnnotatorModel:
    """Estimate true values and one accuracy per rater; errors fall evenly on the other values.

    Parameters
    ----------
    data
        Labels with raters.
    iterations
        At most so many.
    tolerance
        Stop when the log-likelihood gains less than this per label.
    start
        Posterior to start from, shape (U, V). Vote shares by default.
    map_blocks
        As for `dawid_skene`.

    Returns
    -------
    AnnotatorModel

    Raises
    ------
    CoefficientError
        For data that do not tell who rated, or settings without meaning.

    Notes
    -----
    Zhang, Chen, Zhou & Jordan (2016), section 2.

    Examples
    --------
    >>> from tasks.agreement import ReliabilityData
    >>> data = ReliabilityData.from_matrix(
    ...     [[0, 0, 1], [1, 1, 0], [0, 0, 0], [1, 1, 1]], values=[0, 1], level="nominal",
    ... )
    >>> one_coin_dawid_skene(data).accuracy.round(2).tolist()
    [1.0, 1.0, 0.5]
    """
    check_settings(data, iterations, 0.0)
    settings = (iterations, tolerance, 0.0)
    return _fit("one_coin_dawid_skene", data, _Accuracies(), settings, start, map_blocks)


def check_settings(data: ReliabilityData, iterations: int, smoothing: float) -> None:
    """Refuse data without raters and settings without meaning."""
    if not data.n_raters:
        raise CoefficientError("a model of raters needs labels that tell who rated")
    if iterations < 1 or smoothing < 0.0:
        raise CoefficientError("iterations are 1 or more and smoothing is not negative")


class _Form(Protocol):
    """What is known of raters: how to count it in a block, and what the counts make of them."""

    def count(self, labels: RatedLabels, posterior: Floats) -> Floats:
        """Return expected counts."""

    def confusion(self, counts: Floats, labels: RatedLabels) -> Floats:
        """Return the confusion matrices that fit them best, shape (R, V, V)."""


@dataclass(frozen=True, slots=True)
class _Confusions:
    """A confusion matrix per rater."""

    smoothing: float

    def count(self, labels: RatedLabels, posterior: Floats) -> Floats:
        cell = labels.cell
        counts = np.empty((labels.n_values, labels.n_raters * labels.n_values))
        for value, chance in enumerate(np.ascontiguousarray(posterior.T)):
            weights = chance[labels.unit]
            counts[value] = np.bincount(cell, weights=weights, minlength=counts.shape[1])
        return counts.ravel()

    def confusion(self, counts: Floats, labels: RatedLabels) -> Floats:
        table = counts.reshape(labels.n_values, labels.n_raters, labels.n_values)
        return _normalised(table.transpose(1, 0, 2) + self.smoothing)


@dataclass(frozen=True, slots=True)
class _Accuracies:
    """One accuracy per rater."""

    def count(self, labels: RatedLabels, posterior: Floats) -> Floats:
        weights = posterior[labels.unit, labels.code]
        right = np.bincount(labels.rater, weights=weights, minlength=labels.n_raters)
        given = np.bincount(labels.rater, minlength=labels.n_raters)
        return np.concatenate([right, given])

    def confusion(self, counts: Floats, labels: RatedLabels) -> Floats:
        right, given = counts.reshape(2, labels.n_raters)
        accuracy = right / np.maximum(given, 1)
        others = max(labels.n_values - 1, 1)
        even = np.repeat(((1.0 - accuracy) / others)[:, None], labels.n_values**2, axis=1)
        table = even.reshape(labels.n_raters, labels.n_values, labels.n_values)
        diagonal = np.arange(labels.n_values)
        table[:, diagonal, diagonal] = accuracy[:, None]
        return np.asarray(table)


@dataclass(frozen=True, slots=True)
class _Step:
    """The posterior of a block, and its counts; a class, so that it can be sent elsewhere."""

    form: _Form
    prior: Floats
    confusion: Floats

    def __call__(self, block: Block) -> tuple[Floats, Floats]:
        posterior, likelihood = expect(block.labels, self.prior, self.confusion)
        return posterior, _row(self.form, block.labels, posterior, likelihood)


def _row(form: _Form, labels: RatedLabels, posterior: Floats, likelihood: float) -> Floats:
    """Return what a block adds: units per value, counts of the raters, log-likelihood."""
    return np.concatenate([posterior.sum(axis=0), form.count(labels, posterior), [likelihood]])


def _fit(
    name: str,
    data: ReliabilityData,
    form: _Form,
    settings: tuple[int, float, float],
    start: Floats | None,
    map_blocks: BlockMap,
) -> AnnotatorModel:
    iterations, tolerance, smoothing = settings
    labels = rated_labels(data)
    blocks = tuple(blocks_of(labels, data.unit_ids))
    posterior = start_posterior(data, start)
    sums = in_order(_row(form, one.labels, posterior[one.units], 0.0) for one in blocks)
    trace: list[float] = []
    converged = False
    prior, confusion = sums[: labels.n_values], np.zeros(0)
    parts: tuple[tuple[Floats, Floats], ...] = ()
    while not converged and len(trace) < iterations:
        prior = sums[: labels.n_values] / labels.n_units
        confusion = form.confusion(sums[labels.n_values : -1], labels)
        parts = tuple(map_blocks(_Step(form, prior, confusion), blocks))
        sums = in_order(part[1] for part in parts)
        penalty = smoothing * float(_log(confusion).sum()) if smoothing else 0.0
        trace.append(float(sums[-1]) + penalty)
        gained = trace[-1] - trace[-2] if len(trace) > 1 else np.inf
        converged = gained <= tolerance * labels.code.size
    for block, part in zip(blocks, parts, strict=True):
        posterior[block.units] = part[0]
    return AnnotatorModel(
        name, data.unit_ids, data.rater_ids, posterior, prior, confusion, tuple(trace), converged
    )


def expect(labels: RatedLabels, prior: Floats, confusion: Floats) -> tuple[Floats, float]:
    """Return the posterior of the units and the log-likelihood of all labels."""
    # By value first: long rows of units are added and compared faster than short ones of values.
    chances = np.ascontiguousarray(_log(confusion).transpose(1, 0, 2)).reshape(labels.n_values, -1)
    cell = labels.cell
    score = np.empty((labels.n_values, labels.n_units))
    for value, chance in enumerate(chances):
        score[value] = np.bincount(labels.unit, weights=chance[cell], minlength=labels.n_units)
    score += _log(prior)[:, None]
    top = score.max(axis=0)
    weight = np.exp(score - top)
    total = weight.sum(axis=0)
    return (weight / total).T, float((np.log(total) + top).sum())


def _log(chances: Floats) -> Floats:
    return np.log(np.maximum(chances, _FLOOR))


def _normalised(table: Floats) -> Floats:
    """Scale rows to sum to 1; a rater who never met a value is even about it."""
    total = table.sum(axis=-1, keepdims=True)
    even = np.full_like(table, 1.0 / table.shape[-1])
    np.divide(table, total, out=even, where=total > 0.0)
    return even


def start_posterior(data: ReliabilityData, start: Floats | None) -> Floats:
    """Return the posterior to start from: vote shares where none is given."""
    if start is None:
        return vote_shares(data)
    posterior = np.asarray(start, dtype=np.float64)
    expected = (data.unit_ids.size, data.domain.n_values)
    if posterior.shape != expected:
        raise CoefficientError(f"the start has shape {posterior.shape}, not {expected}")
    return _normalised(posterior)


def rated_labels(data: ReliabilityData) -> RatedLabels:
    """Return the labels ordered by unit and rater, with the sizes of their axes."""
    unit, rater, code = data.in_order
    return RatedLabels(unit, rater, code, data.unit_ids.size, data.n_raters, data.domain.n_values)
