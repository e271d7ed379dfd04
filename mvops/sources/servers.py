"""Servers that are not mvops', told by what they answer: MLflow's, BentoML, whatever has OpenAPI."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mvops.errors import UsageError
from mvops.sources.answers import Answer, Server
from mvops.sources.source import printable

_SHOWN = 4  # paths
_BRING = "mvops import {what} --data FILE --target COLUMN --name NAME; then this again with --model NAME"


@dataclass(frozen=True)
class Foreign:
    """Whose it is. `backend` is the server of mvops' that is most like it, where there is one; `answers` what it takes.

    `way_to_the_model` says what to type so that its model is one of the project's.
    """

    what: str
    answers: str
    way_to_the_model: str
    backend: str = ""


def foreign(server: Server) -> Foreign:
    """Whose the server is, as it says itself.

    Raises UsageError for one of which nothing can be said, with the next step; ServingError where it falls silent.
    """
    found = _bentoml(server) or _mlflow(server) or _documented(server)
    if found is None:
        raise UsageError(
            f"{server.url} answers, but does not say what it is: it is no endpoint of mvops' and has no OpenAPI",
            hint="Write the endpoint into the model's YAML yourself: endpoint: {port: N}. Its model is brought by\n"
            + _BRING.format(what="MODEL.skops"),
        )
    return found


def _bentoml(server: Server) -> Foreign | None:
    told = server.get("/docs.json").json
    contact = _at(_at(_at(told, "info"), "contact"), "name")
    if contact != "BentoML Team":
        return None
    return Foreign(
        f"BentoML's service {printable(_at(_at(told, 'info'), 'title'))}",
        _posts(told),
        "Its model is in BentoML's store: bentoml models list, bentoml models get TAG -o path. A file of scikit-learn\n"
        "there is brought by " + _BRING.format(what="FILE.pkl --trust-pickle"),
        backend="bentoml",
    )


def _mlflow(server: Server) -> Foreign | None:
    release, told = server.get("/version"), server.get("/openapi.json").json
    if "Tracking Server" in str(_at(_at(told, "info"), "title")) or _is_tracking(server, release):
        raise UsageError(
            f"{server.url} is MLflow's tracking server {printable(release.text)}, which serves no model",
            hint=f"A model of it: mvops import models:/NAME/VERSION --uri {server.url} --data FILE --target COLUMN",
        )
    if release.status != 200 or "/invocations" not in (_at(told, "paths") or {}):
        return None
    return Foreign(
        f"MLflow's scoring server {printable(release.text)}",
        "POST /invocations",
        "The model that it was started with (mlflow models serve -m ...) is brought by\n"
        + _BRING.format(what="models:/NAME/VERSION"),
    )


def _is_tracking(server: Server, release: Answer) -> bool:
    return release.status == 200 and server.get("/health").text.strip() == "OK"


def _documented(server: Server) -> Foreign | None:
    told = server.get("/openapi.json").json
    paths = _at(told, "paths")
    if not isinstance(paths, dict) or not paths:
        return None
    title = printable(_at(_at(told, "info"), "title") or "without a name")
    return Foreign(
        f"the service {title!r}, which is not mvops' own",
        _posts(told),
        "An endpoint keeps its model to itself. The file that it loads is brought by\n"
        + _BRING.format(what="MODEL.skops")
        + "\nor what trains it: mvops promote NOTEBOOK",
    )


def _posts(told: Any) -> str:
    """The paths that something is sent to."""
    paths = _at(told, "paths") or {}
    found = [
        f"POST {printable(path)}" for path, methods in paths.items() if isinstance(methods, dict) and "post" in methods
    ]
    return ", ".join(found[:_SHOWN]) + (" and more" if len(found) > _SHOWN else "") or "no POST"


def _at(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None
