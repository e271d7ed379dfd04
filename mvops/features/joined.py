"""A pipeline's input that mvops makes: rows, with the features that were known at the time of each.

The file is named by its recipe: the digest of the rows, of each view and its values, and of the fields. So a plan
knows whether it has changed without making it, and it is made when a run needs it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

from mvops.atomic import write_atomically
from mvops.core.canonical import digest
from mvops.core.config.features import PipelineFeatures
from mvops.errors import DataError
from mvops.features.catalog import catalog_of, store_of
from mvops.notebook.digests import file_sha256, input_digest
from mvops.notebook.jobs import pipeline_job
from mvops.notebook.results import PipelineJob
from mvops.workspace import Workspace


def job_of(workspace: Workspace, model: str) -> PipelineJob:
    """The job of a model's pipeline, with the joined features among its inputs. Makes nothing yet."""
    pipeline = workspace.model(model).pipeline
    job = pipeline_job(workspace.root, model, pipeline)
    if workspace.stand_ins:
        first, *later = (workspace.source(book) for book in pipeline.books)
        job = replace(job, notebook=first, later=tuple(later))
    if pipeline.features is None:
        return job
    parameter = pipeline.features.parameter
    return replace(
        job,
        inputs={**job.inputs, parameter: joined_file(workspace, model)},
        digests={parameter: recipe(workspace, model, pipeline.features)},
    )


def joined_file(workspace: Workspace, model: str) -> str:
    """Where the joined rows are, below the project."""
    return (workspace.cache / "features" / f"{model}.parquet").relative_to(workspace.root).as_posix()


def recipe(workspace: Workspace, model: str, features: PipelineFeatures) -> str:
    """The digest of everything that decides the joined rows. Raises DataError when there are none to join to."""
    store, catalog = store_of(workspace), catalog_of(workspace.project)
    views = {}
    for view, fields in features.fields.items():
        spec = catalog.views[view]
        definition = spec.model_dump(mode="json", include={"entities", "source", "ttl"})
        values = store.digest(workspace.root, catalog, view, workspace.cache)
        views[view] = [definition, values, list(fields), [spec.fields[field] for field in fields]]
    return digest([_rows_digest(workspace, model, features), features.timestamp, views])


def make_joined(workspace: Workspace, model: str) -> None:
    """Write the joined rows unless they are there already. Raises DataError for unfit rows, BackendError."""
    features = workspace.model(model).pipeline.features
    if features is None:
        return
    wanted = recipe(workspace, model, features)
    path = workspace.root / joined_file(workspace, model)
    made = path.with_suffix(".json")
    if path.is_file() and _made(made) == [wanted, file_sha256(path)]:
        return
    from mvops.features.joining import join  # noqa: PLC0415 -- pandas takes half a second, a plan needs none of it

    content = join(workspace, model, features).to_parquet(index=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    made.unlink(missing_ok=True)
    write_atomically(path, content)
    write_atomically(made, json.dumps([wanted, hashlib.sha256(content).hexdigest()]).encode())


def joined_content(workspace: Workspace, model: str, wanted: str) -> str | None:
    """The sha256 of the joined rows of the recipe `wanted`; None if others, or none, are there."""
    path = workspace.root / joined_file(workspace, model)
    if not path.is_file():
        return None
    sha256 = file_sha256(path)
    return sha256 if _made(path.with_suffix(".json")) == [wanted, sha256] else None


def _made(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def _rows_digest(workspace: Workspace, model: str, features: PipelineFeatures) -> str:
    try:
        return input_digest(workspace.root, features.rows, workspace.cache)
    except DataError as error:
        hint = f"Put the data there, or correct models.{model}.pipeline.features.rows in the YAML."
        raise DataError(error.message, hint=error.hint or hint) from None
