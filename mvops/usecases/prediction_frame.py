"""The prediction log as a table."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from mvops.usecases.clock import as_utc
from mvops.usecases.predictions import FIXED, record
from mvops.workspace import Workspace


def prediction_frame(workspace: Workspace, model: str, since: datetime | None, until: datetime | None) -> pd.DataFrame:
    """A row for each prediction, as `mvops predictions export` writes it."""
    workspace.model(model)
    with workspace.predictions() as log:
        rows = [
            {**record(prediction, outcome), **{f"inputs.{name}": value for name, value in prediction.inputs.items()}}
            for prediction, outcome in log.iterate(model, as_utc(since), as_utc(until))
        ]
    found = pd.DataFrame(rows, columns=None if rows else list(FIXED))
    found["time"] = pd.to_datetime(found["time"], utc=True, format="ISO8601")
    return found
