"""Finds backends by name: a file in the family's folder, or an entry point of a third party's package.

Listing names imports nothing; loading one imports that one, and compares it with its family's Protocol.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from mvops import assets
from mvops.backends.door import admit
from mvops.core.nearest import did_you_mean
from mvops.errors import BackendError, MvopsError

_FOLDER = Path(__file__).parent


def families() -> tuple[str, ...]:
    """The families of backends, sorted."""
    return tuple(sorted(found.name for found in pkgutil.iter_modules([str(_FOLDER)]) if found.ispkg))


def own_names(family: str) -> tuple[str, ...]:
    """The names of a family's backends that come with mvops, sorted. Imports nothing."""
    return assets.own_backend_names(family)


def names(family: str) -> tuple[str, ...]:
    """The names of a family's backends, ours and third parties', sorted. Imports nothing."""
    return assets.backend_names(family)


def load(family: str, name: str) -> Any:
    """The backend `name` of `family`, made without arguments.

    A backend is the one public class that its module defines (an entry point names the class itself). Raises
    BackendError for an unknown name, with the nearest one, for a name that two packages claim, and for a class that
    does not fit the family's Protocol; MissingExtraError when its library is not installed.
    """
    if name not in names(family):
        meant = did_you_mean(name, names(family))
        known = ", ".join(names(family)) or "none"
        raise BackendError(f"there is no backend {name!r} in {family}{meant}", hint=f"Known {family}: {known}")
    theirs = tuple(point for point in assets.entries() if (point.group, point.name) == (f"mvops.{family}", name))
    claims = [*(["mvops"] if name in own_names(family) else []), *map(_package, theirs)]
    if len(claims) > 1:
        raise BackendError(
            f"the backend {name!r} in {family} is claimed by {' and by '.join(claims)}", hint="Uninstall all but one."
        )
    if theirs:
        return admit(family, name, _made(family, theirs[0]), f"from {claims[0]}")
    module = importlib.import_module(f"mvops.backends.{family}.{name}")
    (found,) = (
        thing
        for label, thing in inspect.getmembers(module, inspect.isclass)
        if thing.__module__ == module.__name__ and not label.startswith("_")
    )
    return admit(family, name, found(), "from mvops")


def _made(family: str, point: EntryPoint) -> Any:
    try:
        return point.load()()
    except MvopsError:
        raise
    except Exception as error:  # whatever a third party's code raises is told, with its origin
        raise BackendError(
            f"the backend {point.name!r} in {family} ({point.value}, from {_package(point)}) cannot be loaded: "
            f"{type(error).__name__}: {error}",
            hint="Mend the package, or take another release of it.",
        ) from error


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "an unknown package"
