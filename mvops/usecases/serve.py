"""Answering predictions over HTTP, in the foreground."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from mvops import backends
from mvops.contracts.servers import Server
from mvops.errors import UsageError
from mvops.registry.events import record_event
from mvops.registry.state import SqlState
from mvops.serving.announced import announced
from mvops.usecases.reaching import endpoint_of
from mvops.workspace import Workspace


def serve(
    workspace: Workspace,
    model: str,
    *,
    host: str | None = None,
    port: int | None = None,
    workers: int = 1,
    on_ready: Callable[[str], None],
) -> None:
    """Run the endpoint that `apply` generated until it is stopped.

    Raises UsageError when there is none, ServingError when it cannot start (a port that is taken, no version).
    """
    endpoint = endpoint_of(workspace, model)
    if f"endpoint.{model}" not in SqlState(workspace.registry).records():
        raise UsageError(f"the endpoint of {model} has not been made yet", hint="Make it: mvops apply")
    server: Server = backends.load("servers", endpoint.backend)

    with ExitStack() as running:

        def ready(url: str) -> None:
            running.enter_context(announced(workspace.serving(model), url))
            record_event(workspace.registry, kind="serve", subject=model, message=f"endpoint started on {url}")
            on_ready(url)

        server.serve(
            workspace.root / workspace.generated(server.folder(model)),
            host=host or endpoint.host,
            port=port or endpoint.port,
            workers=workers,
            on_ready=ready,
        )
