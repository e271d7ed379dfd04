"""A timetable is read as `mvops schedule run` reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from mvops.contracts.schedulers import Job, Timetable


def set_up(_folder: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    def read(files: Mapping[str, str]) -> list[Any]:
        (text,) = files.values()
        table = Timetable.model_validate(yaml.safe_load(text))
        return [
            request.module.Found(
                schedule=job.schedule,
                commands=tuple(command.arguments for command in job.commands),
                after=_after(job),
                timezone=table.timezone,
                retries=table.retries,
                timeout=table.timeout,
            )
            for job in table.jobs
        ]

    yield read


def _after(job: Job) -> dict[tuple[str, ...], frozenset[tuple[str, ...]]]:
    named = {command.name: command.arguments for command in job.commands}
    return {command.arguments: frozenset(named[name] for name in command.after) for command in job.commands}
