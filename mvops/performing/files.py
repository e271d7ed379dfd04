"""Writing and removing generated files: each one whole or not at all, and never over somebody's own work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mvops.atomic import clear_drafts, content_at, write_atomically
from mvops.core.canonical import canonical_json
from mvops.core.file_change import FileChange
from mvops.core.regeneration import Found, Outcome, beside, is_text, merge_mark, name_before, regenerate, sha256
from mvops.core.steps import KeepTexts, RemoveFiles, WriteFiles
from mvops.errors import ConflictError, StalePlanError, Where
from mvops.registry.database import Registry
from mvops.registry.texts import find_text, is_merged, keep_texts


def keep_generated(step: KeepTexts, registry: Registry) -> dict[str, str]:
    """Keep the texts, and leave what they were made from."""
    keep_texts(registry, step.texts)
    return {"templates": canonical_json(step.templates)} if step.templates else {}


def write_files(step: WriteFiles, root: Path, registry: Registry | None = None) -> dict[str, str]:
    """Make each file what `regenerate` says, and leave the bases of those in conflict, if there were or are any.

    Raises StalePlanError for a file that would become something else than was planned, ConflictError for a place where
    no file can be written.
    """
    _clear(root, step.files)
    bases = {path: change.base for path, change in step.plan.items() if change.waiting}
    waiting: dict[str, str] = {}
    besides: dict[str, str] = {}
    for name, text in sorted(step.files.items()):
        change = step.plan.get(name)
        with _explained(root / name):
            found = _found(step, name, root, registry)
            outcome = regenerate(name, text.encode(), found)
            _check(name, outcome, change, root)
            if registry and outcome.beside is not None and (outcome.what == "conflict" or found.beside_ours()):
                keep_texts(registry, [outcome.beside.decode()])  # so that it is known for ours, whatever happens next
                besides[name] = sha256(outcome.beside)
            if registry and found.base is not None and outcome.what == "merge":
                keep_texts(registry, [merge_mark(sha256(found.base), text.encode(), outcome.content)])
            _put(root / name, outcome.content)
            _put(root / beside(name), outcome.beside)
        base = change.base if change and change.base else step.ours.get(name)
        if outcome.waiting and base:
            waiting[name] = base
    if not (waiting or bases):
        return {}
    return {"bases": canonical_json(waiting), "besides": canonical_json(besides)}


def remove_files(step: RemoveFiles, root: Path, registry: Registry | None = None) -> dict[str, str]:
    """Remove what still has our content, and the folders that are empty then; raises ConflictError as above."""
    _clear(root, step.files)
    for name, digest in sorted(step.files.items()):
        for path in (root / name, root / beside(name)):
            with _explained(path):
                content = path.read_bytes() if path.exists() else None
                generated = path.name != Path(name).name and _once_ours(content, registry)
                if content is not None and (generated or is_text(content, digest)):
                    path.unlink()
                    _remove_empty(path.parent, root)
    return {}


def _found(step: WriteFiles, name: str, root: Path, registry: Registry | None) -> Found:
    change = step.plan.get(name)
    origin = change.origin if change is not None and change.origin else name
    there, other = _first(root / name, root / origin), _first(root / beside(name), root / beside(origin))
    recorded = step.ours.get(origin)
    waiting = change is not None and change.waiting
    base = change.base if change is not None and change.base else recorded
    edited = there is not None and not is_text(there, recorded)
    text = find_text(registry, base) if registry and edited and base else None
    known = _once_ours(other, registry)
    done = registry and there and text is not None and is_merged(registry, text, step.files[name].encode(), there)
    before = name_before(name, step.name, origin)
    renamed = (before, step.name) if before else None
    return Found(there, other, recorded, text, waiting, known, bool(done), renamed)


def _first(*paths: Path) -> bytes | None:
    return next((content for path in paths if (content := content_at(path)) is not None), None)


def _once_ours(content: bytes | None, registry: Registry | None) -> bool:
    """Was this written by an apply."""
    return content is not None and registry is not None and find_text(registry, sha256(content)) is not None


def _check(name: str, outcome: Outcome, change: FileChange | None, root: Path) -> None:
    if outcome.blocked or (change and change.result and change.result != sha256(outcome.content)):
        raise StalePlanError(
            "this file was changed since the plan was made, and stays as it is",
            hint="Plan again: mvops plan",
            where=Where(root / name),
        )


def _put(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink(missing_ok=True)
    elif content != content_at(path):
        write_atomically(path, content)


def _clear(root: Path, files: Iterable[str]) -> None:
    """Take away the drafts of an apply that was killed; the project's lock is ours."""
    for folder in sorted({(root / name).parent for name in files}):
        with _explained(folder):
            clear_drafts(folder)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConflictError(
            f"the file cannot be written or removed: {error.strerror or error}",
            hint="Move what is in the way, or check your permissions; then: mvops apply",
            where=Where(path),
        ) from error


def _remove_empty(folder: Path, root: Path) -> None:
    with suppress(OSError):  # not empty: somebody's own files are in it
        while folder != root:
            folder.rmdir()
            folder = folder.parent
