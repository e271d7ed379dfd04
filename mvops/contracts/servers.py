"""What a server is: something that answers predictions over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from mvops.contracts.feature_stores import ServedFeatures
from mvops.core.config.auth import Auth
from mvops.core.config.log import LogRules
from mvops.core.environment import OfEnvironment
from mvops.core.reach import url_at


class Service(OfEnvironment):
    """All that a server's templates may know. Paths are relative to the project's root, posix."""

    model: str
    description: str
    host: str
    port: int
    max_rows: int
    bad_rows: str | None = None  # and the next four: what the YAML says other than by default
    engine: str | None = None
    tolerance: float | None = None
    releases: str | None = None  # `environment` of the YAML, other than by default
    timeout: float | None = None  # seconds for a prediction
    memory: int | None = None  # bytes that the estimator's process may take
    state: str  # folder of route.json and the versions' manifests
    artifacts: str
    predictions: str
    python: str  # such as 3.11
    requirements: tuple[str, ...]  # exact pins, of what the model needs in the endpoint's own Python
    model_python: str = ""  # such as 3.9: the model is asked in a Python of its own
    model_requirements: tuple[str, ...] = ()  # exact pins, for that one
    features: ServedFeatures | None = None  # where a model's features are looked up
    log: LogRules | None = None  # what is not written to the prediction log
    auth: Auth | None = None  # who may ask; None: this machine alone
    targets: tuple[str, ...] = ("docker",)  # what files are made for: see `endpoint.deploy`
    extras: tuple[str, ...] = ()  # of mvops: what reaches the artefacts and the prediction log

    @property
    def url(self) -> str:
        """Where it is reached from its own machine."""
        return url_at(self.host, self.port)


class Server(Protocol):
    """A backend of the family `servers`: a class that is made without arguments."""

    def folder(self, model: str) -> str:
        """Where the generated files go, below the project's root, posix."""
        ...

    def files(self, service: Service) -> Mapping[str, str]:
        """The generated files: path below `folder` -> text. Pure."""
        ...

    def serve(self, folder: Path, *, host: str, port: int, workers: int, on_ready: Callable[[str], None]) -> None:
        """Answer in the foreground until stopped; `on_ready` gets the URL. Raises ServingError, MissingExtraError."""
        ...
