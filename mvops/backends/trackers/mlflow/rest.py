"""Reading a model from an MLflow server over its REST API, as importing MLflow's client takes seconds in every plan."""

from __future__ import annotations

import base64
import json
import os
import ssl
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from mvops.backends.trackers.mlflow.words import no_answer, refused, seen
from mvops.contracts.trackers import Seen
from mvops.errors import BackendError

_PATIENCE = 5  # seconds
_PAGE = 200


def look(uri: str, name: str) -> Seen | None:
    """What the server's model registry has under `name`; raise BackendError as words.py puts it."""
    found = _get(uri, "registered-models/get", name=name)
    if found is None:
        return None
    model = found["registered_model"]
    versions: dict[str, dict[str, str]] = {}
    token: str | None = ""
    while token is not None:
        page = _get(uri, "model-versions/search", filter=f"name='{name}'", max_results=_PAGE, page_token=token) or {}
        versions |= {str(version["version"]): _tags(version) for version in page.get("model_versions", ())}
        token = page.get("next_page_token") or None
    aliases = {alias["alias"]: str(alias["version"]) for alias in model.get("aliases", ())}
    return seen(_tags(model), aliases, versions)


def knock(uri: str) -> None:
    """Does an MLflow server answer, and take the credentials; raise BackendError if not."""
    _get(uri, "experiments/get-by-name", experiment_name="Default")


def _tags(thing: dict[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag.get("value", "") for tag in thing.get("tags", ())}


def _get(uri: str, path: str, **query: object) -> Any:
    """The JSON answer; None where there is no such thing."""
    request = Request(f"{uri}/api/2.0/mlflow/{path}?{urlencode(query)}", headers=_credentials())  # noqa: S310 -- checked
    try:
        with urlopen(request, timeout=_PATIENCE, context=_certificates(uri)) as answer:  # noqa: S310 -- http(s) only
            return json.load(answer)
    except HTTPError as error:
        return _said_no(uri, error)
    except (OSError, HTTPException) as error:
        raise no_answer(uri, str(getattr(error, "reason", None) or error)) from error
    except ValueError as error:
        raise no_answer(uri, "what answers there is not MLflow") from error


def _said_no(uri: str, error: HTTPError) -> None:
    with error:
        body = error.read(2000).decode(errors="replace")
    if error.code in {401, 403}:
        raise refused(uri, f"{error.code} {error.reason}") from error
    if error.code == 404 and "RESOURCE_DOES_NOT_EXIST" in body:
        return
    if error.code == 404:
        raise no_answer(uri, "what answers there is not MLflow") from error
    raise BackendError(f"MLflow at {uri} answered {error.code} {error.reason}: {body[:200]}") from error


def _credentials() -> dict[str, str]:
    """MLflow's own environment variables."""
    user, password = (os.environ.get(f"MLFLOW_TRACKING_{part}") for part in ("USERNAME", "PASSWORD"))
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    if user and password:
        return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}
    return {"Authorization": f"Bearer {token}"} if token else {}


def _certificates(uri: str) -> ssl.SSLContext | None:
    """MLflow's own environment variables again."""
    if not uri.startswith("https"):
        return None
    if os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in {"1", "true"}:
        return ssl._create_unverified_context()  # noqa: S323, SLF001 -- what that variable asks for
    return ssl.create_default_context(cafile=os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH"))
