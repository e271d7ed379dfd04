"""What an endpoint will look up for a version, read off the YAML when the version is registered."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pandas as pd

from mvops.core.lookup import Lookup, LookupKey, LookupView
from mvops.features.joined import joined_file, make_joined
from mvops.workspace import Workspace


def lookup_of(workspace: Workspace, model: str, columns: Collection[str]) -> Lookup | None:
    """The features that are columns of the model as they came from the store; None when there are none.

    A column that the notebook computed from a feature is not one: the caller has to bring it.
    """
    features = workspace.model(model).pipeline.features
    if features is None:
        return None
    specs = workspace.project.features
    views = {
        name: LookupView(
            fields=tuple(read),
            entities=tuple(sorted(specs[name].entities)),
            ttl=ttl.total_seconds() if (ttl := specs[name].ttl) else None,
        )
        for name, fields in features.fields.items()
        if (read := [field for field in fields if field in columns])
    }
    if not views:
        return None
    kinds = {entity: kind for name in views for entity, kind in specs[name].entities.items()}
    make_joined(workspace, model)  # it is there, unless the cache was emptied since the run
    rows = pd.read_parquet(workspace.root / joined_file(workspace, model))
    known = rows.dropna(subset=[field for view in views.values() for field in view.fields])
    examples: Any = (known if len(known) else rows)[list(kinds)].iloc[-1]
    keys = {
        entity: LookupKey(kind=kind, example=str(examples[entity]) if kind == "string" else int(examples[entity]))
        for entity, kind in sorted(kinds.items())
    }
    return Lookup(keys=keys, views=views)
