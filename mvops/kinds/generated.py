"""Generated files as part of a resource: whose they are, whether they are there, and what a person changed by hand.

A file is ours while it has the digest that was recorded when it was written. A file with other content was edited by
hand: that is no drift, and it is never overwritten. See `core/regeneration.py` for what becomes of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from mvops.atomic import content_at
from mvops.core import canonical
from mvops.core.action import Action
from mvops.core.address import name_of
from mvops.core.regeneration import is_text, sha256
from mvops.core.spec import UNKNOWN
from mvops.core.state import Observed, Record
from mvops.core.steps import RemoveFiles, Step, WriteFiles
from mvops.kinds.kind import Look

ABSENT = "absent"


class WithFiles(Protocol):
    """A spec whose `files` are paths below the project with the digests of their text."""

    @property
    def files(self) -> dict[str, str]:
        """Path -> digest."""
        ...


class FilesSpec(WithFiles, Protocol):
    """The spec of a resource that is nothing but files."""

    def fields(self) -> dict[str, Any]:
        """All that is wanted of it."""
        ...


def text_digest(text: str) -> str:
    """The sha256 of a text file's bytes."""
    return sha256(text.encode())


def digests(folder: str, files: Mapping[str, str]) -> dict[str, str]:
    """Path below the project -> digest; UNKNOWN where the text waits for an earlier action."""
    return {
        f"{folder}/{path}": UNKNOWN if UNKNOWN in text else text_digest(text) for path, text in sorted(files.items())
    }


def recalled_digests(
    look: Look, made_of: Sequence[Any], folder: str, make: Callable[[], Mapping[str, str]]
) -> dict[str, str]:
    """The digests of what `make` makes of `made_of` alone; it is not made again where an earlier plan has done so."""
    key = canonical.digest(["files", folder, *made_of])
    known = look.memory.recall(key)
    if not isinstance(known, dict):
        known = digests(folder, make())
        look.memory.keep(key, known)
    return {str(path): str(found) for path, found in known.items()}


def on_disk(root: Path, paths: Mapping[str, str]) -> dict[str, str]:
    """Path -> digest of what is there, or ABSENT. Line ends as Windows has them make no other text of it."""
    return {path: _digest(root / path, paths[path]) for path in sorted(paths)}


def edited(root: Path, recorded: Mapping[str, str]) -> Iterator[str]:
    """The recorded files that somebody edited by hand."""
    for path, digest in on_disk(root, recorded).items():
        if digest not in {ABSENT, recorded[path]}:
            yield path


def file_steps(action: Action, texts: Mapping[str, str]) -> Iterator[Step]:
    """Write what is wanted, and remove what was recorded and is wanted no more, or has gone elsewhere as it was."""
    recorded = (action.before or {}).get("files", {})
    plan = {change.path: change for change in action.files}
    if texts:
        left = {change.path: change.base for change in action.files if change.base} if action.before is None else {}
        yield WriteFiles(files=dict(texts), ours={**recorded, **left}, plan=plan, name=name_of(action.address))
    went = {change.origin: plan[change.origin].found for change in action.files if change.origin in plan}
    gone = {path: went.get(path) or digest for path, digest in recorded.items() if path not in texts}
    if gone:
        yield RemoveFiles(files=gone)


def seen(root: Path, wanted: WithFiles | None, record: Record | None) -> dict[str, str] | None:
    """What the files of a resource report, see `observed`; nothing is `wanted` of one that is to go."""
    return observed(root, wanted.files if wanted else {}, record.spec["files"] if record else {})


def made_of_files(root: Path, wanted: FilesSpec | None, record: Record | None) -> Observed | None:
    """What there is of a resource that is its files and nothing else.

    Where all of them are as wanted and nothing is recorded, as in a checkout or after `state forget`, it is all there.
    """
    if record is None and wanted is not None and as_wanted(root, wanted):
        return Observed(facts=wanted.fields())
    there = seen(root, wanted, record)
    return None if there is None else Observed(facts={"files": there})


def as_wanted(root: Path, wanted: WithFiles) -> bool:
    """Are all files there, with the text that is wanted."""
    return bool(wanted.files) and UNKNOWN not in wanted.files.values() and on_disk(root, wanted.files) == wanted.files


def observed(root: Path, wanted: Mapping[str, str], recorded: Mapping[str, str]) -> dict[str, str] | None:
    """What the files report for the comparison; None when none of them is there.

    Where some files are there and as wanted, but not recorded, they came with a checkout of the project: they report
    nothing, so that the resource is made here and they stay as they are.
    A recorded file that was edited by hand reports its recorded digest: it is theirs, and no drift.
    """
    there = on_disk(root, {**wanted, **recorded})
    if all(digest == ABSENT for digest in there.values()):
        return None
    if not recorded and all(
        digest in {wanted[path], ABSENT} or wanted[path] == UNKNOWN for path, digest in there.items()
    ):
        return None
    return {
        path: recorded[path] if path in recorded and digest not in {ABSENT, wanted.get(path)} else digest
        for path, digest in there.items()
        if path in recorded or digest != ABSENT
    }


def _digest(path: Path, expected: str) -> str:
    content = content_at(path)
    if content is None:
        return ABSENT
    return expected if is_text(content, expected) else sha256(content)
