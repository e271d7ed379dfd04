"""The baseline: a profile of the data, the predictions and the performance of a version, taken at registration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Literal

import numpy as np
from pydantic import Field

from mvops.core.durations import Duration
from mvops.core.frozen import Frozen
from mvops.core.signature import Signature
from mvops.errors import DataError
from mvops.monitoring.blocks import Blocks, cut, hour_counts
from mvops.monitoring.columns import Column, Floats, Rows, label, numbers
from mvops.monitoring.performance import Performance, measure, nothing
from mvops.monitoring.profile import Profile, profile

DAY = timedelta(days=1)


class Baseline(Frozen):
    """JSON-able, a few kilobytes for each column.

    `every` is the length of the blocks whose variation was learned: best the length of the monitor's windows. `timed`
    says whether blocks are windows of time; where they are not, day-to-day variation is assumed
    (variation.ASSUMED_BETWEEN) and then learned from the windows seen.
    """

    format_version: Literal[1] = 1
    task: Literal["classification", "regression"]
    every: Duration
    rows: int
    timed: bool
    blocks: int
    hours: tuple[int, ...]  # rows by hour of the week, UTC, Monday first
    features: dict[str, Profile]
    predictions: dict[str, Profile]  # `prediction`, and `score`, the probability, where the model gives it
    performance: Performance
    metrics: tuple[str, ...] = Field(default=())  # the first one leads


def build_baseline(
    signature: Signature,
    rows: Rows,
    *,
    metrics: Sequence[str] = (),
    every: timedelta = DAY,
    importance: Mapping[str, float] | None = None,
) -> Baseline:
    """Profile the rows a version was evaluated on. DataError if there are none.

    `rows.times`, one instant per row, is what makes alarms trustworthy: with it the baseline knows its own daily and
    weekly rhythm. At least four blocks of `every` are needed; eight weeks are good.
    """
    if not rows.count:
        raise DataError("A baseline needs rows, and there are none.", hint="Are the held-out features empty?")
    blocks = cut(rows.count, rows.times, every)
    listed = {c.name: c.categories for c in signature.columns}
    kinds = {c.name: c.kind for c in signature.columns}
    features = {
        name: profile(rows.features[name], kind, blocks, every, listed=listed[name])
        for name, kind in kinds.items()
        if name in rows.features
    }
    if importance:
        features = {name: one.model_copy(update={"importance": importance.get(name)}) for name, one in features.items()}
    return Baseline(
        task=signature.task,
        every=every,
        rows=rows.count,
        timed=blocks.timed,
        blocks=len(blocks.index),
        hours=tuple(hour_counts(rows.times).tolist()),
        features=features,
        predictions=_predictions(signature, rows, blocks, every),
        performance=_performance(signature, rows),
        metrics=tuple(metrics),
    )


def prediction_columns(rows: Rows) -> dict[str, Column]:
    """What is monitored of the answers: the prediction and, with probabilities, the score.

    The probability of the second of two classes, of more classes that of the likeliest.
    """
    found: dict[str, Column] = {} if rows.predictions is None else {"prediction": rows.predictions}
    if rows.probabilities is not None and rows.probabilities.ndim == 2 and rows.probabilities.shape[1] > 1:
        found["score"] = _score(rows.probabilities)
    return found


def _score(probabilities: Floats) -> Floats:
    score: Floats = probabilities[:, 1] if probabilities.shape[1] == 2 else probabilities.max(axis=1)
    return score


def _predictions(signature: Signature, rows: Rows, blocks: Blocks, every: timedelta) -> dict[str, Profile]:
    classes = tuple(label(value) for value in signature.classes)
    return {
        name: profile(
            column,
            "category" if name == "prediction" and signature.task == "classification" else "number",
            blocks,
            every,
            listed=classes if name == "prediction" else (),
        )
        for name, column in prediction_columns(rows).items()
    }


def _performance(signature: Signature, rows: Rows) -> Performance:
    classes = tuple(label(value) for value in signature.classes)
    if rows.outcomes is None or rows.predictions is None:
        return nothing(classes, 0.0, 1.0)
    if signature.task == "classification":
        return measure(nothing(classes, 0.0, 1.0), rows.predictions, rows.outcomes, rows.probabilities)
    target = numbers(rows.outcomes)
    known = target[np.isfinite(target)]
    centre, scale = (float(known.mean()), float(known.std())) if len(known) else (0.0, 1.0)
    return measure(nothing((), centre, scale), rows.predictions, rows.outcomes, None)
