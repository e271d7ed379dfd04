"""The generated files of the feature store, shared out among its resources."""

from __future__ import annotations

from collections.abc import Mapping

from mvops.contracts.feature_stores import Known
from mvops.features.catalog import catalog_of, store_of
from mvops.kinds.feature_users import staying_entities
from mvops.kinds.generated import digests
from mvops.kinds.kind import Look

_SHARED = ("views/", "services/")


def file_digests(look: Look, part: str) -> dict[str, str]:
    """Path -> digest of the files of a part: `views/<view>`, `services/<model>`, or "" for all others."""
    store = store_of(look.workspace)
    return digests(look.workspace.generated(store.folder()), _part(look.once(_everything), part))


def file_texts(look: Look, part: str) -> dict[str, str]:
    """Path below the project -> text of the files of a part."""
    folder = look.workspace.generated(store_of(look.workspace).folder())
    return {f"{folder}/{path}": text for path, text in _part(_everything(look), part).items()}


def known(look: Look) -> Known:
    """What the store itself says that it holds; to be asked once."""
    return store_of(look.workspace).known(look.workspace.root, catalog_of(look.workspace.project))


def _everything(look: Look) -> Mapping[str, str]:
    catalog = catalog_of(look.workspace.project).model_copy(update={"staying": look.once(staying_entities)})
    return store_of(look.workspace).files(catalog)


def _part(everything: Mapping[str, str], part: str) -> dict[str, str]:
    if part:
        return {path: text for path, text in everything.items() if path.startswith((f"{part}.", f"{part}/"))}
    return {path: text for path, text in everything.items() if not path.startswith(_SHARED)}
