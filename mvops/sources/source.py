"""What `mvops import` can take over. One file, one sort of source; found by existing."""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from mvops.core.naming import check_name, suggest_name
from mvops.core.outside import Accepted
from mvops.errors import UsageError
from mvops.workspace import Workspace

LARGEST = 1 << 20  # bytes of a text that is read: a crontab, a workflow, a DAG


@dataclass(frozen=True)
class Asked:
    """What was typed. `source` names what is there already, `name` what its model is called here.

    `data` and `target` are rows that a model has not seen, and the column with the truth; `entry` is one of several
    things that the source holds, by its number or name; `force` writes over what the YAML says otherwise.
    """

    source: str
    name: str | None = None
    data: str | None = None
    target: str | None = None
    uri: str | None = None
    trust_pickle: bool = False
    entry: str | None = None
    force: bool = False


@dataclass(frozen=True)
class Taken:
    """What taking it over comes to; nothing of it is written yet.

    `source` says which thing it is, for the record, and `said` what was found, for people. `files` (path below the
    project -> content) are written as they are, `draft` becomes the model's YAML where there is none, and `values` are
    written into the YAML that is there; with `over`, also where it says something else by itself. `missing` are keys
    that the draft lacks and a person has to fill in. `already` says that all of it is so. `after` are the next steps,
    in order.
    """

    model: str
    source: str
    said: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    draft: Mapping[str, Any] | None = None
    values: tuple[Accepted, ...] = ()
    over: bool = False
    notes: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    already: bool = False


class Source(Protocol):
    """A sort of source: made without arguments, holds nothing. `looks_like` is how one is typed, for people."""

    looks_like: str

    def recognises(self, asked: Asked, workspace: Workspace) -> bool:
        """Is this one of its sort? By its name, or a look into the file; nothing is asked over the network."""
        ...

    def take(self, asked: Asked, workspace: Workspace) -> Taken:
        """Read it. Writes nothing, changes nothing there; raises what says why it cannot be taken over."""
        ...


@cache
def sources() -> tuple[Source, ...]:
    """All of them, by the names of their files."""
    found: list[Source] = []
    for module_info in pkgutil.iter_modules([str(Path(__file__).parent)]):
        module = importlib.import_module(f"mvops.sources.{module_info.name}")
        for label, thing in inspect.getmembers(module, inspect.isclass):
            if thing.__module__ == module.__name__ and label.endswith("Source") and label != "Source":
                made: Any = thing()
                found.append(made)
    return tuple(found)


def recognised(asked: Asked, workspace: Workspace) -> Source:
    """The sort that the source is of. Raises UsageError with all that can be taken over."""
    found = next((source for source in sources() if source.recognises(asked, workspace)), None)
    if found is None:
        known = "\n".join(f"  {source.looks_like}" for source in sources())
        there = file_of(asked, workspace) is not None or Path(asked.source).is_dir()
        why = "" if there else ": there is no such file"
        raise UsageError(f"{asked.source} names nothing that can be taken over{why}", hint=f"Such as\n{known}")
    return found


def file_of(asked: Asked, workspace: Workspace) -> Path | None:
    """The file that the source names, from where the user stands or from the project's folder; None for none."""
    for path in (Path(asked.source).expanduser(), workspace.root / asked.source):
        try:
            if path.is_file():
                return path.absolute()
        except (OSError, ValueError):  # no name of a file at all
            return None
    return None


def shown(path: Path, workspace: Workspace) -> str:
    """The path as people write it: from the project's folder, where it is in there."""
    inside = path.is_relative_to(workspace.root)
    return path.relative_to(workspace.root).as_posix() if inside else path.as_posix()


def below(path: str, folder: Path, root: Path) -> str:
    """A path as the project sees it, posix, whatever a link leads to; one that leads out of it stays absolute."""
    plain = Path(os.path.normpath(Path(folder, path).absolute()))
    return plain.relative_to(root).as_posix() if plain.is_relative_to(root) else plain.as_posix()


def text_of(path: Path) -> str | None:
    """A file's text; None for one that is too large or no text."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        return None if len(data) > LARGEST else data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None


def printable(text: object, longest: int = 200) -> str:
    """A stranger's text for people, without what would move a terminal's cursor."""
    return "".join(c for c in str(text).strip()[:longest] if c.isprintable())


def checked_name(name: str) -> str:
    """A name that may be a model's. Raises UsageError with one that could be meant."""
    try:
        return check_name(name)
    except ValueError as error:
        raise UsageError(f"--name: {error}", hint=f"Such as --name {suggest_name(name)}") from error
