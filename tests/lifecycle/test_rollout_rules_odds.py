"""K3 for predictions and quality: of 2,000 simulated rollouts, at most 1 % err, however often they are looked at."""

from __future__ import annotations

import numpy as np
import pytest

from mvops.lifecycle.verdicts import Verdict, judge_quality, judge_spread

SEEDS = 2_000
SHARES = (5, 25, 100)
LOOKS = (*range(20, 200, 20), *range(200, 1001, 100))  # requests of the challenger in a step
USUAL = np.array([0.4, 0.2, 0.1, 0.1, 0.05, 0.05, 0.04, 0.03, 0.02, 0.01])
SHIFTED = np.roll(USUAL, 1)  # 0.4 of all predictions lie elsewhere
CONSTANT = np.eye(10)[0]


def naive(challenger, champion, limit, steps):
    del steps
    return np.where(np.abs(challenger[0] - champion[0]).sum(axis=-1) / 2 > limit, Verdict.ABORT, Verdict.FINE)


def spread(ours, theirs, limit, *, rule=judge_spread, hold=500) -> dict[str, float]:
    """Shares of rollouts by their end; each step lasts at least `hold` requests of the challenger."""
    random = np.random.default_rng(2013)
    running, aborted = np.ones(SEEDS, dtype=bool), np.zeros(SEEDS, dtype=bool)
    for share in SHARES:
        waiting, before = running.copy(), 0
        seen, asked = np.zeros((SEEDS, 10)), np.zeros((SEEDS, 10))
        for requests in LOOKS:
            more, before = requests - before, requests
            seen += random.multinomial(more, ours, SEEDS)
            asked += random.multinomial(more * (100 - share) // share, theirs, SEEDS)
            others = asked.sum(axis=1)
            champion = asked / np.maximum(others, 1)[:, None], others
            verdict = rule((seen / requests, np.full(SEEDS, requests)), champion, limit, len(SHARES))
            stop = waiting & (verdict == Verdict.ABORT)
            go = waiting & (verdict == Verdict.FINE) & (requests >= hold)
            aborted |= stop
            waiting &= ~(stop | go)
            running &= ~stop
        running &= ~waiting
    return {"aborted": aborted.mean(), "done": running.mean()}


@pytest.mark.parametrize(("ours", "limit"), [(USUAL, 0.1), (USUAL, 0.05), (0.75 * USUAL + 0.25 * SHIFTED, 0.1)])
def test_k3_predictions_that_are_spread_alike_roll_nothing_back(ours, limit):
    found = spread(ours, USUAL, limit)
    assert found["aborted"] <= 0.01
    if limit == 0.1 and ours is USUAL:
        assert found["done"] >= 0.99


@pytest.mark.parametrize("ours", [CONSTANT, USUAL[::-1]])
def test_k3_predictions_that_lie_elsewhere_are_rolled_back(ours):
    found = spread(ours, USUAL, 0.2, hold=0)
    assert found["done"] <= 0.01
    assert found["aborted"] >= 0.99


def test_k3_a_rule_that_takes_the_distance_at_its_word_is_caught():
    assert spread(USUAL, USUAL, 0.1, rule=naive)["aborted"] > 0.1


def quality(ours, theirs, tolerance, *, rule=judge_quality, until=3_000) -> float:
    """The share of rollouts that end, looked at after every 50 outcomes of each arm; `ours` draws losses."""
    random = np.random.default_rng(7)
    aborted = np.zeros(SEEDS, dtype=bool)
    sums = np.zeros((2, 2, SEEDS))
    for known in range(50, until + 1, 50):
        for arm, draw in enumerate((ours, theirs)):
            losses = draw(random, (50, SEEDS))
            sums[arm] += losses.sum(axis=0), (losses**2).sum(axis=0)
        means = sums[:, 0] / known
        arms = [(mean, square / known - mean**2, known) for mean, square in zip(means, sums[:, 1], strict=True)]
        aborted |= rule(*arms, tolerance) == Verdict.ABORT
    return float(aborted.mean())


def wrong(rate):
    return lambda random, size: (random.random(size) < rate).astype(float)


def brier(sharp):
    return lambda random, size: random.beta(1, sharp, size)


def far_off(scale):
    return lambda random, size: scale * random.lognormal(0, 1, size)


ALIKE = [wrong(0.02), wrong(0.2), brier(5), far_off(1.0)]


@pytest.mark.parametrize("draw", ALIKE, ids=["rare", "often", "brier", "heavy tails"])
def test_k3_a_challenger_as_good_as_the_champion_is_not_rolled_back(draw):
    assert quality(draw, draw, 0.0) <= 0.01
    assert quality(draw, draw, 0.1) <= 0.01


@pytest.mark.parametrize(
    ("ours", "theirs"), [(wrong(0.3), wrong(0.2)), (brier(3), brier(5)), (far_off(1.5), far_off(1.0))]
)
def test_k3_a_challenger_that_is_worse_is_rolled_back_as_outcomes_come_in(ours, theirs):
    assert quality(ours, theirs, 0.1) >= 0.99


def test_k3_a_rule_that_takes_the_means_at_their_word_is_caught():
    def naively(challenger, champion, tolerance):
        return np.where(challenger[0] > (1 + tolerance) * champion[0], Verdict.ABORT, Verdict.FINE)

    assert quality(wrong(0.2), wrong(0.2), 0.1, rule=naively) > 0.1


def test_few_outcomes_say_nothing():
    assert judge_quality((0.9, 0.1, 99), (0.1, 0.1, 10_000), 0.0) == Verdict.FINE
    assert judge_quality((0.9, 0.1, 100), (0.1, 0.1, 10_000), 0.0) == Verdict.ABORT
    assert judge_spread((np.eye(10)[0], 19), (np.eye(10)[1], 10_000), 0.1, 3) == Verdict.FINE
