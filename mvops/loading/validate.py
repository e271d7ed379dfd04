"""From composed values to a Project, or to one error that tells everything that is wrong and where."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mvops import assets
from mvops.core.config.backend import named_backends
from mvops.core.config.gate import ROWS, parse_condition
from mvops.core.config.model import Model
from mvops.core.config.project import Project
from mvops.core.nearest import did_you_mean
from mvops.loading.chains import chain_problems
from mvops.loading.compose import DEFAULTS, Composition
from mvops.loading.environments import shared_with
from mvops.loading.feature_checks import features_at_odds
from mvops.loading.move_checks import move_problems
from mvops.loading.ports import shared_ports
from mvops.loading.positions import Positions
from mvops.loading.problems import KeyPath, Problem, show_path, show_value, spec_error
from mvops.loading.sections import keys_at

_NO_SECTION = frozenset({"model_type", "model_attributes_type", "dict_type"})
_NO_LIST = frozenset({"tuple_type", "list_type"})


def validate(composition: Composition) -> Project:
    """The project; SpecError with every unknown, missing, wrongly typed or bad value in it."""
    positions = composition.positions
    problems = [
        Problem(positions.find(path), f"{show_path(path)} must be given", "Say it in configs/project.yaml.")
        for path in _missing(composition.values, ())
    ]
    problems += _of_defaults(composition.defaults, positions)
    try:
        project = Project.model_validate(composition.values)
    except ValidationError as error:
        wrong = [_clean(raw, composition.values) for raw in error.errors(include_url=False)]
        problems += [_problem(*each, positions) for each in wrong if not _told_of_defaults(each[0], positions)]
        rest = _without(composition.values, [path for path, _ in wrong])
        problems += _at_odds(rest, positions) if rest else ()
        raise spec_error(problems) from None
    problems += [*_at_odds(project, positions), *chain_problems(project, positions)]
    problems += move_problems(project, positions)
    problems += features_at_odds(project, positions)
    if composition.environment:
        problems += shared_with(composition.environment, composition.values, composition.others, positions)
    if problems:
        raise spec_error(problems)
    return project


def value_problems(
    error: ValidationError, values: Mapping[str, Any], path: KeyPath, positions: Positions
) -> Iterator[Problem]:
    """What pydantic says of the `values` at `path`, but what is missing and what a reference may put right."""
    for raw in error.errors(include_url=False):
        if raw["type"] != "missing" and "${" not in str(raw["input"]):
            inside, detail = _clean(raw, values)
            yield _problem((*path, *inside), detail, positions)


def _without(values: Mapping[str, Any], wrong: Iterable[KeyPath]) -> Project | None:
    """The project without the models that something is wrong in; None where it is elsewhere."""
    models = {str(path[1]) for path in wrong if path[:1] == ("models",) and len(path) > 1}
    if any(path[:1] != ("models",) or len(path) < 2 for path in wrong):
        return None
    kept = {name: model for name, model in values["models"].items() if name not in models}
    return Project.model_validate({**values, "models": kept})


def _missing(value: Any, path: KeyPath) -> Iterator[KeyPath]:
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _missing(child, (*path, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _missing(child, (*path, index))
    elif value == "???":
        yield path


def _of_defaults(defaults: Mapping[str, Any], positions: Positions) -> list[Problem]:
    """What is wrong in `model_defaults`: told once, not once for each model; that it is incomplete is no mistake."""
    if not any(True for _ in _missing(dict(defaults), ())):
        try:
            Model.model_validate(defaults)
        except ValidationError as error:
            wrong = [detail for detail in error.errors(include_url=False) if detail["type"] != "missing"]
            cleaned = (_clean(detail, defaults) for detail in wrong if "${" not in str(detail["input"]))
            return [_problem((DEFAULTS, *path), detail, positions) for path, detail in cleaned]
    return []


def _told_of_defaults(path: KeyPath, positions: Positions) -> bool:
    return path[:1] == ("models",) and len(path) > 2 and positions.inherited(path)


def _clean(detail: ErrorDetails, values: Mapping[str, Any]) -> tuple[KeyPath, ErrorDetails]:
    """The key path without what pydantic adds to it: names of union members, `[key]`."""
    path: list[str | int] = []
    node: Any = values
    last = len(detail["loc"]) - 1
    for index, part in enumerate(detail["loc"]):
        inside = isinstance(node, dict) and part in node
        if inside or (isinstance(node, list) and isinstance(part, int) and part < len(node)):
            node = node[part]
        elif not (index == last and detail["type"] == "missing"):
            continue
        path.append(part)
    return tuple(path), detail


def _problem(path: KeyPath, detail: ErrorDetails, positions: Positions) -> Problem:
    if detail["type"] == "missing":
        return _missing_key(path, positions)
    if detail["type"] == "extra_forbidden":
        return _unknown_key(path, positions)
    if "[key]" in detail["loc"]:
        return Problem(positions.find(path, key=True), f"{show_path(path)}: {_sentence(detail)}")
    message, remedy = _bad_value(path, detail)
    return Problem(positions.find(path) or positions.nearest(path), message, remedy)


def _bad_value(path: KeyPath, detail: ErrorDetails) -> tuple[str, str]:
    shown, value = show_path(path), detail["input"]
    if detail["type"] in _NO_SECTION:
        return f"{shown} must be a section of keys, not {show_value(value)}", ""
    if detail["type"] in _NO_LIST:
        return f"{shown} must be a list such as [a, b], not {show_value(value)}", ""
    if detail["type"] == "literal_error":
        choices = re.findall(r"'([^']*)'", str(detail.get("ctx", {}).get("expected", "")))
        return (
            f"{shown} cannot be {show_value(value)}{did_you_mean(str(value), choices)}",
            f"Choose from: {', '.join(choices)}",
        )
    if detail["type"] == "bool_type":
        return f"{shown} must be true or false, not {show_value(value)}", f"Write: {path[-1]}: {_as_flag(value)}"
    message = _sentence(detail)
    told = isinstance(value, (dict, list, tuple)) or repr(value) in message
    return f"{shown}: {message}" + ("" if told else f", not {show_value(value)}"), ""


def _as_flag(value: Any) -> str:
    """What was meant, where that is plain."""
    word = str(value).lower()
    return (
        "true"
        if word in {"true", "yes", "y", "on", "1"}
        else "false"
        if word in {"false", "no", "n", "off", "0"}
        else "true, or false"
    )


def _sentence(detail: ErrorDetails) -> str:
    message = detail["msg"].removeprefix("Value error, ")
    message = re.sub(r"^(Input|Value|String|Tuple|List) should ", r"must ", message)
    return message.replace("must have at least 1 item after validation, not 0", "must not be empty")


def _missing_key(path: KeyPath, positions: Positions) -> Problem:
    place = positions.find(path) or positions.nearest(path[:-1])
    if path == ("preset",):
        return Problem(place, "no preset is named", "Write: defaults: [{preset: small/day_30}, _self_]")
    if path == ("project",):
        return Problem(place, "the key 'project' is missing: the project's name", "Write: project: NAME")
    return Problem(place, f"the key {path[-1]!r} is missing in {show_path(path[:-1])}")


def _unknown_key(path: KeyPath, positions: Positions) -> Problem:
    place = positions.find(path, key=True) or positions.nearest(path)
    known = _known_keys(path[:-1])
    inside = f" in {show_path(path[:-1])}" if path[:-1] else ""
    remedy = f"Keys{inside}: {', '.join(known)}" if known else ""
    return Problem(place, f"unknown key {path[-1]!r}{inside}{did_you_mean(str(path[-1]), known)}", remedy)


def _known_keys(path: KeyPath) -> list[str]:
    if path[:1] == (DEFAULTS,):
        return keys_at(("models", "any", *path[1:]))
    return [*keys_at(path), *([DEFAULTS, "defaults"] if not path else [])]


def _at_odds(project: Project, positions: Positions) -> Iterator[Problem]:
    """What is right in itself but not together: alerts to nobody, gates on what is not measured, a shared port."""
    yield from _unknown_backends(project, positions)
    yield from shared_ports(project, positions) if project.environment is None else ()
    for name, model in project.models.items():
        here = ("models", name)
        for index, alert in enumerate(model.monitor.alerts if model.monitor else ()):
            if alert not in project.notifiers:
                path = (*here, "monitor", "alerts", index)
                known = ", ".join(sorted(project.notifiers)) or "none"
                message = f"there is no notifier {alert!r}{did_you_mean(alert, project.notifiers)}"
                yield Problem(positions.nearest(path), message, f"Notifiers of this project: {known}")
        for index, text in enumerate(model.gate):
            metric = parse_condition(text).metric
            if metric not in {*model.evaluate.metrics, ROWS}:
                measured = ", ".join(model.evaluate.metrics)
                message = f"the gate asks for {metric!r}, which evaluate.metrics does not list"
                yield Problem(positions.nearest((*here, "gate", index)), message, f"Measured: {measured}")
        if project.capabilities.governance and not model.gate:
            remedy = (
                "Write conditions, such as: gate: [roc_auc >= champion - 0.005]; or capabilities: {governance: false}"
            )
            yield Problem(positions.nearest(here), f"models.{name} has no gate, and governance asks for one", remedy)


_SWITCHED = {"trackers": "tracking", "dashboards": "dashboards"}  # family -> the capability that switches it off


def _unknown_backends(project: Project, positions: Positions) -> Iterator[Problem]:
    told: set[tuple[str, str]] = set()  # what model_defaults say is wrong once, not once for each model
    for path, family, name in named_backends(project):
        known = assets.backend_names(family)
        if name not in known and (family, name) not in told:
            told.add((family, name))
            message = f"there is no backend {name!r} in {family}{did_you_mean(name, known)}"
            remedy = f"Known {family}: {', '.join(known)}. Another one: pip install the package that has it"
            if family in _SWITCHED:
                remedy += f". None at all: capabilities: {{{_SWITCHED[family]}: false}}"
            yield Problem(positions.find(path) or positions.nearest(path), message, remedy)
