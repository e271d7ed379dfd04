"""What a version looks up, and the feature store no longer has."""

from __future__ import annotations

from mvops.core.version import Version
from mvops.errors import ConflictError
from mvops.features.catalog import catalog_of, store_of
from mvops.workspace import Workspace


def check_lookups(workspace: Workspace, version: Version) -> None:
    """Before a version gets traffic. Raises ConflictError for a view, or a field, that it could not look up."""
    if version.lookup is None:
        return
    model, number = version.model, version.number
    there = store_of(workspace).known(workspace.root, catalog_of(workspace.project)).views
    for name, view in version.lookup.views.items():
        fields = ", ".join(field for field in view.fields if name in there and field not in there[name]["fields"])
        if fields or name not in there:
            raise ConflictError(
                f"version {number} of {model} looks up "
                + (f"{fields} in {name}" if fields else f"the view {name}")
                + ", which the feature store no longer has",
                hint=f"Bring {fields or 'it'} back in configs/features/{name}.yaml, then: mvops apply. Or put another "
                f"version in charge: mvops versions promote {model} NUMBER --reason WHY",
            )
