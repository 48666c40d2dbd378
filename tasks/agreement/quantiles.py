"""Quantiles of Student's t, of F and of the normal distribution, without scipy."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

_STANDARD_NORMAL = NormalDist()
_EXPANSION_FROM = 2000.0
_TINY = 1e-300
_EPSILON = 1e-16
_MAX_STEPS = 10_000


def normal_quantile(probability: float) -> float:
    """Quantile of the standard normal distribution.

    Parameters
    ----------
    probability
        Strictly between 0 and 1.

    Returns
    -------
    float
        z with P(Z <= z) = `probability`.

    Examples
    --------
    >>> round(normal_quantile(0.975), 6)
    1.959964
    """
    return _STANDARD_NORMAL.inv_cdf(probability)


def normal_cdf(z: float) -> float:
    """Distribution function of the standard normal distribution.

    Examples
    --------
    >>> round(normal_cdf(1.959963984540054), 6)
    0.975
    """
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


@lru_cache(maxsize=4096)
def student_t_quantile(probability: float, df: float) -> float:
    """Quantile of Student's t distribution.

    Newton's method on the regularised incomplete beta function, started from the
    Cornish-Fisher expansion (Abramowitz & Stegun 26.7.5), which alone is used above 2,000
    degrees of freedom, where its error is below 1e-13.

    Parameters
    ----------
    probability
        Strictly between 0 and 1.
    df
        Degrees of freedom, above 0.

    Returns
    -------
    float
        t with P(T <= t) = `probability`.

    Raises
    ------
    ValueError
        If `probability` or `df` is outside its range.

    Examples
    --------
    >>> round(student_t_quantile(0.975, 10), 6)
    2.228139
    """
    if not 0.0 < probability < 1.0:
        raise ValueError(f"probability must lie strictly between 0 and 1, not {probability!r}")
    if not df > 0.0:
        raise ValueError(f"degrees of freedom must be above 0, not {df!r}")
    if probability == 0.5:
        return 0.0
    if probability < 0.5:
        return -student_t_quantile(1.0 - probability, df)
    if df >= _EXPANSION_FROM:
        return _cornish_fisher(normal_quantile(probability), df)
    return _bracketed_newton(probability, df)


def student_t_cdf(t: float, df: float) -> float:
    """Distribution function of Student's t distribution.

    Examples
    --------
    >>> round(student_t_cdf(2.228138851986273, 10), 6)
    0.975
    """
    tail = 0.5 * _regularised_beta(df / (df + t * t), 0.5 * df, 0.5)
    return 1.0 - tail if t > 0.0 else tail


@lru_cache(maxsize=4096)
def f_quantile(probability: float, df_above: float, df_below: float) -> float:
    """Quantile of the F distribution, by bisection on its logarithm.

    Parameters
    ----------
    probability
        Strictly between 0 and 1.
    df_above, df_below
        Degrees of freedom of the numerator and of the denominator, above 0.

    Returns
    -------
    float
        f with P(F <= f) = `probability`.

    Raises
    ------
    ValueError
        If `probability` or a number of degrees of freedom is outside its range.

    Examples
    --------
    >>> round(f_quantile(0.95, 5, 15), 4)
    2.9013
    """
    if not 0.0 < probability < 1.0:
        raise ValueError(f"probability must lie strictly between 0 and 1, not {probability!r}")
    if not (df_above > 0.0 and df_below > 0.0):
        raise ValueError(f"degrees of freedom must be above 0: {df_above!r}, {df_below!r}")

    def too_small(logarithm: float) -> bool:
        f = math.exp(logarithm)
        whole = df_below + df_above * f
        if probability < 0.5:
            share = _regularised_beta(df_above * f / whole, 0.5 * df_above, 0.5 * df_below)
            return share < probability
        tail = _regularised_beta(df_below / whole, 0.5 * df_below, 0.5 * df_above)
        return tail > 1.0 - probability

    reach = 1.0
    while too_small(reach) == too_small(-reach):
        reach *= 2.0
    low, high = -reach, reach
    while high - low > 4e-16 * reach:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if too_small(middle) else (low, middle)
    return math.exp(0.5 * (low + high))


def _cornish_fisher(z: float, df: float) -> float:
    z2 = z * z
    first = z * (z2 + 1.0) / 4.0
    second = z * ((5.0 * z2 + 16.0) * z2 + 3.0) / 96.0
    third = z * (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) / 384.0
    fourth = z * ((((79.0 * z2 + 776.0) * z2 + 1482.0) * z2 - 1920.0) * z2 - 945.0) / 92160.0
    return z + (first + (second + (third + fourth / df) / df) / df) / df


def _bracketed_newton(probability: float, df: float) -> float:
    """Solve for the upper tail, so that quantiles far out keep their relative accuracy."""
    tail = 1.0 - probability
    low, high = 0.0, 1.0
    while _upper_tail(high, df) > tail:
        low, high = high, high * 2.0
    t = 0.5 * (low + high)
    log_constant = math.lgamma(0.5 * (df + 1.0)) - math.lgamma(0.5 * df)
    log_constant -= 0.5 * math.log(df * math.pi)
    for _ in range(200):  # pragma: no branch - the bracket halves at least
        excess = _upper_tail(t, df) - tail
        low, high = (t, high) if excess > 0.0 else (low, t)
        density = math.exp(log_constant - 0.5 * (df + 1.0) * math.log1p(t * t / df))
        step = t + excess / density if density > 0.0 else high
        following = step if low < step < high else 0.5 * (low + high)
        if abs(following - t) <= 1e-15 * abs(t):
            break
        t = following
    return t


def _upper_tail(t: float, df: float) -> float:
    return 0.5 * _regularised_beta(df / (df + t * t), 0.5 * df, 0.5)


def _regularised_beta(x: float, a: float, b: float) -> float:
    """Regularised incomplete beta function I_x(a, b) by its continued fraction."""
    if x <= 0.0 or x >= 1.0:
        return float(x >= 1.0)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    front = math.exp(log_front + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _beta_fraction(x, a, b) / a
    return 1.0 - front * _beta_fraction(1.0 - x, b, a) / b


def _beta_fraction(x: float, a: float, b: float) -> float:
    """Evaluate the continued fraction with Lentz's method (DLMF 8.17.22)."""
    c = 1.0
    d = 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1.0))
    fraction = d
    for m in range(1, _MAX_STEPS):  # pragma: no branch - it converges long before
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        change = 1.0
        for term in (even, odd):
            d = 1.0 / _away_from_zero(1.0 + term * d)
            c = _away_from_zero(1.0 + term / c)
            change = c * d
            fraction *= change
        if abs(change - 1.0) < _EPSILON:
            break
    return fraction


def _away_from_zero(number: float) -> float:
    return number if abs(number) > _TINY else _TINY
