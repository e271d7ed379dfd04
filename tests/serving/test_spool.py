"""The spool: hardening F1, F2, F4 below the level of HTTP."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from serving_support import ROOT

from mvops.errors import ServingError
from mvops.serving.ownership import left_over
from mvops.serving.segments import MAGIC, examine, framed, frames
from mvops.serving.spool import Spool, SpoolError, _settle

MIB = 1 << 20


def payloads(spool: Spool) -> list[bytes]:
    found = []
    for segment in spool.segments():
        data = segment.path.read_bytes()[: segment.durable]
        found += [frame.payload for frame in frames(data, len(MAGIC))]
    return found


def drain(spool: Spool) -> None:
    for segment in spool.segments():
        spool.flushed(segment, segment.durable)


def finish(spool: Spool) -> None:
    spool.close()
    drain(spool)
    spool.release()


def append(spool: Spool, records: list[bytes]) -> list[BaseException | None]:
    async def run():
        return await asyncio.gather(*(spool.append(record) for record in records), return_exceptions=True)

    return asyncio.run(run())


def abandon(spool: Spool) -> Path:
    """What a killed process leaves: its segment, and a lock that nobody holds."""
    spool.close()
    spool.release()
    return next(spool._own.folder.glob("*.segment"))


def test_records_come_back_in_order_and_nothing_stays_after_a_clean_end(tmp_path):
    spool = Spool(tmp_path, MIB)
    records = [f"record {n}".encode() for n in range(50)]
    assert append(spool, records) == [None] * 50
    assert payloads(spool) == records
    assert spool.backlog > 0
    finish(spool)
    assert list(tmp_path.iterdir()) == []


def test_concurrent_records_share_an_fsync(tmp_path, monkeypatch):
    synced = []
    real = os.fdatasync
    monkeypatch.setattr("mvops.serving.writing._sync", lambda file: synced.append(real(file)))
    spool = Spool(tmp_path, MIB)
    append(spool, [b"x"] * 200)
    assert 1 <= len(synced) <= 20
    finish(spool)


class Hasty(Spool):
    """The negative control: says yes, then writes."""

    def _commit(self, batch):
        _settle([future for _, future in batch], None)
        time.sleep(0.01)
        super()._commit(batch)


@pytest.mark.parametrize(("kind", "sound"), [(Spool, True), (Hasty, False)])
def test_f1b_no_record_is_acknowledged_before_the_fsync_that_covers_it(tmp_path, monkeypatch, kind, sound):
    """With the page cache in mind: what counts is what was in the file at a sync (hardening F1b)."""
    safe: set[bytes] = set()
    real = os.fdatasync

    def sync(file: int) -> None:
        real(file)
        data = Path(f"/proc/self/fd/{file}").readlink().read_bytes()
        safe.update(frame.payload for frame in frames(data, len(MAGIC)))

    monkeypatch.setattr("mvops.serving.writing._sync", sync)
    spool = kind(tmp_path, MIB)
    early = []

    async def one(record: bytes) -> None:
        await spool.append(record)
        if record not in safe:
            early.append(record)

    async def run():
        await asyncio.gather(*(one(f"{n}".encode()) for n in range(300)))

    asyncio.run(run())
    finish(spool)
    assert (early == []) == sound
    assert len(safe) == 300


def test_the_next_process_takes_over_what_was_left_and_only_from_the_dead(tmp_path):
    first = Spool(tmp_path, MIB)
    append(first, [b"one", b"two"])
    second = Spool(tmp_path, MIB)
    assert second.recovered.records == 0  # the first one lives
    abandon(first)
    third = Spool(tmp_path, MIB)
    assert (third.recovered.segments, third.recovered.records, third.recovered.damaged) == (1, 2, [])
    assert payloads(third) == [b"one", b"two"]
    finish(third)
    finish(second)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cut", [1, 5, 11, 12, 13, 20, 60, 90])
def test_f4_a_cut_tail_costs_only_the_records_in_it(tmp_path, cut):
    spool = Spool(tmp_path, MIB)
    records = [b"%03d-abcdefghij" % n for n in range(10)]
    append(spool, records)
    path = abandon(spool)
    data = path.read_bytes()
    whole = len(framed(records[0]))
    path.write_bytes(data[:-cut])
    recovered = Spool(tmp_path, MIB)
    left = (len(data) - cut - len(MAGIC)) // whole
    assert payloads(recovered) == records[:left]
    damaged = (len(data) - cut - len(MAGIC)) % whole != 0
    assert recovered.recovered.records == left
    assert len(recovered.recovered.damaged) == damaged
    finish(recovered)
    kept = [file for file in tmp_path.iterdir() if file.name.endswith(".damaged")]
    assert [file.read_bytes() for file in kept] == ([data[:-cut]] if damaged else [])


def test_f4_a_flipped_byte_anywhere_costs_one_record(tmp_path):
    records = [b"first record", b"second record", b"third record"]
    data = MAGIC + b"".join(framed(record) for record in records)
    path = tmp_path / "s.segment"
    for position in range(len(data)):
        flipped = bytearray(data)
        flipped[position] ^= 0x55
        found = [frame.payload for frame in frames(bytes(flipped), len(MAGIC))]
        assert set(found) < set(records) or (position < len(MAGIC) and found == records)
        assert len(found) >= 2
        path.write_bytes(flipped)
        assert examine(path).damages == 1, position


def test_f4_zeros_that_a_power_cut_left_are_damage_not_records(tmp_path):
    path = tmp_path / "s.segment"
    path.write_bytes(MAGIC + framed(b"record") + bytes(4096))
    assert examine(path) == examine(path).__class__(records=1, damages=1)
    path.write_bytes(b"")
    assert examine(path).damages == 0


def test_a_full_spool_refuses_and_recovers_when_it_is_emptied(tmp_path):
    spool = Spool(tmp_path, 20_000)
    results = [append(spool, [b"x" * 900])[0] for _ in range(30)]
    refused = [error for error in results if error]
    assert all(isinstance(error, SpoolError) and "full" in str(error) for error in refused)
    kept = len(results) - len(refused)
    assert 15 <= kept <= 22
    assert len(payloads(spool)) == kept
    assert append(spool, [b"x" * 20_000])[0]
    drain(spool)
    assert spool.trouble is None
    assert append(spool, [b"again"]) == [None]
    finish(spool)


def test_segments_are_rotated_and_removed_one_by_one(tmp_path):
    spool = Spool(tmp_path, 40_000)  # a quarter of it is a segment
    for _ in range(15):
        append(spool, [b"x" * 2000])
    segments = spool.segments()
    assert len(segments) >= 3
    assert [segment.closed for segment in segments[:-1]] == [True] * (len(segments) - 1)
    drain(spool)
    assert spool.backlog == 0
    assert len(list(tmp_path.rglob("*.segment"))) <= 1
    finish(spool)


_LIMITED = """
import asyncio, resource, sys, time
from pathlib import Path
from mvops.serving.spool import Spool, SpoolError, _settle
spool = Spool(Path(sys.argv[1]), 1 << 20)
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
async def keep(record):
    try:
        await spool.append(record)
        return True
    except SpoolError as error:
        print("refused", error)
        return False
async def main():
    assert await keep(b"before")
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, hard))  # the next write is cut short
    for n in range(5):
        assert not await keep(b"lost" * 50)
    assert spool.trouble
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    deadline = time.monotonic() + 10
    while spool.trouble and time.monotonic() < deadline:  # recovers without a request
        await asyncio.sleep(0.05)
    assert spool.trouble is None
    assert await keep(b"after")
asyncio.run(main())
spool.close()
spool.release()
"""


def test_f2_a_disk_that_refuses_acknowledges_nothing_and_is_tried_again(tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", _LIMITED, str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, timeout=30)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("refused the disk refuses: File too large") == 5
    spool = Spool(tmp_path, MIB)
    assert payloads(spool) == [b"before", b"after"]
    assert spool.recovered.damaged == []
    finish(spool)


def test_a_folder_that_cannot_be_written_is_said_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ServingError, match="cannot write to"):
        Spool(tmp_path / "file", MIB)


def test_a_closed_spool_takes_nothing(tmp_path):
    spool = Spool(tmp_path, MIB)
    finish(spool)
    assert "stopping" in str(append(spool, [b"late"])[0])


def test_a_folder_that_vanishes_is_nobodys(tmp_path):
    (tmp_path / "gone").mkdir()
    (claimed,) = left_over(tmp_path)
    assert left_over(tmp_path) == []
    claimed.release()
    assert list(tmp_path.iterdir()) == []
