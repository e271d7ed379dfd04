"""Who works in a run's folder, so that what a killed run left behind is cleared by the next one."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from mvops.notebook.processes import is_alive, kill_marked, remove_scratch

_LEASE = "owner.json"


def hold(folder: Path, mark: str) -> None:
    """Make the run's folder, and note that this process works there with kernels of this mark."""
    folder.mkdir(parents=True)
    lease = {"pid": os.getpid(), "started": _started(os.getpid()), "mark": mark}
    (folder / _LEASE).write_text(json.dumps(lease), encoding="utf-8")


def is_held(folder: Path, mark: str) -> bool:
    """Is the run of this mark still wanted, as far as can be seen from here?"""
    try:
        return bool(json.loads((folder / _LEASE).read_text(encoding="utf-8"))["mark"] == mark)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def release(folder: Path) -> None:
    """The run is over: whoever still works for it stops soon, wherever that is."""
    (folder / _LEASE).unlink(missing_ok=True)


def sweep(work_dir: Path) -> None:
    """Kill the kernels and remove the folders of runs whose process is gone."""
    for folder in work_dir.glob("run-*"):
        try:
            lease = json.loads((folder / _LEASE).read_text(encoding="utf-8"))
            pid, started, mark = int(lease["pid"]), lease["started"], str(lease["mark"])
        except (OSError, ValueError, KeyError, TypeError):
            continue  # just being made, or not ours
        if is_alive(pid) and _started(pid) == started:
            continue
        kill_marked(mark)
        remove_scratch(mark)
        shutil.rmtree(folder, ignore_errors=True)


def _started(pid: int) -> str:
    """When the process started, in ticks since boot: a number is given out again, the pair is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
