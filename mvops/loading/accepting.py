"""What was changed outside, written into the project's own YAML; comments and layout stay."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mvops.atomic import write_atomically
from mvops.core.outside import Accepted
from mvops.errors import SpecError
from mvops.loading.compose import compose_spec
from mvops.loading.edits import reads, with_value, without
from mvops.loading.files import ENTRIES, OVERLAYS, SpecFile, gather, own_files
from mvops.loading.find import PROJECT_FILE
from mvops.loading.load import load_files
from mvops.loading.positions import Positions
from mvops.loading.problems import KeyPath, show_path, show_value
from mvops.loading.strict_yaml import parse


@dataclass(frozen=True)
class Written:
    """A key that says something else now: its file and line, what it said (None for nothing) and what it says."""

    path: KeyPath
    file: str
    line: int
    before: Any
    after: Any


def accept(root: Path, wanted: Sequence[Accepted], environment: str | None = None) -> list[Written]:
    """Write these values where the YAML says them, or else where it says the rest of the same thing.

    In an environment, its overlay says them. Raises SpecError, and writes nothing, for a value that stands as a
    reference to another, for one that no text can be put in place of, and where the YAML would be wrong afterwards.
    """
    files = {file.shown: file for file in own_files(root)}
    positions = compose_spec(gather(root), (), environment).positions
    texts = {shown: file.data.decode() for shown, file in files.items() if not file.refused}
    done: list[tuple[Accepted, Path, KeyPath, Any]] = []
    for each in wanted:
        file, inside = _place(each.path, positions, files, environment)
        if file not in texts:
            raise SpecError(f"there is no {file.as_posix()} to say {_said(each)} in", hint="Write it yourself.")
        before = _value(parse(texts[file].encode(), file).values, inside)
        texts[file] = _edited(texts[file], file, inside, each)
        done.append((each, file, inside, before))
    changed = {shown: replace(files[shown], data=text.encode()) for shown, text in texts.items()}
    load_files({**files, **changed}.values(), (), environment)
    for shown, made in changed.items():
        if made.data != files[shown].data:
            write_atomically(root / shown, made.data)
    return [
        Written(each.path, file.as_posix(), _line(texts[file], file, inside), before, each.value)
        for each, file, inside, before in done
    ]


def _place(
    path: KeyPath, positions: Positions, files: Mapping[Path, SpecFile], environment: str | None
) -> tuple[Path, KeyPath]:
    """The file that is to say the value at `path`, and the path in it. What many share is not changed for one."""
    overlay = Path(PROJECT_FILE.parent, OVERLAYS, f"{environment}.yaml")
    if environment is not None:
        return overlay, path
    for layer in positions.layers:
        own = layer.document.file in files and path[: len(layer.mount)] == layer.mount
        if own and layer.document.place(path[len(layer.mount) :]) is not None:
            return layer.document.file, path[len(layer.mount) :]
    entry = Path(PROJECT_FILE.parent, str(path[0]), f"{path[1]}.yaml") if path[0] in ENTRIES and len(path) > 1 else None
    return (entry, path[2:]) if entry in files and entry is not None else (PROJECT_FILE, path)


def _edited(text: str, file: Path, path: KeyPath, wanted: Accepted) -> str:
    values = parse(text.encode(), file).values
    if "${" in str(_value(values, path)):
        raise SpecError(
            f"{file.as_posix()} takes {show_path(wanted.path)} from somewhere else: {_value(values, path)}",
            hint=f"Change it there to {_said(wanted)}.",
        )
    made = without(text, path) if wanted.gone else with_value(text, path, wanted.value)
    expected = _with(values, path, wanted)
    try:
        sound = made is not None and reads(made, expected, file)
    except SpecError:
        sound = False
    if made is None or not sound:
        raise SpecError(f"{file.as_posix()} is written in a way that cannot be edited", hint=f"Write: {_said(wanted)}")
    return made


def _said(wanted: Accepted) -> str:
    return f"{show_path(wanted.path)}: {'nothing' if wanted.gone else show_value(wanted.value)}"


def _value(values: Any, path: KeyPath) -> Any:
    """What stands at `path`; None for nothing."""
    for part in path:
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            return None
    return values


def _with(values: dict[str, Any], path: KeyPath, wanted: Accepted) -> dict[str, Any]:
    made = copy.deepcopy(values)
    node: Any = made
    for part in path[:-1]:
        node = node.setdefault(part, {}) if isinstance(node, dict) else node[part]
    if wanted.gone:
        node.pop(path[-1], None)
    else:
        node[path[-1]] = wanted.value
    return made


def _line(text: str, file: Path, path: KeyPath) -> int:
    document = parse(text.encode(), file)
    place = next((found for end in range(len(path), 0, -1) if (found := document.place(path[:end], key=True))), None)
    return place.line if place else 1
