"""The join itself: each row with the features as they were known at its time."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from mvops.core.config.features import PipelineFeatures
from mvops.errors import DataError
from mvops.features.catalog import catalog_of, store_of
from mvops.notebook.digests import input_files
from mvops.workspace import Workspace


def join(workspace: Workspace, model: str, features: PipelineFeatures) -> pd.DataFrame:
    """The rows as they are, with the fields as further columns. Raises DataError for unfit rows, BackendError."""
    store, catalog = store_of(workspace), catalog_of(workspace.project)
    rows = _read(workspace.root, features.rows)
    keys = list(dict.fromkeys(key for view in features.fields for key in catalog.views[view].entities))
    _check(model, features, rows, keys)
    times = pd.to_datetime(rows[features.timestamp], utc=True)
    asked = rows[keys].assign(**{features.timestamp: times})
    complete = asked.notna().all(axis="columns")
    # Stores drop rows that are alike, so each is asked for once and its answer given to all.
    once = asked[complete].drop_duplicates()
    found = store.join(workspace.root, catalog, model, once, features.timestamp)
    answers = pd.concat([once, found], axis="columns")
    joined = asked.merge(answers, on=[*keys, features.timestamp], how="left", validate="many_to_one")
    return rows.assign(**{field: joined[field].to_numpy() for field in found.columns})


def _read(root: Path, pattern: str) -> pd.DataFrame:
    files = input_files(root, pattern)
    try:
        tables = [pd.read_csv(file) if file.suffix == ".csv" else pd.read_parquet(file) for file in files]
    except (OSError, ValueError) as error:
        raise DataError(f"the rows at {pattern} cannot be read: {error}") from error
    return pd.concat(tables, ignore_index=True)


def _check(model: str, features: PipelineFeatures, rows: pd.DataFrame, keys: list[str]) -> None:
    fields = [field for several in features.fields.values() for field in several]
    missing = [column for column in (features.timestamp, *keys) if column not in rows.columns]
    twice = [field for field in fields if field in rows.columns]
    where = f"models.{model}.pipeline.features"
    if missing:
        known = ", ".join(map(str, rows.columns))
        raise DataError(f"{features.rows} has no column {missing[0]!r}, which {where} needs", hint=f"It has: {known}")
    if twice:
        raise DataError(f"{features.rows} has a column {twice[0]!r} already", hint=f"Take it out of {where}.fields.")
