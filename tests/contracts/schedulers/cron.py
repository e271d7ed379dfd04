"""A crontab is read as cron reads it: five fields, then what the shell gets."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest


def set_up(_folder: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    def read(files: Mapping[str, str]) -> list[Any]:
        (text,) = files.values()
        lines = [line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")]
        return [_job(line, request.module.Found) for line in lines]

    yield read


def _job(line: str, found: Any) -> Any:
    *fields, command = line.split(" ", 5)
    words = shlex.split(command.replace("\\%", "%"))
    assert words[:5] == ["cd", "@PROJECT@", "&&", "MVOPS_BY_CLOCK=1", "@MVOPS@"]
    assert words[-3:] == [">>", ".mvops/schedule.log", "2>&1"]
    return found(schedule=" ".join(fields), commands=(tuple(words[5:-3]),))
