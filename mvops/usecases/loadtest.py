"""How many requests an endpoint answers, and how long they wait."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mvops import backends
from mvops.contracts.servers import Server
from mvops.core.config.endpoint import Endpoint
from mvops.core.frozen import Frozen
from mvops.core.progress import Tell, silent
from mvops.core.reach import url_at
from mvops.errors import ServingError, UsageError
from mvops.registry import rollouts
from mvops.registry.events import record_event
from mvops.serving.app import missing
from mvops.serving.client import EndpointClient, KeyAskedError, key_of
from mvops.serving.own_code import run_own
from mvops.usecases.reaching import endpoint_of, endpoint_url, who_else
from mvops.workspace import Workspace

if TYPE_CHECKING:
    from mvops.serving.loadtest import LoadReport


class Wanted(Frozen):
    """How to ask, and what must be kept to; a bound that is None asks for nothing."""

    seconds: float = 10
    clients: int = 8
    port: int | None = None  # the YAML's
    max_p99: float | None = None  # milliseconds
    max_errors: float | None = None  # share of the requests that were not answered with 200

    def broken(self, report: LoadReport) -> tuple[str, ...]:
        """A sentence for each bound that the report is beyond."""
        found = []
        if self.max_errors is not None and report.error_rate > self.max_errors:
            found.append(f"{report.error_rate:.2%} of the requests failed, allowed are {self.max_errors:.2%}")
        if self.max_p99 is not None and (report.p99_ms is None or report.p99_ms > self.max_p99):
            took = "no request was answered" if report.p99_ms is None else f"p99 is {report.p99_ms:.1f} ms"
            found.append(f"{took}, allowed are {self.max_p99:g} ms")
        return tuple(found)


class Tested(Frozen):
    """What was measured, and which bounds it broke."""

    report: Any
    broken: tuple[str, ...]


def load_test(workspace: Workspace, model: str, wanted: Wanted, tell: Tell = silent) -> Tested:
    """Ask the endpoint that the YAML places, with the bodies of the team's `loadtest.py`; the result goes on record.

    Raises UsageError when there is no endpoint or a rollout runs, ServingError when the endpoint does not answer.
    """
    endpoint = endpoint_of(workspace, model)
    if rollouts.current(workspace.registry, model) is not None:
        raise UsageError(
            f"a rollout of {model} is running, and a load test would slow down what it is judged by",
            hint=f"Wait for its end: mvops rollout status {model} --follow",
        )
    try:
        from mvops.serving import loadtest  # noqa: PLC0415 -- an optional extra
    except ModuleNotFoundError as error:
        raise missing(error) from error
    url = url_at(endpoint.host, wanted.port) if wanted.port else endpoint_url(workspace, model)
    key = key_of(endpoint.auth)
    try:
        example = loadtest.example_of(url, key)
    except KeyAskedError as error:
        raise ServingError(error.message, hint=_where_its_key_is(endpoint)) from error
    except ServingError as error:
        raise ServingError(error.message, hint=f"Start it with: mvops serve {model}") from error
    if not wanted.port and (other := who_else(workspace, model, EndpointClient(url, key=key))):
        raise ServingError(other, hint=f"Start it elsewhere: mvops serve {model} --port N")
    bodies = _bodies(workspace, model, endpoint, example)
    report = loadtest.load_test(url, bodies, seconds=wanted.seconds, clients=wanted.clients, tell=tell, key=key)
    broken = wanted.broken(report)
    record_event(
        workspace.registry,
        kind="loadtest",
        subject=model,
        message=f"{report.per_second:.0f} requests/s, p99 {report.p99_ms} ms, {report.error_rate:.2%} errors"
        + (f": {'; '.join(broken)}" if broken else ""),
        details={
            **report.model_dump(),
            **wanted.model_dump(include={"max_p99", "max_errors"}),
            "backend": endpoint.backend,
            "passed": not broken,
        },
    )
    return Tested(report=report, broken=broken)


def _where_its_key_is(endpoint: Endpoint) -> str:
    names = endpoint.auth.names if endpoint.auth else ()
    return f"Set one of its keys here: {' or '.join(names)}" if names else "The YAML names no key of it"


def _bodies(
    workspace: Workspace, model: str, endpoint: Endpoint, example: dict[str, Any]
) -> Sequence[Mapping[str, Any]]:
    server: Server = backends.load("servers", endpoint.backend)
    path = workspace.root / workspace.generated(server.folder(model)) / "loadtest.py"
    if not path.is_file():
        return [example]
    (bodies,) = run_own(path, "bodies")
    made: Sequence[Mapping[str, Any]] = bodies(example)
    return made
