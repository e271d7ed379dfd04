"""A version as a model of MLflow's, on disk; imports MLflow, which takes seconds."""

from __future__ import annotations

import warnings
from pathlib import Path

import yaml

from mvops.artifacts.trusted import TRUSTED
from mvops.contracts.trackers import VersionReport

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from mlflow.models import Model, infer_signature
    from mlflow.sklearn import save_model


def write_model(folder: Path, report: VersionReport) -> None:
    """MLflow's scikit-learn flavour, around the very bytes that mvops serves."""
    if report.version.environment.interpreter:
        _write_as_it_is(folder, report)
        return
    estimator, example = report.estimator(), report.example()
    signature = None if example is None else infer_signature(example, estimator.predict(example))
    save_model(
        estimator,
        str(folder),
        serialization_format="skops",
        skops_trusted_types=sorted(TRUSTED),
        signature=signature,
        pip_requirements=list(report.requirements),  # inferring them takes half a minute
    )
    if report.version.artifact.format == "skops":
        (folder / "model.skops").write_bytes(report.artifact)


def _write_as_it_is(folder: Path, report: VersionReport) -> None:
    """The same of a model that only the Python that made it loads: nothing is loaded here."""
    kind, environment = report.version.artifact.format, report.version.environment
    name = "model.skops" if kind == "skops" else "model.pkl"
    folder.mkdir(parents=True)
    (folder / name).write_bytes(report.artifact)
    (folder / "requirements.txt").write_text("\n".join(report.requirements) + "\n", encoding="utf-8")
    needs = {"python": environment.python, "dependencies": ["-r requirements.txt"]}
    (folder / "python_env.yaml").write_text(yaml.safe_dump(needs), encoding="utf-8")
    made = Model()
    made.add_flavor(
        "sklearn",
        pickled_model=name,
        sklearn_version=environment.packages.get("scikit-learn"),
        serialization_format="skops" if kind == "skops" else "cloudpickle",
    )
    made.add_flavor(
        "python_function",
        loader_module="mlflow.sklearn",
        model_path=name,
        predict_fn="predict",
        python_version=environment.python,
        env={"virtualenv": "python_env.yaml"},
    )
    made.save(str(folder / "MLmodel"))
