"""What an endpoint is told when it starts: `service.json`, beside the generated app."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from mvops.contracts.feature_stores import ServedFeatures
from mvops.core.config.auth import Auth
from mvops.core.config.log import LogRules
from mvops.core.frozen import Frozen
from mvops.core.naming import Name
from mvops.core.version import TOLERANCE, Releases
from mvops.errors import ServingError, Where

MEBIBYTE = 1 << 20


class ServiceSettings(Frozen):
    """The endpoint's settings. `root` is absolute once loaded; `state` and `artifacts` are relative to it, or URLs.

    Sizes are in bytes, times in seconds. What `service.json` leaves out has its default here.
    """

    format_version: Literal[1] = 1
    model: Name
    root: Path
    state: str  # folder of route.json, the versions' manifests and the spool
    artifacts: str
    predictions: str  # URL of the prediction log
    max_rows: int = Field(default=1000, ge=1)  # in one request
    engine: Literal["auto", "estimator"] = "auto"  # may a version's ONNX graph answer in place of its estimator
    tolerance: float = Field(default=TOLERANCE, gt=0)  # how far the two may be apart
    releases: Releases = "refuse"  # a version that was made with other packages than are here
    bad_rows: Literal["refuse", "skip"] = "refuse"  # skip: the other rows of a request are answered
    max_body: int = Field(default=8 * MEBIBYTE, ge=1)
    max_spool: int = Field(default=1024 * MEBIBYTE, ge=1)  # acknowledged, but not yet in the prediction log
    max_waiting: int = Field(default=1024, ge=1)  # requests in work at once; more are told to come back
    features: ServedFeatures | None = None
    log: LogRules | None = None  # what is not written to the prediction log
    auth: Auth | None = None  # who may ask; None: this machine alone
    batch_rows: int = Field(default=1024, ge=1)  # rows given to the model at once
    body_timeout: float = Field(default=30, gt=0)
    predict_timeout: float = Field(default=30, gt=0)
    isolate: bool = True  # ask an estimator in a process of its own, where the system can fork one
    memory: int | None = Field(default=None, ge=MEBIBYTE)  # that such a process may take
    keep_answers: float = Field(default=86_400, gt=0)  # to requests with an Idempotency-Key
    max_answers: int = Field(default=256 * MEBIBYTE, ge=1)  # of these together
    poll: float = Field(default=0.2, gt=0)  # how often the route is looked at
    drain_delay: float = Field(default=0, ge=0)  # how long to go on answering after SIGTERM
    drain_timeout: float = Field(default=15, gt=0)  # how long requests in work may then take
    flush_timeout: float = Field(default=10, gt=0)  # and, after them, the prediction log; the rest stays in the spool

    @property
    def state_folder(self) -> Path:
        """Where the route and the versions' manifests are."""
        return self.root / self.state

    @property
    def called(self) -> str:
        """What the model is called now: where it was renamed while its endpoint runs, the folder leads elsewhere."""
        return self.state_folder.resolve().name if self.state_folder.is_symlink() else self.model

    @property
    def spool_folder(self) -> Path:
        """Where acknowledged predictions wait for the log."""
        return self.state_folder / "spool"

    @property
    def longest(self) -> float:
        """How long a request may take: a server's own limit that is not below it never comes first."""
        return self.body_timeout + self.predict_timeout + 5

    def check_route(self) -> None:
        """Raise ServingError when there is no version to serve."""
        if not (self.state_folder / "route.json").is_file():
            raise ServingError(f"{self.model} has no version to serve yet", hint="Make one with: mvops apply")

    @staticmethod
    def load(path: Path) -> ServiceSettings:
        """Read `service.json`; its `root` is relative to its own folder. Raises ServingError.

        Where the project is elsewhere, as in a container, the environment variable MVOPS_ROOT says where, and
        MVOPS_BEHIND_PROXY=1 that who reaches the port may ask, if the settings say nothing of it.
        """
        hint = "Write it anew with: mvops apply"
        try:
            written: Any = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ServingError(f"cannot read the endpoint's settings: {error}", hint=hint, where=Where(path)) from error
        try:
            found = ServiceSettings.model_validate(written)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(str(part) for part in first["loc"])
            raise ServingError(f"{key}: {first['msg']}", hint=hint, where=Where(path)) from error
        root = Path(os.environ.get("MVOPS_ROOT") or path.parent / found.root)
        published = os.environ.get("MVOPS_BEHIND_PROXY") == "1" and found.auth is None
        auth = Auth(behind_proxy=True) if published else found.auth
        return found.model_copy(update={"root": root.resolve(), "auth": auth})
