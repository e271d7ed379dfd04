"""The processes that belong to a kernel, also those that left its process group."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Collection
from pathlib import Path

MARK = "MVOPS_KERNEL"  # the environment variable that a kernel hands down to everything it starts


def marked(mark: str) -> list[int]:
    """Ids of the living processes whose environment carries `mark`, or one that goes on with `-` after it.

    Empty where there is no /proc.
    """
    wanted = f"{MARK}={mark}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            settings = (folder / "environ").read_bytes()
            if wanted in settings and any(_goes_on(each, wanted) for each in settings.split(b"\0")):
                found.append(int(folder.name))
    return [pid for pid in found if pid != os.getpid()]


def _goes_on(setting: bytes, wanted: bytes) -> bool:
    return setting == wanted or setting.startswith(wanted + b"-")


def kill_marked(mark: str, group: int | None = None, spare: Collection[int] = ()) -> None:
    """Kill the process group and every process that carries `mark`, but for those to `spare`, until none is left.

    Gives up after a second.
    """
    if group is not None:
        with contextlib.suppress(OSError):
            os.killpg(group, signal.SIGKILL)
    give_up = time.monotonic() + 1
    while (pids := [pid for pid in marked(mark) if pid not in spare]) and time.monotonic() < give_up:
        for pid in pids:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def scratch_folder(mark: str) -> Path:
    """A new private folder for sockets, whose paths must be short, named so that `remove_scratch` finds it."""
    return Path(tempfile.mkdtemp(prefix=f"mvops-{mark[:16]}-"))


def remove_scratch(mark: str) -> None:
    """Remove all scratch folders of the mark."""
    for folder in Path(tempfile.gettempdir()).glob(f"mvops-{mark[:16]}-*"):
        shutil.rmtree(folder, ignore_errors=True)


def is_alive(pid: int) -> bool:
    """Is there a process `pid` that has not ended? A process of another user counts as alive."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
