"""What a user writes about a model's endpoint."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from mvops.core.config.auth import Auth, check_reach
from mvops.core.config.backend import Family
from mvops.core.durations import Period
from mvops.core.frozen import Frozen
from mvops.core.naming import Name
from mvops.core.sizes import Size
from mvops.core.version import TOLERANCE, Releases

TIMEOUT = "30s"
Target = Literal["docker", "compose", "systemd", "kubernetes"]


def _check_host(host: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.:_-]{1,253}", host):  # it reaches generated code
        raise ValueError(f"{host!r} is not a host: write an address or a name, such as 127.0.0.1")
    return host


class Endpoint(Frozen):
    """How the model is served over HTTP.

    By `engine: auto`, a version's ONNX graph answers where it says what the estimator says: the same classes, and
    probabilities (or values, above 1 as a share of themselves) no further apart than `tolerance`. The process of the
    estimator is ended where a prediction takes longer than `timeout`, and may take no more than `memory`.
    `environment` says what becomes of a version that was made with other packages than the endpoint has.
    A row that does not fit the schema has its request refused, or is skipped, and the others answered: `bad_rows`.
    `deploy` says what is generated to run it elsewhere than by `mvops serve`: a Dockerfile, a file for Docker Compose,
    a unit for systemd, manifests for Kubernetes. The second and the last bring the Dockerfile.
    """

    backend: Annotated[Name, Family("servers")] = "fastapi"
    host: Annotated[str, AfterValidator(_check_host)] = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    max_rows: int = Field(default=1000, ge=1)  # in one request
    bad_rows: Literal["refuse", "skip"] = "refuse"
    engine: Literal["auto", "estimator"] = "auto"
    tolerance: float = Field(default=TOLERANCE, gt=0, le=0.01)
    timeout: Period = Field(default=TIMEOUT, validate_default=True)
    memory: Size | None = None
    auth: Auth | None = None
    environment: Releases = "refuse"
    deploy: tuple[Target, ...] = ("docker",)

    @field_validator("deploy")
    @classmethod
    def _each_once(cls, targets: tuple[Target, ...]) -> tuple[Target, ...]:
        for target in targets:
            if targets.count(target) > 1:
                raise ValueError(f"{target!r} stands there twice")
        return targets

    @model_validator(mode="after")
    def _not_open_to_all(self) -> Self:
        check_reach(self.host, self.auth)
        return self
