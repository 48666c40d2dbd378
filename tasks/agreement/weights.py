"""Agreement weights as Gwet (2014, chapter 3) defines them; identity means unweighted.

They are not Krippendorff's differences: the weights named *ordinal* here count pairs of ranks
between two values, however often these are used.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tasks.agreement.errors import CoefficientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.agreement.levels import Floats

Weights = str | npt.ArrayLike | None


def _identity(scale: Floats) -> Floats:
    return np.eye(scale.size)


def _power(exponent: float, scale: Floats) -> Floats:
    return _one_minus_share(np.abs(scale[:, None] - scale[None, :]) ** exponent)


def _ordinal(scale: Floats) -> Floats:
    rank = np.argsort(np.argsort(scale, kind="stable"), kind="stable").astype(np.float64)
    steps = np.abs(rank[:, None] - rank[None, :]) + 1.0
    return _one_minus_share(steps * (steps - 1.0) / 2.0)


def _ratio(scale: Floats) -> Floats:
    total = scale[:, None] + scale[None, :]
    gap = scale[:, None] - scale[None, :]
    proportion = np.divide(gap, total, out=np.zeros_like(gap), where=total != 0.0)
    return _one_minus_share(proportion * proportion)


def _circular(scale: Floats) -> Floats:
    circumference = scale.max() - scale.min() + 1.0
    sine = np.sin(np.pi * (scale[:, None] - scale[None, :]) / circumference)
    return _one_minus_share(sine * sine)


def _bipolar(scale: Floats) -> Floats:
    total = scale[:, None] + scale[None, :]
    gap = scale[:, None] - scale[None, :]
    room = (total - 2.0 * scale.min()) * (2.0 * scale.max() - total)
    share = np.divide(gap * gap, room, out=np.zeros_like(gap), where=room != 0.0)
    return _one_minus_share(share)


def _one_minus_share(loss: Floats) -> Floats:
    largest = float(loss.max(initial=0.0))
    return 1.0 - loss / largest if largest > 0.0 else np.ones_like(loss)


_NAMED: dict[str, Callable[[Floats], Floats]] = {
    "identity": _identity,
    "linear": partial(_power, 1.0),
    "quadratic": partial(_power, 2.0),
    "radical": partial(_power, 0.5),
    "ordinal": _ordinal,
    "ratio": _ratio,
    "circular": _circular,
    "bipolar": _bipolar,
}
WEIGHT_NAMES = tuple(_NAMED)


def weight_matrix(weights: Weights, scale: Floats) -> Floats:
    """Agreement weights between any two values.

    Parameters
    ----------
    weights
        A name of `WEIGHT_NAMES`, None for identity, or a matrix of shape (V, V) with ones on
        the diagonal. Named weights use the numeric values in `scale`, so the whole domain
        counts, also the values nobody chose.
    scale
        Numeric value of each code, shape (V,).

    Returns
    -------
    numpy.ndarray
        Shape (V, V), 1 for full agreement.

    Raises
    ------
    CoefficientError
        For an unknown name, a matrix of the wrong shape, entries outside 0 to 1 or a diagonal
        other than 1.

    Examples
    --------
    >>> weight_matrix("linear", np.array([1.0, 2.0, 3.0])).tolist()
    [[1.0, 0.5, 0.0], [0.5, 1.0, 0.5], [0.0, 0.5, 1.0]]
    """
    if weights is None:
        return _identity(scale)
    if isinstance(weights, str):
        if weights not in _NAMED:
            raise CoefficientError(
                f"unknown weights {weights!r}: choose one of {', '.join(WEIGHT_NAMES)}",
            )
        return _NAMED[weights](scale)
    return _checked_matrix(np.asarray(weights, dtype=np.float64), scale.size)


def _checked_matrix(matrix: Floats, n_values: int) -> Floats:
    if matrix.shape != (n_values, n_values):
        raise CoefficientError(
            f"the weights have shape {matrix.shape}, but there are {n_values} values",
        )
    inside = np.isfinite(matrix) & (matrix >= 0.0) & (matrix <= 1.0)
    if not inside.all() or not (np.diag(matrix) == 1.0).all():
        raise CoefficientError("weights lie between 0 and 1 and are 1 on the diagonal")
    return matrix
