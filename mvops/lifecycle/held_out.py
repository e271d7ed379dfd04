"""What a run hands over: the estimator, and the rows by which it is judged."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mvops.artifacts.elsewhere import load_elsewhere, loads_here
from mvops.artifacts.models import PICKLES, load_model
from mvops.artifacts.store import ArtifactStore
from mvops.artifacts.values import load_value
from mvops.core.version import OWN, Artifact, Environment
from mvops.errors import DataError


@dataclass(frozen=True)
class HeldOut:
    """What a run handed over: the estimator, the rows it never saw, and those that it learnt from where known.

    `environment` is that of the interpreter which made the model, if that is not ours.
    """

    estimator: Any
    features: pd.DataFrame
    target: Any
    train_features: pd.DataFrame | None
    times: Any | None
    environment: Environment | None = None


def handed_over(outputs: Mapping[str, Artifact], store: ArtifactStore, name: str, interpreter: str = "") -> HeldOut:
    """The values that a run left in the store, by role; `name` is the model's, for messages.

    A model that was made by an `interpreter` which is not ours, and that cannot be loaded here, is loaded there; one
    that skops cannot store, by ours in a process apart. Raises ArtifactError for a model that cannot be loaded,
    DataError for features that are no table.
    """

    def value(role: str) -> Any:
        artifact = outputs.get(role)
        if artifact is None:
            return None
        return load_value(store.read_bytes(artifact.sha256), artifact.format, trusted_pickle=True)

    model = outputs["model"]
    estimator, environment = None, None
    if interpreter:
        estimator, environment = _elsewhere(store, model, interpreter)
    elif model.format in PICKLES:
        estimator = load_elsewhere(store, model, Path(sys.executable))
        environment = estimator.environment.model_copy(update={"interpreter": OWN})
    features = _as_table(value("features"))
    if not isinstance(features, pd.DataFrame):
        raise DataError(
            f"{name}: outputs.features is a {type(features).__name__}, not a DataFrame",
            hint="The endpoint takes named columns: name the DataFrame that the model predicts from.",
        )
    train = _as_table(value("train_features"))
    return HeldOut(
        estimator=load_model(store, model) if estimator is None else estimator,
        features=features,
        target=_as_column(value("target")),
        train_features=train if isinstance(train, pd.DataFrame) else None,
        times=_as_column(value("times")),
        environment=environment,
    )


def _elsewhere(store: ArtifactStore, model: Artifact, interpreter: str) -> tuple[Any, Environment]:
    """The estimator, None if it can be loaded here, and the environment; its `interpreter` is then empty."""
    found = load_elsewhere(store, model, Path(interpreter))
    if loads_here(found.environment, model):
        return None, found.environment.model_copy(update={"interpreter": ""})
    return found, found.environment


def _as_table(value: Any) -> Any:
    """A matrix has no names for its columns; the endpoint calls them x0, x1 and so on."""
    if isinstance(value, np.ndarray) and value.ndim == 2:
        return pd.DataFrame(value, columns=[f"x{place}" for place in range(value.shape[1])])
    return value


def _as_column(value: Any) -> Any:
    """A Series travels as a table of one column."""
    return value.iloc[:, 0] if isinstance(value, pd.DataFrame) and value.shape[1] == 1 else value
