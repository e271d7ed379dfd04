"""The environment variables that a project's commands need: what starts them elsewhere has to set them too."""

from __future__ import annotations

import os
from collections.abc import Iterator

from mvops.core.config.project import Project
from mvops.core.config.secrets import named_in

_TRACKERS = {"mlflow": "MLFLOW_TRACKING_", "wandb": "WANDB_"}


def variables_of(project: Project) -> list[str]:
    """Those that the YAML names as secrets, and those set here that the clients of databases, S3 and trackers read."""
    theirs = tuple(_prefixes(project))
    return sorted({*_named(project), *(name for name in os.environ if name.startswith(theirs))})


def _named(project: Project) -> Iterator[str]:
    for notifier in project.notifiers.values():
        yield from named_in(notifier.options)
    for model in project.models.values():
        if model.endpoint is not None and model.endpoint.auth is not None and project.capabilities.serving:
            yield from model.endpoint.auth.names
    store = project.feature_store
    if project.features:
        yield from (part.password_env for part in (store.offline, store.online) if part.password_env)


def _prefixes(project: Project) -> Iterator[str]:
    if any(not url.startswith("sqlite:") for url in (project.registry, project.predictions)):
        yield "PGPASS"
    if project.artifacts.startswith("s3://"):
        yield "AWS_"
    if project.capabilities.tracking and project.tracker is not None:
        yield from (prefix for name, prefix in _TRACKERS.items() if project.tracker.backend == name)
