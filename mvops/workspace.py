"""A project on disk, opened: its spec, registry, artefact store and folders."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mvops.artifacts.store import ArtifactStore
from mvops.contracts.data_versioners import DataVersioner, Place
from mvops.contracts.trackers import Books
from mvops.core.clash import PortClash
from mvops.core.config.data import Data
from mvops.core.config.model import Model
from mvops.core.config.moves import ends
from mvops.core.config.project import Project
from mvops.core.environment import hidden_folder, in_environment
from mvops.core.nearest import did_you_mean
from mvops.errors import BackendError, UsageError, why_not
from mvops.registry.database import Registry, open_registry
from mvops.registry.glance import renamed_to
from mvops.registry.state import SqlState

if TYPE_CHECKING:
    from mvops.registry.predictions import PredictionLog


@dataclass(frozen=True)
class Workspace:
    """Everything that knows a project by its folder; made by `open_workspace`.

    `backend` gives the backend of a family by its name: whoever opens the project says where from.
    `overrides` are those of the command line that the spec was read with; `remarks` are sentences for people about
    what could not be done beside what was asked for. `stand_ins` are files that stand in for those of the project
    (by path below the root) while a plan looks at what they would be.
    `clashes` are the ports of this environment that somebody else has too.
    """

    root: Path
    project: Project
    registry: Registry
    store: ArtifactStore
    backend: Callable[[str, str], Any]
    overrides: tuple[str, ...] = ()
    remarks: list[str] = field(default_factory=list)
    stand_ins: Mapping[str, Path] = field(default_factory=dict)
    clashes: tuple[PortClash, ...] = ()

    @property
    def hidden(self) -> Path:
        """The folder of state, never committed to Git."""
        return self.root / hidden_folder(self.project.environment)

    @property
    def cache(self) -> Path:
        """What may be deleted at any time."""
        return self.hidden / "cache"

    @property
    def work(self) -> Path:
        """Where pipeline steps leave files while they run, and executed notebooks afterwards."""
        return self.hidden / "runs"

    def serving(self, model: str) -> Path:
        """The folder that tells a model's endpoint which versions answer."""
        return self.hidden / "serving" / model

    def source(self, path: str) -> Path:
        """A file of the user's that a model is made of, or what stands in for it."""
        return self.stand_ins.get(path, self.root / path)

    def generated(self, path: str) -> str:
        """A generated file or folder, as a backend names it, below the root in this environment."""
        return in_environment(path, self.project.environment)

    def name_now(self, name: str) -> str | None:
        """What the project calls a model that is, or was, called `name`; None for one that it does not have."""
        if name in self.project.models:
            return name
        new, _ = ends(self.project.moved).get(name, (renamed_to(self.registry, name), 0))
        return new if new in self.project.models else None

    def model(self, name: str) -> Model:
        """The spec of a model; raise UsageError that knows the nearest name, or the one that it has been given."""
        new = self.name_now(name)
        if new == name:
            return self.project.models[name]
        if new is not None:
            raise UsageError(f"{name} was renamed to {new}", hint=f"Type {new} instead.")
        known = ", ".join(sorted(self.project.models)) or "none yet: `mvops promote NOTEBOOK` makes one"
        meant = did_you_mean(name, self.project.models)
        raise UsageError(f"this project has no model {name!r}{meant}", hint=f"Models: {known}")

    @contextmanager
    def predictions(self) -> Iterator[PredictionLog]:
        """The prediction log, opened."""
        from mvops.registry.predictions import PredictionLog  # noqa: PLC0415 -- SQLAlchemy, which a plan does without

        with PredictionLog.open(self.project.predictions, self.root) as log:
            yield log


def tracker_books(workspace: Workspace, options: Mapping[str, Any]) -> Books:
    """This project's books, for a tracker with these options."""
    owner = f"{workspace.project.project} {workspace.registry.lineage[:8]}"
    return Books(
        root=workspace.root,
        project=workspace.project.project,
        environment=workspace.project.environment,
        owner=owner,
        options=dict(options),
    )


def data_place(workspace: Workspace) -> Place:
    """The project as a data versioner sees it."""
    return Place(root=workspace.root, cache=workspace.cache, store=workspace.store)


def data_keeper(workspace: Workspace) -> tuple[Data, str]:
    """Who keeps the inputs' content now; where that is `data.otherwise`, a sentence says what the first one lacks.

    Once the first one has kept something there is no other: a machine that lacks it must not keep data elsewhere.
    """
    wanted = workspace.project.data
    records = SqlState(workspace.registry).records().values()
    if wanted.otherwise is None or any(record.outputs.get("backend") == wanted.backend for record in records):
        return wanted, ""
    try:
        versioner: DataVersioner = workspace.backend("data_versioners", wanted.backend)
        versioner.ready(data_place(workspace))
    except BackendError as error:
        return Data(backend=wanted.otherwise), why_not(error)
    return wanted, ""


@contextmanager
def open_workspace(
    root: Path,
    project: Project,
    backend: Callable[[str, str], Any],
    overrides: Sequence[str] = (),
    clashes: Sequence[PortClash] = (),
) -> Iterator[Workspace]:
    """Open the registry (made or migrated when needed) and the artefact store of the project in `root`."""
    with suppress(OSError):  # where nothing can be written, a project is looked at all the same
        (root / hidden_folder(project.environment)).mkdir(parents=True, exist_ok=True)
    with open_registry(project.registry, root, environment=project.environment) as registry:
        store = ArtifactStore(project.artifacts, root)
        yield Workspace(root, project, registry, store, backend, tuple(overrides), clashes=tuple(clashes))
