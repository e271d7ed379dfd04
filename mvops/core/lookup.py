"""What an endpoint looks up in a feature store for a version of a model."""

from __future__ import annotations

from typing import Literal

from mvops.core.frozen import Frozen

EntityType = Literal["string", "int64", "int32"]


class LookupKey(Frozen):
    """An entity that a request must name. `example` is one of a real row."""

    kind: EntityType
    example: str | int | None = None


class LookupView(Frozen):
    """The fields of a view that are columns of the model, and the entities by which they are found.

    `ttl` in seconds: an older value counts as missing.
    """

    fields: tuple[str, ...]
    entities: tuple[str, ...]
    ttl: float | None = None


class Lookup(Frozen):
    """Entities by name, and views by name. Kept with the version: what was trained is what is looked up."""

    keys: dict[str, LookupKey]
    views: dict[str, LookupView]

    @property
    def fields(self) -> dict[str, str]:
        """Field -> view, in the order in which they are looked up."""
        return {field: name for name, view in self.views.items() for field in view.fields}
