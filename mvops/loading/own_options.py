"""Options go with the backend beside which they are written: one that a stronger file names has none of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mvops.loading.hydra_defaults import Option


def mixed(options: Mapping[str, Option], values: Mapping[str, Any]) -> bool:
    """May a section of the composed values have options of another backend than its own; to make sure takes longer."""
    return any(
        isinstance(composed := values.get(section), Mapping)
        and told["backend"] != composed.get("backend")
        and _keys(told) & _keys(composed)
        for option in options.values()
        for section, told in ({option.package: option.values} if option.package else option.values).items()
        if isinstance(told, Mapping) and "backend" in told
    )


def _keys(section: Mapping[str, Any]) -> set[str]:
    options = section.get("options")
    return set(options) if isinstance(options, Mapping) else set()


def without_others(options: Mapping[str, Option], order: Sequence[tuple[str, str]]) -> dict[str, Option]:
    """`options` as they are to be merged in this order, the strongest last: a preset's MLflow leaves W&B no `uri`."""
    found, chosen = dict(options), dict[str, Any]()
    for name, package in reversed(order):
        option = found.get(name)
        if option is None:
            continue
        if package:
            found[name] = replace(option, values=_own(package, option.values, chosen))
        else:
            found[name] = replace(
                option, values={key: _own(key, value, chosen) for key, value in option.values.items()}
            )
    return found


def _own(section: str, values: Any, chosen: dict[str, Any]) -> Any:
    """The section without the options of a backend that is not the one chosen; the first that is met is chosen."""
    if not isinstance(values, Mapping) or "backend" not in values:
        return values
    if chosen.setdefault(section, values["backend"]) == values["backend"]:
        return values
    return {key: value for key, value in values.items() if key != "options"}
