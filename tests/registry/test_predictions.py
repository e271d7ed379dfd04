from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, event, text

from mvops.core.prediction import Outcome, Prediction
from mvops.errors import LockedError, RegistryError
from mvops.registry.database import open_registry
from mvops.registry.events import events, record_event
from mvops.registry.predictions import PredictionLog

pytestmark = [
    pytest.mark.real("registry", "sqlite", "the prediction log"),
    pytest.mark.real("registry", "postgresql", "the prediction log"),
]

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(name="log")
def _log(url: str, tmp_path: Path) -> Iterator[PredictionLog]:
    with PredictionLog.open(url, tmp_path) as log:
        yield log


def prediction(number: int, **changes: object) -> Prediction:
    values = {
        "id": f"p{number}",
        "time": NOON + number * HOUR,
        "model": "delays",
        "version": 3,
        "arm": "champion",
        "inputs": {"temp": number / 3, "carrier": "AA", "none": None},
        "prediction": number % 2 == 0,
        "probability": (0.1 + 0.2, 0.7),
        "latency_ms": 1.25,
    }
    return Prediction.model_validate(values | changes)


def outcome(number: int, value: object = True, minutes: int = 0) -> Outcome:
    return Outcome(prediction_id=f"p{number}", outcome=value, received=NOON + timedelta(minutes=minutes))


def test_predictions_are_read_back_in_the_order_of_logging(log):
    given = [prediction(n) for n in (3, 1, 2)]
    assert log.append(given) == 3
    assert [p for _, p in log.read("delays")] == given
    numbers = [seq for seq, _ in log.read("delays")]
    assert numbers == sorted(numbers)
    assert log.read("churn") == []


def test_a_reader_goes_on_where_it_was(log):
    log.append([prediction(n) for n in range(5)])
    log.append([prediction(100, model="churn")])
    seen, after = [], 0
    while rows := log.read("delays", after, 2):
        seen += [p.id for _, p in rows]
        after = rows[-1][0]
    assert seen == ["p0", "p1", "p2", "p3", "p4"]
    log.append([prediction(5)])
    assert [p.id for _, p in log.read("delays", after)] == ["p5"]


def test_what_is_logged_twice_is_there_once(log):
    assert log.append([prediction(1), prediction(2), prediction(1, version=9)]) == 2
    assert log.append([prediction(2), prediction(3)]) == 1
    assert [(p.id, p.version) for _, p in log.read("delays")] == [("p1", 3), ("p2", 3), ("p3", 3)]
    assert log.append([]) == 0


@pytest.mark.parametrize(
    "value", [None, 0, False, "", 1.5, 2**53 + 1, "\x00\ud800", [1, [None]], {"a": None}, float("inf")]
)
def test_any_value_survives(log, value):
    log.append([prediction(1, prediction=value, inputs={"x": value}, probability=None)])
    log.append_outcomes([outcome(1, value)])
    found, known = log.find("p1")
    assert (found.prediction, found.inputs, found.probability) == (value, {"x": value}, None)
    assert known.outcome == value
    assert type(found.prediction) is type(value)


def test_numpy_and_nan(log):
    log.append([prediction(1, prediction=np.float32(0.5), inputs={"n": np.int64(3), "nan": float("nan")})])
    found, _ = log.find("p1")
    assert (found.prediction, found.inputs["n"]) == (0.5, 3)
    assert np.isnan(found.inputs["nan"])


def test_times_come_back_in_utc(log):
    given = datetime(2026, 7, 1, 1, tzinfo=timezone(timedelta(hours=9)))
    log.append([prediction(1, time=given)])
    time = log.find("p1")[0].time
    assert (time, time.utcoffset()) == (given, timedelta(0))


def test_outcomes_come_with_their_predictions_in_the_order_they_were_told(log):
    log.append([prediction(n) for n in range(3)])
    log.append([prediction(9, model="churn")])
    assert log.append_outcomes([outcome(2), outcome(9), outcome(0, value=False)]) == 3
    rows = log.read_outcomes("delays")
    assert [(p, o) for _, p, o in rows] == [(prediction(2), outcome(2)), (prediction(0), outcome(0, value=False))]
    assert [o.prediction_id for _, _, o in log.read_outcomes("delays", rows[0][0])] == ["p0"]
    assert len(log.read_outcomes("delays", limit=1)) == 1


def test_the_first_outcome_stays_and_a_different_one_is_reported(log):
    log.append([prediction(1), prediction(2)])
    log.append_outcomes([outcome(1, 1.0)])
    count = log.append_outcomes([outcome(1, 1.0, 5), outcome(1, 0.0, 6), outcome(2, 7), outcome(2, 8)])
    assert (count, count.repeated, count.different, count.unknown) == (1, 3, ("p1", "p2"), ())
    assert log.find("p1")[1] == outcome(1, 1.0)
    assert log.find("p2")[1] == outcome(2, 7)


def test_an_outcome_that_comes_before_its_prediction_is_kept_until_then(log):
    log.append([prediction(0)])
    count = log.append_outcomes([outcome(0), outcome(1, "early")])
    assert (count, count.unknown) == (1, ("p1",))
    assert log.find("p1") is None
    after = log.read_outcomes("delays")[-1][0]
    again = log.append_outcomes([outcome(1, "early"), outcome(1, "other")])
    assert (again, again.repeated, again.different, again.unknown) == (0, 2, ("p1",), ("p1",))
    log.append([prediction(1), prediction(2)])
    assert [(p.id, o.outcome) for _, p, o in log.read_outcomes("delays", after)] == [("p1", "early")]
    assert log.find("p2")[1] is None


def test_counting_and_iterating_over_a_span_of_time(log):
    log.append([prediction(n) for n in (5, 1, 3, 2, 4)])
    log.append([prediction(2, id="other", model="churn")])
    assert log.count("delays") == 5
    assert log.count("delays", since=NOON + 3 * HOUR) == 3
    assert log.count("delays", until=NOON + 3 * HOUR) == 2
    assert log.count("delays", NOON + 2 * HOUR, NOON + 4 * HOUR) == 2
    assert [p.id for p, _ in log.iterate("delays", NOON + 2 * HOUR, NOON + 5 * HOUR)] == ["p3", "p2", "p4"]
    assert list(log.iterate("nothing")) == []


def test_iterating_brings_the_outcomes_that_are_known(log):
    log.append([prediction(1), prediction(2), prediction(3, model="churn")])
    log.append_outcomes([outcome(2), outcome(3)])
    assert list(log.iterate("delays")) == [(prediction(1), None), (prediction(2), outcome(2))]
    assert (log.count_outcomes("delays"), log.count_outcomes("nothing")) == (1, 0)


def test_iterating_goes_through_all_chunks_and_ends(log):
    log.append([prediction(n) for n in range(2500)])
    seen = []
    for number, (found, _) in enumerate(log.iterate("delays")):
        seen.append(found.id)
        if number % 1000 == 0:
            log.append([prediction(10_000 + number)])  # a writer is not kept waiting, and is not followed for ever
    assert seen == [f"p{n}" for n in range(2500)]


def test_a_thousand_predictions_are_one_statement_in_one_transaction(log):
    inserts, commits = [], []

    def executed(_connection, _cursor, statement, parameters, _context, many) -> None:
        if statement.startswith("INSERT"):
            inserts.append((many, len(parameters)))

    def committed(connection) -> None:
        commits.append(connection)

    event.listen(Engine, "before_cursor_execute", executed)
    event.listen(Engine, "commit", committed)
    try:
        assert log.append([prediction(n) for n in range(1000)]) == 1000
    finally:
        event.remove(Engine, "before_cursor_execute", executed)
        event.remove(Engine, "commit", committed)
    assert inserts == [(True, 1000)]
    assert len(commits) == 1


def test_many_outcomes_at_once(log):
    log.append([prediction(n) for n in range(1200)])
    count = log.append_outcomes([outcome(n) for n in range(1300)])
    assert (count, len(count.unknown)) == (1200, 100)
    assert len(log.read_outcomes("delays", limit=5000)) == 1200
    log.append([prediction(n) for n in range(1200, 1300)])
    assert len(log.read_outcomes("delays", limit=5000)) == 1300


def test_a_reader_that_remembers_where_it_was_misses_nothing_while_others_write(log):
    def write(start: int) -> None:
        for n in range(20):
            log.append([prediction(start + n * 10 + i) for i in range(10)])

    writers = [threading.Thread(target=write, args=(n * 1000,)) for n in range(4)]
    for writer in writers:
        writer.start()
    seen, after = [], 0
    while any(writer.is_alive() for writer in writers) or log.read("delays", after, 1):
        for seq, found in log.read("delays", after, 50):
            seen.append(found.id)
            after = seq
    assert len(seen) == len(set(seen)) == 800


def test_a_row_that_cannot_be_logged_takes_the_whole_batch_back(log):
    with pytest.raises(Exception, match="cannot be kept as JSON"):
        log.append([prediction(1), prediction(2, inputs={"x": object()})])
    assert log.count("delays") == 0


def test_the_log_is_kept_and_may_share_its_database_with_the_registry(url, tmp_path):
    with open_registry(url, tmp_path) as registry:
        record_event(registry, "a", "b", "c")
        with PredictionLog.open(url, tmp_path) as log:
            log.append([prediction(1)])
        with PredictionLog.open(url, tmp_path) as log:
            assert log.find("p1") == (prediction(1), None)
        assert len(events(registry)) == 1


def test_a_registry_is_made_beside_a_log(url, tmp_path):
    with PredictionLog.open(url, tmp_path) as log:
        log.append([prediction(1)])
        with open_registry(url, tmp_path) as registry:
            record_event(registry, "a", "b", "c")
        assert log.count("delays") == 1


def test_a_newer_schema_is_refused(log, url, tmp_path):
    with log._engine.begin() as connection:
        connection.execute(text("UPDATE prediction_schema SET schema_version = 2"))
    with pytest.raises(RegistryError, match="newer mvops"):
        PredictionLog.open(url, tmp_path)


def test_a_file_that_is_something_else_is_refused(tmp_path):
    (tmp_path / "log.db").write_text("not a database")
    with pytest.raises(RegistryError, match="not an SQLite database"):
        PredictionLog.open("sqlite:///log.db", tmp_path)
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE predictions (theirs)")
    other.close()
    with pytest.raises(RegistryError, match="not one of mvops"):
        PredictionLog.open("sqlite:///other.db", tmp_path)


def test_a_log_that_is_locked_by_another_process_is_an_error_and_logs_nothing(tmp_path):
    with PredictionLog.open("sqlite:///log.db", tmp_path) as log:
        other = sqlite3.connect(tmp_path / "log.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LockedError, match="busy"):
            log.append([prediction(1)])
        assert log.count("delays") == 0  # reading goes on
        other.execute("ROLLBACK")
        other.close()
        assert log.append([prediction(1)]) == 1


KILLED = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from mvops.core.prediction import Prediction
from mvops.registry.predictions import PredictionLog

log = PredictionLog.open(sys.argv[1], Path(sys.argv[2]))
for n in range(1000):
    log.append([Prediction(id=f"p{n}", time=datetime.now(UTC), model="delays", version=1, arm="champion", inputs={},
                           prediction=n, probability=None, latency_ms=1.0)])
    print(n, flush=True)
"""


def test_what_was_appended_survives_the_death_of_the_process(log, url, tmp_path):
    process = subprocess.Popen([sys.executable, "-c", KILLED, url, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    while int(process.stdout.readline()) < 30:
        pass
    process.kill()
    acknowledged = [30, *(int(line) for line in process.communicate()[0].split("\n") if line)]
    logged = [p.prediction for _, p in log.read("delays", limit=2000)]
    assert logged == list(range(len(logged)))
    assert len(logged) in {acknowledged[-1] + 1, acknowledged[-1] + 2}


def test_importing_the_log_loads_no_heavy_library():
    code = "import sys, mvops.registry.predictions; print(*sys.modules)"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    loaded = set(ran.stdout.split())
    assert "sqlalchemy" in loaded
    assert not {"sqlmodel", "alembic", "pandas", "numpy", "sqlalchemy.orm", "hydra"} & loaded


def test_numbers_are_counted_by_hour(log):
    log.append([prediction(n, time=NOON + n * HOUR / 4, latency_ms=float(n)) for n in range(8)])
    log.append([prediction(8, arm="load_test"), prediction(9, model="other"), prediction(10, version=4, time=NOON)])
    found = log.numbers("delays", timedelta(days=14), 1000)
    assert (found.width, found.cut, found.since, found.until) == ("hour", False, NOON, NOON + 7 * HOUR / 4)
    assert [(c.start, c.version, c.rows) for c in found.counts] == [
        (NOON, 3, 4),
        (NOON, 4, 1),
        (NOON + HOUR, 3, 4),
    ]
    assert [q.start for q in found.latency] == [NOON, NOON + HOUR]
    assert [n for q in found.latency for n in (q.p50, q.p99)] == pytest.approx([1.25, 3.0, 5.0, 7.0], rel=0.03)


def test_numbers_of_a_longer_time_are_by_day_and_end_at_the_span(log):
    log.append([prediction(n, time=NOON + n * 24 * HOUR) for n in range(10)])
    found = log.numbers("delays", timedelta(days=5), 1000)
    assert found.width == "day"
    assert [c.start.day for c in found.counts] == [6, 7, 8, 9, 10]
    assert all(c.start.hour == 0 for c in found.counts)
    cut = log.numbers("delays", timedelta(days=14), 3)
    assert (cut.cut, sum(c.rows for c in cut.counts)) == (True, 3)
    assert log.numbers("nobody", timedelta(days=5), 10) is None


def test_what_was_answered_last_comes_without_inputs(log):
    log.append([prediction(n) for n in range(5)])
    log.append([prediction(5, version=4), prediction(6, arm="load_test")])
    assert [(p.id, p.prediction, p.probability, p.inputs) for p in log.recent("delays", 3, 2, 100)] == [
        ("p4", True, (0.1 + 0.2, 0.7), {}),
        ("p3", False, (0.1 + 0.2, 0.7), {}),
    ]
    assert [p.id for p in log.recent("delays", 3, 5, 3)] == ["p4"]


@pytest.mark.parametrize("scale", [0.0, 0.01, 1.0, 40.0, 5000.0])
def test_latencies_are_told_to_three_percent(log, scale):
    given = [float(value) for value in np.random.default_rng(0).lognormal(0, 1, 500) * scale]
    log.append([prediction(n, time=NOON, latency_ms=value) for n, value in enumerate(given)])
    ((found),) = log.numbers("delays", timedelta(days=1), 1000).latency
    exact = np.quantile(given, [0.5, 0.99], method="inverted_cdf")
    assert [found.p50, found.p99] == pytest.approx(exact.tolist(), rel=0.03, abs=0.006)
