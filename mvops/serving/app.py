"""`create_app`: the endpoint as an ASGI application, for the generated `app.py`.

POST /predict      {"rows": [{...}], "time": one or a list, or left out}
                   -> {"predictions", "prediction_ids", "model_version", and "probabilities" where there are any}
POST /outcomes     {"outcomes": [{"prediction_id", "outcome"}]} -> {"accepted": n}
GET /health/live   200 while the process is there
GET /health/ready  200 or 503, with the versions, the spool, the log and what troubles them
GET /metrics       for Prometheus
GET /openapi.json  with the schema of a row and an example request that works
GET /rollout       to this machine only: {"serial", "arms": [{"arm", "version", "requests", "errors", "rows",
                   "latency_p50_ms", "latency_p99_ms"}]}, counted since the route with that serial was adopted.
                   `requests` reached the model; `errors` of them it failed on (500) or did not answer in time (504).
                   Refused input (4xx) and a full disk (503) are not the model's fault and are not counted.

What is answered with 200 is on disk. What is refused is application/problem+json of at most 1 KiB, never logged.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvops.contracts.feature_stores import FeatureStore
from mvops.errors import MissingExtraError
from mvops.serving.settings import ServiceSettings

if TYPE_CHECKING:
    from fastapi import FastAPI

_EXTRA = {"fastapi", "starlette", "uvicorn", "httptools", "orjson", "prometheus_client"}


def create_app(settings: ServiceSettings, *, elsewhere: bool = False, features: FeatureStore | None = None) -> FastAPI:
    """The endpoint. It loads its model, and takes over what a crash left, when the server starts it.

    `features` is the store that a version's features are looked up in, if it wants any.

    Raises ServingError when the model has no route yet, unless it is made here to be started `elsewhere`, and
    MissingExtraError without the extra `serve`.
    """
    try:
        from mvops.serving.web import build  # noqa: PLC0415 -- an optional extra
    except ModuleNotFoundError as error:
        raise missing(error) from error
    if not elsewhere:
        settings.check_route()
    # Requests come side by side: threads inside one prediction only wait for each other, for seconds on a busy machine.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    return build(settings, features)


def missing(error: ModuleNotFoundError) -> Exception:
    """The error to raise instead: MissingExtraError if what is missing comes with the extra `serve`."""
    return MissingExtraError("Serving", "serve") if (error.name or "").partition(".")[0] in _EXTRA else error
