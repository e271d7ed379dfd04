"""The scheduler's loop: looks at the clock, starts what is due, and notes what became of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from mvops.contracts.schedulers import Job, Timetable
from mvops.scheduling.handled import Handled
from mvops.scheduling.job_run import JobRun, Workshop
from mvops.scheduling.occurrences import next_time

_NAP = 15.0  # seconds, at most: the clock may be set while we sleep, and the machine may have slept
_SHORT = 0.1


class Clock(Protocol):
    """The time of day, and sleeping."""

    def now(self) -> datetime: ...
    def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True)
class News:
    """A job's run that began (`run.result` does not count yet) or has ended."""

    run: JobRun
    due: datetime
    ended: bool


@dataclass
class _Going:
    run: JobRun
    due: datetime
    thread: threading.Thread


@dataclass
class Loop:
    """Runs what `timetables` says, which is asked again at every look. `tell` hears of every run, in this thread.

    One run of a job at a time: a time that comes while the job still runs is done when it has ended, once.
    """

    timetables: Callable[[], Sequence[Timetable]]
    shop: Workshop
    handled: Handled
    clock: Clock
    tell: Callable[[News], None]
    going: dict[str, _Going] = field(default_factory=dict)

    def run(self, *, once: bool = False, until: datetime | None = None) -> None:
        """Go on until interrupted, or until the moment `until`; `once` runs what is due now and ends.

        At the end what runs is waited for; when interrupted, it is ended, and done again by the next loop.
        """
        try:
            while True:
                now = self.clock.now()
                over = until is not None and now >= until
                if not over:
                    self._start_due(now)
                if once or over:
                    break
                self._collect()
                self.clock.sleep(self._nap(now, until))
            while self.going:
                self._collect()
                self.clock.sleep(_SHORT)
        finally:
            self._stop()

    def _start_due(self, now: datetime) -> None:
        for timetable in self.timetables():
            for job in timetable.jobs:
                due = self.handled.due(job, timetable.timezone, now) if job.name not in self.going else None
                if due is not None:
                    self._start(timetable, job, due)

    def _start(self, timetable: Timetable, job: Job, due: datetime) -> None:
        run = JobRun(timetable, job, self.shop)
        thread = threading.Thread(target=run.work, name=job.name)
        self.going[job.name] = _Going(run, due, thread)
        self.tell(News(run, due, ended=False))
        thread.start()

    def _collect(self) -> None:
        for name, one in list(self.going.items()):
            if not one.thread.is_alive():
                del self.going[name]
                if one.run.result != "interrupted":
                    self.handled.done(one.run.job, one.run.timetable.timezone, one.due)
                self.tell(News(one.run, one.due, ended=True))

    def _nap(self, now: datetime, until: datetime | None) -> float:
        """Until something can be due, but not for long."""
        ends = [until] if until is not None else []
        for timetable in self.timetables():
            ends += [next_time(job.schedule, timetable.timezone, now) for job in timetable.jobs]
        seconds = [(end - now).total_seconds() for end in ends]
        return max(_SHORT, min([_NAP if not self.going else 1.0, *seconds]))

    def _stop(self) -> None:
        """End what still runs."""
        for one in self.going.values():
            one.run.stop.set()
        for one in self.going.values():
            one.thread.join()
        self._collect()


class SystemClock:
    """The machine's."""

    def now(self) -> datetime:
        """With the machine's time zone."""
        return datetime.now().astimezone()

    def sleep(self, seconds: float) -> None:
        """Wake early when interrupted."""
        time.sleep(seconds)
