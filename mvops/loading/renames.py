"""A model's name in the project's own YAML: its file, and the keys and lists of other files that name it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mvops.atomic import write_atomically
from mvops.loading.edits import entries, reads, replaced
from mvops.loading.files import OVERLAYS, SpecFile, environments, gather
from mvops.loading.find import PROJECT_FILE
from mvops.loading.problems import KeyPath
from mvops.loading.strict_yaml import parse
from mvops.loading.write import flow


@dataclass(frozen=True)
class Left:
    """A place that still has the old name: the file and the line."""

    file: str
    line: int


@dataclass(frozen=True)
class YamlRenamed:
    """The files that were changed (by their new paths), places for the user to change, and all environments."""

    files: tuple[str, ...]
    left: tuple[Left, ...]
    environments: tuple[str, ...]


def rename_in_yaml(root: Path, old: str, new: str) -> YamlRenamed:
    """Call the model `new` in its own file's name, in `models` of the project and of environments, and in `after`."""
    changed: list[str] = []
    left: list[Left] = []
    files = gather(root)
    for file in files:
        if file.shown.parts[0] != PROJECT_FILE.parts[0] or file.refused:
            continue
        text = file.data.decode()
        values = parse(file.data, file.shown).values
        named = {path for path in _named(file, values, old) if path}
        if not named:
            continue
        known = entries(text)
        spans = {(e.key if _is_key(path, old) else e.value): flow(new) for path in named if (e := known.get(path))}
        renamed = replaced(text, {span: name for span, name in spans.items() if span is not None})
        if len(spans) == len(named) and reads(renamed, _as(values, old, new, named), file.shown):
            write_atomically(root / file.shown, renamed.encode())
            changed.append(file.shown.as_posix())
        else:
            document = parse(file.data, file.shown)
            places = (document.place(path, key=_is_key(path, old)) for path in sorted(named, key=str))
            left += [Left(file.shown.as_posix(), place.line) for place in places if place]
    own = root / "configs" / "models" / f"{old}.yaml"
    if own.is_file():
        own.rename(own.with_name(f"{new}.yaml"))
        was, now = (f"configs/models/{name}.yaml" for name in (old, new))
        changed = [now, *(path for path in changed if path != was)]
    return YamlRenamed(tuple(changed), tuple(left), tuple(environments(files)))


def _named(file: SpecFile, values: dict[str, Any], old: str) -> Iterator[KeyPath]:
    """Paths in one file: keys below `models`, and items of `retrain.after`."""
    if file.entry:
        yield from _after(values, (), old) if file.entry[0] == "models" else ()
        return
    whole = file.option == "project" or file.option.startswith(f"{OVERLAYS}/")
    models = values.get("models") if whole else None
    for name, model in models.items() if isinstance(models, dict) else ():
        if name == old:
            yield ("models", name)
        yield from _after(model, ("models", name), old)
    yield from _after(values.get("model_defaults"), ("model_defaults",), old) if whole else ()


def _after(model: Any, path: KeyPath, old: str) -> Iterator[KeyPath]:
    retrain = model.get("retrain") if isinstance(model, dict) else None
    after = retrain.get("after") if isinstance(retrain, dict) else None
    for index, name in enumerate(after if isinstance(after, list) else ()):
        if name == old:
            yield (*path, "retrain", "after", index)


def _is_key(path: KeyPath, old: str) -> bool:
    return path == ("models", old)


def _as(values: dict[str, Any], old: str, new: str, named: set[KeyPath]) -> dict[str, Any]:
    """The values with the new name at these paths."""
    made = copy.deepcopy(values)
    for path in named - {("models", old)}:
        node: Any = made
        for part in path[:-1]:
            node = node[part]
        node[path[-1]] = new
    if ("models", old) in named:
        made["models"] = {new if name == old else name: model for name, model in made["models"].items()}
    return made
