"""The exact releases that a model needs, as a requirements.txt says them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from mvops.atomic import content_at
from mvops.core.version import Environment
from mvops.errors import SpecError, Where

_PIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?==[A-Za-z0-9][A-Za-z0-9.!+_-]*")
_HASH = re.compile(r"\s--hash=\S+")


def requirements(environment: Environment) -> list[str]:
    """Lines for a requirements.txt that pins every package, in alphabetical order; nothing but exact pins.

    They are those of the team's own file, where there is one, without mvops: an endpoint asks for its own.
    """
    packages = environment.pinned or environment.packages
    pins = (f"{name}=={release}" for name, release in sorted(packages.items()) if name != "mvops")
    return [pin for pin in pins if _PIN.fullmatch(pin)]


def is_installed(packages: Mapping[str, str]) -> bool:
    """Are these distributions here, each in just this release."""
    try:
        return all(metadata.version(name) == release for name, release in packages.items())
    except (metadata.PackageNotFoundError, ValueError):  # ValueError: a name that can be no distribution's
        return False


def required_packages(root: Path, model: str, file: str, python: str) -> dict[str, str]:
    """What the requirements file of a model pins. Raises SpecError where it is missing; see `pins_in`."""
    content = content_at(root / file)
    if content is None:
        raise SpecError(
            f"there is no requirements file {file}",
            hint=f"Write one (pip freeze > {file}), or take it out of models.{model}.pipeline.",
        ).named_by("models", model, "pipeline", "requirements")
    return pins_in(root / file, content.decode("utf-8", "replace"), python)


def pins_in(file: Path, text: str, python: str = "") -> dict[str, str]:
    """Package -> release, as a requirements file says it for a Python (3.9; ours if it is not known).

    Raises SpecError with the line for what pins nothing, such as a range, an option or a URL.
    """
    ours = {"python_version": ".".join(python.split(".")[:2])} if python else {}
    found: dict[str, str] = {}
    for number, line in _lines(text):
        try:
            said = Requirement(line)
        except InvalidRequirement:
            raise _no_pin(file, number, line) from None
        (pin,) = [*said.specifier] if len(said.specifier) == 1 else [None]
        if said.url or pin is None or not _PIN.fullmatch(f"{said.name}{pin}"):
            raise _no_pin(file, number, line)
        if said.marker is None or said.marker.evaluate({"extra": "", **ours}):
            name = said.name.lower().replace("_", "-")
            if found.get(name, pin.version) != pin.version:
                raise SpecError(
                    f"{name} is pinned twice: {found[name]} before, {pin.version} here",
                    hint="Leave the one line in that the endpoint is to install.",
                    where=Where(file, number),
                )
            found[name] = pin.version
    return found


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Number and content of each line that asks for something; one may go on in the next, and hashes are left out."""
    begun, before = 0, ""
    for number, raw in enumerate(text.splitlines(), start=1):
        line = re.sub(r"(^|\s)#.*$", "", raw).rstrip()
        begun = begun or number
        before += line.removesuffix("\\") + " "
        if line.endswith("\\"):
            continue
        asked = _HASH.sub("", f" {before}").strip()
        if asked:
            yield begun, asked
        begun, before = 0, ""


def _no_pin(file: Path, number: int, line: str) -> SpecError:
    return SpecError(
        f"{line[:100]!r} is no exact release: an endpoint installs what the model was made with, and nothing else",
        hint="Write NAME==RELEASE for every package, as `pip freeze` or `uv pip compile` does.",
        where=Where(file, number),
    )
