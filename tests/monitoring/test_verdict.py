from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from scipy.stats import norm

from mvops.core.config.model import Monitor
from mvops.errors import DataError
from mvops.monitoring.baseline import Baseline, build_baseline
from mvops.monitoring.columns import make_rows
from mvops.monitoring.summary import summarise, summarise_all
from mvops.monitoring.verdict import judge

DAY = timedelta(days=1)
START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday, eight weeks after the first
KINDS = {"temp": "number", "carrier": "category"}
CARRIERS = ["AA", "DL", "UA"]


@pytest.fixture(scope="module")
def world(signature, daily):
    """A baseline of eight weeks with 500 rows a day, and a maker of later windows."""
    rng = np.random.default_rng(0)
    known = signature(KINDS)

    def features(rows):
        return {"temp": rng.normal(38, 10, rows), "carrier": rng.choice(CARRIERS, rows, p=[0.5, 0.3, 0.2])}

    base = features(56 * 500)
    rows = make_rows(known, base, predictions=base["temp"] * 2, times=daily(56, 500))
    baseline = build_baseline(known, rows, importance={"temp": 0.2, "carrier": 0.8})

    def window(day=0, rows=500, **changed):
        found = features(rows) | changed
        answers = found.pop("answers", found["temp"] * 2)
        times = daily(1, rows, first=56 + day)
        made = make_rows(known, found, predictions=answers, times=times)
        return summarise(baseline, made, START + day * DAY, START + (day + 1) * DAY)

    return baseline, window, rng


def test_a_quiet_window_is_quiet(world):
    baseline, window, _ = world
    verdict = judge(baseline, window(), Monitor())
    assert verdict.status == "judged"
    assert verdict.alarms == ()
    assert {f.feature for f in verdict.findings} == {"temp", "carrier", "prediction"}


def test_a_shift_is_told_with_its_numbers(world):
    baseline, window, rng = world
    verdict = judge(baseline, window(temp=rng.normal(71.4, 10, 500)), Monitor())
    first = next(finding for finding in verdict.alarms if finding.feature == "temp")
    assert first.kind == "drift"
    assert first.key == "drift:temp"
    assert first.effect == pytest.approx(3.3, abs=0.2)
    assert first.severity == "critical"
    assert first.sentence.startswith("temp: mean 38")
    assert "-> 7" in first.sentence
    assert "PSI" in first.sentence
    assert "limit" in first.sentence
    assert first.value > first.threshold > 0


def test_the_prediction_is_watched_too(world):
    baseline, window, rng = world
    found = judge(baseline, window(answers=rng.normal(90, 20, 500)), Monitor()).alarms
    assert [finding.key for finding in found] == ["prediction:prediction"]


def test_a_share_that_moved(world):
    baseline, window, rng = world
    moved = rng.choice(CARRIERS, 500, p=[0.3, 0.3, 0.4])
    found = judge(baseline, window(carrier=moved), Monitor()).alarms
    assert [finding.feature for finding in found] == ["carrier"]
    assert "UA" in found[0].sentence or "AA" in found[0].sentence


def test_the_shape_alone(world):
    baseline, window, rng = world
    two_humps = 38 + np.where(rng.random(500) < 0.5, 1, -1) * rng.normal(9.9, 1.4, 500)
    found = judge(baseline, window(temp=two_humps, answers=rng.normal(76, 20, 500)), Monitor()).alarms
    assert [(f.feature, f.statistic) for f in found] == [("temp", "shape")]
    assert "the distribution changed" in found[0].sentence


def test_the_shape_of_many_categories(signature, daily):
    rng = np.random.default_rng(4)
    names = [f"v{i:02d}" for i in range(60)]
    odds = np.ones(60) / 60
    known = signature({"c": "category"})
    before = make_rows(known, {"c": rng.choice(names, 28_000, p=odds)}, times=daily(28, 1000))
    baseline = build_baseline(known, before)
    odds[::2], odds[1::2] = 1.5 / 60, 0.5 / 60
    after = make_rows(known, {"c": rng.choice(names, 1000, p=odds)}, times=daily(1, 1000, first=28))
    found = judge(baseline, summarise_all(baseline, after, DAY)[0], Monitor()).alarms
    assert [(f.feature, f.statistic) for f in found] == [("c", "shape")]
    assert "most changed" in found[0].sentence


def test_a_mean_of_cut_values_is_said_to_be_one(world):
    baseline, window, _ = world
    found = next(f for f in judge(baseline, window(temp=np.full(500, 1e6)), Monitor()).alarms if f.key == "drift:temp")
    assert "counted as that" in found.sentence


def test_the_spread(world):
    baseline, window, rng = world
    found = judge(baseline, window(temp=rng.normal(38, 15, 500), answers=rng.normal(76, 20, 500)), Monitor()).alarms
    assert found[0].feature == "temp"
    assert found[0].sentence.startswith("temp: standard deviation 9.9")


def test_missing_values_and_new_categories_are_a_matter_of_data(world):
    baseline, window, rng = world
    holes = np.where(rng.random(500) < 0.2, np.nan, rng.normal(38, 10, 500))
    strange = np.where(rng.random(500) < 0.1, "ZZ", rng.choice(CARRIERS, 500, p=[0.5, 0.3, 0.2]))
    found = {f.key: f for f in judge(baseline, window(temp=holes, carrier=strange), Monitor()).alarms}
    assert "missing 0.00% -> " in found["data:temp"].sentence
    assert "'ZZ' (" in found["data:carrier"].sentence


def test_values_out_of_range(world):
    baseline, window, rng = world
    wild = rng.normal(38, 10, 500)
    wild[:40] = 5000
    wild[0] = np.inf
    found = {f.key: f for f in judge(baseline, window(temp=wild), Monitor()).alarms}
    assert "-> 8.00%" in found["data:temp"].sentence
    assert "to 5000, 1 infinite" in found["data:temp"].sentence


def test_one_bad_row_is_no_alarm(world):
    baseline, window, rng = world
    wild = rng.normal(38, 10, 500)
    wild[0], wild[1] = 1e30, np.nan
    strange = rng.choice(CARRIERS, 500, p=[0.5, 0.3, 0.2]).astype(object)
    strange[0] = "ZZ"
    assert judge(baseline, window(temp=wild, carrier=strange), Monitor()).alarms == ()


def test_certain_but_immaterial_is_no_alarm(world):
    baseline, window, rng = world
    moved = window(rows=2000, temp=rng.normal(41, 10, 2000))
    verdict = judge(baseline, moved, Monitor(effect=0.5))
    temp = next(f for f in verdict.findings if f.key == "drift:temp")
    assert (temp.significant, temp.material, temp.alarm) == (True, False, False)
    assert judge(baseline, moved, Monitor()).alarms


def test_a_small_shift_that_lasts_is_found(world):
    baseline, window, _ = world
    even = 40.3 + 10 * norm.ppf((np.arange(120) + 0.5) / 120)
    small = [window(day, rows=120, temp=even) for day in range(7)]
    alone = judge(baseline, small[-1], Monitor())
    together = judge(baseline, small[-1], Monitor(), history=small[:-1])
    assert "drift:temp" not in [f.key for f in alone.alarms]
    found = next(f for f in together.alarms if f.key == "drift:temp")
    assert "windows" in found.sentence
    after_a_gap = judge(baseline, small[-1], Monitor(), history=small[:3])
    assert "drift:temp" not in [f.key for f in after_a_gap.alarms]


def test_windows_that_cannot_be_judged(world):
    baseline, window, rng = world
    assert judge(baseline, window(rows=60, temp=rng.normal(90, 10, 60)), Monitor()).status == "too few rows"
    assert judge(baseline, window(rows=0), Monitor()).status == "no rows"


def test_half_a_day_is_not_compared_with_whole_days(world, signature, daily):
    baseline, _, rng = world
    known = signature(KINDS)
    times = daily(1, 1000, first=56)[:400]
    rows = make_rows(known, {"temp": rng.normal(90, 1, 400), "carrier": ["AA"] * 400}, times=times)
    verdict = judge(baseline, summarise(baseline, rows, START, START + DAY), Monitor())
    assert (verdict.status, verdict.findings) == ("incomplete", ())


def test_times_that_are_only_dates_can_be_judged(world, signature):
    baseline, _, rng = world
    rows = make_rows(
        signature(KINDS),
        {"temp": rng.normal(90, 1, 400), "carrier": ["AA"] * 400},
        times=np.full(400, np.datetime64("2026-03-02")),
    )
    assert judge(baseline, summarise(baseline, rows, START, START + DAY), Monitor()).status == "judged"


def test_what_matters_to_the_model_comes_first(world):
    baseline, window, rng = world
    moved = window(temp=rng.normal(48, 10, 500), carrier=rng.choice(CARRIERS, 500, p=[0.2, 0.2, 0.6]))
    found = [f.feature for f in judge(baseline, moved, Monitor()).alarms if f.kind == "drift"]
    assert found == ["carrier", "temp"]


def test_the_same_window_gives_the_same_verdict(world):
    baseline, window, _ = world
    one = window()
    again = judge(Baseline.model_validate_json(baseline.model_dump_json()), one, Monitor())
    assert judge(baseline, one, Monitor()) == again


def test_a_baseline_is_compact_and_needs_rows(world, signature):
    baseline, _, _ = world
    assert len(baseline.model_dump_json()) < 12_000
    with pytest.raises(DataError, match="needs rows"):
        build_baseline(signature(KINDS), make_rows(signature(KINDS), {"temp": [], "carrier": []}))


def test_without_times_day_to_day_variation_is_learned_from_the_windows(signature, daily):
    rng = np.random.default_rng(1)
    known = signature({"x": "number"})
    baseline = build_baseline(known, make_rows(known, {"x": rng.normal(size=20_000)}))
    assert not baseline.timed
    levels = np.concatenate([rng.normal(0, 0.35, 28), [0.35, 4.0]])
    values = np.repeat(levels, 400) + rng.normal(size=30 * 400)
    windows = summarise_all(baseline, make_rows(known, {"x": values}, times=daily(30, 400)), DAY)
    verdicts = [judge(baseline, window, Monitor(), history=windows[:i]) for i, window in enumerate(windows)]
    assert sum(bool(verdict.alarms) for verdict in verdicts[9:29]) <= 1
    assert verdicts[29].alarms


@pytest.fixture(scope="module")
def classifier(signature, daily):
    known = signature({"x": "number"}, task="classification", classes=(0, 1), probabilities=True)

    def rows(size, skill, seed, first=0, days=1):
        rng = np.random.default_rng(seed)
        true = rng.integers(2, size=size)
        logit = rng.normal(0, 1, size) + skill * (2 * true - 1)
        score = 1 / (1 + np.exp(-2 * logit))
        return make_rows(
            known,
            {"x": rng.normal(size=size)},
            predictions=(score > 0.5).astype(int),
            probabilities=np.column_stack([1 - score, score]),
            outcomes=true,
            times=daily(days, size // days, first=first),
        )

    return build_baseline(known, rows(56 * 300, 1.0, 0, days=56), metrics=("roc_auc", "log_loss")), rows


def test_a_model_that_became_worse(classifier):
    baseline, rows = classifier
    worse = summarise(baseline, rows(600, 0.4, 1, first=56), START, START + DAY)
    verdict = judge(baseline, worse, Monitor())
    assert verdict.findings[0].key == "performance:roc_auc"
    assert verdict.findings[0].alarm
    assert verdict.findings[0].severity == "critical"
    assert "100% of outcomes known" in verdict.findings[0].sentence


def test_a_model_as_good_as_before(classifier):
    baseline, rows = classifier
    as_good = summarise(baseline, rows(600, 1.0, 2, first=56), START, START + DAY)
    finding = next(f for f in judge(baseline, as_good, Monitor()).findings if f.kind == "performance")
    assert (finding.significant, finding.material) == (False, False)


def test_few_outcomes_are_joined_or_say_nothing(classifier):
    baseline, rows = classifier
    few = [
        summarise(baseline, rows(48, 0.3, 10 + i, first=56 + i), START + i * DAY, START + (i + 1) * DAY)
        for i in range(12)
    ]
    assert [f for f in judge(baseline, few[0], Monitor()).findings if f.kind == "performance"] == []
    joined = judge(baseline, few[-1], Monitor(), history=few[:-1])
    assert joined.status == "too few rows"
    assert "over 3 windows" in joined.findings[0].sentence


def test_errors_of_a_regression_are_tolerated_relatively(signature, daily):
    known = signature({"x": "number"})
    rng = np.random.default_rng(3)

    def rows(days, first, error):
        true = rng.normal(1000, 300, days * 400)
        return make_rows(
            known,
            {"x": rng.normal(size=days * 400)},
            predictions=true + rng.normal(0, error, days * 400),
            outcomes=true,
            times=daily(days, 400, first=first),
        )

    baseline = build_baseline(known, rows(56, 0, 50), metrics=("rmse",))
    verdicts = {
        error: judge(baseline, summarise(baseline, rows(1, 56, error), START, START + DAY), Monitor())
        for error in (50, 52, 80)
    }
    assert [bool(v.alarms) for v in verdicts.values()] == [False, False, True]
    assert "rmse: 5" in verdicts[80].alarms[0].sentence
