"""A model's dashboard: the generated files by which it is looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, ClassVar

from mvops.contracts.dashboards import Board, Dashboard
from mvops.core.action import Action, Verb
from mvops.core.address import Address, address
from mvops.core.reach import host_and_port
from mvops.core.spec import Spec
from mvops.core.state import Observed, Record
from mvops.core.steps import Step
from mvops.kinds.generated import file_steps, made_of_files, recalled_digests
from mvops.kinds.kind import Look


class DashboardSpec(Spec):
    """`board` is the model as the dashboard knows it, `files` its files with the digests of their text."""

    kind: ClassVar[str] = "dashboard"
    backend: str
    options: dict[str, Any]
    board: dict[str, Any]
    files: dict[str, str]


class DashboardKind:
    """Done by writing files."""

    name = "dashboard"
    after: tuple[str, ...] = ("endpoint", "dashboards")

    def desired(self, look: Look) -> Iterator[DashboardSpec]:
        """One for each model, where dashboards are on and the backend has something to show of it."""
        project = look.workspace.project
        if not project.capabilities.dashboards:
            return
        chosen = project.dashboard
        backend: Dashboard = look.backend("dashboards", chosen.backend)
        for name in sorted(project.models):
            board = _board(look, name)
            told = board.model_dump(mode="json")
            folder = look.workspace.generated(backend.folder())
            made_of = ["dashboard", chosen.backend, chosen.options, told]
            files = recalled_digests(look, made_of, folder, partial(backend.files, board, chosen.options))
            if files:
                endpoint = (address("endpoint", name),) if board.address else ()
                yield DashboardSpec(
                    name=name,
                    needs=endpoint,
                    backend=chosen.backend,
                    options=chosen.options,
                    board=told,
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
        del where
        backend: Dashboard = look.backend("dashboards", spec["backend"])
        files = backend.files(Board.model_validate(spec["board"]), spec["options"])
        folder = look.workspace.generated(backend.folder())
        return {f"{folder}/{path}": text for path, text in files.items()}

    def details(self, action: Action, look: Look) -> Iterator[str]:
        """What is still to be done."""
        if action.verb in {Verb.CREATE, Verb.UPDATE}:
            wanted = action.after or {}
            backend: Dashboard = look.backend("dashboards", wanted["backend"])
            limits = backend.limits(Board.model_validate(wanted["board"]), wanted["options"])
            yield from (f"{wanted['backend']}: {sentence}" for sentence in limits)

    def seconds(self, action: Action, look: Look) -> float:
        """No time."""
        del action, look
        return 0.0


def _board(look: Look, name: str) -> Board:
    project = look.workspace.project
    model = project.models[name]
    served = model.endpoint if project.capabilities.serving else None
    return Board(
        project=project.project,
        model=name,
        description=model.description,
        owner=model.owner,
        task=model.evaluate.task,
        address=host_and_port(served.host, served.port) if served else None,
        environment=project.environment,
    )
