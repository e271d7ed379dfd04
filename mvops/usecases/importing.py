"""A model that is already somewhere else, taken over: its artefact, a pipeline that evaluates it, and its YAML."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd

from mvops.artifacts.models import dump_model, load_pickle, load_skops
from mvops.atomic import write_atomically
from mvops.contracts.trackers import Fetched, ModelSource
from mvops.core.naming import check_name, suggest_name
from mvops.errors import ArtifactError, DataError, UsageError
from mvops.loading.write import write_model_yaml
from mvops.registry.events import record_event
from mvops.usecases.importing_notebook import pipeline_notebook
from mvops.usecases.promote import with_defaults
from mvops.workspace import Workspace, tracker_books

_REFERENCE = re.compile(r"(?:models:/|mlflow:(?://)?)(?P<model>[^/@]+)(?:/(?P<version>[0-9]+)|@(?P<alias>[^/@]+))?")
_READERS: Mapping[str, Any] = {".csv": pd.read_csv, ".parquet": pd.read_parquet}


@dataclass(frozen=True)
class HeldOut:
    """Rows that the model has not seen, in a file of the project, and the column with the truth."""

    path: str
    target: str


@dataclass(frozen=True)
class Imported:
    """What was written, by path below the project; `source` names the very version that was taken."""

    model: str
    source: str
    files: tuple[str, ...]
    notes: tuple[str, ...] = ()


def import_model(
    workspace: Workspace,
    reference: str,
    held_out: HeldOut,
    *,
    name: str | None = None,
    uri: str | None = None,
    trust_pickle: bool = False,
) -> Imported:
    """Write the model's artefact, a pipeline that evaluates it on `held_out`, and its YAML where there is none.

    Nothing is registered or served: that is for plan and apply. Imported again, a model takes the newer artefact.
    Raises UsageError for a reference that is none and a name that is taken, DataError for rows that do not fit,
    BackendError, ArtifactError for what cannot be loaded safely.
    """
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise UsageError(
            f"{reference} names no model",
            hint="Write models:/NAME/VERSION or models:/NAME@ALIAS, of MLflow's registry.",
        )
    model = _name(workspace, name or suggest_name(found["model"]))
    with tempfile.TemporaryDirectory() as folder:
        fetched = _fetch(workspace, found, uri, Path(folder))
        estimator = _estimator(fetched, trust_pickle=trust_pickle)
    data, _ = dump_model(estimator)
    rows = _rows(workspace, held_out)
    columns = _columns(fetched, estimator, rows, held_out)
    evaluate = _evaluation(estimator, rows[columns], rows[held_out.target])
    paths = {"model_path": f"models/{model}.skops", "data_path": held_out.path}
    source = f"{fetched.reference} of run {fetched.run}" if fetched.run else fetched.reference
    notebook, config = f"pipelines/{model}.ipynb", f"configs/models/{model}.yaml"
    pipeline: dict[str, Any] = {
        "notebook": notebook,
        "inputs": paths,
        "outputs": {"model": "model", "features": "X_test", "target": "y_test"},
    }
    draft = {"description": f"imported from MLflow: {found['model']}", "pipeline": pipeline, "evaluate": evaluate}
    made = pipeline_notebook(paths, source, data, columns, held_out.target)
    (workspace.root / paths["model_path"]).parent.mkdir(exist_ok=True)
    write_atomically(workspace.root / paths["model_path"], data)
    write_atomically(workspace.root / notebook, str(nbformat.writes(made)).encode())  # type: ignore[no-untyped-call]
    files = [paths["model_path"], notebook]
    if not (workspace.root / config).exists():
        write_model_yaml(workspace.root / config, with_defaults(workspace, model, draft))
        files.append(config)
    record_event(workspace.registry, "import", model, f"imported {source}")
    return Imported(model, source, tuple(files), tuple(_notes(fetched)))


def _name(workspace: Workspace, name: str) -> str:
    try:
        check_name(name)
    except ValueError as error:
        raise UsageError(f"--name: {error}", hint=f"Such as --name {suggest_name(name)}") from error
    there = workspace.project.models.get(name)
    if there is not None and there.pipeline.inputs.get("model_path") != f"models/{name}.skops":
        raise UsageError(f"there is a model {name} already, which was not imported", hint="Another name: --name NAME")
    return name


def _fetch(workspace: Workspace, found: re.Match[str], uri: str | None, folder: Path) -> Fetched:
    tracker = workspace.project.tracker
    options = dict(tracker.options) if tracker.backend == "mlflow" else {}
    if uri is not None:
        options["uri"] = uri
    if "uri" not in options:
        raise UsageError(
            "it is not said where MLflow is", hint="Say it: --uri http://HOST:PORT, or tracker: {backend: mlflow, ...}"
        )
    source: ModelSource = workspace.backend("trackers", "mlflow")
    return source.fetch(tracker_books(workspace, options), found["model"], found["version"] or found["alias"], folder)


def _estimator(fetched: Fetched, *, trust_pickle: bool) -> Any:
    """Loaded without running what the file may hold; a pickle only where somebody said that it is trusted."""
    if fetched.file is None:
        raise ArtifactError(
            f"{fetched.reference} is no model of scikit-learn, but of {', '.join(fetched.flavors) or 'nothing known'}",
            hint="Only MLflow's flavor sklearn is imported. Make a notebook of it: mvops promote",
        )
    data = fetched.file.read_bytes()
    if fetched.format == "skops":
        return load_skops(data, fetched.reference)
    if not trust_pickle:
        raise ArtifactError(
            f"{fetched.reference} is a pickle, which can run any code when it is loaded",
            hint="If you trust who made it: --trust-pickle. It is loaded once and kept as skops. Or log it as skops: "
            'mlflow.sklearn.log_model(..., serialization_format="skops")',
        )
    return load_pickle(data, fetched.reference, trusted=True)


def _rows(workspace: Workspace, held_out: HeldOut) -> pd.DataFrame:
    path = workspace.root / held_out.path
    reader = _READERS.get(path.suffix)
    if reader is None or not path.is_file():
        raise DataError(
            f"there are no rows in {held_out.path}", hint="Name a CSV or Parquet file of the project: --data"
        )
    try:
        rows: pd.DataFrame = reader(path)
    except (ValueError, OSError) as error:
        raise DataError(f"{held_out.path} cannot be read: {error}") from error
    if held_out.target not in rows.columns or rows.empty:
        known = ", ".join(map(str, rows.columns))
        raise DataError(f"{held_out.path} has no rows with {held_out.target!r}", hint=f"Columns there: {known}")
    return rows


def _columns(fetched: Fetched, estimator: Any, rows: pd.DataFrame, held_out: HeldOut) -> list[str]:
    """What the model wants: as MLflow's signature or the estimator says, else every column but the target."""
    fitted = getattr(estimator, "feature_names_in_", None)
    wanted = list(fetched.columns) or ([] if fitted is None else [str(column) for column in fitted])
    wanted = wanted or [str(column) for column in rows.columns if column != held_out.target]
    if missing := [column for column in wanted if column not in rows.columns]:
        known = ", ".join(map(str, rows.columns))
        raise DataError(
            f"{fetched.reference} wants {', '.join(missing)}, which {held_out.path} does not have",
            hint=f"Columns there: {known}",
        )
    return wanted


def _evaluation(estimator: Any, features: pd.DataFrame, target: pd.Series) -> dict[str, Any]:
    from sklearn.base import is_classifier  # noqa: PLC0415 -- takes seconds

    try:
        estimator.predict(features.head(5))
    except Exception as error:
        raise DataError(f"the model does not predict on these rows: {error}") from error
    if not is_classifier(estimator):
        return {"task": "regression", "metrics": ["rmse", "mae"]}
    graded = hasattr(estimator, "predict_proba")
    binary = target.nunique() == 2
    metrics = (["roc_auc"] if binary else ["accuracy"]) + ["log_loss"] if graded else ["accuracy"]
    return {"task": "classification", "metrics": metrics}


def _notes(fetched: Fetched) -> list[str]:
    import sklearn  # noqa: PLC0415 -- takes seconds

    if fetched.release in {None, sklearn.__version__}:
        return []
    return [f"it was made with scikit-learn {fetched.release}, this is {sklearn.__version__}: compare its metrics"]
