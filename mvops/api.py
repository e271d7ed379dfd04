"""mvops from Python: `import mvops; mvops.plan()`. The same objects that the commands work with.

Every function works on the project in `directory` or above it, in its `environment` where one is named, and raises what
the command would say (`mvops.errors`).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mvops.core.scope import WHOLE, Scope
from mvops.show.displays import register
from mvops.show.lists import Applied, Versions
from mvops.usecases.apply import apply as apply_plan
from mvops.usecases.clock import as_utc
from mvops.usecases.plan import plan as make_plan
from mvops.usecases.project import open_project
from mvops.usecases.run import run as run_pipeline
from mvops.usecases.status import Status
from mvops.usecases.status import status as look
from mvops.usecases.versions import Comparison, VersionLine, compare_versions, list_versions, load_version

if TYPE_CHECKING:
    import pandas as pd

    from mvops.core.apply import Done
    from mvops.core.plan import Plan
    from mvops.core.run import Run
    from mvops.notebook.verify import Verification
    from mvops.usecases.loaded_model import LoadedModel
    from mvops.usecases.monitor import Report
    from mvops.usecases.promote import Promoted

_HERE = Path()
_SHELL = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
if _SHELL is not None:  # what is returned is shown as `%mvops` shows it
    register(_SHELL)


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
        chosen = planned or make_plan(workspace)
        return Applied(apply_plan(workspace, chosen, command="mvops.apply()", approval="Python"))


def promote(
    notebook: Path | str | Sequence[Path | str],
    directory: Path | str = _HERE,
    *,
    name: str | None = None,
    split: str = "auto",
    force: bool = False,
    environment: str | None = None,
) -> Promoted:
    """Write a pipeline and a model's YAML from a notebook, which is only read; `mvops.verify` proves it.

    A list of several notebooks makes one pipeline, in their order, and needs a `name`.
    Raises NotebookError for what cannot be promoted, UsageError for a model that is there already, unless `force`.
    """
    from mvops.usecases.promote import promote as make  # noqa: PLC0415 -- nbformat and scikit-learn

    with open_project(Path(directory), environment=environment) as workspace:
        notebooks = [notebook] if isinstance(notebook, Path | str) else notebook
        return make(workspace, [Path(each) for each in notebooks], name=name, split=split, force=force)


def verify(
    made: Promoted,
    directory: Path | str = _HERE,
    *,
    tolerance: float | None = None,
    environment: str | None = None,
) -> Verification:
    """Run the original and what `mvops.promote` made of it, and compare every number that they show.

    Numbers and predictions may differ by the relative `tolerance`, 1e-9 if none is given.
    """
    from mvops.notebook.shown import TOLERANCE  # noqa: PLC0415 -- the same
    from mvops.usecases.proving import verify as prove  # noqa: PLC0415 -- the same

    with open_project(Path(directory), environment=environment) as workspace:
        return prove(workspace, made, tolerance=TOLERANCE if tolerance is None else tolerance)


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
        return Versions(model, list_versions(workspace, model))


def compare(
    model: str, first: int, second: int, directory: Path | str = _HERE, *, environment: str | None = None
) -> Comparison:
    """What differs between two versions: metrics, data, code, parameters, packages."""
    with open_project(Path(directory), environment=environment) as workspace:
        return compare_versions(workspace, model, first, second)


def monitor(
    model: str,
    directory: Path | str = _HERE,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    environment: str | None = None,
) -> Report:
    """Summaries, drift, performance and alerts for what is new in the prediction log; times without a zone are UTC."""
    from mvops.usecases.monitor import monitor as watch  # noqa: PLC0415 -- NumPy

    with open_project(Path(directory), environment=environment) as workspace:
        return watch(workspace, model, since=as_utc(since), until=as_utc(until))


def load_model(
    model: str, version: int | None = None, directory: Path | str = _HERE, *, environment: str | None = None
) -> LoadedModel:
    """The model of a version, of the champion if none is named; its bytes are checked against their digest.

    `predict` and `predict_proba`, where there is one, take a frame with the model's columns, in any order and among
    others; `schema` tells of them, `version` is the number, and all else is the estimator's.
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
