"""Running a job: its commands in order, each tried again when it fails and ended when it takes too long."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal

from mvops.contracts.schedulers import Command, Job, Timetable
from mvops.scheduling.started import BY_CLOCK

Result = Literal["done", "refused", "failed", "interrupted", "skipped"]

GATE_SAID_NO = 4  # the exit code of a command whose answer is no
_LOOK = 0.05  # seconds between two looks at a command
_GRACE = 20.0  # seconds that a command has to end when it is asked to


@dataclass(frozen=True)
class Workshop:
    """Where commands run: how mvops is started, the project's folder, the file that what they say is added to.

    Locks are beside the file. `by_clock`: it is the clock that has them run, which they are told.
    """

    mvops: tuple[str, ...]
    root: Path
    log: Path
    by_clock: bool = False


@dataclass
class JobRun:
    """One run of a job. `stop` may be set from another thread: what runs is ended, nothing more is started.

    `said` is what each command printed, the last time that it was tried. `tell` hears of what is to be tried again.
    """

    timetable: Timetable
    job: Job
    shop: Workshop
    tell: Callable[[str], None] = lambda _: None
    stop: threading.Event = field(default_factory=threading.Event)
    result: Result = "done"
    sentence: str = ""
    said: dict[str, str] = field(default_factory=dict)

    def work(self) -> None:
        """Run all commands; leaves `result` and `sentence`. One run of a job at a time, whoever starts it."""
        with alone(self.shop.log.parent / "schedule" / f"{self.job.name}.lock") as mine:
            if mine:
                self._all()
            else:
                self.result, self.sentence = "skipped", "left out, as it still runs"

    def _all(self) -> None:
        began = time.monotonic()
        ended: dict[str, str] = {}
        for command in self.job.commands:
            missing = [name for name in command.after if ended.get(name, "") not in {"done", "refused"}]
            if self.stop.is_set():
                ended[command.name] = "interrupted"
            elif missing:
                ended[command.name] = f"not run, as {' and '.join(missing)} did not end well"
            else:
                ended[command.name] = self._tried(command)
        self.result = _joint(ended.values())
        seconds = round(time.monotonic() - began)
        told = [f"{name} {outcome}" for name, outcome in ended.items() if outcome != "done"]
        self.sentence = f"{self.result} in {seconds} s" + (f": {'; '.join(told)}" if told else "")

    def _tried(self, command: Command) -> str:
        """`done`, `refused`, `interrupted`, or how it failed."""
        outcome = ""
        for number in range(self.timetable.retries + 1):
            if number:
                tries = f"tried {number} of {self.timetable.retries + 1} times"
                self.tell(f"{command.name}: {outcome}; {tries}, again in {self.timetable.retry_delay:g} s")
                if self.stop.wait(self.timetable.retry_delay):
                    return "interrupted"
            outcome = self._run(command)
            if outcome in {"done", "refused", "interrupted"}:
                return outcome
        tries = f" {self.timetable.retries + 1} times" if self.timetable.retries else ""
        return f"failed{tries}: {outcome}, see {self.shop.log.relative_to(self.shop.root)}"

    def _run(self, command: Command) -> str:
        with self.shop.log.open("ab") as log:
            log.write(f"--- {time.strftime('%Y-%m-%d %H:%M:%S')} mvops {' '.join(command.arguments)}\n".encode())
            log.flush()
            begin = log.tell()
            try:
                process = _started([*self.shop.mvops, *command.arguments], self.shop, log)
            except OSError as error:
                return f"it cannot be started ({error.strerror})"
            try:
                code = self._watched(process)
            finally:
                _end(process)
                self.said[command.name] = _from(self.shop.log, begin)
        if code is None:
            return "interrupted" if self.stop.is_set() else f"it took more than {self.timetable.timeout:g} s"
        return {0: "done", GATE_SAID_NO: "refused"}.get(code, f"exit code {code}")

    def _watched(self, process: subprocess.Popen[bytes]) -> int | None:
        """The exit code; None when it is to be ended."""
        limit = None if self.timetable.timeout is None else time.monotonic() + self.timetable.timeout
        while process.poll() is None:
            if self.stop.wait(_LOOK) or (limit is not None and time.monotonic() > limit):
                return None
        return process.returncode


def _from(log: Path, begin: int) -> str:
    """What was written since."""
    with log.open("rb") as file:
        file.seek(begin)
        return file.read().decode(errors="replace")


@contextmanager
def alone(path: Path) -> Iterator[bool]:
    """Hold the lock `path` while the block runs; False if another process holds it. It ends with the process."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(lock)


def _started(command: Sequence[str], shop: Workshop, log: IO[bytes]) -> subprocess.Popen[bytes]:
    """In a session of its own, so that all that it starts can be ended with it."""
    return subprocess.Popen(  # noqa: S603 -- our own program
        command,
        cwd=shop.root,
        env=os.environ | {BY_CLOCK: str(int(shop.by_clock))},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, then make it; also what it has left behind."""
    if process.poll() is None:
        _signal(process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
    _signal(process, signal.SIGKILL)
    process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _joint(outcomes: Iterable[str]) -> Result:
    """The worst of them."""
    found = set(outcomes)
    if "interrupted" in found:
        return "interrupted"
    if found - {"done", "refused"}:
        return "failed"
    return "refused" if "refused" in found else "done"
