"""What is right in itself but not together: views, the store that they are kept in, and the models that read them."""

from __future__ import annotations

from collections.abc import Iterator

from mvops.core.config.features import PipelineFeatures
from mvops.core.config.model import Model
from mvops.core.config.project import Project
from mvops.core.nearest import did_you_mean
from mvops.loading.positions import Positions
from mvops.loading.problems import Problem


def features_at_odds(project: Project, positions: Positions) -> Iterator[Problem]:
    """Sources that the store cannot read, entities of two types, and views and fields that nobody defines."""
    yield from _sources(project, positions)
    yield from _entities(project, positions)
    for name, model in project.models.items():
        if model.pipeline.features is not None:
            yield from _used(name, model, model.pipeline.features, project, positions)


def _sources(project: Project, positions: Positions) -> Iterator[Problem]:
    store = project.feature_store.offline.store
    wanted = {"file": "path", "postgres": "table"}[store]
    for name, view in project.features.items():
        given = "path" if view.source.path is not None else "table"
        if given != wanted:
            yield Problem(
                positions.nearest(("features", name, "source", given)),
                f"the offline store {store!r} reads a {wanted}, not a {given}",
                "Say feature_store.offline.store in configs/project.yaml: file reads a path, postgres a table.",
            )


def _entities(project: Project, positions: Positions) -> Iterator[Problem]:
    first: dict[str, tuple[str, str]] = {}
    for name, view in project.features.items():
        for entity, kind in view.entities.items():
            known, there = first.setdefault(entity, (kind, name))
            if known != kind:
                message = f"the entity {entity!r} is {kind} here and {known} in features.{there}"
                yield Problem(positions.nearest(("features", name, "entities", entity)), message)


def _used(
    name: str, model: Model, features: PipelineFeatures, project: Project, positions: Positions
) -> Iterator[Problem]:
    here = ("models", name, "pipeline", "features")
    for section, taken in (("inputs", model.pipeline.inputs), ("parameters", model.pipeline.parameters)):
        if features.parameter in taken:
            message = f"{features.parameter!r} is set by pipeline.{section} already"
            yield Problem(positions.nearest((*here, "parameter")), message)
    owners: dict[str, str] = {}
    for view, fields in features.fields.items():
        place = (*here, "fields", view)
        found = project.features.get(view)
        if found is None:
            message = f"there is no feature view {view!r}{did_you_mean(view, project.features)}"
            known = ", ".join(sorted(project.features)) or "none: write configs/features/<name>.yaml"
            yield Problem(positions.nearest(place), message, f"Feature views of this project: {known}")
            continue
        if model.endpoint is not None and not found.online:
            message = f"the endpoint of {name} cannot look {view} up: it is not online"
            yield Problem(positions.nearest(place), message, f"Say online: true in configs/features/{view}.yaml.")
        for index, field in enumerate(fields):
            spot = positions.nearest((*place, index))
            if field not in found.fields:
                message = f"the feature view {view!r} has no field {field!r}{did_you_mean(field, found.fields)}"
                yield Problem(spot, message, f"Fields of {view}: {', '.join(found.fields)}")
            elif owners.setdefault(field, view) != view:
                yield Problem(spot, f"the field {field!r} is taken from {owners[field]} already")
