"""Which time of each job was last done: a small file, so that a restart neither repeats nor forgets one."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mvops.atomic import write_atomically
from mvops.contracts.schedulers import Job
from mvops.scheduling.occurrences import latest_time

_AHEAD = timedelta(hours=1)


class Handled:
    """The book of one project's jobs. A job that is new, or by a new schedule, counts from when it is first seen.

    A clock that is set back repeats nothing, unless it was more than an hour ahead: such a time was an error, and is
    forgotten. A file that cannot be read counts as empty.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._until: dict[str, dict[str, str]] = _read(path)

    def due(self, job: Job, timezone: str, now: datetime) -> datetime | None:
        """The latest time of the job that has come and is not done; earlier ones that were missed are not made up."""
        clock = f"{job.schedule} {timezone}"
        known = self._until.get(job.name, {})
        until = _moment(known.get("until"))
        if known.get("clock") != clock or until is None or until > now + _AHEAD:
            self._put(job.name, clock, now)
            return None
        return latest_time(job.schedule, timezone, until, now) if until < now else None

    def done(self, job: Job, timezone: str, moment: datetime) -> None:
        """The job's times up to `moment` are done."""
        self._put(job.name, f"{job.schedule} {timezone}", moment)

    def _put(self, name: str, clock: str, until: datetime) -> None:
        self._until[name] = {"clock": clock, "until": until.astimezone(UTC).isoformat()}
        write_atomically(self._path, json.dumps(self._until, indent=2, sort_keys=True).encode())


def _read(path: Path) -> dict[str, dict[str, str]]:
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {k: v for k, v in found.items() if isinstance(v, dict)} if isinstance(found, dict) else {}


def _moment(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo is not None else None
