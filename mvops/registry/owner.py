"""Who holds a lock, and whether that process is certainly gone."""

from __future__ import annotations

import getpass
import os
import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Owner:
    """A process, told apart from a later one with the same number. What a system does not tell is an empty string."""

    username: str
    host: str
    machine: str
    boot: str
    pid_namespace: str
    pid: int
    process_start: str


def this_process() -> Owner:
    """The process that asks."""
    return Owner(
        username=username(),
        host=socket.gethostname(),
        machine=_read("/etc/machine-id"),
        boot=boot(),
        pid_namespace=_pid_namespace(),
        pid=os.getpid(),
        process_start=_stat(os.getpid())[1],
    )


@cache
def boot() -> str:
    """Names the machine's run since it was switched on."""
    return _read("/proc/sys/kernel/random/boot_id")


@cache
def username() -> str:
    """Who runs this, as far as the system knows."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user without an entry
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"


def whoami() -> str:
    """user@host, for people."""
    return f"{username()}@{socket.gethostname()}"


def is_gone(owner: Owner) -> bool:
    """True only where it is certain: same boot and process gone, or the same machine started anew.

    Containers of one machine share its boot but not its process numbers, and may share a host name: there, and
    on other machines, nothing is certain and the lease must decide.
    """
    here = this_process()
    if not owner.boot or owner.host != here.host:
        return False
    if owner.boot != here.boot:
        return bool(here.machine) and owner.machine == here.machine
    return owner.pid_namespace == here.pid_namespace and not _alive(owner.pid, owner.process_start)


def is_alive(owner: Owner) -> bool:
    """True where the process is seen to be there, running or stopped; on other machines that is never seen."""
    here = this_process()
    same = all(getattr(owner, name) == getattr(here, name) for name in ("host", "boot", "pid_namespace"))
    return same and _alive(owner.pid, owner.process_start)


def _alive(pid: int, process_start: str) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is there, but not ours to signal
        pass
    status, start = _stat(pid)
    return status != "Z" and (not start or not process_start or start == process_start)


def _stat(pid: int) -> tuple[str, str]:
    """State letter and start time in clock ticks after boot, see proc(5); the name before may hold anything."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (fields[0], fields[19]) if len(fields) > 19 else ("", "")


def _pid_namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
