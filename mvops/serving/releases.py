"""Whether what is installed here is what a version was made with: refused where it matters, told where it may not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib import metadata

from mvops.core.version import Environment, Releases, Version
from mvops.errors import ServingError

_BY_MINOR = frozenset({"scikit-learn"})  # whose minor releases read each other's models, if at all, otherwise
_ELSEWHERE_TOO = frozenset({"joblib", "threadpoolctl"})  # needed to run, and no part of what a model says


def other_releases(environment: Environment) -> tuple[list[str], list[str]]:
    """What is here in another release than the version was made with: what decides, and what may not matter.

    Each is told as `package: wanted, found`. Where the team pins its own releases, those are wanted. A model that only
    another Python can load is that one's business.
    """
    if environment.interpreter:
        return [], []
    deciding: list[str] = []
    harmless: list[str] = []
    for name, wanted, here in _different(environment.packages | environment.pinned, environment.packages):
        told = f"{name}: {wanted} wanted, {here or 'nothing'} found"
        (deciding if _decides(name, wanted, here) else harmless).append(told)
    return deciding, harmless


def check_releases(version: Version, how: Releases) -> None:
    """Raise ServingError where a version may say something else here, or not be loaded, unless only told of it."""
    deciding, _ = other_releases(version.environment)
    if deciding and how == "refuse":
        raise ServingError(
            f"version {version.number} of {version.model} was made with other packages: {'; '.join(deciding)}",
            hint="Install requirements.txt, beside service.json, or train it anew: "
            f"mvops retrain {version.model}. To serve it all the same: endpoint: {{environment: warn}}",
        )


def _different(wanted: Mapping[str, str], of_the_model: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for name in sorted(of_the_model):
        here = _here(name)
        if here.partition("+")[0] != wanted[name].partition("+")[0]:  # 2.1+cpu is 2.1
            yield name, wanted[name], here


def _here(name: str) -> str:
    try:
        return metadata.version(name)
    except (metadata.PackageNotFoundError, ValueError):  # ValueError: a name that can be no distribution's
        return ""


def _decides(name: str, wanted: str, here: str) -> bool:
    if name in _ELSEWHERE_TOO:
        return not here
    parts = 2 if name in _BY_MINOR else 1
    return _first(wanted, parts) != _first(here, parts)


def _first(release: str, parts: int) -> list[str]:
    return re.split(r"[.+-]", release)[:parts]
