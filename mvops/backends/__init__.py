"""Finds backends by name: a file in the family's folder, or an entry point of a third party's package.

Listing names imports nothing; loading one imports that one.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from mvops.errors import BackendError

_FOLDER = Path(__file__).parent


def families() -> tuple[str, ...]:
    """The families of backends, sorted."""
    return tuple(sorted(found.name for found in pkgutil.iter_modules([str(_FOLDER)]) if found.ispkg))


def names(family: str) -> tuple[str, ...]:
    """The names of a family's backends, sorted. Imports nothing."""
    ours = {found.name for found in pkgutil.iter_modules([str(_FOLDER / family)])}
    return tuple(sorted(ours | {point.name for point in entry_points(group=f"mvops.{family}")}))


def load(family: str, name: str) -> Any:
    """The backend `name` of `family`, made without arguments.

    A backend is the one public class that its module defines (an entry point names the class itself). Raises
    BackendError for an unknown name, with the nearest one.
    """
    if name not in names(family):
        near = difflib.get_close_matches(name, names(family), n=1)
        meant = f" Did you mean {near[0]!r}?" if near else ""
        known = ", ".join(names(family)) or "none"
        raise BackendError(f"there is no backend {name!r} in {family}.{meant}", hint=f"Known {family}: {known}")
    for point in entry_points(group=f"mvops.{family}", name=name):
        return point.load()()
    module = importlib.import_module(f"mvops.backends.{family}.{name}")
    (found,) = (
        thing
        for label, thing in inspect.getmembers(module, inspect.isclass)
        if thing.__module__ == module.__name__ and not label.startswith("_")
    )
    return found()
