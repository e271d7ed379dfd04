"""Feature views: what there is, and bringing the online values up to date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    """All views of the YAML, and those that it has dropped while a live version looks them up, by name."""
    project = workspace.project
    users = [
        (f"{model} version {version.number}", version.lookup.views)
        for model in sorted(project.models)
        for version in live_versions(workspace.registry, model)
        if version.lookup is not None
    ]
    looked_up = {name for _, views in users for name in views}
    known = _known(workspace) if project.features or looked_up else Known()
    staying = {name: known.views[name] for name in looked_up & known.views.keys()}
    written = {name: view.model_dump(mode="json") for name, view in project.features.items()}
    return [
        ViewLine(
            name=name,
            entities=tuple(sorted(view["entities"])),
            fields=tuple(sorted(view["fields"])),
            online=view["online"],
            applied=name in known.views,
            until=known.materialized.get(name),
            used_by=tuple(user for user, views in users if name in views),
        )
        for name, view in sorted((staying | written).items())
    ]


def materialize(
    workspace: Workspace, views: Sequence[str] = (), *, until: datetime | None = None, tell: Tell = silent
) -> list[ViewLine]:
    """Bring what is new, up to `until` (now if left out), into the online store; all online views if none is named.

    Raises UsageError for views that are unknown, not online or not applied yet, once the others are brought in, and
    BackendError when a store does not answer; done again, it goes on from there.
    """
    lines = {line.name: line for line in list_views(workspace)}
    chosen = list(dict.fromkeys(views)) or [line.name for line in lines.values() if line.online]
    if not chosen:
        raise UsageError("this project has no online feature view", hint="Write configs/features/<name>.yaml")
    refused = {name: error for name in chosen if (error := _refused(name, lines))}
    able = [name for name in chosen if name not in refused]
    if able:
        bring_online(workspace, able, until or datetime.now(UTC), tell)
    if refused:
        message = "; ".join(error.message for error in refused.values())
        done = f"; brought in: {', '.join(able)}" if able else ""
        raise UsageError(
            message + done, hint="\n".join(dict.fromkeys(error.hint for error in refused.values() if error.hint))
        )
    return [line for line in list_views(workspace) if line.name in chosen]


def _refused(name: str, lines: Mapping[str, ViewLine]) -> UsageError | None:
    """Why a view's values cannot be brought in."""
    if name not in lines:
        known = ", ".join(lines) or "none: write configs/features/<name>.yaml"
        return UsageError(
            f"there is no feature view {name!r}{did_you_mean(name, lines)}", hint=f"Feature views: {known}"
        )
    if not lines[name].online:
        return UsageError(f"{name} is not online", hint=f"Say online: true in configs/features/{name}.yaml")
    if not lines[name].applied:
        return UsageError(f"{name} is not in the feature store yet", hint="Put it there: mvops apply")
    return None


def _known(workspace: Workspace) -> Known:
    return store_of(workspace).known(workspace.root, catalog_of(workspace.project))
