"""Options go with the backend beside which they are written: one that a stronger file or an override names has none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mvops.loading.hydra_defaults import Option, compose_defaults, defaults_order
from mvops.loading.overrides import Override, Overrides


def compose_own(
    options: Mapping[str, Option], overrides: Overrides, overlay: str | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the project's defaults list makes, and what the option `overlay` has to lie over it, as Hydra composes them.

    Raises DefaultsError.
    """

    def composed(options: Mapping[str, Option]) -> tuple[dict[str, Any], dict[str, Any]]:
        values = compose_defaults(options, overrides.choices)
        return values, compose_defaults(options, (), overlay) if overlay else {}

    named = _named(overrides.values)
    values, above = composed(options)
    if not _mixed(options, (above, values), named):
        return values, above
    order = defaults_order(options, overrides.choices)
    order += defaults_order(options, (), overlay) if overlay else []
    return composed(_without_others(options, order, named))


def _named(overrides: Iterable[Override]) -> dict[str, Any]:
    """The backend of each section for which an override names one; the last that does."""
    named = dict[str, Any]()
    for override in overrides:
        section, *rest = map(str, override.path)
        if rest == ["backend"] and not override.delete:
            named[section] = override.value
        elif not rest and isinstance(override.value, dict) and "backend" in override.value:
            named[section] = override.value["backend"]
    return named


def _mixed(options: Mapping[str, Option], layers: Sequence[Mapping[str, Any]], named: Mapping[str, Any]) -> bool:
    """May a section of the layers, the strongest first, have options of another backend than its own?

    To make sure takes longer.
    """

    def backend(section: str) -> Any:
        said = (layer.get(section) for layer in layers)
        found = (each["backend"] for each in said if isinstance(each, Mapping) and "backend" in each)
        return named[section] if section in named else next(found, None)

    return any(
        told["backend"] != backend(section) and any(_keys(told) & _keys(layer.get(section)) for layer in layers)
        for option in options.values()
        for section, told in _sections(option)
        if isinstance(told, Mapping) and "backend" in told
    )


def _sections(option: Option) -> Iterable[tuple[str, Any]]:
    whole = option.package in {None, "", "_global_"}
    return option.values.items() if whole else [(option.package or "", option.values)]


def _keys(section: Any) -> set[str]:
    options = section.get("options") if isinstance(section, Mapping) else None
    return set(options) if isinstance(options, Mapping) else set()


def _without_others(
    options: Mapping[str, Option], order: Sequence[tuple[str, str]], named: Mapping[str, Any]
) -> dict[str, Option]:
    """`options` as they are to be merged in this order, the strongest last: a preset's MLflow leaves W&B no `uri`."""
    found, chosen = dict(options), dict(named)
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
