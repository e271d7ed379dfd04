"""Tail probabilities of the normal, t, chi-squared and F distributions, in plain Python: nothing heavy is imported.

The regularised incomplete gamma and beta functions are computed by the series and continued fractions of Abramowitz
and Stegun 6.5.29, 6.5.31 and 26.5.8 with Lentz's method; the tests compare them with SciPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

_TINY = 1e-300
_ENOUGH = 1e-13
_STEPS = 2000
_ALMOST_NORMAL = 20_000.0  # degrees of freedom from which a t is a normal


def normal_sf(x: float) -> float:
    """P(Z > x)."""
    return 0.5 * math.erfc(x / math.sqrt(2))


def t_sf(x: float, dof: float) -> float:
    """P(T > x) for Student's t; `dof` may be any positive number."""
    if dof > _ALMOST_NORMAL:
        return normal_sf(x)
    half = 0.5 * beta_cdf(dof / (dof + x * x), dof / 2, 0.5)
    return half if x >= 0 else 1 - half


def chi2_sf(x: float, dof: float) -> float:
    """P(X > x) for chi-squared."""
    return 1.0 if x <= 0 else _gamma_sf(dof / 2, x / 2)


def f_sf(x: float, dof1: float, dof2: float) -> float:
    """P(X > x) for Fisher's F."""
    if x <= 0:
        return 1.0
    if dof2 > _ALMOST_NORMAL:
        return chi2_sf(x * dof1, dof1)
    return beta_cdf(dof2 / (dof2 + dof1 * x), dof2 / 2, dof1 / 2)


@lru_cache(maxsize=4096)
def t_isf(p: float, dof: float) -> float:
    """The x with P(T > x) = p, for p below one half."""
    return inverse(lambda x: t_sf(x, dof), p)


def inverse(sf: Callable[[float], float], p: float) -> float:
    """The x > 0 at which the falling function `sf` comes down to `p`, to a relative 1e-6; 1e12 if it never does."""
    low, high = 0.0, 1.0
    while sf(high) > p:
        low, high = high, high * 2
        if high > 1e12:
            return high
    while high - low > 1e-6 * high and high > 1e-12:
        middle = (low + high) / 2
        low, high = (middle, high) if sf(middle) > p else (low, middle)
    return (low + high) / 2


def beta_cdf(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    front = math.exp(log_front)
    if x < (a + 1) / (a + b + 2):
        return front * _beta_fraction(x, a, b) / a
    return 1 - front * _beta_fraction(1 - x, b, a) / b


def _beta_fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _away_from_zero(1 + term * d)
            c = _away_from_zero(1 + term / c)
            value *= c * d
        if abs(c * d - 1) < _ENOUGH:
            break
    return value


def _gamma_sf(a: float, x: float) -> float:
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1:
        return 1 - front * _gamma_series(a, x)
    return front * _gamma_fraction(a, x)


def _gamma_series(a: float, x: float) -> float:
    term = total = 1 / a
    for n in range(1, _STEPS):
        term *= x / (a + n)
        total += term
        if term < total * _ENOUGH:
            break
    return total


def _gamma_fraction(a: float, x: float) -> float:
    b = x + 1 - a
    c, d = 1 / _TINY, 1 / _away_from_zero(b)
    value = d
    for n in range(1, _STEPS):
        term = -n * (n - a)
        b += 2
        d = 1 / _away_from_zero(term * d + b)
        c = _away_from_zero(b + term / c)
        value *= c * d
        if abs(c * d - 1) < _ENOUGH:
            break
    return value


def _away_from_zero(x: float) -> float:
    return x if abs(x) > _TINY else _TINY
