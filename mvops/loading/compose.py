"""From files and overrides to one dictionary that is ready to be validated, and to where everything in it came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mvops.core.nearest import did_you_mean
from mvops.errors import SpecError
from mvops.loading.environments import check_known, of_its_own
from mvops.loading.files import OVERLAYS, SpecFile, environments
from mvops.loading.guards import check_document, package_of
from mvops.loading.hydra_defaults import DefaultsError, Option, defaults_order
from mvops.loading.interpolation import BadReferenceError, resolve
from mvops.loading.overrides import Overrides, apply_overrides, merged, parse_overrides
from mvops.loading.own_options import compose_own
from mvops.loading.positions import Layer, Positions
from mvops.loading.problems import KeyPath, Place, Problem, show_path, spec_error
from mvops.loading.strict_yaml import BadYamlError, Document, parse

DEFAULTS = "model_defaults"


@dataclass(frozen=True)
class Composition:
    """`values` are a Project's, every model with `model_defaults` below its own; `defaults` are those defaults.

    `written` are the values with references as they stand in the files, before anything was made an environment's own:
    `made` are the keys of that. `others` are the values of the other environments, "" those of the project itself.
    """

    values: dict[str, Any]
    defaults: dict[str, Any]
    positions: Positions
    written: dict[str, Any]
    environment: str | None = None
    made: frozenset[KeyPath] = frozenset()
    others: Mapping[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Parts:
    """All files, read: options by name, and what is found without being listed by section and name."""

    documents: dict[str, Document]
    options: dict[str, Option]
    entries: dict[tuple[str, str], Document]


def compose_spec(files: Sequence[SpecFile], overrides: Sequence[str], environment: str | None = None) -> Composition:
    """Read, check, compose, override and resolve; nothing is ever imported, called or looked up in the environment.

    Raises UsageError for an unknown environment, SpecError with every problem that was found in the first stage that
    found any.
    """
    documents = _read(files)
    known = environments(files)
    if environment is not None:
        check_known(environment, known)
    entries = {file.entry: documents[file.option] for file in files if file.entry}
    parts = _Parts(documents, _options({f.option: documents[f.option] for f in files if not f.entry}), entries)
    parsed = parse_overrides(overrides, _groups(parts.options))
    found = _composed(parts, parsed, environment)
    if environment is None:
        return found
    others = {name or "": _elsewhere(parts, name) for name in (None, *known) if name != environment}
    return replace(found, others={name: values for name, values in others.items() if values})


def _composed(parts: _Parts, parsed: Overrides, environment: str | None) -> Composition:
    option = f"{OVERLAYS}/{environment}"
    try:
        values, overlay = compose_own(parts.options, parsed, option if environment else None)
    except DefaultsError as error:
        raise spec_error([_explained(error, parts.documents, parts.options, parsed)]) from None
    own = tuple(Layer(document, entry) for entry, document in parts.entries.items())

    def layers() -> tuple[Layer, ...]:
        above = _chosen(parts, defaults_order(parts.options, (), option)) if environment else ()
        return (*above, *own, *_chosen(parts, defaults_order(parts.options, parsed.choices)))

    return _finished(values, parts.entries, overlay, environment, Positions(parsed.values, layers))


def _elsewhere(parts: _Parts, environment: str | None) -> dict[str, Any]:
    """The values of another environment; none where its own files are wrong: whoever works there is told."""
    try:
        return _composed(parts, Overrides((), ()), environment).values
    except SpecError:
        return {}


def _read(files: Sequence[SpecFile]) -> dict[str, Document]:
    documents: dict[str, Document] = {}
    problems: list[Problem] = []
    for file in files:
        if file.refused:
            problems.append(file.refused)
            continue
        try:
            document = parse(file.data, file.shown)
        except BadYamlError as error:
            problems.append(error.problem)
        else:
            documents[file.option] = document
            problems += check_document(document, file.option)
    if problems:
        raise spec_error(problems)
    return documents


def _options(documents: Mapping[str, Document]) -> dict[str, Option]:
    options: dict[str, Option] = {}
    problems: list[Problem] = []
    for name, document in documents.items():
        package, problem = (None, None) if name == "project" else package_of(document)
        if name.startswith(f"{OVERLAYS}/"):
            package = package or "_global_"
        options[name] = Option(document.values, package)
        problems += [problem] if problem else []
    if problems:
        raise spec_error(problems)
    return options


def _groups(options: Mapping[str, Option]) -> set[str]:
    """Every folder that has options: `preset`, and also `preset/small`."""
    return {"/".join(parts[:end]) for name in options for parts in [name.split("/")] for end in range(1, len(parts))}


def _chosen(parts: _Parts, order: Sequence[tuple[str, str]]) -> Iterator[Layer]:
    for name, package in reversed(order):
        if name in parts.documents:
            yield Layer(parts.documents[name], tuple(package.split(".")) if package else ())


def _finished(
    values: dict[str, Any],
    entries: Mapping[tuple[str, str], Document],
    overlay: dict[str, Any],
    environment: str | None,
    positions: Positions,
) -> Composition:
    """Entries over the project's values, the overlay over both, overrides over all, references resolved."""
    found: dict[str, dict[str, Any]] = {"models": {}}
    for (section, name), document in entries.items():
        found.setdefault(section, {})[name] = document.values
    written = merged(merged(values, found), overlay)
    _check_models(written, overlay, positions)
    tree, made = of_its_own(written, overlay, environment) if environment else (written, set())
    tree, defaults = _overridden(tree, positions)
    try:
        resolved = resolve(tree)
    except BadReferenceError as error:
        raise spec_error(
            [Problem(positions.find(e.path) or positions.nearest(e.path), e.message) for e in error.all]
        ) from None
    plain, _ = _overridden(written, positions)
    return Composition(resolved, defaults, positions, plain, environment, frozenset(made))


def _check_models(tree: dict[str, Any], overlay: dict[str, Any], positions: Positions) -> None:
    """An overlay changes models; one that it names and that has no pipeline is a slip of the pen."""
    changed = overlay.get("models")
    models = tree.get("models")
    if not isinstance(changed, dict) or not isinstance(models, dict):
        return
    known = {name for name, model in models.items() if isinstance(model, dict) and "pipeline" in model}
    problems = [
        Problem(positions.find(("models", name), key=True), f"there is no model {name!r}{did_you_mean(name, known)}")
        for name in changed
        if name not in known
    ]
    if problems:
        raise spec_error(problems)


def _overridden(tree: dict[str, Any], positions: Positions) -> tuple[dict[str, Any], dict[str, Any]]:
    """With model_defaults below each model and the overrides over all; and those defaults."""
    early = [override for override in positions.overrides if override.path[0] != "models" or len(override.path) < 3]
    tree = apply_overrides(tree, early)
    defaults = tree.pop(DEFAULTS, None) or {}
    for key, value in ((DEFAULTS, defaults), ("models", tree["models"])):
        if not isinstance(value, dict):
            raise spec_error([Problem(positions.nearest((key,)), f"{key} must be a section of keys")])
    tree["models"] = {
        name: merged(defaults, own) if isinstance(own, dict) else own for name, own in tree["models"].items()
    }
    tree = apply_overrides(tree, [override for override in positions.overrides if override not in early])
    _leave_to_others(tree["models"], positions)
    return tree, defaults


def _leave_to_others(models: dict[str, Any], positions: Positions) -> None:
    """A model that says whom it is retrained after goes by their schedule, not by one that all models inherit."""
    for name, model in models.items():
        retrain = model.get("retrain") if isinstance(model, dict) else None
        if isinstance(retrain, dict) and retrain.get("after") and retrain.get("schedule"):
            after, schedule = ("models", name, "retrain", "after"), ("models", name, "retrain", "schedule")
            if positions.inherited(schedule) and not positions.inherited(after):
                del retrain["schedule"]


def _explained(
    error: DefaultsError, documents: Mapping[str, Document], options: Mapping[str, Option], overrides: Overrides
) -> Problem:
    if error.missing is None:
        choice = next((text for text in overrides.choices if _key(text) in str(error)), None)
        if choice is None:
            named = documents.get(error.option, documents["project"])
            others = [option.values for option in options.values() if option.package in {None, "_global_"}]
            clash = next((path for other in others for path in _clashes(named.values, other, ())), None)
            if "Cannot merge" in str(error) and clash:
                message = f"{show_path(clash)} is a list in one file and a section of keys in another"
                return Problem(named.place(clash), message)
            return Problem(named.place(("defaults",), key=True) or named.place(()), str(error))
        absent = "No match in the defaults list" in str(error) and choice[0] not in "+~"
        remedy = f"To add it to the defaults list: +{choice}" if absent else ""
        return Problem(Place(None, 1, 1, choice), str(error), remedy)
    group = error.missing.split("/")[0]
    near = sorted(name for name in options if name.startswith(f"{group}/"))
    meant = did_you_mean(error.missing, near)
    remedy = f"Choose from: {', '.join(name.removeprefix(f'{group}/') for name in near)}" if near else ""
    return Problem(_naming(error.missing, documents, overrides), f"there is no {error.missing!r}{meant}", remedy)


def _naming(option: str, documents: Mapping[str, Document], overrides: Overrides) -> Place | None:
    """The line of a defaults list, or the override, that names `option`."""
    for text in overrides.choices:
        if option.endswith(text.rpartition("=")[2]):
            return Place(None, 1, 1, text)
    for document in documents.values():
        for index, item in enumerate(document.values.get("defaults") or ()):
            named = item if isinstance(item, str) else next(iter(item.values()))
            if isinstance(named, str) and option.endswith(named.lstrip("/")):
                return document.place(("defaults", index))
    return documents["project"].place(("defaults",), key=True)


def _clashes(one: Any, other: Any, path: KeyPath) -> Iterator[KeyPath]:
    """Where one has a list and the other a section."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in one.keys() & other.keys():
            yield from _clashes(one[key], other[key], (*path, key))
    elif {type(one), type(other)} == {list, dict}:
        yield path


def _key(choice: str) -> str:
    return choice.lstrip("+~").partition("=")[0]
