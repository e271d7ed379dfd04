"""Writes a model as ONNX, and compares the two on rows of all sorts: only what says the same may answer."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from sklearn.pipeline import Pipeline

from mvops.core.signature import Signature
from mvops.errors import ArtifactError, ServingError
from mvops.serving.compiled import Compiled
from mvops.serving.compiling.columns import NotCompiledError
from mvops.serving.compiling.graph import draw, serialised
from mvops.serving.compiling.hostile import hostile_rows
from mvops.serving.compiling.table import compile_table
from mvops.serving.estimator import Estimator
from mvops.serving.parity import Columns, DifferentError, compared

_MOST_ROWS = 10_000  # of those that were held out


def compile_model(
    model: Any, signature: Signature, features: pd.DataFrame, tolerance: float
) -> tuple[bytes, float, int]:
    """The graph, the largest difference that was found, and in how many rows it was looked for.

    Raises NotCompiledError where the estimator has to answer.
    """
    before = model[:-1] if type(model) is Pipeline and len(model.steps) > 1 else None
    last = model[-1] if type(model) is Pipeline else model
    table = compile_table(before, last, signature.columns)
    graph = draw(last, signature)
    data = serialised(graph, table.width, table.model_dump_json())
    try:
        estimator = Estimator(model, signature)
        compiled = Compiled(data, signature, estimator, tolerance)
    except (ServingError, ArtifactError) as error:
        raise NotCompiledError(error.message) from None
    held_out = as_requested(features, signature)
    difference, rows = 0.0, 0
    for columns in (held_out, hostile_rows(signature, held_out)):
        try:
            found, count = compared(estimator, compiled, columns, tolerance)
        except DifferentError as error:
            raise NotCompiledError(str(error)) from error
        difference, rows = max(difference, found), rows + count
    return data, difference, rows


def as_requested(features: pd.DataFrame, signature: Signature) -> Columns:
    """Rows that were held out as a request would bring them; those with infinite numbers it could not."""
    every = max(1, math.ceil(len(features) / _MOST_ROWS))
    chosen = features.iloc[::every]
    columns = [_values(chosen[column.name], column.kind) for column in signature.columns]
    fit = [row for row in range(len(chosen)) if not any(_infinite(values[row]) for values in columns)]
    return [[values[row] for row in fit] for values in columns]


def _infinite(value: Any) -> bool:
    return isinstance(value, float) and math.isinf(value)


def _values(column: pd.Series[Any], kind: str) -> list[Any]:
    missing = column.isna().tolist()
    convert: Any = {"number": float, "integer": int, "boolean": bool}.get(kind, str)
    if kind == "datetime":
        times = pd.to_datetime(column, utc=True)
        return [None if none else time.to_pydatetime(warn=False) for none, time in zip(missing, times, strict=True)]
    return [None if none else convert(value) for none, value in zip(missing, column, strict=True)]
