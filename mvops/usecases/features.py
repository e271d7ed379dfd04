"""Feature views: what there is, and bringing the online values up to date."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from mvops.contracts.feature_stores import Known
from mvops.core.frozen import Frozen
from mvops.core.nearest import did_you_mean
from mvops.core.progress import Tell, silent
from mvops.errors import UsageError
from mvops.features.catalog import catalog_of, store_of
from mvops.performing.features import bring_online
from mvops.registry.rollouts import live_versions
from mvops.workspace import Workspace


class ViewLine(Frozen):
    """A view, until when its online values are up to date (None: never), and the live versions that look it up."""

    name: str
    entities: tuple[str, ...]
    fields: tuple[str, ...]
    online: bool
    applied: bool
    until: datetime | None
    used_by: tuple[str, ...]


def list_views(workspace: Workspace) -> list[ViewLine]:
    """All views of the YAML, by name."""
    project = workspace.project
    known = _known(workspace) if project.features else Known()
    users = [
        (f"{model} version {version.number}", version.lookup.views)
        for model in sorted(project.models)
        for version in live_versions(workspace.registry, model)
        if version.lookup is not None
    ]
    return [
        ViewLine(
            name=name,
            entities=tuple(sorted(view.entities)),
            fields=tuple(sorted(view.fields)),
            online=view.online,
            applied=name in known.views,
            until=known.materialized.get(name),
            used_by=tuple(user for user, views in users if name in views),
        )
        for name, view in sorted(project.features.items())
    ]


def materialize(
    workspace: Workspace, views: Sequence[str] = (), *, until: datetime | None = None, tell: Tell = silent
) -> list[ViewLine]:
    """Bring what is new, up to `until` (now if left out), into the online store; all online views if none is named.

    Raises UsageError for a view that is unknown, not online or not applied yet, BackendError when a store does not
    answer; done again, it goes on from there.
    """
    project, known = workspace.project, _known(workspace)
    chosen = list(dict.fromkeys(views)) or [name for name, view in sorted(project.features.items()) if view.online]
    for name in chosen:
        if name not in project.features:
            meant = did_you_mean(name, project.features)
            views_known = ", ".join(sorted(project.features)) or "none: write configs/features/<name>.yaml"
            raise UsageError(f"there is no feature view {name!r}{meant}", hint=f"Feature views: {views_known}")
        if not project.features[name].online:
            raise UsageError(f"{name} is not online", hint=f"Say online: true in configs/features/{name}.yaml")
        if name not in known.views:
            raise UsageError(f"{name} is not in the feature store yet", hint="Put it there: mvops apply")
    if not chosen:
        raise UsageError("this project has no online feature view", hint="Write configs/features/<name>.yaml")
    bring_online(workspace, chosen, until or datetime.now(UTC), tell)
    return [line for line in list_views(workspace) if line.name in chosen]


def _known(workspace: Workspace) -> Known:
    return store_of(workspace).known(workspace.root, catalog_of(workspace.project))
