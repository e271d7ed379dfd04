"""One prediction, traced back: what went in, which version answered, and what that version was made of."""

from __future__ import annotations

from dataclasses import dataclass

from mvops.core.prediction import Outcome, Prediction
from mvops.core.run import Run
from mvops.core.version import Version
from mvops.errors import UsageError
from mvops.registry.runs import find_run
from mvops.registry.versions import find_version
from mvops.workspace import Workspace


@dataclass(frozen=True)
class Explanation:
    """A prediction with its lineage. `surprises` names the inputs that lie outside what the version had seen."""

    prediction: Prediction
    outcome: Outcome | None
    version: Version | None
    run: Run | None
    surprises: tuple[str, ...]


def explain(workspace: Workspace, prediction_id: str) -> Explanation:
    """Look a prediction up by its id. Raises UsageError if the log has none with this id."""
    with workspace.predictions() as log:
        found = log.find(prediction_id)
    if found is None:
        raise UsageError(
            f"the prediction log has no {prediction_id!r}",
            hint="Predictions reach the log within a second; see: mvops predictions export MODEL --output FILE",
        )
    prediction, outcome = found
    version = find_version(workspace.registry, prediction.model, prediction.version)
    run = find_run(workspace.registry, version.run) if version else None
    return Explanation(prediction, outcome, version, run, tuple(_surprises(prediction, version)))


def _surprises(prediction: Prediction, version: Version | None) -> list[str]:
    found = []
    for column in version.signature.columns if version else ():
        value = prediction.inputs.get(column.name)
        if value is None:
            if not column.nullable:
                found.append(f"{column.name} is missing")
        elif column.kind == "category" and column.categories and str(value) not in column.categories:
            found.append(f"{column.name}: {value!r} was not among the {len(column.categories)} categories seen")
        elif column.low is not None and column.high is not None and not column.low <= float(value) <= column.high:
            found.append(f"{column.name}: {value} is outside {column.low:g} to {column.high:g}")
    return found
