"""What decides a training, as one digest, and what a change of the YAML asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from mvops.core.canonical import digest
from mvops.core.config.model import Evaluate, Outputs
from mvops.errors import DataError

ChangeClass = Literal["retrain", "re-evaluate", "redeploy", "re-baseline", "metadata only"]

CAUTION: tuple[ChangeClass, ...] = ("retrain", "re-evaluate", "redeploy", "re-baseline", "metadata only")

_CLASSES: dict[tuple[str, ...], ChangeClass] = {
    ("pipeline",): "retrain",
    ("pipeline", "timeout"): "metadata only",  # decides how long we wait, not what is trained
    ("pipeline", "memory"): "metadata only",
    ("evaluate",): "re-evaluate",
    ("evaluate", "task"): "retrain",  # part of the fingerprint
    ("gate",): "re-evaluate",
    ("endpoint",): "redeploy",
    ("log",): "redeploy",
    ("rollout",): "redeploy",
    ("monitor",): "re-baseline",
    ("retrain",): "metadata only",  # when to train next; the schedule is a resource of its own
    ("description",): "metadata only",
    ("owner",): "metadata only",
    ("prevent_destroy",): "metadata only",
}


def training_fingerprint(
    *,
    cells: Mapping[str, str],
    parameters: Mapping[str, Any],
    inputs: Mapping[str, str],
    outputs: Outputs,
    evaluate: Evaluate,
) -> str:
    """Equal fingerprints mean equal training.

    `cells` is the digest of each step in the notebook's order, which counts; `inputs` the digest of each input;
    `parameters` what the notebook is given. The metrics do not count (a version can be evaluated again), the task
    does. Raises DataError if a parameter has no JSON form.
    """
    decisive = {
        "format": 1,
        "cells": [[step, found] for step, found in cells.items()],
        "parameters": dict(parameters),
        "inputs": dict(inputs),
        "outputs": outputs.model_dump(mode="json"),
        "task": evaluate.task,
    }
    try:
        return digest(decisive)
    except (TypeError, ValueError) as error:
        raise DataError(f"A parameter of the notebook has no JSON form: {error}") from error


def change_class(before: Mapping[str, Any], after: Mapping[str, Any]) -> ChangeClass | None:
    """What the change of a model's YAML asks for; None if nothing changed.

    Both are `core.config.model.Model` dumped in JSON mode, with defaults. The most cautious class of all changed
    fields wins, and a field that is not known here asks for the most cautious of all.
    """
    found = {_class_of(path) for path in changed_fields(before, after)}
    return next((name for name in CAUTION if name in found), None)


def changed_fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Section and, where both have the section, field of everything that differs, in order of the names."""
    paths: list[tuple[str, ...]] = []
    for section in sorted(before.keys() | after.keys()):
        old, new = before.get(section), after.get(section)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            fields = sorted(old.keys() | new.keys())
            paths.extend((section, field) for field in fields if old.get(field) != new.get(field))
        elif old != new:
            paths.append((section,))
    return paths


def most_cautious(classes: list[ChangeClass]) -> ChangeClass | None:
    """The class that a dependant inherits; None for an empty list."""
    return next((name for name in CAUTION if name in classes), None)


def _class_of(path: tuple[str, ...]) -> ChangeClass:
    return _CLASSES.get(path) or _CLASSES.get(path[:1]) or "retrain"
