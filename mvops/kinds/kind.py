"""What a kind of resource is. One file, one kind; found by existing."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from mvops.core.action import Action
from mvops.core.address import Address
from mvops.core.compare import Held
from mvops.core.spec import Spec
from mvops.core.state import Observed, Record
from mvops.core.steps import Step
from mvops.workspace import Workspace


@dataclass(frozen=True)
class Look:
    """What a kind may look at: the project, what is recorded, and backends by family and name."""

    workspace: Workspace
    records: dict[str, Record]
    backend: Callable[[str, str], Any]


class Kind(Protocol):
    """A kind of resource: made without arguments, holds nothing. `after` names the kinds that come before it."""

    name: str
    after: tuple[str, ...]

    def desired(self, look: Look) -> Iterator[Spec]:
        """What the YAML wants of this kind."""
        ...

    def observe(self, where: Address, record: Record | None, look: Look) -> Observed | None:
        """What is really there; None for nothing."""
        ...

    def steps(self, action: Action, look: Look) -> Iterator[Step]:
        """What doing the action takes."""
        ...

    def details(self, action: Action, look: Look) -> Iterator[str]:
        """More lines for the plan; may be empty."""
        ...

    def seconds(self, action: Action, look: Look) -> float:
        """How long the action will take, from past runs; 0 for what is quick or unknown."""
        ...


@runtime_checkable
class Guarding(Protocol):
    """A kind whose resources may have to stay though the YAML does not want them."""

    def held(self, where: Address, staying: Collection[Address], look: Look) -> Held | None:
        """Why it may not go: something that is among `staying` uses it, or a person protects it; else None."""
        ...


@cache
def kinds() -> dict[str, Kind]:
    """Every kind, by name."""
    found: dict[str, Kind] = {}
    for module_info in pkgutil.iter_modules([str(Path(__file__).parent)]):
        module = importlib.import_module(f"mvops.kinds.{module_info.name}")
        for label, thing in inspect.getmembers(module, inspect.isclass):
            if thing.__module__ == module.__name__ and label.endswith("Kind") and label != "Kind":
                made: Any = thing()
                found[made.name] = made
    return found
