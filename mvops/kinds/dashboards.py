"""What the dashboards of all models share: files that connect them with where their numbers come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, ClassVar

from mvops.contracts.dashboards import Dashboard
from mvops.core.action import Action, Verb
from mvops.core.address import Address, name_of
from mvops.core.spec import Spec
from mvops.core.state import Observed, Record
from mvops.core.steps import Step
from mvops.kinds.generated import file_steps, made_of_files, recalled_digests
from mvops.kinds.kind import Look


class DashboardsSpec(Spec):
    """`files` are the shared files with the digests of their text."""

    kind: ClassVar[str] = "dashboards"
    backend: str
    options: dict[str, Any]
    files: dict[str, str]


class DashboardsKind:
    """One for a project whose dashboards share something."""

    name = "dashboards"
    after: tuple[str, ...] = ()

    def desired(self, look: Look) -> Iterator[DashboardsSpec]:
        """Named as the project."""
        project = look.workspace.project
        if not project.capabilities.dashboards or not project.models:
            return
        chosen = project.dashboard
        backend: Dashboard = look.backend("dashboards", chosen.backend)
        files = recalled_digests(
            look,
            ["dashboards", chosen.backend, chosen.options, project.project],
            look.workspace.generated(backend.folder()),
            partial(backend.shared, project.project, chosen.options),
        )
        if files:
            yield DashboardsSpec(
                name=project.project,
                backend=chosen.backend,
                options=chosen.options,
                files=files,
            )

    def observe(self, where: Address, record: Record | None, look: Look) -> Observed | None:
        """The files as they are."""
        return made_of_files(look.workspace.root, look.wanted(self).get(where), record)

    def steps(self, action: Action, look: Look) -> Iterator[Step]:
        """Write or remove the files."""
        deleted = action.verb is Verb.DELETE
        yield from file_steps(action, {} if deleted else self.texts(action.address, action.after or {}, look))

    def texts(self, where: Address, spec: Mapping[str, Any], look: Look) -> dict[str, str]:
        """The files."""
        backend: Dashboard = look.backend("dashboards", spec["backend"])
        files = backend.shared(name_of(where), spec["options"])
        folder = look.workspace.generated(backend.folder())
        return {f"{folder}/{path}": text for path, text in files.items()}

    def details(self, action: Action, look: Look) -> Iterator[str]:
        """None."""
        del action, look
        yield from ()

    def seconds(self, action: Action, look: Look) -> float:
        """No time."""
        del action, look
        return 0.0
