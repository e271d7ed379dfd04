"""Reads off a fitted pipeline what it does to a row, as a `Table`: scikit-learn's usual transformers, and no others.

A transformer is known by its very type: a subclass may do anything. Whatever is not known here is refused, with the
reason, and the estimator answers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)

from mvops.core.signature import Column
from mvops.serving.tables import Operations

_NUMERIC = {"number", "integer", "boolean"}


class NotCompiledError(Exception):
    """Why the estimator has to answer."""


@dataclass(frozen=True, eq=False)
class Encoded:
    """A column whose categories become numbers. `unknown` is the code of any other, None where the model refuses it.

    `missing` says which category null is, None where it is one that is unknown.
    """

    place: int  # in the signature
    categories: tuple[Any, ...]
    missing: int | None
    lenient: bool
    unknown: float = 0.0


@dataclass(frozen=True)
class Given:
    """A column as the request has it; null may have been filled with `fill`."""

    place: int  # in the signature
    kind: str
    nullable: bool
    fill: Any = None
    filled: bool = False


@dataclass(frozen=True)
class Numeric:
    """A column of numbers: the request's, 1 for a category and 0 for others, or the place of a category.

    `category` is None where each category has a number of its own: its place among them.
    """

    source: Given | Encoded
    category: int | None = None
    operations: Operations = ()

    def then(self, name: Any, *arguments: float) -> Numeric:
        """The column after one operation more."""
        return replace(self, operations=(*self.operations, (name, tuple(map(float, arguments)))))


@dataclass(frozen=True)
class Columns:
    """What a transformer gets or gives. `sparse` tables are scaled by other operations than dense ones."""

    items: tuple[Given | Numeric, ...]
    names: tuple[str, ...] | None = None
    sparse: bool = False


def given_columns(columns: Sequence[Column]) -> Columns:
    """Those of a request."""
    items = tuple(Given(place, column.kind, column.nullable) for place, column in enumerate(columns))
    return Columns(items, tuple(column.name for column in columns))


def through(transformer: Any, given: Columns) -> Columns:
    """What comes out of a fitted transformer. Raises NotCompiledError."""
    if transformer is None or (type(transformer) is str and transformer == "passthrough"):
        return given
    kind = type(transformer)
    if kind is Pipeline:
        for _, step in transformer.steps:
            given = through(step, given)
        return given
    if kind not in _READERS:
        raise NotCompiledError(f"{kind.__name__} is not among the transformers that are written as ONNX")
    return _READERS[kind](transformer, given if kind is ColumnTransformer else in_order(transformer, given))


def in_order(fitted: Any, given: Columns) -> Columns:
    """The columns, which have to be those that it was fitted on, as scikit-learn demands."""
    names = getattr(fitted, "feature_names_in_", None)
    same = names is None or given.names is None or tuple(names) == given.names
    if not same or getattr(fitted, "n_features_in_", len(given.items)) != len(given.items):
        raise NotCompiledError(f"{type(fitted).__name__} was fitted on other columns than it gets")
    return given


def _by_column(transformer: Any, given: Columns) -> Columns:
    if transformer.transformer_weights:
        raise NotCompiledError("a ColumnTransformer with weights is not written as ONNX")
    names = getattr(transformer, "feature_names_in_", None)
    items = given.items
    if names is None or given.names is None:
        in_order(transformer, given)
    elif set(names) <= set(given.names):
        items = tuple(items[given.names.index(name)] for name in names)
    else:
        raise NotCompiledError("ColumnTransformer was fitted on other columns than it gets")
    found: list[Given | Numeric] = []
    for name, step, _ in transformer.transformers_:
        if type(step) is str and step == "drop":
            continue
        places = transformer._transformer_to_input_indices[name]  # noqa: SLF001 -- masks and callables, resolved
        found += through(step, Columns(tuple(items[place] for place in places))).items
    return Columns(tuple(found), None, bool(transformer.sparse_output_))


def _one_hot(encoder: Any, given: Columns) -> Columns:
    if getattr(encoder, "_infrequent_enabled", False):
        raise NotCompiledError("a OneHotEncoder with infrequent categories is not written as ONNX")
    found: list[Numeric] = []
    dropped = encoder.drop_idx_ if encoder.drop_idx_ is not None else [None] * len(encoder.categories_)
    for item, categories, without in zip(given.items, encoder.categories_, dropped, strict=True):
        encoded = _encoded(item, categories.tolist(), lenient=encoder.handle_unknown != "error")
        found += [Numeric(encoded, at) for at in range(len(categories)) if at != without]
    return Columns(tuple(found), None, bool(encoder.sparse_output))


def _ordinal(encoder: Any, given: Columns) -> Columns:
    if getattr(encoder, "_infrequent_enabled", False):
        raise NotCompiledError("an OrdinalEncoder with infrequent categories is not written as ONNX")
    found = []
    lenient = encoder.handle_unknown == "use_encoded_value"
    for item, categories in zip(given.items, encoder.categories_, strict=True):
        encoded = _encoded(item, categories.tolist(), lenient=lenient)
        if encoded.missing is not None:
            raise NotCompiledError("an OrdinalEncoder with a code for what is missing is not written as ONNX")
        found.append(Numeric(replace(encoded, unknown=float(encoder.unknown_value)) if lenient else encoded))
    return Columns(tuple(found))


def _encoded(item: Given | Numeric, categories: list[Any], *, lenient: bool) -> Encoded:
    if isinstance(item, Numeric) or item.kind in {"number", "datetime"} or (item.kind == "integer" and item.nullable):
        raise NotCompiledError("categories that are broken numbers, or missing ones, are not written as ONNX")
    missing = [at for at, value in enumerate(categories) if isinstance(value, float) and math.isnan(value)]
    place = missing[0] if missing else None
    if item.filled:
        place = categories.index(item.fill) if item.fill in categories else None
    return Encoded(item.place, tuple(categories), place, lenient)


def _imputed(imputer: Any, given: Columns) -> Columns:
    nan = isinstance(imputer.missing_values, float) and math.isnan(imputer.missing_values)
    if not nan or imputer.indicator_ is not None:
        raise NotCompiledError(
            "a SimpleImputer with an indicator, or for another value than NaN, is not written as ONNX"
        )
    values = imputer.statistics_.tolist()
    if any(value is None or value != value for value in values):  # noqa: PLR0124 -- it drops such columns
        raise NotCompiledError("a SimpleImputer for a column without any value is not written as ONNX")
    texts = [item for item in given.items if isinstance(item, Given) and item.kind in {"category", "text"}]
    if texts and len(texts) == len(given.items):
        filled = [replace(item, fill=value, filled=True) for item, value in zip(texts, values, strict=True)]
        return replace(given, items=tuple(filled))
    return _each(given, "fill", imputer.statistics_)


def _unchanged(transformer: Any, given: Columns) -> Columns:
    if transformer.func is not None:
        raise NotCompiledError("a FunctionTransformer is not written as ONNX")
    return given


def _standard(scaler: Any, given: Columns) -> Columns:
    centred = _each(given, "subtract", scaler.mean_ if scaler.with_mean else None)
    return _each(centred, "divide", scaler.scale_ if scaler.with_std else None)


def _robust(scaler: Any, given: Columns) -> Columns:
    centred = _each(given, "subtract", scaler.center_ if scaler.with_centering else None)
    return _each(centred, "divide", scaler.scale_ if scaler.with_scaling else None)


def _min_max(scaler: Any, given: Columns) -> Columns:
    moved = _each(_each(given, "multiply", scaler.scale_), "add", scaler.min_)
    return _clipped(moved, *scaler.feature_range) if scaler.clip else moved


def _max_abs(scaler: Any, given: Columns) -> Columns:
    scaled = _each(given, "divide", scaler.scale_)
    return _clipped(scaled, -1.0, 1.0) if getattr(scaler, "clip", False) else scaled


def _clipped(given: Columns, low: float, high: float) -> Columns:
    items = [_numeric(item).then("clip", low, high) for item in given.items]
    return replace(given, items=tuple(items))


def _each(given: Columns, name: str, arguments: Any) -> Columns:
    """One operation for every column, each with its own number; none without any."""
    if given.sparse:
        raise NotCompiledError("what is scaled as a sparse table is not written as ONNX")
    numbers = [_numeric(item) for item in given.items]
    if arguments is not None:
        numbers = [item.then(name, value) for item, value in zip(numbers, arguments.tolist(), strict=True)]
    return replace(given, items=tuple(numbers))


def _numeric(item: Given | Numeric) -> Numeric:
    if isinstance(item, Numeric):
        return item
    if item.kind not in _NUMERIC:
        raise NotCompiledError(f"a column of the kind {item.kind} is used as a number")
    return Numeric(item)


def all_numeric(given: Columns) -> tuple[Numeric, ...]:
    """The columns that the model itself gets. Raises NotCompiledError where one is none of numbers."""
    return tuple(_numeric(item) for item in given.items)


_READERS: dict[type, Callable[[Any, Columns], Columns]] = {
    ColumnTransformer: _by_column,
    OneHotEncoder: _one_hot,
    OrdinalEncoder: _ordinal,
    SimpleImputer: _imputed,
    FunctionTransformer: _unchanged,
    StandardScaler: _standard,
    MinMaxScaler: _min_max,
    RobustScaler: _robust,
    MaxAbsScaler: _max_abs,
}
