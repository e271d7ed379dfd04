"""MLflow on a plain SQLite file, read with its own client. A server is in tests/backends/trackers/test_mlflow.py."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from closed_doors import not_mlflow, silent

pytestmark = [pytest.mark.system, pytest.mark.real("trackers", "mlflow", "a plain sqlite:/// URI")]


def set_up(folder: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    pytest.importorskip("mlflow", reason="needs mlflow")
    uri = f"sqlite:///{folder}/mlflow.db"
    exam = request.module

    def runs() -> dict[str, Any]:
        client = _client(uri)
        experiments = [found.experiment_id for found in client.search_experiments()]
        return {run.data.tags["mvops.run"]: _held(exam, client, run) for run in client.search_runs(experiments)}

    def champion(model: str, rows: Any) -> Any:
        import mlflow

        mlflow.set_tracking_uri(uri)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return mlflow.pyfunc.load_model(f"models:/{model}@champion").predict(rows)

    with silent() as deaf, not_mlflow() as other:
        yield exam.Desk(
            options={"uri": uri, "artifacts": str(folder / "artifacts")},
            runs=runs,
            champion=champion,
            broken={
                "is gone": {"uri": "http://127.0.0.1:1"},
                "never answers": {"uri": deaf},
                "is another program": {"uri": other},
            },
        )


def _client(uri: str) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(uri, uri)


def _held(exam: Any, client: Any, run: Any) -> Any:
    names = [entry.path for entry in client.list_artifacts(run.info.run_id)]
    files = [entry.path for name in names for entry in client.list_artifacts(run.info.run_id, name)]
    return exam.HeldRun(
        status={"FINISHED": "succeeded", "FAILED": "failed"}.get(run.info.status, run.info.status),
        parameters=run.data.params,
        metrics=run.data.metrics,
        tags=run.data.tags,
        files=frozenset(files),
    )
