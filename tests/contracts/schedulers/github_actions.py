"""Workflows are read as YAML, jobs in the order of their `needs`; actionlint and bash are in tests/backends."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest
import yaml


def set_up(_folder: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    yield lambda files: [_job(text, request.module.Found) for text in files.values()]


def _job(text: str, found: Any) -> Any:
    workflow = yaml.load(text, Loader=yaml.BaseLoader)
    jobs: Mapping[str, Any] = workflow["jobs"]
    order = list(TopologicalSorter({name: job.get("needs", []) for name, job in jobs.items()}).static_order())
    lines = {name: [_words(step) for step in jobs[name]["steps"] if "mvops " in step.get("run", "")] for name in order}
    lines = {name: [words for words in said if words] for name, said in lines.items()}
    after: dict[tuple[str, ...], frozenset[tuple[str, ...]]] = {}
    for name in order:
        before = frozenset(words for needed in jobs[name].get("needs", []) for words in lines[needed])
        for place, words in enumerate(lines[name]):
            after[words] = before | frozenset(lines[name][:place])
    (timer,) = workflow["on"]["schedule"]
    minutes = {step["timeout-minutes"] for job in jobs.values() for step in job["steps"] if "timeout-minutes" in step}
    return found(
        schedule=timer["cron"],
        commands=tuple(words for name in order for words in lines[name]),
        after=after,
        timezone="UTC",
        timeout=60.0 * int(minutes.pop()) if minutes else None,
    )


def _words(step: Mapping[str, str]) -> tuple[str, ...]:
    line = next(line for line in step["run"].splitlines() if not line.lstrip().startswith("#"))
    words = shlex.split(line.partition(" || ")[0])
    return tuple(words[1:]) if words[0] == "mvops" else ()
