"""What every backend passes when it arrives: its class is compared with its family's Protocol."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from mvops.errors import BackendError

_FITTING: set[tuple[type, type]] = (
    set()
)  # Protocol and class: looking at one takes longer than most of what is asked of it


@cache
def contract(family: str) -> type | None:
    """The Protocol of a family, named in the singular: of `feature_stores`, it is FeatureStore; None without one."""
    try:
        module = importlib.import_module(f"mvops.contracts.{family}")
    except ModuleNotFoundError:
        return None
    found: type | None = getattr(module, "".join(part.title() for part in family.removesuffix("s").split("_")), None)
    return found


def admit(family: str, name: str, made: Any, origin: str) -> Any:
    """`made`, if it has all that the family's Protocol asks for; `origin` says where it comes from.

    Raises BackendError with every method that is missing or cannot be called as the Protocol says, in both forms.
    """
    protocol, kind = contract(family), type(made)
    if not protocol or (protocol, kind) in _FITTING:
        return made
    misfits = list(_misfits(protocol, made))
    if not misfits:
        _FITTING.add((protocol, kind))
        return made
    raise BackendError(
        f"the backend {name!r} in {family} ({kind.__module__}.{kind.__qualname__}, {origin}) "
        f"does not fit {protocol.__module__}.{protocol.__qualname__}:\n" + "\n".join(f"  {line}" for line in misfits),
        hint="Mend the class, or take another release of its package, one made for this release of mvops.",
    )


def _misfits(protocol: type, made: Any) -> Iterator[str]:
    for name in (n for n in protocol.__annotations__ if not hasattr(made, n)):
        yield f"{name} is missing"
    for name, wanted in vars(protocol).items():
        if name.startswith("_") or not inspect.isfunction(wanted):
            continue
        asked = _without_self(inspect.signature(wanted))
        method = getattr(made, name, None)
        if not callable(method):
            yield f"{name}{_shown(asked)} is missing"
        elif not _takes(method, asked):
            yield f"{name}{_shown(inspect.signature(method))} should be {name}{_shown(asked)}"


def _takes(method: Callable[..., Any], asked: inspect.Signature) -> bool:
    """Can it be called in every way that the Protocol allows: by position, by name, without what may be left out."""
    given = inspect.signature(method)
    everything = list(asked.parameters.values())
    required = [p for p in everything if p.default is p.empty]
    named = {p.name for p in everything if p.kind in {p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY}}
    try:
        for parameters in (everything, required):
            by_position = [p.name for p in parameters if p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD}]
            by_name = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
            given.bind(*by_position, **dict.fromkeys(by_name))
            only = [p.name for p in parameters if p.kind is p.POSITIONAL_ONLY]
            given.bind(*only, **dict.fromkeys(p.name for p in parameters if p.name in named))
    except TypeError:
        return False
    return True


def _without_self(signature: inspect.Signature) -> inspect.Signature:
    return signature.replace(parameters=list(signature.parameters.values())[1:])


def _shown(signature: inspect.Signature) -> str:
    """Names only: annotations would fill the screen."""
    plain = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    return str(signature.replace(parameters=plain, return_annotation=signature.empty))
