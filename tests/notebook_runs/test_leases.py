from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from mvops.notebook import processes
from mvops.notebook.leases import hold, sweep


def test_what_a_killed_run_left_is_cleared(tmp_path: Path) -> None:  # N4
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    hold(tmp_path / "run-dead", "left-behind")
    lease = tmp_path / "run-dead/owner.json"
    lease.write_text(json.dumps({**json.loads(lease.read_text()), "pid": dead.pid}))
    child = subprocess.Popen(["sleep", "600"], env={**os.environ, processes.MARK: "left-behind"})
    scratch = processes.scratch_folder("left-behind")
    sweep(tmp_path)
    assert child.wait(5) == -9
    assert not scratch.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_number_given_out_again_is_not_the_owner(tmp_path: Path) -> None:
    hold(tmp_path / "run-old", "mark")
    lease = tmp_path / "run-old/owner.json"
    lease.write_text(json.dumps({**json.loads(lease.read_text()), "started": "1"}))
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_living_run_and_other_folders_stay(tmp_path: Path) -> None:
    hold(tmp_path / "run-mine", "mark")
    for name, content in {"run-odd": "[]", "run-new": None}.items():
        (tmp_path / name).mkdir()
        if content is not None:
            (tmp_path / name / "owner.json").write_text(content)
    sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"run-mine", "run-odd", "run-new"}
    assert processes.is_alive(os.getpid())
    assert processes.is_alive(1)
