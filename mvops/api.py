"""mvops from Python: `import mvops; mvops.plan()`. The same objects that the commands work with.

Every function works on the project in `directory` or above it, in its `environment` where one is named, and raises what
the command would say (`mvops.errors`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mvops.core.scope import WHOLE, Scope
from mvops.usecases.apply import apply as apply_plan
from mvops.usecases.plan import plan as make_plan
from mvops.usecases.project import open_project
from mvops.usecases.run import run as run_pipeline
from mvops.usecases.status import Status
from mvops.usecases.status import status as look
from mvops.usecases.versions import VersionLine, list_versions, load_version

if TYPE_CHECKING:
    import pandas as pd

    from mvops.core.apply import Done
    from mvops.core.plan import Plan
    from mvops.core.run import Run

_HERE = Path()


def plan(
    directory: Path | str = _HERE,
    *,
    overrides: Sequence[str] = (),
    scope: Scope = WHOLE,
    environment: str | None = None,
) -> Plan:
    """What would change, and why; `mvops.Scope` narrows it. Reads only."""
    with open_project(Path(directory), tuple(overrides), environment) as workspace:
        return make_plan(workspace, scope)


def apply(planned: Plan | None = None, directory: Path | str = _HERE, *, environment: str | None = None) -> list[Done]:
    """Do a plan, in its own environment, or all that there is to do; the answer has what became of each action."""
    overrides, environment = (planned.overrides, planned.environment) if planned else ((), environment)
    with open_project(Path(directory), overrides, environment) as workspace:
        return list(apply_plan(workspace, planned or make_plan(workspace), command="mvops.apply()", approval="Python"))


def run(
    model: str,
    directory: Path | str = _HERE,
    *,
    parameters: Mapping[str, Any] | None = None,
    step: str | None = None,
    environment: str | None = None,
) -> Run:
    """Run a model's pipeline, or one step of it, without making a version."""
    with open_project(Path(directory), environment=environment) as workspace:
        return run_pipeline(workspace, model, parameters=parameters, step=step)


def status(directory: Path | str = _HERE, *, environment: str | None = None) -> Status:
    """Where everything stands."""
    with open_project(Path(directory), environment=environment) as workspace:
        return look(workspace)


def versions(model: str, directory: Path | str = _HERE, *, environment: str | None = None) -> list[VersionLine]:
    """All versions of a model with their role in the traffic, newest first."""
    with open_project(Path(directory), environment=environment) as workspace:
        return list_versions(workspace, model)


def load_model(
    model: str, version: int | None = None, directory: Path | str = _HERE, *, environment: str | None = None
) -> Any:
    """The estimator of a version, of the champion if none is named; its bytes are checked against their digest.

    Raises UsageError where there is no champion yet.
    """
    with open_project(Path(directory), environment=environment) as workspace:
        return load_version(workspace, model, version)


def predictions(
    model: str,
    directory: Path | str = _HERE,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    environment: str | None = None,
) -> pd.DataFrame:
    """The prediction log, a row for each prediction in the order in which they were logged.

    Columns: prediction_id, time (UTC), model_version, arm, prediction, probability, latency_ms, outcome, then
    `inputs.NAME` for each input.
    `since` and `until` bound the time of the prediction; without a zone they are in UTC.
    """
    from mvops.usecases.prediction_frame import prediction_frame  # noqa: PLC0415 -- pandas

    with open_project(Path(directory), environment=environment) as workspace:
        return prediction_frame(workspace, model, since, until)
