"""What we did, what is there, and the two books that the registry keeps of it."""

from __future__ import annotations

from typing import Any, Protocol

from mvops.core.frozen import Frozen


class Record(Frozen):
    """What mvops last made: the spec's fields and what the action left for others, such as a version's number."""

    address: str
    spec: dict[str, Any]
    outputs: dict[str, str]


class Observed(Frozen):
    """What the world reports; `facts` holds only the fields that are visible there.

    `unseen` says why it could not be looked at, such as a server that is down: then nothing is known of it, which is
    neither drift nor absence.
    """

    facts: dict[str, Any]
    unseen: str | None = None


class StateStore(Protocol):
    """The records. `serial` grows by one with each change."""

    def serial(self) -> int: ...
    def records(self) -> dict[str, Record]: ...
    def put(self, record: Record) -> None: ...
    def forget(self, address: str) -> None: ...


class Journal(Protocol):
    """Written before and after each action; `finished` applies the state's change in the same transaction."""

    def started(self, plan_id: str, action: dict[str, Any]) -> int: ...
    def finished(
        self, entry: int, outputs: dict[str, str], *, record: Record | None = None, forget: str | None = None
    ) -> None: ...
    def failed(self, entry: int, error: str) -> None: ...
    def unfinished(self) -> list[dict[str, Any]]: ...
