"""MLflow on SQLite, asked in-process and spared all that it can be spared, for `bench_registry.py`."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import mlflow
import registry_work
from mlflow import MlflowClient
from registry_model import fitted


class Mlflow:
    def __init__(self, folder: Path) -> None:
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        self._client = MlflowClient()
        mlflow.set_experiment(experiment_id=self._client.create_experiment("bench", f"{folder}/artifacts"))
        self._run = mlflow.start_run()
        self._client.create_registered_model("registered")

    def fill(self, name: str, versions: int) -> None:
        self._client.create_registered_model(name)
        for _ in range(versions):
            self._version(name)
        self._client.set_registered_model_alias(name, "champion", "1")

    def train(self) -> None:
        self._model = fitted()

    def log_and_register(self) -> None:
        # Without the packages being looked for, without an example and without a signature.
        mlflow.sklearn.log_model(
            self._model, name="model", registered_model_name="logged", pip_requirements=["scikit-learn"]
        )

    def register(self) -> None:
        self._version("registered")

    def move(self, number: int) -> None:
        self._client.set_registered_model_alias("long", "champion", str(number))

    def resolve(self) -> int:
        return int(self._client.get_model_version_by_alias("long", "champion").version)

    def listed(self, name: str) -> int:
        return len(self._client.search_model_versions(f"name='{name}'", max_results=10_000))

    def _version(self, name: str) -> None:
        self._client.create_model_version(name, self._run.info.artifact_uri, self._run.info.run_id)


registry_work.work(Mlflow)
