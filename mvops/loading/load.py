"""`load_project`: the spec of a project, composed and validated. Hydra is imported only when some YAML has changed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from mvops.core.clash import PortClash
from mvops.core.config.project import Project
from mvops.errors import SpecError
from mvops.loading import cache
from mvops.loading.files import (
    ENTRIES,
    OVERLAYS,
    SpecFile,
    environments,
    fingerprint,
    gather,
    own_files,
    with_shipped,
)
from mvops.loading.problems import KeyPath, Place, problems_of

if TYPE_CHECKING:
    from mvops.loading.compose import Composition
    from mvops.loading.positions import Positions


class Explained(NamedTuple):
    """A value of the spec and where it came from: a file and its line, an override, or mvops itself.

    `note` says what was made of the value on its way; `written` is what stands in the file, references and all,
    and None for what is written nowhere.
    """

    path: KeyPath
    value: Any
    source: str
    line: int | None
    note: str = ""
    written: Any = None


class Loaded(NamedTuple):
    """A project, and the ports of its environment that somebody else has too."""

    project: Project
    clashes: tuple[PortClash, ...]


def load(root: Path, overrides: Sequence[str] = (), environment: str | None = None) -> Loaded:
    """The project in `root`, or its environment, with `overrides` in Hydra's grammar.

    Raises SpecError that tells everything wrong with file, line and column; UsageError when `root` is no project,
    and for an environment that it does not have.
    """
    files = gather(root)
    key = fingerprint(files, overrides, environment)
    kept = cache.stored(root, key)
    if kept is not None:
        with suppress(ValidationError, TypeError):  # somebody wrote into the cache: composed anew below
            return Loaded(Project.model_validate(kept[0]), tuple(PortClash(**clash) for clash in kept[1]))
    composition, project = _composed(files, overrides, environment)
    clashes = _clashes(composition)
    cache.store(root, key, composition.values, [asdict(clash) for clash in clashes])
    return Loaded(project, clashes)


def load_project(root: Path, overrides: Sequence[str] = (), environment: str | None = None) -> Project:
    """The project alone; raises as `load`."""
    return load(root, overrides, environment).project


def load_sound(root: Path, environment: str | None = None) -> tuple[Project, tuple[str, ...]]:
    """The project without the models whose own file holds a mistake, and these files; raises as `load_project`."""
    try:
        return load_project(root, (), environment), ()
    except SpecError as error:
        own = own_files(root)
        wrong = {problem.place.file for problem in problems_of(error) if problem.place and problem.place.file}
        if not wrong or not wrong <= {file.shown for file in own if file.entry and file.entry[0] == "models"}:
            raise
        sound = load_files([file for file in own if file.shown not in wrong], (), environment)
        return sound, tuple(sorted(path.as_posix() for path in wrong))


def load_files(own: Iterable[SpecFile], overrides: Sequence[str] = (), environment: str | None = None) -> Project:
    """The project whose own files are these, wherever they come from; raises as `load_project`."""
    return _composed(with_shipped(own), overrides, environment)[1]


def _composed(
    files: Sequence[SpecFile], overrides: Sequence[str], environment: str | None
) -> tuple[Composition, Project]:
    """Raises SpecError with everything that is wrong in all files."""
    from mvops.loading.compose import compose_spec  # noqa: PLC0415 -- Hydra takes 0.3 s, a cached spec needs none of it
    from mvops.loading.everything import all_problems  # noqa: PLC0415 -- the same
    from mvops.loading.validate import validate  # noqa: PLC0415 -- the same

    try:
        composition = compose_spec(files, overrides, environment)
        return composition, validate(composition)
    except SpecError as error:
        raise all_problems(files, error) from None


def _clashes(composition: Composition) -> tuple[PortClash, ...]:
    from mvops.loading.ports import port_clashes  # noqa: PLC0415 -- as above

    return tuple(port_clashes(composition))


def every_port(root: Path) -> set[int]:
    """Those of all endpoints, in every environment; none of an environment whose YAML is wrong."""
    from mvops.loading.compose import compose_spec  # noqa: PLC0415 -- Hydra takes 0.3 s, a cached spec needs none of it
    from mvops.loading.ports import ports_in  # noqa: PLC0415 -- as above

    files, ports = gather(root), set()
    for environment in (None, *environments(files)):
        with suppress(SpecError):
            ports |= {port for _, port in ports_in(compose_spec(files, (), environment).values)}
    return ports


def positions_of(root: Path, overrides: Sequence[str] = (), environment: str | None = None) -> Positions:
    """Where the user's YAML says what it says; raises as `load_project`."""
    from mvops.loading.compose import compose_spec  # noqa: PLC0415 -- Hydra takes 0.3 s, a cached spec needs none of it

    return compose_spec(gather(root), overrides, environment).positions


def switched_off_at(
    root: Path, section: str, overrides: Sequence[str] = (), environment: str | None = None
) -> dict[str, str]:
    """What is `false` in a section by the project's own files or an override, and where it says so.

    Read without Hydra, so that a plan may ask, unless files of the defaults list say something of the section. Empty
    where these files cannot be read.
    """
    from mvops.loading.strict_yaml import parse  # noqa: PLC0415 -- a plan that has nothing to ask needs none of it

    layers = ("project", f"env/{environment}")
    try:
        own = {f.option: parse(f.data, f.shown) for f in own_files(root) if f.option in layers or _is_group(f)}
        if any(section in document.values for option, document in own.items() if option not in layers):
            return _composed_off(root, section, overrides, environment)
    except SpecError:  # the project is asked of as it was in a former state
        return {}
    found: dict[str, str] = {}
    for document in (own[option] for option in layers if option in own):
        said = document.values.get(section)
        for name, on in said.items() if isinstance(said, dict) else ():
            place = document.place((section, name))
            found.pop(name, None)
            if on is False:
                found[name] = str(place).rpartition(":")[0]
    for text in overrides:
        for name, on in _overridden(section, text):
            found.pop(name, None)
            if on.lower() == "false":
                found[name] = f"the {Place(None, 1, 1, text)}"
    return found


def _is_group(file: SpecFile) -> bool:
    """Is it one that a defaults list may name."""
    return file.option != "project" and file.option.partition("/")[0] not in {*ENTRIES, OVERLAYS}


def _overridden(section: str, text: str) -> list[tuple[str, str]]:
    """What an override says of the keys of a section: `section.key=value`, or `section={key: value, ...}`."""
    said = re.fullmatch(rf"\+*{section}(?:\.(?P<one>\w+=\w+)|=\{{(?P<several>.*)\}})", text.strip())
    return re.findall(r"(\w+)\s*[:=]\s*(\w+)", said["one"] or said["several"]) if said else []


def _composed_off(root: Path, section: str, overrides: Sequence[str], environment: str | None) -> dict[str, str]:
    shown = {file.shown.as_posix() for file in own_files(root)}
    off = (each for each in explain(root, overrides, environment) if each.path[0] == section and each.value is False)
    return {
        str(each.path[1]): f"{each.source}:{each.line}" if each.source in shown else f"the {each.source}"
        for each in off
        if each.source in shown or each.source.startswith("override ")
    }


def explain(root: Path, overrides: Sequence[str] = (), environment: str | None = None) -> list[Explained]:
    """Every value of the spec, also those that nobody wrote, in the order of the spec; raises as `load_project`.

    A list of plain values is one value. Values are as validated: `90m` for `5400`.
    """
    composition, project = _composed(gather(root), overrides, environment)
    dumped = project.model_dump(mode="json")
    written = dict(_leaves(composition.written, ()))
    clashes: dict[str | int, str] = {clash.model: clash.why for clash in _clashes(composition)}
    explained = []
    for path, value in _leaves(dumped, ()):
        place = composition.positions.find(path)
        source = "default of mvops" if place is None else str(place.file or place).replace("\\", "/")
        note = f"its own in {environment}" if path in composition.made else ""
        if path[2:] == ("endpoint", "port"):
            note = clashes.get(path[1], note)
        if value is None and path[2:] == ("retrain", "schedule") and composition.positions.inherited(path):
            note = "left to the models in its after"
        if path == ("environment",) and environment:
            source = "command line"
        line = place.line if place and place.file else None
        explained.append(Explained(path, value, source, line, note, written.get(path)))
    return explained


def _leaves(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    if isinstance(value, dict) and value:
        for key, child in value.items():
            yield from _leaves(child, (*path, key))
    elif isinstance(value, list) and any(isinstance(child, (dict, list)) for child in value):
        for index, child in enumerate(value):
            yield from _leaves(child, (*path, index))
    else:
        yield path, value
