"""A registered model version: everything needed to serve it, judge it and make it again."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from mvops.core.frozen import Frozen
from mvops.core.lookup import Lookup
from mvops.core.signature import Signature


class Artifact(Frozen):
    """A file in the artefact store. `sha256` is its address; `format` says how to load it (skops, parquet, json...)."""

    sha256: str
    format: str
    size: int  # bytes


class CodeState(Frozen):
    """Where the code came from: Git commit (None outside Git), dirty or not, digest of each step's cells.

    `later` are the notebooks that go on after `notebook`, where a pipeline is of several.
    """

    commit: str | None
    dirty: bool
    notebook: str
    cells: dict[str, str]
    later: tuple[str, ...] = ()

    @property
    def notebooks(self) -> tuple[str, ...]:
        """All of them, in their order."""
        return (self.notebook, *self.later)


Releases = Literal["refuse", "warn"]  # what becomes of a version that was made with other packages than there are
TOLERANCE = 1e-6  # how far an ONNX graph's probabilities may be from the estimator's
OWN = "mvops"  # see `Environment.interpreter`


class Environment(Frozen):
    """The Python that trained the version, with the exact release of every package that the model needs.

    `interpreter` is where that Python is, relative to the project or not, if the model can be loaded in no other; it is
    OWN for a model with code of the notebook's own, which mvops' own Python loads in a process apart.
    `requirements` is a file of the team's that pins what an endpoint installs, `pinned` what it says.
    """

    python: str
    platform: str
    packages: dict[str, str]
    interpreter: str = ""
    requirements: Artifact | None = None
    pinned: dict[str, str] = Field(default_factory=dict)


class Engine(Frozen):
    """Whether an endpoint may answer by an ONNX `graph` in place of the estimator; None, and the `reason`, if not.

    `difference` is the largest that was found between what the two say of `rows` rows, held-out and hostile ones.
    """

    graph: Artifact | None = None
    reason: str = ""
    difference: float = 0.0
    rows: int = 0


class DataRevision(Frozen):
    """Where the content of an input is kept: a data versioner, its own name for the content, how many files.

    `manifest` lists the files and what the backend needs to bring them back.
    """

    backend: str
    id: str
    files: int
    manifest: Artifact


class Recipe(Frozen):
    """How a version was made, so that it can be made again whatever the YAML and the notebook say by then.

    `inputs` maps each input to its pattern, `outputs` each role to a variable; `sources` are the promoted notebook and
    what it imports from beside it (path below the project -> content); `packages` what the code imports; `kernel` or
    `python` what the YAML said to run it in.
    """

    inputs: dict[str, str]
    parameters: dict[str, Any]
    outputs: dict[str, str]
    task: Literal["classification", "regression"]
    metrics: tuple[str, ...]
    sources: dict[str, Artifact]
    packages: dict[str, str]
    kernel: str | None = None
    python: str | None = None


class Draft(Frozen):
    """A version before the registry numbers it. Metrics are those on the held-out rows of its own run."""

    model: str
    created: datetime  # aware, UTC
    reason: str
    run: str
    artifact: Artifact
    signature: Signature
    baseline: Artifact | None
    held_out: Artifact | None  # features and target of the held-out rows, parquet
    learnt_from: Artifact | None = None  # digests of the rows that it was fitted on, see mvops/lifecycle/learnt.py
    data: dict[str, str]  # input -> digest
    code: CodeState
    environment: Environment
    parameters: dict[str, Any]
    metrics: dict[str, float]
    fingerprint: str  # of all that decides what is trained; equal fingerprints mean equal training
    revisions: dict[str, DataRevision] = Field(default_factory=dict)  # of the inputs whose content is kept
    recipe: Recipe | None = None  # None for versions that were registered before there was one
    lookup: Lookup | None = None  # what the endpoint looks up in the feature store
    engine: Engine | None = None  # None for versions that were registered before there was one
    seal: str = ""  # of the artefact, where it runs code when it is loaded; see mvops/artifacts/seals.py


class Version(Draft):
    """Immutable once registered. Numbers count from 1 for each model."""

    number: int
