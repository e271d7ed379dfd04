"""A crontab: the user's own, or a file."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from mvops.errors import BackendError, UsageError
from mvops.sources.command_lines import runs_of
from mvops.sources.schedules import Entry, scheduled
from mvops.sources.source import Asked, Taken, file_of, printable, shown, text_of
from mvops.workspace import Workspace

_OWN = "crontab:"
_FIELD = r"[0-9A-Za-z*/,?#~-]+"
_LINE = re.compile(rf"\s*(?P<schedule>@[A-Za-z]+|{_FIELD}(?:\s+{_FIELD}){{4}})\s+(?P<command>\S.*)")
_SETTING = re.compile(r"\s*(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<value>.*?)\s*")
_SYSTEM = re.compile(r"/etc/(crontab|cron\.d/[^/]+)")  # their lines name a user
_SECONDS = 10
_ZONEINFO = "/zoneinfo/"


class CrontabSource:
    """It is read with `crontab -l`, or from the file; only its owner changes it."""

    looks_like = "crontab: (your own), or the path of a crontab file"

    def recognises(self, asked: Asked, workspace: Workspace) -> bool:
        """By its first word, or a line in the file that is one of a crontab."""
        if asked.source.startswith(_OWN):
            return True
        path = file_of(asked, workspace)
        if path is None or path.suffix not in {"", ".cron", ".crontab", ".txt"}:
            return False
        return any(_LINE.fullmatch(line) for line in (text_of(path) or "").splitlines() if not line.startswith("#"))

    def take(self, asked: Asked, workspace: Workspace) -> Taken:
        """Find the entry that trains the model."""
        if asked.source == _OWN:
            return scheduled(list(_entries(_own(), "your crontab", zone=_here())), asked, workspace, "your crontab")
        path = Path(asked.source.removeprefix(_OWN))
        text = text_of(path) if path.is_file() else text_of(workspace.root / path)
        if text is None:
            raise UsageError(f"there is no crontab {path}", hint="Your own is `crontab:`")
        name = shown(path.absolute(), workspace)
        system = bool(_SYSTEM.fullmatch(str(path.absolute())))
        return scheduled(list(_entries(text, name, system=system)), asked, workspace, name)


def _own() -> str:
    try:
        done = subprocess.run(
            ["crontab", "-l"],  # noqa: S607 -- the one of the machine
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            env=os.environ | {"LC_ALL": "C"},
            check=False,
        )
    except FileNotFoundError:
        raise BackendError(
            "there is no cron on this machine", hint="Name a crontab file instead of `crontab:`"
        ) from None
    except subprocess.TimeoutExpired:
        raise BackendError(f"`crontab -l` did not answer within {_SECONDS} seconds") from None
    if done.returncode:
        raise UsageError(f"`crontab -l` says: {done.stderr.strip()}", hint="Name a crontab file instead of `crontab:`")
    return done.stdout


def _entries(text: str, name: str, *, system: bool = False, zone: str | None = None) -> Iterator[Entry]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith("#"):
            continue
        if setting := _SETTING.fullmatch(line):
            zone = setting["value"].strip("'\"") if setting["name"] == "CRON_TZ" else zone
            continue
        found = _LINE.fullmatch(line)
        if found is None:
            continue
        written = found["command"].split(maxsplit=1)[-1] if system else found["command"]
        command = re.split(r"(?<!\\)%", written)[0].replace("\\%", "%").strip()  # what follows is standard input
        where = f"line {number} of {name}"
        edit = "crontab -e" if name == "your crontab" else f"in {name}"
        yield Entry(
            schedule=" ".join(found["schedule"].split()),
            what=printable(command),
            runs=tuple(runs_of(command)),
            where=where,
            away=f"once the new schedule is in place, take the old one away ({edit}): line {number}: {printable(line)}",
            timezone=zone,
        )


def _here() -> str | None:
    """This machine's time zone, by which cron runs; None where it does not say its name."""
    if zone := os.environ.get("TZ", "").removeprefix(":"):
        return zone if "/" in zone or zone == "UTC" else None
    link = os.path.realpath("/etc/localtime")
    return link.partition(_ZONEINFO)[2] or None
