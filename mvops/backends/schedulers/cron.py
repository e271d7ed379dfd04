"""Schedules as a crontab: a file to install with `crontab`, nothing runs by itself until then."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mvops.contracts.schedulers import Job, Timetable
from mvops.core.counts import counted
from mvops.core.environment import option, wording
from mvops.rendering import render_folder
from mvops.scheduling.started import BY_CLOCK

_SECONDS = 10
_BY_CLOCK = f"{BY_CLOCK}=1"


class Cron:
    """Generates `deploy/schedules/<name>/crontab`.

    A line calls the command itself. Where a job is more than one command, or is to be tried again or ended in time,
    which cron does not know, the line calls `mvops schedule run --job`, which does. Each says that it is the clock's.
    """

    shows_parts = False
    empty_machines = False
    program = "crontab"

    def folder(self, name: str) -> str:
        """One folder for each timetable."""
        return f"deploy/schedules/{name}"

    def files(self, timetable: Timetable) -> Mapping[str, str]:
        """One crontab with a line for each job."""
        jobs = [
            {
                "schedule": job.schedule,
                "description": job.description,
                "arguments": shlex.join(_arguments(job, timetable)),
            }
            for job in timetable.jobs
        ]
        told = {"timetable": timetable, "jobs": jobs, "by_clock": _BY_CLOCK}
        return render_folder("schedulers/cron", wording(timetable.environment) | told)

    def limits(self, timetable: Timetable) -> Iterator[str]:
        """The time zone is the machine's."""
        if timetable.timezone != "UTC":
            zone = timetable.timezone
            yield f"runs by the machine's clock; set it: timedatectl set-timezone {zone}, or TZ={zone} for cron itself"

    def to_install(self, root: Path, files: Sequence[str]) -> str:
        """Looks into the crontab of whoever asks, by `crontab -l`."""
        there = _installed()
        for file in files:
            wanted = [_ends(line, root) for line in _lines((root / file).read_text(encoding="utf-8"))]
            if all(any(line.startswith(b) and line.endswith(e) for line in there) for b, e in wanted):
                continue
            replaced = f'sed "s|@PROJECT@|$PWD|; s|@MVOPS@|$(command -v mvops)|" {shlex.quote(file)}'
            others = "crontab -l 2>/dev/null"
            named = f'cd "{root}"'
            old = any(named in line and any(end in line for _, end in wanted) for line in there)
            first = "take its old lines out with crontab -e, then " if old else ""
            return f"{first}cd {shlex.quote(str(root))} && ({others}; {replaced}) | crontab -"
        return ""

    def to_set(self, names: Sequence[str]) -> str:
        """Lines of the crontab may set variables for those below them; what it sets already is left out."""
        there = {line.partition("=")[0].strip() for line in _installed()}
        lacking = [name for name in names if name not in there]
        if not lacking:
            return ""
        how = f"cron does not have your environment: set {', '.join(lacking)} above these lines of the crontab"
        kept = "; PostgreSQL's password may be in ~/.pgpass instead" if "PGPASSWORD" in lacking else ""
        return f"{how} (crontab -e, then {lacking[0]}=...){kept}"

    def left_over(self, root: Path, files: Sequence[str], hidden: str) -> Sequence[str]:
        """Lines that were installed once; a line whose command is still wanted is told of by `to_install`."""
        wanted = [_ends(line, root)[1] for file in files for line in _lines((root / file).read_text(encoding="utf-8"))]
        ours = (line for line in _installed() if f'cd "{root}" && "' in line.replace(f"{_BY_CLOCK} ", ""))
        mine = [line for line in ours if line.endswith(f" >> {hidden}/schedule.log 2>&1")]
        return [line for line in mine if not any(line.endswith(end) for end in wanted)]

    def to_remove(self, left: Sequence[str]) -> tuple[str, str]:
        """They go as they came, by hand."""
        return f"your crontab still has {counted(len(left), 'line')} that no applied schedule asks for", "crontab -e"


def _installed() -> list[str]:
    try:
        done = subprocess.run(
            ["crontab", "-l"],  # noqa: S607 -- the one of the machine
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            env=os.environ | {"LC_ALL": "C"},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return _lines(done.stdout)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def _ends(line: str, root: Path) -> tuple[str, str]:
    """How the line begins and ends once it is installed; between them is the path of mvops, which may be any."""
    begin, _, end = line.partition("@MVOPS@")
    return begin.replace("@PROJECT@", str(root)), end


def _arguments(job: Job, timetable: Timetable) -> tuple[str, ...]:
    plain = len(job.commands) == 1 and not timetable.retries and timetable.timeout is None
    if plain:
        return job.commands[0].arguments
    return ("schedule", "run", "--job", job.name, *option(timetable.environment))
