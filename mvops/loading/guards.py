"""What a YAML file of a spec may not hold, whoever wrote it; checked before Hydra sees any of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from mvops.loading.files import ENTRIES, OVERLAYS
from mvops.loading.interpolation import refused
from mvops.loading.problems import KeyPath, Problem, show_path
from mvops.loading.strict_yaml import Document

_RESERVED = re.compile(r"_\w+_")
_OPTION = re.compile(r"/?[a-z0-9_]+(/[a-z0-9_]+)*")
_GROUP = re.compile(r"(?:(?:override|optional) )*(?P<group>/?[a-z0-9_]+(?:/[a-z0-9_]+)*)(?:@(?P<package>[\w.]+))?")
_HEADER = re.compile(r"#\s*@package\s+(\S+)\s*")
_SECTIONS = frozenset({"capabilities", "notifiers", "models", "model_defaults", "features", "feature_store"})

_DEFAULTS_HELP = "A defaults list holds lines such as `- preset: small/day_30` and `- _self_`."


def is_reserved(key: str) -> bool:
    """Is this a key that Hydra gives a meaning to, such as `_target_`?"""
    return bool(_RESERVED.fullmatch(key))


def check_document(document: Document, option: str) -> list[Problem]:
    """Everything in one file that is refused: reserved keys, resolvers, `hydra`, a defaults list that leads astray."""
    folder = option.partition("/")[0]
    entry = folder if folder in ENTRIES else None
    named = option == "project" or folder == OVERLAYS
    problems = list(_walk(document, document.values, ()))
    defaults = document.values.get("defaults")
    if "hydra" in document.values:
        place = document.place(("hydra",), key=True)
        problems.append(Problem(place, "Hydra's own settings cannot be changed from a spec"))
    if entry and defaults is not None:
        place = document.place(("defaults",), key=True)
        message = f"{ENTRIES[entry]}'s file has no defaults list: that belongs to configs/project.yaml"
        remedy = "What all models share goes under model_defaults there." if entry == "models" else ""
        problems.append(Problem(place, message, remedy))
    elif defaults is not None:
        problems += _check_defaults(document, defaults, overlay=folder == OVERLAYS)
    if not entry and "environment" in document.values:
        place = document.place(("environment",), key=True)
        problems.append(Problem(place, "the environment is chosen on the command line: --env NAME, or MVOPS_ENV"))
    for key in _SECTIONS.intersection(() if entry else document.values):
        if not isinstance(document.values[key], dict | None):
            problems.append(Problem(document.place((key,)), f"{key} must be a section of keys"))
    if named and "preset" in document.values:
        place = document.place(("preset",), key=True)
        message = "the preset is named in the defaults list, so that its settings are read"
        problems.append(Problem(place, message, "Write: defaults: [{preset: small/day_30}, _self_]"))
    return problems


def package_of(document: Document) -> tuple[str | None, Problem | None]:
    """The package that a `# @package` header in the first lines asks for, and what is wrong with it."""
    for number, line in enumerate(document.lines, start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            break
        found = _HEADER.fullmatch(line.strip())
        if found:
            if _is_package(found[1]):
                return found[1], None
            place = document.place(())
            return None, Problem(place, f"line {number}: {found[1]!r} is not a package that a spec may use")
    return None, None


def _is_package(name: str) -> bool:
    plain = re.fullmatch(r"[a-z_][\w]*(\.[a-z_][\w]*)*", name) is not None
    return (
        plain
        and name.split(".", maxsplit=1)[0] != "hydra"
        and (name in {"_global_", "_group_"} or not is_reserved(name))
    )


def _walk(document: Document, value: Any, path: KeyPath) -> Iterator[Problem]:
    if isinstance(value, dict):
        for key, child in value.items():
            if is_reserved(key):
                place = document.place((*path, key), key=True)
                yield Problem(place, f"the key {key!r} is reserved: a spec never names code to run")
            yield from _walk(document, child, (*path, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _walk(document, child, (*path, index))
    elif isinstance(value, str) and "${" in value:
        reason = refused(value)
        if reason:
            yield Problem(document.place(path), f"{show_path(path)}: {reason}")


def _check_defaults(document: Document, defaults: Any, *, overlay: bool) -> Iterator[Problem]:
    if not isinstance(defaults, list):
        yield Problem(document.place(("defaults",)), "defaults must be a list", _DEFAULTS_HELP)
        return
    for index, item in enumerate(defaults):
        if _names_overlay(item) and not overlay:
            message = "an environment does not stand in the defaults list: it is chosen with --env NAME, or MVOPS_ENV"
            yield Problem(document.place(("defaults", index)), message)
        elif not _acceptable(item):
            message = f"this line of the defaults list is not one that is read: {_shown(item)}"
            yield Problem(document.place(("defaults", index)), message, _DEFAULTS_HELP)


def _shown(item: Any) -> str:
    return repr(item)[:80]


def _acceptable(item: Any) -> bool:
    if isinstance(item, str):
        return item == "_self_" or (_OPTION.fullmatch(item) is not None and _foreign(item))
    if not isinstance(item, dict) or len(item) != 1:
        return False
    ((key, value),) = item.items()
    found = _GROUP.fullmatch(key)
    if not found or not _foreign(found["group"]) or not (found["package"] is None or _is_package(found["package"])):
        return False
    options = value if isinstance(value, list) else [] if value is None else [value]
    return all(isinstance(option, str) and _OPTION.fullmatch(option) for option in options)


def _names_overlay(item: Any) -> bool:
    named = next(iter(item), "") if isinstance(item, dict) else item
    found = _GROUP.fullmatch(named) if isinstance(named, str) else None
    return found is not None and found["group"].strip("/").split("/")[0] == OVERLAYS


def _foreign(name: str) -> bool:
    """Not Hydra's own group, and nothing that is found without being listed."""
    return name.strip("/").split("/")[0] not in {"hydra", "project", *ENTRIES}
