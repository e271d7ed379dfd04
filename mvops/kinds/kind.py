"""What a kind of resource is. One file, one kind; found by existing."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from mvops.core.action import Action
from mvops.core.address import Address
from mvops.core.code_change import CodeChange
from mvops.core.compare import Held
from mvops.core.outside import Outside
from mvops.core.scope import WHOLE, Scope
from mvops.core.spec import Spec
from mvops.core.state import Observed, Record
from mvops.core.steps import Step
from mvops.kinds.memory import Memory
from mvops.workspace import Workspace

T = TypeVar("T")
S_co = TypeVar("S_co", bound=Spec, covariant=True)


class Desiring(Protocol[S_co]):
    """What knows which resources the YAML wants."""

    def desired(self, look: Look) -> Iterator[S_co]:
        """Their specs."""
        ...


@dataclass(frozen=True)
class Look:
    """What a kind may look at: the project, what is recorded, and backends by family and name; for a plan of `scope`.

    As of one moment: what was found out once is not looked for again, however many resources ask.
    """

    workspace: Workspace
    records: dict[str, Record]
    backend: Callable[[str, str], Any]
    scope: Scope = WHOLE
    _found: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def memory(self) -> Memory:
        """What earlier plans worked out."""
        return Memory(self.workspace.cache / "plan.json")

    def once(self, find: Callable[[Look], T]) -> T:
        """What the function `find` finds."""
        if find not in self._found:
            self._found[find] = find(self)
        found: T = self._found[find]
        return found

    def wanted(self, kind: Desiring[S_co]) -> Mapping[Address, S_co]:
        """What the YAML wants of a kind."""
        if type(kind) not in self._found:
            self._found[type(kind)] = {spec.address: spec for spec in kind.desired(self)}
        found: Mapping[Address, S_co] = self._found[type(kind)]
        return found

    def forget(self) -> None:
        """Look for everything again: something was done since. The records are the caller's to keep true."""
        self._found.clear()


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


@runtime_checkable
class Coded(Protocol):
    """A kind whose resources are made by the user's code."""

    def code(self, action: Action, look: Look) -> Iterator[CodeChange]:
        """What changed in that code."""
        ...


@runtime_checkable
class Settling(Protocol):
    """A kind whose specs may have to wait for what is done earlier in the same plan."""

    def settled(self, where: Address, look: Look) -> Spec | None:
        """What the YAML wants of one resource as of now; None for nothing. Looks at no other resource of its kind."""
        ...


@runtime_checkable
class Accepting(Protocol):
    """A kind of which some of what is changed outside can be said in the YAML."""

    def accepted(self, action: Action, look: Look) -> Iterator[Outside]:
        """What of the resource's drift, or of its edited files, the YAML can say, and how."""
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
