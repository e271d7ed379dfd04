from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from scipy import stats

from mvops.monitoring.clock import bucket_index
from mvops.monitoring.variation import ASSUMED_BETWEEN, Series, fit_variation, persistence, tail_dof

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MONDAY = int(bucket_index(np.array(["2026-01-05"], "datetime64[us]"), DAY)[0])


def series(means, rows=1000, first=MONDAY):
    means = np.asarray(means, float)
    return Series(np.arange(first, first + len(means)), np.full(len(means), float(rows)), means)


def noise(count, sd, seed=0):
    return np.random.default_rng(seed).normal(0, sd, count)


def test_sampling_error_alone_leaves_nothing_between():
    fitted = [fit_variation(series(noise(56, 1000**-0.5, seed)), 1.0, 0.0, DAY, timed=True) for seed in range(40)]
    assert np.mean([f.between for f in fitted]) < 0.15 / 1000
    sds = [f.deviation(0.1, 1000, MONDAY, DAY).sd for f in fitted]
    assert np.mean(sds) == pytest.approx(1000**-0.5, rel=0.1)


def test_what_differs_from_day_to_day_is_learned():
    means = noise(300, 0.2) + noise(300, 1000**-0.5, seed=1)
    fitted = fit_variation(series(means), 1.0, 0.0, DAY, timed=True)
    assert fitted.between**0.5 == pytest.approx(0.2, rel=0.15)
    assert fitted.deviation(0.0, 10**9, MONDAY, DAY).sd == pytest.approx(0.2, rel=0.15)


def test_a_weekly_rhythm_is_expected():
    wave = 0.5 * np.sin(2 * np.pi * np.arange(56) / 7)
    fitted = fit_variation(series(wave + noise(56, 0.03)), 1.0, 0.0, DAY, timed=True)
    assert fitted.phase == "weekday"
    tuesday = fitted.deviation(wave[1], 1000, MONDAY + 57 - 56, DAY)
    assert tuesday.expected == pytest.approx(wave[1], abs=0.05)
    assert tuesday.sd < 0.06
    assert abs(fitted.deviation(wave[1], 1000, MONDAY + 5, DAY).value) > 0.5


def test_a_daily_rhythm_of_hours_with_other_weekends():
    hour = np.arange(24 * 28)
    weekend = (hour // 24 % 7) >= 5
    wave = np.sin(2 * np.pi * hour / 24) * np.where(weekend, 0.2, 1.0)
    fitted = fit_variation(series(wave + noise(len(hour), 0.05), first=MONDAY * 24), 1.0, 0.0, HOUR, timed=True)
    assert fitted.phase in ("weekend_slot", "week_slot")
    assert fitted.deviation(wave[6], 1000, MONDAY * 24 + 6, HOUR).value == pytest.approx(0, abs=0.1)


def test_noise_has_no_rhythm():
    phases = [fit_variation(series(noise(56, 0.05, s)), 1.0, 0.0, DAY, timed=True).phase for s in range(100)]
    assert phases.count("weekday") <= 5


def test_a_phase_that_was_never_seen_is_uncertain():
    wave = 0.5 * np.sin(2 * np.pi * np.arange(70) / 7) + noise(70, 0.02)
    workdays = np.arange(70) % 7 < 5
    seen = Series(np.arange(MONDAY, MONDAY + 70)[workdays], np.full(50, 1000.0), wave[workdays])
    fitted = fit_variation(seen, 1.0, 0.0, DAY, timed=True)
    assert fitted.phase == "weekday"
    assert fitted.deviation(0.0, 1000, MONDAY + 6, DAY).sd > 4 * fitted.deviation(0.0, 1000, MONDAY, DAY).sd


def test_days_that_resemble_their_neighbours_count_for_less():
    walk = np.zeros(60)
    steps = noise(60, 1.0)
    for i in range(1, 60):
        walk[i] = 0.8 * walk[i - 1] + steps[i]
    fitted = fit_variation(series(walk), 1.0, 0.0, DAY, timed=True)
    assert fitted.persistence > 0.5
    assert fitted.dof < 30
    assert persistence(noise(200, 1.0), np.arange(200)) < 0.2
    together = fitted.trailing([1.0] * 7, [1000] * 7)
    assert together.sd > 0.7 * fitted.deviation(1.0, 1000, MONDAY, DAY).sd


def test_averaging_helps_where_days_are_independent():
    fitted = fit_variation(series(noise(300, 0.05)), 1.0, 0.0, DAY, timed=True)
    single = fitted.deviation(0.1, 1000, MONDAY, DAY).sd
    assert fitted.trailing([0.1] * 3, [1000] * 3).sd < 0.7 * single


def test_heavy_tails_raise_the_limit():
    light = fit_variation(series(noise(200, 0.1)), 1.0, 0.0, DAY, timed=True).deviation(0.0, 1000, MONDAY, DAY)
    heavy_days = np.random.default_rng(3).standard_t(3, 200) * 0.06
    heavy = fit_variation(series(heavy_days), 1.0, 0.0, DAY, timed=True).deviation(0.0, 1000, MONDAY, DAY)
    assert heavy.dof < 8 < light.dof
    assert heavy.limit(1e-4) / heavy.sd > 1.5 * light.limit(1e-4) / light.sd
    assert tail_dof(np.zeros(9)) == 1e6


def test_what_the_baseline_has_shown_is_not_rare():
    days = noise(56, 0.1)
    days[20] = 3.0
    fitted = fit_variation(series(days), 1.0, 0.0, DAY, timed=True)
    assert fitted.deviation(2.9, 1000, MONDAY, DAY).p >= 1 / 57
    assert fitted.deviation(2.9, 1000, MONDAY, DAY).limit(1e-9) >= 2.9 * 0.9


def test_larger_windows_than_blocks_are_judged_with_care():
    small = fit_variation(series(noise(56, 50**-0.5), rows=50), 1.0, 0.0, DAY, timed=True)
    assert small.deviation(0.0, 10**6, MONDAY, DAY).sd > 0.03  # nothing is known of variation below 0.14 / sqrt(56)


def test_without_blocks_variation_is_assumed():
    few = fit_variation(series([0.0, 0.1]), 1.0, 0.05, DAY, timed=True)
    assert few.deviation(0.05, 10**9, MONDAY, DAY).value == 0
    assert few.deviation(0.0, 10**9, MONDAY, DAY).sd >= ASSUMED_BETWEEN
    untimed = fit_variation(series(noise(30, 1000**-0.5)), 1.0, 0.0, DAY, timed=False)
    assert untimed.between == pytest.approx(ASSUMED_BETWEEN**2)


def test_the_levels_hold_for_independent_days():
    rng = np.random.default_rng(5)
    p = []
    for _ in range(1200):
        means = rng.normal(0, 0.05, 57)
        fitted = fit_variation(series(means[:56]), 1.0, 0.0, DAY, timed=True)
        p.append(fitted.deviation(means[56], 1000, MONDAY + 56, DAY).p)
    for level in (0.1, 0.01):
        found = np.mean(np.array(p) <= level)
        assert found <= stats.binom.ppf(0.9999, 1200, level) / 1200
        assert found >= level / 4
