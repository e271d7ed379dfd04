"""What a tracker is: a system of records outside mvops, such as MLflow, that is told of runs and versions.

mvops' registry stays the truth. A tracker is told what the registry knows, never asked for it, and no traffic depends
on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from pydantic import JsonValue

from mvops.core.environment import OfEnvironment
from mvops.core.frozen import Frozen
from mvops.core.run import Run
from mvops.core.version import Version


class Books(OfEnvironment):
    """Whose records are kept, and where: `options` is what the YAML says under `tracker.options`.

    `owner` names the project with the id of its registry, so that another one of the same name is told from it.
    Relative paths in the options are relative to `root`.
    """

    root: Path
    project: str
    owner: str
    options: dict[str, JsonValue]


@dataclass(frozen=True)
class RunReport:
    """A run that has ended; `files` are its executed notebooks and plots: path, such as plots/train-1.png -> bytes."""

    run: Run
    files: Mapping[str, bytes]


@dataclass(frozen=True)
class VersionReport:
    """A registered version. `requirements` are exact pins of what loading it takes.

    `estimator` loads the model, `example` a few of its held-out rows as a DataFrame; both take a while. `artifact` is
    the model's file, in the format that the version names.
    """

    version: Version
    requirements: tuple[str, ...]
    artifact: bytes
    estimator: Callable[[], Any]
    example: Callable[[], Any]


class Seen(Frozen):
    """What the tracker holds of a model; None for what cannot be seen there, such as offline.

    `versions` maps mvops' version numbers to the sha256 of their artefact, `aliases` champion and challenger to mvops'
    version numbers, or to a text that names whatever else they stand on.
    """

    owner: str | None = None
    versions: dict[int, str] | None = None
    aliases: dict[str, int | str] | None = None


@dataclass(frozen=True)
class Fetched:
    """A model of somebody's, brought from a tracker's registry: `reference` names the very version, `run` made it.

    `flavors` says what kinds of model it is; where one is scikit-learn's, `file` is it and `format` how it was written:
    skops, or a pickle of some sort. `columns` are those that its signature asks for, `release` that of
    scikit-learn that it was made with; empty and None where that is not on record.
    """

    reference: str
    run: str
    flavors: tuple[str, ...]
    file: Path | None = None
    format: str = ""
    columns: tuple[str, ...] = ()
    release: str | None = None


class ModelSource(Protocol):
    """A tracker that models can be taken from."""

    def fetch(self, books: Books, model: str, version: str | None, folder: Path) -> Fetched:
        """Bring a version by number or alias, else the newest, into `folder`; nothing of it is loaded.

        Raises BackendError where there is none.
        """
        ...


class Tracker(Protocol):
    """A backend of the family `trackers`: a class that is made without arguments.

    Every method may raise MissingExtraError, SpecError for options that do not fit, and BackendError when the system
    does not answer (within seconds) or refuses; what is logged twice is there once.
    """

    external: bool  # a system of its own, kept in step as a resource of the plan

    def look(self, books: Books, model: str) -> Seen | None:
        """What is there of `model`; None for nothing. Changes nothing."""
        ...

    def log_run(self, books: Books, report: RunReport) -> None:
        """Keep the run under its mvops id."""
        ...

    def log_version(self, books: Books, report: VersionReport) -> None:
        """Keep the version under its mvops number; its run was logged before."""
        ...

    def set_aliases(self, books: Books, model: str, aliases: Mapping[str, int]) -> None:
        """Point champion and challenger at these versions; one that is not in `aliases` is taken away."""
        ...
