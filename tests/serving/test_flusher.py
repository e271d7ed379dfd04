"""From the spool into the log: exactly once, whatever fails in between (hardening F1, F4, D4)."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import time
from datetime import UTC, datetime

import pytest
from serving_support import LATE, MODEL, wait_for

from mvops.registry.predictions import PredictionLog
from mvops.serving.answers import Answers
from mvops.serving.flusher import Flusher
from mvops.serving.records import Answered, outcomes_record, read_record
from mvops.serving.segments import MAGIC, framed
from mvops.serving.spool import Spool

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def record(*ids):
    answers = Answers([1] * len(ids), [[0.25, 0.75]] * len(ids))
    return Answered(ids, [NOW] * len(ids), MODEL, 3, "champion", [LATE] * len(ids), answers, 1.5).record()


def append(spool, records):
    async def run():
        await asyncio.gather(*(spool.append(one) for one in records))

    asyncio.run(run())


@pytest.fixture
def folders(tmp_path):
    return tmp_path / "spool", tmp_path


def opener(root, url="sqlite:///predictions.db"):
    return lambda: PredictionLog.open(url, root)


def ids(root):
    with opener(root)() as log:
        return [prediction.id for _, prediction in log.read(MODEL, 0, 1_000_000)]


def run(spool, root, timeout=10.0):
    flusher = Flusher(spool, opener(root), lambda: MODEL)
    flusher.start()
    spool.close()
    emptied = flusher.stop(timeout)
    spool.release()
    return emptied, flusher


def test_everything_is_in_the_log_at_the_end_and_nothing_in_the_spool(folders):
    spool = Spool(folders[0], 1 << 20)
    append(spool, [record(f"{n}-0", f"{n}-1") for n in range(60)] + [outcomes_record([("5-1", 0)], NOW)])
    assert run(spool, folders[1])[0]
    assert sorted(ids(folders[1])) == sorted(f"{n}-{row}" for n in range(60) for row in (0, 1))
    assert list(folders[0].iterdir()) == []
    with opener(folders[1])() as log:
        prediction, outcome = log.find("5-1")
    assert (outcome.outcome, prediction.time, prediction.probability) == (0, NOW, (0.25, 0.75))


def test_f1_what_was_flushed_before_a_crash_is_not_there_twice(folders, tmp_path):
    spool = Spool(folders[0], 1 << 20)
    append(spool, [record(f"{n}") for n in range(40)])
    spool.close()
    spool.release()
    shutil.copytree(folders[0], tmp_path / "copy")
    assert run(Spool(folders[0], 1 << 20), folders[1])[0]
    assert run(Spool(tmp_path / "copy", 1 << 20), folders[1])[0]  # the crash came before the segment was removed
    assert sorted(ids(folders[1])) == sorted(str(n) for n in range(40))


def test_many_records_go_in_several_transactions(folders):
    spool = Spool(folders[0], 64 << 20)
    append(spool, [record(*(f"{n}-{row}" for row in range(100))) for n in range(50)])
    assert run(spool, folders[1])[0]
    assert len(ids(folders[1])) == 5000


def test_f4_whole_records_in_a_damaged_segment_arrive_and_the_file_is_kept(folders):
    gone = folders[0] / "0-1-gone"
    gone.mkdir(parents=True)
    data = MAGIC + framed(record("a")) + framed(record("b"))[:-1] + b"?" + framed(record("c")) + framed(record("d"))[:9]
    (gone / "0000000001.segment").write_bytes(data)
    spool = Spool(folders[0], 1 << 20)
    assert spool.recovered.damaged == ["0-1-gone-0000000001.segment"]
    assert run(spool, folders[1])[0]
    assert sorted(ids(folders[1])) == ["a", "c"]
    assert [path.name for path in folders[0].iterdir()] == ["0-1-gone-0000000001.segment.damaged"]
    assert (folders[0] / "0-1-gone-0000000001.segment.damaged").read_bytes() == data


def test_a_record_of_an_unknown_kind_holds_up_nobody_and_is_kept(folders):
    spool = Spool(folders[0], 1 << 20)
    append(spool, [b'{"kind": "from the future"}', b"[]", record("a")])
    emptied, flusher = run(spool, folders[1])
    assert emptied
    assert flusher.unreadable == 2
    assert ids(folders[1]) == ["a"]
    assert [path.suffix for path in folders[0].iterdir()] == [".damaged"]


def test_d4_while_the_database_is_gone_the_spool_keeps_and_then_catches_up(folders):
    (folders[1] / "predictions.db").mkdir()  # no database can be opened there
    spool = Spool(folders[0], 1 << 20)
    flusher = Flusher(spool, opener(folders[1]), lambda: MODEL)
    flusher.start()
    append(spool, [record("a")])
    assert wait_for(lambda: flusher.trouble)
    append(spool, [record("b")])
    assert spool.backlog > 0
    assert flusher.lag > 0
    (folders[1] / "predictions.db").rmdir()
    began = time.monotonic()
    assert wait_for(lambda: spool.backlog == 0)
    assert time.monotonic() - began < 5
    assert flusher.trouble is None
    assert flusher.lag == 0
    spool.close()
    assert flusher.stop(5)
    spool.release()
    assert ids(folders[1]) == ["a", "b"]


def test_the_trouble_with_a_server_names_neither_host_nor_user(folders):
    spool = Spool(folders[0], 1 << 20)
    flusher = Flusher(spool, opener(folders[1], "postgresql+psycopg://somebody:secret@127.0.0.1:1/log"), lambda: MODEL)
    flusher.start()
    append(spool, [record("a")])
    assert wait_for(lambda: flusher.trouble)
    assert flusher.trouble == "RegistryError"
    spool.close()
    assert not flusher.stop(0.1)
    spool.release()


@pytest.mark.parametrize("brought_back", [True, False])
def test_a_log_that_is_taken_away_under_the_endpoint_is_told_and_loses_nothing(folders, brought_back):
    log, elsewhere = folders[1] / "predictions.db", folders[1] / "elsewhere"
    elsewhere.mkdir()
    spool = Spool(folders[0], 1 << 20)
    flusher = Flusher(spool, opener(folders[1]), lambda: MODEL)
    flusher.start()
    append(spool, [record("a")])
    assert wait_for(lambda: spool.backlog == 0)
    log.rename(elsewhere / log.name)
    append(spool, [record("b")])
    assert wait_for(lambda: "still there" in (flusher.trouble or ""))  # what SQLite keeps beside it is not of a new one
    assert spool.backlog > 0
    if brought_back:
        (elsewhere / log.name).rename(log)
    else:
        for beside in (f"{log.name}-wal", f"{log.name}-shm"):
            (folders[1] / beside).rename(elsewhere / beside)
    assert wait_for(lambda: spool.backlog == 0)
    assert flusher.trouble is None
    spool.close()
    assert flusher.stop(5)
    spool.release()
    assert ids(folders[1]) == (["a", "b"] if brought_back else ["b"])
    assert brought_back or ids(elsewhere) == ["a", "b"]


def test_a_database_that_is_locked_at_the_end_costs_time_but_no_record(folders):
    opener(folders[1])().close()
    holder = sqlite3.connect(folders[1] / "predictions.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    spool = Spool(folders[0], 1 << 20)
    append(spool, [record("a")])
    emptied, flusher = run(spool, folders[1], timeout=0.3)
    assert not emptied
    holder.execute("ROLLBACK")
    holder.close()
    flusher._thread.join(10)  # the attempt that was under way
    assert run(Spool(folders[0], 1 << 20), folders[1])[0]
    assert ids(folders[1]) == ["a"]


def test_records_are_read_as_they_were_written():
    predictions, outcomes = read_record(record("a", "b"))
    assert [prediction.id for prediction in predictions] == ["a", "b"]
    assert outcomes == []
    assert predictions[1].inputs == LATE
    assert (predictions[0].version, predictions[0].arm, predictions[0].latency_ms) == (3, "champion", 1.5)
    _, outcomes = read_record(outcomes_record([("a", "late"), ("b", 2.5)], NOW))
    assert [(o.prediction_id, o.outcome, o.received) for o in outcomes] == [("a", "late", NOW), ("b", 2.5, NOW)]
