"""The Python that trained a model: the exact release of everything that loading and running it imports."""

from __future__ import annotations

import functools
import platform
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from types import FunctionType
from typing import Any

import numpy as np

from mvops.core.version import Environment

BASE = ("scikit-learn", "numpy", "scipy", "pandas", "skops", "joblib", "threadpoolctl")

_KNOWN = {"sklearn": "scikit-learn", **{name: name for name in BASE[1:]}}  # module -> distribution
_MOST_OBJECTS = 200_000  # a forest of 1,000 trees is far below
_SCALARS = (str, bytes, int, float, complex, bool, type(None), np.generic)


def capture_environment(packages: Iterable[str] = ()) -> Environment:
    """This Python with the releases of `BASE` and of `packages`, which are names of modules or of distributions.

    A name that no installed distribution provides, such as the user's own module, is left out.
    """
    names = set(BASE)
    for package in packages:
        names.update([_KNOWN[package]] if package in _KNOWN else _distributions().get(package, [package]))
    found = dict(release for name in sorted(names) for release in _release(name))
    return Environment(python=platform.python_version(), platform=sysconfig.get_platform(), packages=found)


@functools.cache  # reads something of every installed package: a second where there are many
def _distributions() -> Mapping[str, list[str]]:
    return metadata.packages_distributions()


def model_modules(estimator: Any) -> frozenset[str]:
    """The top-level modules of every object inside `estimator`, without the standard library and `__main__`."""
    roots: set[str] = set()
    seen: set[int] = set()
    waiting = [estimator]
    while waiting and len(seen) < _MOST_OBJECTS:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        roots.update(_roots(value))
        waiting.extend(part for part in _parts(value) if not isinstance(part, _SCALARS))
    return frozenset(roots - {"__main__"} - set(sys.stdlib_module_names))


def _release(name: str) -> Iterator[tuple[str, str]]:
    try:
        distribution = metadata.distribution(name)
    except (metadata.PackageNotFoundError, ValueError):  # ValueError: a name that can be no distribution's
        return
    yield distribution.metadata["Name"].lower().replace("_", "-"), distribution.version


def _roots(value: Any) -> Iterator[str]:
    if isinstance(value, (FunctionType, np.ufunc)):
        yield (getattr(value, "__module__", None) or "numpy").partition(".")[0]
        return
    kind = value if isinstance(value, type) else type(value)
    for base in kind.__mro__:
        yield (base.__module__ or "").partition(".")[0] or "builtins"


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, (list, tuple, set, frozenset)):
        yield from value
    elif isinstance(value, np.ndarray):
        yield from value.ravel().tolist() if value.dtype == object else ()
    elif isinstance(value, functools.partial):
        yield from (value.func, *value.args, *value.keywords.values())
    elif not isinstance(value, (type, FunctionType)):
        yield from getattr(value, "__dict__", {}).values()
