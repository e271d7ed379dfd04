"""The versions that look features up, and what they keep in the feature store though the YAML has dropped it."""

from __future__ import annotations

from collections.abc import Iterator

from mvops.core.address import Address, kind_of, name_of
from mvops.core.lookup import Lookup
from mvops.kinds.kind import Look


def users(look: Look, view: str) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    """Model, number and the fields that it looks up in the view, of each version that gets traffic or will."""
    for model, number, lookup in look.once(_lookups):
        if view in lookup.views:
            yield model, number, lookup.views[view].fields


def staying_entities(look: Look) -> dict[str, str]:
    """Entity -> type, of the views that the YAML has dropped and that stay for now."""
    found: dict[str, str] = {}
    for where, record in sorted(look.records.items()):
        at = Address(where)
        dropped = kind_of(at) == "feature_view" and name_of(at) not in look.workspace.project.features
        if dropped and (look.scope.leaves(at) or any(users(look, name_of(at)))):
            found |= record.spec["entities"]
    return found


def _lookups(look: Look) -> list[tuple[str, int, Lookup]]:
    """What each live version looks up."""
    from mvops.registry.rollouts import live_versions  # noqa: PLC0415 -- SQLModel, which few plans need

    return [
        (model, version.number, version.lookup)
        for model in sorted(look.workspace.project.models)
        for version in live_versions(look.workspace.registry, model)
        if version.lookup is not None
    ]
