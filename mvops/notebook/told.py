"""What a notebook's steps are, remembered from one plan to the next: reading its code takes longer than all else.

It is good for as long as nothing that it was made of has changed: the notebook, the job, the data, and what the code
meets where it runs, which is looked at each time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from mvops.core.canonical import digest
from mvops.notebook.digests import file_sha256
from mvops.notebook.kernels import choose_kernel, environment
from mvops.notebook.reading import local_sources
from mvops.notebook.results import CellPlan, PipelineJob
from mvops.witness import is_file, is_folder


class Memory(Protocol):
    """Values of JSON that earlier plans worked out, by the digest of what they were made of."""

    def recall(self, key: str) -> Any:
        """None for what is not known."""
        ...

    def keep(self, key: str, value: Any) -> None:
        """For the next plan."""
        ...


@dataclass(frozen=True)
class Surroundings:
    """What the code meets: `folder` is where it runs, `roots` what it imports, `names` files that it reads by name.

    `metadata` is the notebook's, as far as it says which kernel runs it.
    """

    metadata: dict[str, Any]
    folder: str
    roots: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class ToldStep:
    """A step as a plan tells it, and the `names` of the values that it leaves."""

    name: str
    digest: str
    key: str
    cells: tuple[CellPlan, ...]
    parameters: dict[str, Any]
    inputs: dict[str, str]
    sources: dict[str, str]
    upstream: tuple[str, ...]
    names: tuple[str, ...]
    environment: dict[str, str]


def key_of(job: PipelineJob, data: Mapping[str, str]) -> str:
    """Names the notebooks' text, the job and its data."""
    kernel = [job.asked.kernel, str(job.asked.python or "")]
    asked = [dict(job.parameters), dict(job.inputs), dict(job.outputs), dict(data), kernel]
    books = [[relative(notebook, job.root), file_sha256(notebook)] for notebook in job.notebooks]
    return digest(["steps", books, asked])


def remember(
    memory: Memory, key: str, job: PipelineJob, around: Sequence[Surroundings], steps: Iterable[ToldStep]
) -> None:
    """Keep the steps, if JSON can hold them; `around` is for each notebook."""
    met = [_met(job, each) for each in around]
    told = [asdict(step) for step in steps]
    if all(_is_json(step["parameters"]) for step in told):
        memory.keep(key, {"around": [asdict(each) for each in around], "met": met, "steps": told})


def recalled(memory: Memory, key: str, job: PipelineJob) -> list[ToldStep] | None:
    """The steps, if they are known and the code meets what it met then."""
    kept = memory.recall(key)
    try:
        around = [Surroundings(**{name: _tuple(value) for name, value in each.items()}) for each in kept["around"]]
        if not all(is_folder(job.root / each.folder) for each in around):
            return None
        if [_met(job, each) for each in around] != kept["met"]:
            return None
        return [_step(step) for step in kept["steps"]]
    except (AttributeError, KeyError, TypeError):  # not there, or somebody wrote into the cache
        return None


def _step(kept: Mapping[str, Any]) -> ToldStep:
    cells = tuple(CellPlan(**cell) for cell in kept["cells"])
    lists = {name: tuple(kept[name]) for name in ("upstream", "names")}
    return ToldStep(**{**kept, **lists, "cells": cells})


def _met(job: PipelineJob, around: Surroundings) -> str:
    folder = job.root / around.folder
    kernel = choose_kernel(around.metadata, job.notebook, job.asked)
    python, packages = environment(kernel, frozenset(around.roots))
    files = {name: file_sha256(folder / name) for name in around.names if is_file(folder / name)}
    return digest([python, packages, kernel.setup, local_sources(around.roots, folder, job.root), files])


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _is_json(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_json(each) for key, each in value.items())
    if isinstance(value, list):
        return all(map(_is_json, value))
    if isinstance(value, float):
        return value - value == 0  # finite
    return value is None or isinstance(value, (str, bool, int))


def relative(path: Path, root: Path) -> str:
    """A path below `root`, or the whole of it."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
