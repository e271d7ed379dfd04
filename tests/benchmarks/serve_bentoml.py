"""BentoML with adaptive batching, as its documentation has it; BENCH_FOLDER and BENCH_KIND say of which model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import bentoml
import pandas as pd
from serve_work import load


@bentoml.service
class Model:
    """A DataFrame in the signature of a batched API fails in 1.4, hence the lists."""

    def __init__(self) -> None:
        self._model = load(Path(os.environ["BENCH_FOLDER"]), os.environ["BENCH_KIND"])

    @bentoml.api(batchable=True)
    def predict(self, rows: list[dict[str, Any]]) -> list[list[float]]:
        """Probabilities."""
        found: list[list[float]] = self._model.predict_proba(pd.DataFrame(rows)).tolist()
        return found
