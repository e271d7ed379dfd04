"""A database that is opened again in a process does not lose the locks that SQLite holds on it there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mvops.registry.predictions import PredictionLog


def locks_of(file: Path) -> int:
    """How many locks this process holds on the file."""
    told = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    mine = [line for line in told if str(os.getpid()) in line]
    return sum(part.endswith(f":{file.stat().st_ino}") for line in mine for part in line)


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="needs /proc/locks")
def test_a_second_opening_leaves_the_locks_of_the_first(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/predictions.db"
    with PredictionLog.open(url, tmp_path) as log:
        assert log.count("toy") == 0
        before = locks_of(tmp_path / "predictions.db")
        assert before > 0
        with PredictionLog.open(url, tmp_path) as other:
            assert other.count("toy") == 0
        assert log.count("toy") == 0
        assert locks_of(tmp_path / "predictions.db") == before
        assert (tmp_path / "predictions.db-wal").exists()
