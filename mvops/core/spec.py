"""What is wanted of one resource. A spec does no I/O: it is data, made by a kind from the project's YAML."""

from __future__ import annotations

from typing import Any, ClassVar

from mvops.core.address import Address, address
from mvops.core.frozen import Frozen
from mvops.core.naming import Name

UNKNOWN = "(known after apply)"


class Spec(Frozen):
    """The base of every kind's spec.

    `replace_on` names the fields that cannot change in place. A field may hold UNKNOWN (also nested) where its value
    depends on an action that comes earlier in the same plan.
    """

    kind: ClassVar[str]
    replace_on: ClassVar[frozenset[str]] = frozenset()
    name: Name
    needs: tuple[Address, ...] = ()

    @property
    def address(self) -> Address:
        """Kind and name."""
        return address(self.kind, self.name)

    def fields(self) -> dict[str, Any]:
        """What is compared: every field but the name and the order of work."""
        return self.model_dump(mode="json", exclude={"name", "needs"})


def has_unknown(value: Any) -> bool:
    """Does a field's value wait for an earlier action."""
    if isinstance(value, dict):
        return any(has_unknown(v) for v in value.values())
    if isinstance(value, (list, tuple)):
        return any(has_unknown(v) for v in value)
    return isinstance(value, str) and value == UNKNOWN
