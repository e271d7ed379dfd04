"""Whole processes, measured in turns: what else the machine does meets all of them alike."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import NamedTuple


class Figure(NamedTuple):
    """Medians: seconds of wall time and of CPU time, and the most memory in MB (1024 * 1024 bytes)."""

    seconds: float
    cpu: float
    megabytes: float


@dataclass(frozen=True)
class Program:
    """A command line, and the exit code that says that it did what is measured."""

    command: Sequence[str | Path]
    folder: Path
    code: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """A line of a table; `kept` is None where there is no bar."""

    cells: Sequence[str]
    bar: str = ""
    kept: bool | None = None


@dataclass(frozen=True)
class Table:
    """A section of docs/benchmarks.md. `rows` are compared with their bars, `notes` are sentences below them."""

    title: str
    about: str
    heads: Sequence[str]
    rows: Sequence[Row]
    notes: Sequence[str] = ()
    versions: Mapping[str, str] = field(default_factory=dict)


def in_turns(programs: Mapping[str, Program], rounds: int, warm_ups: int = 1) -> dict[str, Figure]:
    """Run each once or more often to warm up, then all of them in turns."""
    for program in programs.values():
        for _ in range(warm_ups):
            _run(program)
    found: dict[str, list[Figure]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, program in programs.items():
            found[name].append(_run(program))
    return {name: Figure(*(median(column) for column in zip(*runs, strict=True))) for name, runs in found.items()}


def _run(program: Program) -> Figure:
    started = time.perf_counter()
    process = subprocess.Popen(
        [str(word) for word in program.command],
        cwd=program.folder,
        env={**os.environ, **program.environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode != program.code:
        raise RuntimeError(f"{program.command} ended with {process.returncode}: {said.decode()}")
    return Figure(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
