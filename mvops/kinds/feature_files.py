"""The generated files of the feature store, shared out among its resources."""

from __future__ import annotations

from mvops.features.catalog import catalog_of, store_of
from mvops.kinds.generated import digests
from mvops.kinds.kind import Look

_SHARED = ("views/", "services/")


def file_digests(look: Look, part: str) -> dict[str, str]:
    """Path -> digest of the files of a part: `views/<view>`, `services/<model>`, or "" for all others."""
    store = store_of(look.workspace)
    return digests(look.workspace.generated(store.folder()), _files(look, part))


def file_texts(look: Look, part: str) -> dict[str, str]:
    """Path below the project -> text of the files of a part."""
    folder = look.workspace.generated(store_of(look.workspace).folder())
    return {f"{folder}/{path}": text for path, text in _files(look, part).items()}


def _files(look: Look, part: str) -> dict[str, str]:
    everything = store_of(look.workspace).files(catalog_of(look.workspace.project))
    if part:
        return {path: text for path, text in everything.items() if path.startswith((f"{part}.", f"{part}/"))}
    return {path: text for path, text in everything.items() if not path.startswith(_SHARED)}
