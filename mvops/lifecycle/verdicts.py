"""Is a challenger's error rate or latency bad, fine, or not known yet? Pure arithmetic that broadcasts."""

from __future__ import annotations

import math
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from mvops.lifecycle.sequential import log_evidence, upper_rate

FEWEST_FOR_ERRORS = 10  # requests
FEWEST_FOR_LATENCY = 200  # requests of each arm: below, the 99th percentile is hardly more than the maximum
FALSE_ABORTS = 0.005  # of one rule in one whole rollout
FEWEST_FOR_SPREAD = 20  # requests of each arm
FEWEST_FOR_QUALITY = 100  # outcomes of each arm: from here on a mean is normal enough for the test
_TUNED_TO = 500.0  # outcomes at which the test of quality is sharpest
_LATENCY_MARGIN = 5.0  # over the square root of the requests; about 4 standard errors of a lognormal's p99


class Verdict(IntEnum):
    """FINE lets a rollout go on, WAIT keeps it where it is, ABORT ends it."""

    FINE = 0
    WAIT = 1
    ABORT = 2


def judge_errors(
    challenger: tuple[npt.ArrayLike, npt.ArrayLike],
    champion: tuple[npt.ArrayLike, npt.ArrayLike],
    limit: float,
    steps: int,
) -> npt.NDArray[Any]:
    """A `Verdict` for (errors, requests) of each arm, where `limit` is the share of errors allowed.

    ABORT when the evidence for more than `limit` is such that a good challenger meets it in at most 0.5 % of rollouts
    with that many `steps`, however often it is looked at. A champion that itself is above the limit raises the bar to
    the highest rate it may have: then the trouble is not the challenger's. WAIT while more errors are seen than are
    allowed but the evidence is thin. A limit of 0 means none.
    """
    errors, requests = (np.asarray(part, dtype=float) for part in challenger)
    theirs, asked = (np.asarray(part, dtype=float) for part in champion)
    rate = errors / np.maximum(requests, 1)
    suffers = (asked >= FEWEST_FOR_ERRORS) & (theirs > limit * asked)
    bar = np.where(suffers, np.maximum(limit, upper_rate(theirs, asked)), limit)
    convinced = log_evidence(errors, requests, bar) >= math.log(steps / FALSE_ABORTS)
    none_allowed = (bar == 0) & (errors > 0)
    above = rate > bar
    stop = above & (requests >= FEWEST_FOR_ERRORS) & (convinced | none_allowed)
    return np.where(stop, Verdict.ABORT, np.where(above, Verdict.WAIT, Verdict.FINE))


def judge_latency(
    challenger: tuple[npt.ArrayLike, npt.ArrayLike],
    champion: tuple[npt.ArrayLike, npt.ArrayLike],
    ratio: float,
) -> npt.NDArray[Any]:
    """A `Verdict` for (99th percentile, requests) of each arm; `ratio` is how many times the champion's is allowed.

    FINE below 200 requests of either arm. A percentile from few requests is uncertain, so ABORT asks for a margin
    above the ratio that shrinks with their number (35 % at 200, 5 % at 10,000); within the margin WAIT.
    """
    ours, requests = (np.asarray(part, dtype=float) for part in challenger)
    theirs, asked = (np.asarray(part, dtype=float) for part in champion)
    fewest = np.minimum(requests, asked)
    known = (fewest >= FEWEST_FOR_LATENCY) & (theirs > 0)
    times = ours / np.where(theirs > 0, theirs, 1)
    margin = 1 + _LATENCY_MARGIN / np.sqrt(np.maximum(fewest, 1))
    verdict = np.where(times > ratio * margin, Verdict.ABORT, np.where(times > ratio, Verdict.WAIT, Verdict.FINE))
    return np.where(known, verdict, Verdict.FINE)


def judge_spread(
    challenger: tuple[npt.ArrayLike, npt.ArrayLike],
    champion: tuple[npt.ArrayLike, npt.ArrayLike],
    limit: float,
    steps: int,
) -> npt.NDArray[Any]:
    """A `Verdict` for (shares of bins in the last axis, requests) of each arm; `limit` is the total variation allowed.

    ABORT when the two are further apart than `limit` plus what chance may add, in at most 0.5 % of rollouts with that
    many `steps`, however often it is looked at; WAIT within that.
    """
    ours, requests = (np.asarray(part, dtype=float) for part in challenger)
    theirs, asked = (np.asarray(part, dtype=float) for part in champion)
    apart = np.abs(ours - theirs).sum(axis=-1) / 2
    chance = sum(_by_chance(count, ours.shape[-1], steps) for count in (requests, asked))
    known = np.minimum(requests, asked) >= FEWEST_FOR_SPREAD
    verdict = np.where(apart > limit + chance, Verdict.ABORT, np.where(apart > limit, Verdict.WAIT, Verdict.FINE))
    return np.where(known, verdict, Verdict.FINE)


def _by_chance(requests: npt.NDArray[Any], bins: int, steps: int) -> npt.NDArray[Any]:
    """How far what was seen may be from what is true, in total variation, at whatever time one looks.

    McDiarmid's inequality with Doob's for each doubling of the requests: their number times the distance is a
    submartingale. The doublings share what both arms may err, as 1/j(j+1).
    """
    count = np.maximum(requests, 1)
    doubling = np.floor(np.log2(count)) + 1
    odds = math.log(2 * steps / FALSE_ABORTS) + np.log(doubling * (doubling + 1))
    result: npt.NDArray[Any] = np.sqrt(bins / (2 * count)) + np.sqrt(odds / count)
    return result


def judge_quality(
    challenger: tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike],
    champion: tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike],
    tolerance: float,
) -> npt.NDArray[Any]:
    """A `Verdict` for (mean loss, variance, outcomes) of each arm over a whole rollout.

    ABORT when the challenger's loss is above (1 + `tolerance`) times the champion's by more than chance makes it in
    0.5 % of rollouts, however often it is looked at (the asymptotic confidence sequence of Waudby-Smith et al. 2021);
    WAIT within that. FINE below 100 outcomes of either arm: a rollout does not wait for outcomes that come late.
    """
    ours, our_variance, known = (np.asarray(part, dtype=float) for part in challenger)
    theirs, their_variance, told = (np.asarray(part, dtype=float) for part in champion)
    fewest = np.maximum(np.minimum(known, told), 1)
    ratio = 1 + tolerance
    variance = our_variance / np.maximum(known, 1) + ratio**2 * their_variance / np.maximum(told, 1)
    odds = math.log(1 / (2 * FALSE_ABORTS))
    tuned = fewest * (2 * odds + math.log(1 + 2 * odds)) / _TUNED_TO
    reach = np.sqrt(variance * (1 + 1 / tuned) * (np.log1p(tuned) + 2 * odds))
    worse = ours - ratio * theirs
    verdict = np.where(worse > reach, Verdict.ABORT, np.where(worse > 0, Verdict.WAIT, Verdict.FINE))
    return np.where(np.minimum(known, told) >= FEWEST_FOR_QUALITY, verdict, Verdict.FINE)
