"""A fitted estimator from elsewhere as what a project is made of: its file, a pipeline that loads it, and its YAML."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd

from mvops.artifacts.models import dump_model, load_skops
from mvops.atomic import content_at
from mvops.errors import ArtifactError, ConflictError, DataError, UsageError
from mvops.sources.loading_notebook import Origin, loading_notebook, origin_of
from mvops.sources.source import Asked, Taken, below, checked_name, text_of
from mvops.workspace import Workspace

_READERS: Mapping[str, Any] = {".csv": pd.read_csv, ".parquet": pd.read_parquet}
_AFTER = ("mvops plan", "mvops apply")


@dataclass(frozen=True)
class Original:
    """A model's file as it is there: `source` names it, with the run that made it in `made_by`.

    `columns` are those that it is known to want, `release` that of scikit-learn that it was made with; empty and None
    where nobody knows. What is not in the `format` skops is a pickle of some sort.
    """

    name: str
    source: str
    data: bytes
    format: str
    description: str
    made_by: str = ""
    columns: tuple[str, ...] = ()
    release: str | None = None


def taken(original: Original, asked: Asked, workspace: Workspace, unpickle: Callable[[bytes], Any]) -> Taken:
    """What taking the model over comes to; `unpickle` loads a pickle from its bytes, and is called with trust only.

    Raises UsageError, DataError for rows that do not fit, ArtifactError for what cannot be loaded safely, ConflictError
    for a pipeline that somebody has changed.
    """
    name = _name(workspace, checked_name(asked.name or original.name))
    if not asked.data or not asked.target:
        raise UsageError(
            "it is not said which rows the model is judged by",
            hint="Rows that it has not seen, and the column there with the truth: --data FILE --target COLUMN",
        )
    held_out = _data(asked.data, workspace)
    origin = Origin(original.source, hashlib.sha256(original.data).hexdigest(), held_out, asked.target)
    before = _before(workspace, name)
    source = f"{original.source}{original.made_by}"
    if before is not None and _same(workspace, name, before, origin):
        return Taken(name, source, f"{source} is {name} here already", already=True)
    estimator = _estimator(original, unpickle, trust=asked.trust_pickle)
    data = original.data if original.format == "skops" else dump_model(estimator)[0]
    rows = _rows(workspace, held_out, asked.target)
    columns = _columns(original, estimator, rows, origin)
    evaluate = _evaluation(estimator, rows[columns], rows[asked.target])
    book = loading_notebook(_paths(name, held_out), source, data, columns, origin)
    pipeline: dict[str, Any] = {
        "notebook": f"pipelines/{name}.ipynb",
        "inputs": _paths(name, held_out),
        "outputs": {"model": "model", "features": "X_test", "target": "y_test"},
    }
    return Taken(
        name,
        source,
        f"{source} is {name} here",
        files={
            f"models/{name}.skops": data,
            f"pipelines/{name}.ipynb": str(nbformat.writes(book)).encode(),  # type: ignore[no-untyped-call]
        },
        draft={"description": original.description, "pipeline": pipeline, "evaluate": evaluate},
        notes=tuple(_notes(original, again=before is not None)),
        after=_AFTER,
    )


def _paths(name: str, data: str) -> dict[str, str]:
    return {"model_path": f"models/{name}.skops", "data_path": data}


def _name(workspace: Workspace, name: str) -> str:
    there = workspace.project.models.get(name)
    if there is not None and there.pipeline.inputs.get("model_path") != f"models/{name}.skops":
        raise UsageError(f"there is a model {name} already, which was not imported", hint="Another name: --name NAME")
    return name


def _before(workspace: Workspace, name: str) -> Origin | None:
    """Where the model that is there was imported from. Raises ConflictError where its pipeline is another by now."""
    path = workspace.root / "pipelines" / f"{name}.ipynb"
    text = text_of(path)
    if text is None and not path.exists():
        return None
    try:
        book = json.loads(text or "")
    except ValueError:
        book = {}
    origin = origin_of(book)
    if origin is None:
        raise ConflictError(
            f"pipelines/{name}.ipynb is not as `mvops import` made it, and stays as it is",
            hint="Another name: --name NAME. Or take the file away first, if it is not needed any more.",
        )
    return origin


def _same(workspace: Workspace, name: str, before: Origin, origin: Origin) -> bool:
    """Is this very file here as it was written?"""
    return (
        before.same(origin)
        and name in workspace.project.models
        and before.holds(content_at(workspace.root / f"models/{name}.skops"))
    )


def _estimator(original: Original, unpickle: Callable[[bytes], Any], *, trust: bool) -> Any:
    """Loaded without running what the file may hold; a pickle only where somebody said that it is trusted."""
    if original.format == "skops":
        return load_skops(original.data, original.source)
    if not trust:
        raise ArtifactError(
            f"{original.source} is a pickle, which can run any code when it is loaded",
            hint="If you trust who made it: --trust-pickle. It is loaded once and kept as skops. Or have it made as "
            "skops: skops.io.dump(model, FILE), or in MLflow log_model(..., serialization_format='skops')",
        )
    return unpickle(original.data)


def _data(data: str, workspace: Workspace) -> str:
    """The file of the project that is meant, from where the user stands or from the project's folder."""
    for folder in (Path(), workspace.root):
        inside = below(data, folder, workspace.root)
        path = workspace.root / inside
        if not Path(inside).is_absolute() and path.suffix in _READERS and path.is_file():
            return inside
    raise DataError(f"there are no rows in {data}", hint="Name a CSV or Parquet file of the project: --data")


def _rows(workspace: Workspace, data: str, target: str) -> pd.DataFrame:
    path = workspace.root / data
    reader = _READERS[path.suffix]
    try:
        rows: pd.DataFrame = reader(path)
    except (ValueError, OSError) as error:
        raise DataError(f"{data} cannot be read: {error}") from error
    if target not in rows.columns or rows.empty:
        known = ", ".join(map(str, rows.columns))
        raise DataError(f"{data} has no rows with {target!r}", hint=f"Columns there: {known}")
    return rows


def _columns(original: Original, estimator: Any, rows: pd.DataFrame, origin: Origin) -> list[str]:
    """What the model wants: as its signature or the estimator says, else every column but the target."""
    fitted = getattr(estimator, "feature_names_in_", None)
    wanted = list(original.columns) or ([] if fitted is None else [str(column) for column in fitted])
    wanted = wanted or [str(column) for column in rows.columns if column != origin.target]
    if missing := [column for column in wanted if column not in rows.columns]:
        known = ", ".join(map(str, rows.columns))
        raise DataError(
            f"{original.source} wants {', '.join(missing)}, which {origin.data} does not have",
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


def _notes(original: Original, *, again: bool) -> Iterator[str]:
    import sklearn  # noqa: PLC0415 -- takes seconds

    if original.release not in {None, sklearn.__version__}:
        yield f"it was made with scikit-learn {original.release}, this is {sklearn.__version__}: compare its metrics"
    if again:
        yield "it takes the place of the one that was imported before; what serves stays until its gate says yes"
    else:
        yield "nothing is registered or served yet"
