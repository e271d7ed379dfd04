"""A version and its training done again, side by side: equal, different (and where), or not comparable (and why)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from mvops.core.frozen import Frozen
from mvops.core.version import Environment
from mvops.lifecycle.scores import Scores

Verdict = Literal["equal", "different", "not_comparable"]
Part = Literal["data", "cells", "parameters", "environment", "metrics", "rows", "predictions"]
_NUMBERS = frozenset({"metrics", "rows", "predictions"})


class Difference(Frozen):
    """Where the two differ: a part of the version, a name in it, what is registered, what came out again."""

    part: Part
    name: str
    registered: Any
    again: Any


class Reproduction(Frozen):
    """What came of making a version again.

    `compared` counts what was looked at in each part. `largest` is the largest difference between two predictions on
    the registered held-out rows (probabilities, where the model gives them). `data` and `code` say where these were
    taken from; `reason` why nothing can be said, or how what differs is to be read; `seconds` is wall time.
    """

    model: str
    version: int
    verdict: Verdict
    reason: str
    tolerance: float
    compared: dict[str, int]
    differences: tuple[Difference, ...]
    largest: float | None
    data: dict[str, str]
    code: str
    unseeded: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class Made:
    """One side: what it was made of and what came of it. `rows` are the held-out ones with their target."""

    data: Mapping[str, str]
    cells: Mapping[str, str]
    parameters: Mapping[str, Any]
    environment: Environment
    imports: Mapping[str, str]  # releases of what the notebook's code imports; empty where nobody wrote them down
    metrics: Mapping[str, float]
    rows: pd.DataFrame | None
    scores: Scores  # on the registered held-out rows


def compare(registered: Made, again: Made, tolerance: float) -> tuple[tuple[Difference, ...], dict[str, int]]:
    """Every difference, and how much was compared in each part. Numbers are equal within `tolerance`."""
    found = [
        *_mappings("data", registered.data, again.data),
        *_mappings("cells", registered.cells, again.cells),
        *_mappings("parameters", registered.parameters, again.parameters),
        *_mappings("environment", _releases(registered, again), _releases(again, registered)),
        *_metrics(registered.metrics, again.metrics, tolerance),
        *_rows(registered.rows, again.rows),
        *_predictions(registered.scores, again.scores, tolerance),
    ]
    counted = {
        "data": len(registered.data),
        "cells": len(registered.cells),
        "parameters": len(registered.parameters),
        "environment": len(_releases(registered, again)),
        "metrics": len(registered.metrics),
        "rows": 0 if registered.rows is None else len(registered.rows),
        "predictions": registered.scores.rows,
    }
    return tuple(found), counted


def numbers_differ(differences: Sequence[Difference]) -> bool:
    """Is there a difference in what came out, not only in what it was made with."""
    return any(difference.part in _NUMBERS for difference in differences)


def largest_difference(registered: Scores, again: Scores) -> float | None:
    """Between two probabilities, or two predictions of a regression; None for classes alone."""
    pair = _values(registered), _values(again)
    if pair[0] is None or pair[1] is None or pair[0].shape != pair[1].shape or not pair[0].size:
        return None
    return float(np.max(np.abs(pair[0] - pair[1])))


def judge(differences: Sequence[Difference], *, repeats: bool | None, unseeded: Sequence[str]) -> tuple[Verdict, str]:
    """The verdict and its reason; `repeats` says whether two trainings today agree, None if nobody tried."""
    environment = [f"{d.name} {d.registered} -> {d.again}" for d in differences if d.part == "environment"]
    if not numbers_differ(differences):
        note = f"although the environment is another: {', '.join(environment)}" if environment else ""
        return "equal", note
    if environment:
        return "not_comparable", f"it was trained with other releases: {', '.join(environment)}"
    if repeats is False:
        cause = f"; nothing seeds {', '.join(unseeded)}" if unseeded else ""
        return "not_comparable", f"each training gives other numbers{cause}"
    return "different", ""


def _releases(one: Made, other: Made) -> dict[str, str]:
    """Releases of everything that both sides wrote down or that the model needs."""
    imports = {name: release for name, release in one.imports.items() if name in other.imports}
    place = {"Python": one.environment.python, "platform": one.environment.platform}
    return {**imports, **one.environment.packages, **place}


def _mappings(part: Part, one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[Difference]:
    for name in sorted(one.keys() | other.keys()):
        if one.get(name) != other.get(name):
            yield Difference(part=part, name=name, registered=one.get(name), again=other.get(name))


def _metrics(one: Mapping[str, float], other: Mapping[str, float], tolerance: float) -> Iterator[Difference]:
    for name, value in one.items():
        again = other.get(name)
        if again is None or not math.isclose(value, again, rel_tol=tolerance, abs_tol=tolerance):
            yield Difference(part="metrics", name=name, registered=value, again=again)


def _rows(one: pd.DataFrame | None, other: pd.DataFrame | None) -> Iterator[Difference]:
    if one is None or other is None or one.equals(other):
        return
    if one.shape != other.shape or list(one.columns) != list(other.columns):
        shapes = [f"{len(frame)} rows, {frame.shape[1]} columns" for frame in (one, other)]
        yield Difference(part="rows", name="shape", registered=shapes[0], again=shapes[1])
        return
    for column in one.columns:
        first, second = one[column], other[column]
        if not first.equals(second):
            same = [a == b or (pd.isna(a) and pd.isna(b)) for a, b in zip(first, second, strict=True)]
            unlike = len(first) - sum(same)
            yield Difference(part="rows", name=str(column), registered=f"{len(first)} values", again=f"{unlike} differ")


def _predictions(one: Scores, other: Scores, tolerance: float) -> Iterator[Difference]:
    pair = _values(one), _values(other)
    if pair[0] is not None and pair[1] is not None and pair[0].shape == pair[1].shape:
        unlike = ~np.isclose(pair[1], pair[0], rtol=tolerance, atol=tolerance)
        count = int(np.sum(unlike.reshape(len(unlike), -1).any(axis=1)))
    else:
        count = int(np.sum(one.raw != other.raw))
    if count:
        yield Difference(
            part="predictions", name="held-out rows", registered=f"{one.rows} rows", again=f"{count} differ"
        )


def _values(scores: Scores) -> Any:
    """The numbers behind the predictions, if they are numbers."""
    return scores.probabilities if scores.classes else scores.predicted
