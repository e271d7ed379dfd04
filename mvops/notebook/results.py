"""What goes into a run of a promoted notebook and what comes out, as data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from mvops.core.run import StepRun
from mvops.core.version import Artifact
from mvops.errors import NotebookError, Where
from mvops.notebook.kernels import OWN, Asked

StepStatus = Literal["started", "running", "succeeded", "cached", "failed"]


class Store(Protocol):
    """What a run needs of the artefact store: content in, content out by its sha256."""

    def put_file(self, path: Path, format: str) -> Artifact:  # noqa: A002  the word of the artefact store
        """Keep a copy of the file."""
        ...

    def put_bytes(self, data: bytes, format: str) -> Artifact:  # noqa: A002
        """Keep the content; nothing is written where it is kept already."""
        ...

    def read_bytes(self, artifact: str) -> bytes:
        """The content whose sha256 this is; an ArtifactError if it is missing or damaged."""
        ...

    def has(self, sha256: str) -> bool:
        """Is this content kept?"""
        ...

    def present(self, several: Iterable[str]) -> frozenset[str]:
        """Those that are kept."""
        ...


@dataclass(frozen=True)
class PipelineJob:
    """One execution to do.

    `notebook` is the promoted notebook, `later` are those that go on after it; `root` is the project's folder.
    `inputs` maps a parameter to a file, folder or glob relative to `root`; `outputs` maps a role (model, features,
    target, train_features, times) to a variable; `timeout` is in seconds and for the whole run, `memory` in bytes and
    for each step (None: any). With `only_step`, values of earlier steps come from the cache. `yaml_key` is where the
    inputs are written, for messages. `digests` are those of inputs that are made only when the pipeline runs, so that
    they are known before. `asked` is the kernel that runs it, if not the notebook's own.
    """

    notebook: Path
    root: Path
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 3600.0
    memory: int | None = None
    use_cache: bool = True
    only_step: str | None = None
    yaml_key: str = "pipeline.inputs"
    asked: Asked = OWN
    later: tuple[Path, ...] = ()

    @property
    def notebooks(self) -> tuple[Path, ...]:
        """All of them, in their order."""
        return (self.notebook, *self.later)


@dataclass(frozen=True)
class StepProgress:
    """How far a step is: `index` of `total` steps (from 0), `cells_done` of `cells`; `record` once it has ended."""

    step: str
    index: int
    total: int
    status: StepStatus
    cells_done: int = 0
    cells: int = 0
    seconds: float = 0.0
    record: StepRun | None = None


@dataclass(frozen=True)
class Output:
    """A value that the pipeline was asked for: the variable, the step that saved it, its type as text, the file."""

    name: str
    step: str
    type: str
    artifact: Artifact


@dataclass(frozen=True)
class PipelineResult:
    """What a run made.

    `cells` is the digest of each step's code, `data` of each input, `packages` the versions of what the notebook
    imports, `parameters` every declared parameter with the value it had, `sources` the notebook and the files of the
    project that its code is made of (path below the root -> content), `interpreter` the Python that ran it if that is
    not ours.
    """

    steps: tuple[StepRun, ...]
    outputs: dict[str, Output]
    parameters: dict[str, Any]
    data: dict[str, str]
    cells: dict[str, str]
    sources: dict[str, Artifact]
    python: str
    packages: dict[str, str]
    seconds: float
    interpreter: Path | None = None


@dataclass(frozen=True)
class CellPlan:
    """A cell that a step runs: its place among all cells of the notebook (from 1) and its source."""

    number: int
    source: str


@dataclass(frozen=True)
class StepPlan:
    """What a step would do: its cells, what decides whether it runs again, and whether it would."""

    name: str
    digest: str  # of its code
    key: str  # of all that it reads
    cached: bool
    cells: tuple[CellPlan, ...]
    parameters: dict[str, Any]  # those its code reads
    inputs: dict[str, str]  # parameter -> digest
    sources: dict[str, str]  # files that its code is made of, or reads by name, below the project -> digest
    upstream: tuple[str, ...]  # steps whose values it loads
    seconds: float | None = None  # what it took when it was cached
    environment: dict[str, str] = field(default_factory=dict)  # kernel, Python and packages, where they are not ours


class StepFailedError(NotebookError):
    """A step failed; `steps` are the records of all steps up to it, `notebook` is the executed notebook on disk."""

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        where: Where | None = None,
        steps: tuple[StepRun, ...] = (),
        notebook: Path | None = None,
    ) -> None:
        super().__init__(message, hint=hint, where=where)
        self.steps = steps
        self.notebook = notebook
