"""Changing the feature store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from mvops.core.progress import Progress, Tell
from mvops.core.steps import MaterializeFeatures, PutFeature, RemoveFeature
from mvops.features.catalog import catalog_of, store_of
from mvops.registry.events import record_event
from mvops.workspace import Workspace


def put_feature(step: PutFeature, workspace: Workspace, tell: Tell) -> dict[str, str]:
    """Make it as the YAML says; what is there already is changed to that."""
    tell(Progress(what=f"{step.name}: feature store"))
    store, catalog = store_of(workspace), catalog_of(workspace.project)
    put = store.put_view if step.part == "view" else store.put_service
    put(workspace.root, catalog, step.name)
    return {}


def remove_feature(step: RemoveFeature, workspace: Workspace) -> dict[str, str]:
    """Take it away; what is gone already is no error."""
    store, catalog = store_of(workspace), catalog_of(workspace.project)
    if step.part == "store":
        store.remove(workspace.root, catalog)
    elif step.part == "view":
        store.remove_view(workspace.root, catalog, step.name)
    else:
        store.remove_service(workspace.root, catalog, step.name)
    return {}


def materialize_features(step: MaterializeFeatures, workspace: Workspace, tell: Tell) -> dict[str, str]:
    """Up to now."""
    bring_online(workspace, step.views, datetime.now(UTC), tell)
    return {}


def bring_online(workspace: Workspace, views: Sequence[str], until: datetime, tell: Tell) -> None:
    """Bring what is new in the views, up to `until`, into the online store."""
    tell(Progress(what=f"{', '.join(views)}: materialize"))
    store_of(workspace).materialize(workspace.root, catalog_of(workspace.project), views, until)
    for view in views:
        message = f"online values brought up to {until:%Y-%m-%d %H:%M:%S} UTC"
        record_event(workspace.registry, kind="features", subject=view, message=message)
