"""The exact releases that a model needs, as a requirements.txt says them."""

from __future__ import annotations

import re

from mvops.core.version import Environment

_PIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?==[A-Za-z0-9][A-Za-z0-9.!+_-]*")


def requirements(environment: Environment) -> list[str]:
    """Lines for a requirements.txt that pins every package, in alphabetical order; nothing but exact pins."""
    pins = (f"{name}=={release}" for name, release in sorted(environment.packages.items()))
    return [pin for pin in pins if _PIN.fullmatch(pin)]
