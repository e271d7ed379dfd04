"""Where a model's endpoint is to be asked, and whether it is that one which answers there."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from mvops.core.config.endpoint import Endpoint
from mvops.core.reach import url_at
from mvops.errors import ServingError, UsageError
from mvops.serving.announced import announced_url, place_of
from mvops.serving.client import EndpointClient
from mvops.serving.counts import RolloutCounts
from mvops.workspace import Workspace


class AnotherAnswersError(ServingError):
    """Another model's endpoint, or another project's, is where this one is to be."""


def endpoint_of(workspace: Workspace, model: str) -> Endpoint:
    """What the YAML says of it. Raises UsageError if there is none."""
    endpoint = workspace.model(model).endpoint
    if endpoint is None:
        raise UsageError(f"{model} has no endpoint", hint=f"Add `endpoint: {{}}` to configs/models/{model}.yaml")
    return endpoint


def endpoint_url(workspace: Workspace, model: str) -> str:
    """Where `mvops serve` runs it on this machine, else where the YAML places it. Raises as `endpoint_of`."""
    endpoint = endpoint_of(workspace, model)
    return announced_url(workspace.serving(model)) or url_at(endpoint.host, endpoint.port)


def endpoint_client(workspace: Workspace, model: str, timeout: float = 10) -> EndpointClient:
    """A client of the model's endpoint, with its key if it is set here. Raises as `endpoint_of`."""
    auth = endpoint_of(workspace, model).auth
    return EndpointClient(endpoint_url(workspace, model), timeout=timeout, auth=auth)


def counts_of(workspace: Workspace, model: str, client: EndpointClient) -> RolloutCounts:
    """What the endpoint counted. Raises ServingError where none answers, AnotherAnswersError where it is another."""
    counts = client.rollout()
    if counts.place is None or counts.place.is_same(place_of(workspace.serving(model))):
        return counts
    folder = Path(counts.place.folder)
    ours = folder.is_relative_to(workspace.root.resolve())
    whose = f"model {folder.name}" if ours else f"another project ({counts.place.folder.partition('/.mvops')[0]})"
    raise AnotherAnswersError(
        f"port {urlsplit(client.url).port} is answered by {whose}", hint=f"Another port: mvops serve {model} --port N"
    )


def who_else(workspace: Workspace, model: str, client: EndpointClient) -> str:
    """Who answers in its place, in a sentence; nothing where that is not known, or it answers itself."""
    try:
        counts_of(workspace, model, client)
    except AnotherAnswersError as error:
        return error.message
    except ServingError:
        return ""
    return ""
