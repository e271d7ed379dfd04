"""A one-sided binomial test that may be read after every request.

A canary is looked at again and again, so an ordinary test at 1 % would stop a good one far more often than that. The
evidence here is a mixture of likelihood ratios of rates above the limit against the limit (Wald 1945, Robbins 1970).
Against any true rate at or below the limit it is a supermartingale, so by Ville's inequality the chance that it *ever*
exceeds 1/a is at most a.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

_TIMES_THE_ODDS = 2.0 ** np.arange(1, 11)  # rates from about twice to a thousand times the limit, equally likely
_SMALLEST = 1e-6
_WILSON_Z = 2.326  # 99 %, one-sided


def log_evidence(hits: npt.ArrayLike, trials: npt.ArrayLike, limit: npt.ArrayLike) -> npt.NDArray[Any]:
    """The natural logarithm of the evidence that the rate is above `limit`; arguments broadcast."""
    bound = np.clip(np.asarray(limit, dtype=float), _SMALLEST, 1 - _SMALLEST)[..., None]
    seen, total = np.asarray(hits, dtype=float)[..., None], np.asarray(trials, dtype=float)[..., None]
    odds = bound / (1 - bound) * _TIMES_THE_ODDS
    rates = odds / (1 + odds)
    # log1p(-rate) would lose the difference for rates near 1
    terms = seen * np.log(rates / bound) - (total - seen) * np.log((1 + odds) * (1 - bound))
    largest = terms.max(axis=-1)
    summed = np.log(np.exp(terms - largest[..., None]).sum(axis=-1))
    result: npt.NDArray[Any] = largest + summed - math.log(len(_TIMES_THE_ODDS))
    return result


def upper_rate(hits: npt.ArrayLike, trials: npt.ArrayLike) -> npt.NDArray[Any]:
    """The rate that `hits` of `trials` does not exceed with 99 % confidence (Wilson 1927)."""
    total = np.maximum(np.asarray(trials, dtype=float), 1)
    share, slack = np.asarray(hits, dtype=float) / total, _WILSON_Z**2 / total
    spread = _WILSON_Z * np.sqrt(share * (1 - share) / total + slack / (4 * total))
    result: npt.NDArray[Any] = (share + slack / 2 + spread) / (1 + slack)
    return result
