"""Where a model's endpoint is to be asked."""

from __future__ import annotations

from mvops.core.config.model import Endpoint
from mvops.core.reach import url_at
from mvops.errors import UsageError
from mvops.serving.announced import announced_url
from mvops.workspace import Workspace


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
