"""Answering predictions over HTTP, in the foreground."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from mvops import backends
from mvops.contracts.servers import Server
from mvops.core.config.endpoint import Endpoint
from mvops.core.config.project import Project
from mvops.core.environment import hidden_folder, in_environment
from mvops.errors import RegistryError, ServingError, UsageError
from mvops.loading.find import find_project
from mvops.loading.load import every_port, load_project
from mvops.registry.database import Registry
from mvops.registry.events import record_event
from mvops.registry.state import SqlState
from mvops.serving.announced import announced
from mvops.serving.listening import PortTakenError, free_port
from mvops.usecases.project import open_project
from mvops.usecases.reaching import endpoint_of

_SETTINGS = "service.json"


@dataclass(frozen=True)
class Where:
    """Where it listens, if not as the YAML says, and with how many processes."""

    host: str | None = None
    port: int | None = None
    workers: int = 1


@dataclass(frozen=True)
class _Made:
    """An endpoint that `apply` generated, in `folder`; `state` is where it is told which versions answer."""

    endpoint: Endpoint
    server: Server
    folder: Path
    state: Path


def serve(
    start: Path,
    environment: str | None,
    model: str,
    where: Where,
    *,
    on_ready: Callable[[str], None],
    note: Callable[[str], None],
) -> None:
    """Run the endpoint that `apply` generated until it is stopped, as its own `app.py` does.

    Where the registry cannot be asked, a note says so, and those versions answer that the last apply or rollout left.
    Raises UsageError when there is none, ServingError when it cannot start (a port that is taken, no version).
    """
    with ExitStack() as running:
        registry, made = _found(running, start, environment, model, note)

        def ready(url: str) -> None:
            running.enter_context(announced(made.state, url))
            _record(registry, model, url, note)
            on_ready(url)

        host, port = where.host or made.endpoint.host, where.port or made.endpoint.port
        try:
            made.server.serve(made.folder, host=host, port=port, workers=where.workers, on_ready=ready)
        except PortTakenError as error:
            other = free_port(host, port, every_port(find_project(start)))
            hint = f"Choose another: --port {other}" if other else error.hint
            raise ServingError(error.message, hint=hint) from error


def _found(
    running: ExitStack, start: Path, environment: str | None, model: str, note: Callable[[str], None]
) -> tuple[Registry | None, _Made]:
    """The registry, where it answers, and what apply made."""
    try:
        workspace = running.enter_context(open_project(start, (), environment))
        on_record = SqlState(workspace.registry).records()
    except RegistryError as error:
        root = find_project(start)
        endpoint = _wanted(load_project(root, (), environment), model)
        made = None if endpoint is None else _made(root, environment, model, endpoint)
        if made is None or not (made.folder / _SETTINGS).is_file():
            raise
        note(
            f"{_unasked(error)}; what was applied last is served, and the log of predictions gets them once it answers"
        )
        return None, made
    endpoint = endpoint_of(workspace, model)
    if f"endpoint.{model}" not in on_record:
        raise UsageError(f"the endpoint of {model} has not been made yet", hint="Make it: mvops apply")
    return workspace.registry, _made(workspace.root, environment, model, endpoint)


def _wanted(project: Project, model: str) -> Endpoint | None:
    return project.models[model].endpoint if model in project.models else None


def _made(root: Path, environment: str | None, model: str, endpoint: Endpoint) -> _Made:
    server: Server = backends.load("servers", endpoint.backend)
    folder = root / in_environment(server.folder(model), environment)
    return _Made(endpoint, server, folder, root / hidden_folder(environment) / "serving" / model)


def _record(registry: Registry | None, model: str, url: str, note: Callable[[str], None]) -> None:
    """Who started it, and when; whether that can be written down is nothing that a request waits for."""
    try:
        if registry is not None:
            record_event(registry, kind="serve", subject=model, message=f"endpoint started on {url}")
    except RegistryError as error:
        note(f"{_unasked(error)}; that the endpoint was started is not on record")


def _unasked(error: RegistryError) -> str:
    return f"the registry cannot be asked: {error.message.rstrip('.')}"
