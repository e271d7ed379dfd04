"""The stages of a dvc.yaml, with what params.yaml says put in; what cannot be known without DVC is told."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mvops.errors import UsageError, Where
from mvops.sources.command_lines import Runs, runs_of
from mvops.sources.source import below, text_of

_PARAMS = "params.yaml"
_REFERENCE = re.compile(r"\$\{\s*([\w.-]+)\s*\}")
_MANY = ("foreach", "matrix")


@dataclass(frozen=True)
class Stage:
    """One stage, in the folder that it is run in. Paths are below the project, posix; `params` by their dotted names.

    `unsaid` are sentences about what of it is not known here.
    """

    name: str
    command: str = ""
    folder: Path = Path()
    deps: tuple[str, ...] = ()
    outs: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    unsaid: tuple[str, ...] = ()

    @property
    def runs(self) -> list[Runs]:
        """The notebooks and scripts that it runs."""
        return [run for run in runs_of(self.command) if run.target.endswith((".ipynb", ".py"))]


def stages_of(path: Path, root: Path) -> list[Stage]:
    """Every stage, in order. Raises UsageError for a file that holds none."""
    told = _read(path)
    stages = told.get("stages") if isinstance(told, dict) else None
    if not isinstance(stages, dict) or not stages:
        raise UsageError("this is no pipeline of DVC: it has no stages", where=Where(path))
    known = _known(told, path.parent)
    return [_stage(str(name), said, known, path.parent, root) for name, said in stages.items()]


def _read(path: Path) -> Any:
    text = text_of(path) or ""
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text)):  # what they repeat may have no end
            raise UsageError("YAML with aliases is not read: write out what they stand for", where=Where(path))
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise UsageError(f"this is no YAML: {error}", where=Where(path)) from None


def _known(told: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """What references may name: params.yaml, and the file's own `vars`."""
    known = dict(_flat(_read(folder / _PARAMS))) if (folder / _PARAMS).is_file() else {}
    for var in told.get("vars") or ():
        if isinstance(var, dict):
            known |= dict(_flat(var))
        elif isinstance(var, str) and (folder / var).is_file():
            known |= dict(_flat(_read(folder / var)))
    return known


def _stage(name: str, said: Any, known: Mapping[str, Any], base: Path, root: Path) -> Stage:
    if not isinstance(said, dict) or any(key in said for key in _MANY):
        return Stage(name, unsaid=("it stands for several stages (foreach, matrix), and a model has one pipeline",))
    unknown: list[str] = []

    def resolved(text: Any) -> str:
        def value(found: re.Match[str]) -> str:
            if found[1] not in known:
                unknown.append(found[1])
            return str(known.get(found[1], found[0]))

        return _REFERENCE.sub(value, str(text))

    folder = base / resolved(said.get("wdir", "."))
    command = said.get("cmd", "")
    params, others = _params(said.get("params"), folder)
    paths = {
        key: tuple(below(resolved(path), folder, root) for path in _names(said.get(key)))
        for key in ("deps", "outs", "metrics", "plots")
    }
    text = "\n".join(resolved(line) for line in (command if isinstance(command, list) else [command]))
    return Stage(
        name,
        command=text,
        folder=folder,
        deps=paths["deps"],
        outs=(*paths["outs"], *paths["metrics"], *paths["plots"]),
        params=params,
        unsaid=(
            *(f"what ${{{name}}} stands for is not in {_PARAMS}" for name in dict.fromkeys(unknown)),
            *(f"parameters in {other} are not read" for other in others),
        ),
    )


def _params(said: Any, folder: Path) -> tuple[dict[str, Any], list[str]]:
    """Their values, and the files that cannot be read."""
    wanted: dict[str, list[str]] = {}  # no names: all of the file
    for entry in said if isinstance(said, list) else ():
        for file, keys in entry.items() if isinstance(entry, dict) else [(_PARAMS, [entry])]:
            wanted.setdefault(str(file), []).extend(str(key) for key in keys or ())
    found: dict[str, Any] = {}
    others = []
    for file, names in wanted.items():
        path = folder / file
        if path.suffix not in {".yaml", ".yml", ".json"} or not path.is_file():
            others.append(file)
            continue
        found |= {
            key: value
            for key, value in _flat(_read(path))
            if not names or any(key == name or key.startswith(f"{name}.") for name in names)
        }
    return found, others


def _flat(value: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Plain values by their dotted names."""
    for key, child in value.items() if isinstance(value, dict) else ():
        if isinstance(child, dict):
            yield from _flat(child, f"{before}{key}.")
        elif child is None or isinstance(child, (str, int, float, bool)):
            yield f"{before}{key}", child


def _names(said: Any) -> list[str]:
    """Paths, each alone or with its settings."""
    return [str(next(iter(entry), "")) if isinstance(entry, dict) else str(entry) for entry in said or ()]
