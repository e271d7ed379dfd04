"""Everything that is wrong with a spec, also where one mistake keeps the files from being put together.

A file that cannot be read, or a preset that is not there, ends the reading of a spec early. Then each file of the
project's own is looked at by itself for what is wrong in it whatever the others say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from mvops.core.config.features import FeatureView
from mvops.core.config.model import Model
from mvops.core.config.project import Project
from mvops.errors import SpecError
from mvops.loading.compose import DEFAULTS
from mvops.loading.files import OVERLAYS, SpecFile
from mvops.loading.find import PROJECT_FILE
from mvops.loading.guards import check_document, is_reserved, package_of
from mvops.loading.interpolation import refused
from mvops.loading.positions import Layer, Positions
from mvops.loading.problems import KeyPath, Problem, problems_of, spec_error
from mvops.loading.strict_yaml import BadYamlError, Document, parse
from mvops.loading.validate import value_problems

_SECTIONS: Mapping[str, type[BaseModel]] = {"models": Model, "features": FeatureView}


def all_problems(files: Sequence[SpecFile], first: SpecError) -> SpecError:
    """`first` with everything else that is wrong in the project's own files."""
    found = list(problems_of(first))
    if not found:
        return first
    unreadable = {problem.place.file for problem in found if problem.unreadable and problem.place}
    told = {problem.place for problem in found}  # in other words, as more was known
    for file in files:
        if file.shown.parts[:1] == PROJECT_FILE.parts[:1] and file.shown not in unreadable:
            found += [problem for problem in _of(file) if problem.place not in told]
    return spec_error(list(dict.fromkeys(found)))


def _of(file: SpecFile) -> list[Problem]:
    try:
        document = parse(file.data, file.shown)
    except BadYamlError as error:
        return [error.problem]
    found = check_document(document, file.option)
    values = _harmless(document.values)
    if file.entry:
        values.pop("defaults", None)
        found += _wrong(_SECTIONS[file.entry[0]], values, file.entry, document, file.entry)
    elif file.option == "project" or file.option.startswith(f"{OVERLAYS}/") or package_of(document)[0] == "_global_":
        defaults = values.pop(DEFAULTS, None)
        for key in ("defaults", "preset", "environment", "hydra"):
            values.pop(key, None)
        found += _wrong(Project, values, (), document, ())
        if isinstance(defaults, dict):
            found += _wrong(Model, defaults, (DEFAULTS,), document, ())
    return found


def _wrong(
    model: type[BaseModel], values: dict[str, Any], path: KeyPath, document: Document, mount: KeyPath
) -> Iterator[Problem]:
    """Unknown keys and values that do not fit; what is missing may stand in another file."""
    positions = Positions((), lambda: (Layer(document, mount),))
    try:
        model.model_validate(values)
    except ValidationError as error:
        yield from value_problems(error, values, path, positions)


def _harmless(value: Any) -> Any:
    """Without what is refused already, so that it is not told twice."""
    if isinstance(value, dict):
        kept = {key: child for key, child in value.items() if not is_reserved(key) and not _refers_wrongly(child)}
        return {key: _harmless(child) for key, child in kept.items()}
    return [_harmless(child) for child in value] if isinstance(value, list) else value


def _refers_wrongly(value: Any) -> bool:
    return isinstance(value, str) and "${" in value and refused(value) is not None
