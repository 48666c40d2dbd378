"""The values a question allows, and columns read against them."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from tasks.agreement.errors import ReliabilityDataError
from tasks.agreement.levels import Floats, Integers, Level

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

_NUMERIC_KINDS = "biuf"


@dataclass(frozen=True)
class Domain:
    """The values a question allows, and what may be computed with them.

    Attributes
    ----------
    values
        All values, also those nobody chose, in the order of the scale.
    level
        Level of measurement.
    scale
        Numeric value of each code, shape (V,): the values if they are numbers, else 0 to V - 1.
    """

    values: tuple[Hashable, ...]
    level: Level
    scale: Floats

    @classmethod
    def of(cls, values: Sequence[Hashable], level: Level | str) -> Self:
        """Check a value domain against its level.

        Raises
        ------
        ReliabilityDataError
            For an empty domain, a repeated value, names at the interval or ratio level, numbers
            out of order at the ordinal level, negative numbers at the ratio level.
        """
        level, values = _level(level), tuple(values)
        if not values or len(set(values)) != len(values):
            raise ReliabilityDataError("the value domain must list every value exactly once")
        numeric = all(isinstance(value, (Real, np.bool_)) for value in values)
        scale = np.array([float(v) for v in values] if numeric else range(len(values)), np.float64)  # type: ignore[arg-type]
        if not np.isfinite(scale).all():
            raise ReliabilityDataError("every value of a numeric domain must be finite")
        if not numeric and level in (Level.INTERVAL, Level.RATIO):
            raise ReliabilityDataError(f"the {level} level needs numbers as values")
        steps = np.diff(scale)
        if level is Level.ORDINAL and not ((steps > 0).all() or (steps < 0).all()):
            raise ReliabilityDataError("list the values of an ordinal scale in their order")
        if level is Level.RATIO and (scale < 0).any():
            raise ReliabilityDataError("a ratio scale has no negative values")
        return cls(values, level, scale)

    @property
    def n_values(self) -> int:
        """Size of the domain."""
        return len(self.values)

    def at(self, level: Level | str) -> Domain:
        """Return the same values at another level."""
        return Domain.of(self.values, level)

    def encode(self, column: npt.ArrayLike) -> Integers:
        """Turn values into codes.

        Raises
        ------
        ReliabilityDataError
            For a value outside the domain, naming its row.
        """
        array = one_dimension(column)
        domain = np.asarray(self.values)
        if array.dtype.kind in _NUMERIC_KINDS and domain.dtype.kind in _NUMERIC_KINDS:
            return self._encode_numbers(array)
        index = {value: code for code, value in enumerate(self.values)}
        listed = array.tolist()
        codes = np.fromiter((index.get(value, -1) for value in listed), np.int64, len(listed))
        _refuse_outside(codes < 0, array, self.values)
        return codes

    def _encode_numbers(self, array: npt.NDArray[np.generic]) -> Integers:
        numbers = array.astype(np.float64)
        order = np.argsort(self.scale, kind="stable")
        position = np.searchsorted(self.scale[order], numbers)
        codes = order[np.minimum(position, self.n_values - 1)].astype(np.int64)
        _refuse_outside(self.scale[codes] != numbers, array, self.values)
        return codes


def one_dimension(column: npt.ArrayLike) -> npt.NDArray[np.generic]:
    """Return a column as an array, refusing anything that is not one column."""
    array = np.asarray(column)
    if array.ndim != 1:
        raise ReliabilityDataError(f"a column must be one-dimensional, not of shape {array.shape}")
    return array


def whole_numbers(column: npt.ArrayLike, name: str) -> Integers:
    """Widen any integer or boolean type to int64."""
    array = one_dimension(column)
    if not array.size:
        return np.zeros(0, dtype=np.int64)
    if array.dtype.kind not in "biu":
        raise ReliabilityDataError(
            f"{name} must hold whole numbers, not {array.dtype}: number text ids first",
        )
    if array.dtype.kind == "u" and int(array.max()) > np.iinfo(np.int64).max:
        raise ReliabilityDataError(f"{name} holds a number above 2**63 - 1")
    return array.astype(np.int64, copy=False)


def checked_codes(column: npt.ArrayLike, domain: Domain) -> Integers:
    """Return codes as int64, refusing those outside the domain."""
    codes = whole_numbers(column, "value")
    if codes.size and (int(codes.min()) < 0 or int(codes.max()) >= domain.n_values):
        outside = (codes < 0) | (codes >= domain.n_values)
        _refuse_outside(outside, codes, domain.values)
    return codes


def _level(level: Level | str) -> Level:
    try:
        return Level(level)
    except ValueError:
        names = ", ".join(Level)
        raise ReliabilityDataError(f"unknown level {level!r}: choose one of {names}") from None


def _refuse_outside(
    outside: npt.NDArray[np.bool_], column: npt.NDArray[np.generic], values: tuple[Hashable, ...]
) -> None:
    if outside.any():
        row = int(np.argmax(outside))
        shown = ", ".join(map(repr, values[:12])) + (", ..." if len(values) > 12 else "")
        raise ReliabilityDataError(
            f"row {row}: value {column[row : row + 1].tolist()[0]!r} is not in the value domain "
            f"({shown}); a missing label is an absent row",
        )
