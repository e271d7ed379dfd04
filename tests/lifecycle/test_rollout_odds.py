"""K3: of 10,000 simulated rollouts, at most 1 % roll back a good challenger and at most 1 % miss a bad one."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import binom, binomtest

from mvops.lifecycle.sequential import log_evidence, upper_rate
from mvops.lifecycle.verdicts import Verdict, judge_errors, judge_latency

SEEDS = 10_000
LOOKS = (*range(1, 60), *range(60, 200, 10), *range(200, 1001, 50))  # after so many requests of the challenger
SHARES = (5, 25, 100)
LIMIT = 0.01


def naive(challenger, champion, limit, steps):
    """What the rule must not be: the rate itself against the limit."""
    errors, requests = challenger
    return np.where((requests >= 10) & (errors / requests > limit), Verdict.ABORT, Verdict.FINE)


def simulate(rate: float, champion_rate: float, *, hold: int, rule: Callable = judge_errors) -> dict[str, float]:
    """Shares of rollouts by their end, when a step lasts at least `hold` requests and 50 answers."""
    random = np.random.default_rng(2013)
    running = np.ones(SEEDS, dtype=bool)
    aborted = np.zeros(SEEDS, dtype=bool)
    asked, failed = np.zeros(SEEDS), np.zeros(SEEDS)
    for share in SHARES:
        waiting, errors, before = running.copy(), np.zeros(SEEDS), 0
        for requests in LOOKS:
            more, before = requests - before, requests
            others = round(more * (100 - share) / share)
            errors += random.binomial(more, rate, SEEDS)
            failed += np.where(waiting, random.binomial(others, champion_rate, SEEDS), 0)
            asked += np.where(waiting, others, 0)
            verdict = rule((errors, requests), (failed, asked), LIMIT, len(SHARES))
            stop = waiting & (verdict == Verdict.ABORT)
            go = waiting & (verdict == Verdict.FINE) & (requests - errors >= 50) & (requests >= hold)
            aborted |= stop
            waiting &= ~(stop | go)
            running &= ~stop
        running &= ~waiting  # held for a thousand requests: neither rolled back nor let through
    return {"aborted": aborted.mean(), "done": running.mean()}


@pytest.mark.parametrize(
    ("rate", "champion_rate"),
    [
        (0.0, 0.0),
        (0.003, 0.003),
        (0.01, 0.01),  # at the limit itself
        (0.01, 0.0),
        (0.03, 0.03),  # both are above it: not the challenger's fault
    ],
)
def test_k3_false_rollbacks(rate, champion_rate):
    found = simulate(rate, champion_rate, hold=500)
    assert found["aborted"] <= 0.01
    if rate <= 0.003:
        assert found["done"] >= 0.99


@pytest.mark.parametrize(("rate", "champion_rate"), [(0.05, 0.0), (0.1, 0.0), (0.5, 0.0), (1.0, 0.0), (0.3, 0.03)])
def test_k3_missed_bad_challengers(rate, champion_rate):
    found = simulate(rate, champion_rate, hold=0)
    assert found["done"] <= 0.01
    assert found["aborted"] >= 0.99


def test_k3_the_simulation_catches_a_rule_that_takes_the_rate_at_its_word():
    assert simulate(0.003, 0.003, hold=500, rule=naive)["aborted"] > 0.1


def test_the_evidence_is_a_test_that_holds_at_every_look():
    """Ville: against any rate up to the limit, the evidence ever exceeds 1/a with a chance of at most a."""
    random = np.random.default_rng(4)
    hits = np.cumsum(random.random((SEEDS, 400)) < 0.02, axis=1)
    highest = np.full(SEEDS, -np.inf)
    for look in range(1, 401):
        highest = np.maximum(highest, log_evidence(hits[:, look - 1], look, 0.02))
    for chance in (0.2, 0.05, 0.01):
        assert (highest >= math.log(1 / chance)).mean() <= chance


def test_the_evidence_averages_one_at_the_limit_and_grows_with_errors():
    outcomes = np.arange(31)
    average = (np.exp(log_evidence(outcomes, 30, 0.1)) * binom.pmf(outcomes, 30, 0.1)).sum()
    assert average == pytest.approx(1)
    assert (np.diff(log_evidence(outcomes, 30, 0.1)) > 0).all()
    assert np.isfinite(log_evidence([0, 5, 5], [0, 5, 5], [0.0, 1.0, 0.5])).all()


def test_the_upper_rate_is_wilsons():
    for hits, trials in ((10, 100), (0, 20), (3, 3)):
        expected = binomtest(hits, trials).proportion_ci(confidence_level=0.98, method="wilson").high
        assert upper_rate(hits, trials) == pytest.approx(expected, abs=1e-4)
    assert upper_rate(0, 0) < 1
    assert upper_rate([0, 50, 100], 100).tolist() == sorted(upper_rate([0, 50, 100], 100))


def percentiles(random: np.random.Generator, requests: int, scale: float, spread: float) -> np.ndarray:
    """The 99th percentile of so many lognormal latencies, drawn as the order statistic that it is."""
    rank = math.ceil(0.99 * requests)
    return scale * np.exp(spread * ndtri(random.beta(rank, requests - rank + 1, SEEDS)))


@pytest.mark.parametrize(
    ("slower", "spread", "good"),
    [(1.0, 0.3, True), (1.0, 1.0, True), (1.4, 0.5, True), (4.0, 0.3, False), (4.0, 1.0, False), (10.0, 1.0, False)],
)
def test_latency_by_chance_and_by_fault(slower, good, spread):
    random = np.random.default_rng(7)
    aborted = np.zeros(SEEDS, dtype=bool)
    fine_at_once = np.ones(SEEDS, dtype=bool)
    for _ in SHARES:
        fine = np.zeros(SEEDS, dtype=bool)
        for requests in range(200, 1001, 100):  # each look drawn afresh, which is harder than real looks
            ours = percentiles(random, requests, slower, spread)
            theirs = percentiles(random, 3 * requests, 1.0, spread)
            verdict = judge_latency((ours, requests), (theirs, 3 * requests), 2.0)
            aborted |= (verdict == Verdict.ABORT) & ~fine
            fine |= verdict == Verdict.FINE
            if not good:
                break
        fine_at_once &= fine
    assert (aborted.mean() <= 0.01) if good else (fine_at_once.mean() <= 0.01)
