"""The generated files of the feature store, shared out among its resources."""

from __future__ import annotations

from collections.abc import Iterator

from mvops.core.action import Action, Verb
from mvops.core.steps import RemoveFiles, Step, WriteFiles
from mvops.features.catalog import catalog_of, store_of
from mvops.kinds.generated import digests, edited
from mvops.kinds.kind import Look

_SHARED = ("views/", "services/")


def file_digests(look: Look, part: str) -> dict[str, str]:
    """Path -> digest of the files of a part: `views/<view>`, `services/<model>`, or "" for all others."""
    store = store_of(look.workspace)
    return digests(store.folder(), _files(look, part))


def file_steps(look: Look, part: str, action: Action) -> Iterator[Step]:
    """Write a part's files, and remove those that it no longer has."""
    folder = store_of(look.workspace).folder()
    recorded = (action.before or {}).get("files", {})
    texts = {f"{folder}/{path}": text for path, text in _files(look, part).items()}
    yield WriteFiles(files=texts, ours=recorded)
    gone = {path: digest for path, digest in recorded.items() if path not in texts}
    if gone:
        yield RemoveFiles(files=gone)


def hand_edited(look: Look, action: Action) -> Iterator[str]:
    """What a person has changed."""
    for path in edited(look.workspace.root, (action.before or {}).get("files", {})):
        changed = action.verb is not Verb.KEEP
        yield f"{path} was edited by hand and stays" + (f"; new text goes to {path}.new" if changed else "")


def _files(look: Look, part: str) -> dict[str, str]:
    everything = store_of(look.workspace).files(catalog_of(look.workspace.project))
    if part:
        return {path: text for path, text in everything.items() if path.startswith((f"{part}.", f"{part}/"))}
    return {path: text for path, text in everything.items() if not path.startswith(_SHARED)}
