"""What a dashboard is: a place where people look at every model, made of generated files.

Every dashboard shows of each model how much it predicts and by which version, the distribution of its predictions, its
latency (the median, and the slowest requests) and the rate of its errors. Where one cannot, it says so in `limits`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, Protocol

from mvops.core.environment import OfEnvironment
from mvops.core.naming import Name


class Board(OfEnvironment):
    """All that a dashboard's templates may know of a model: nothing of this machine, so that a team can share it.

    `address` is where the endpoint listens, as `host:port`; None for a model without one.
    """

    project: Name
    model: Name
    description: str = ""
    owner: str = ""
    task: Literal["classification", "regression"] = "classification"
    address: str | None = None


class Dashboard(Protocol):
    """A backend of the family `dashboards`: a class that is made without arguments.

    Every method raises SpecError for an option that it does not know. The files of two models, and those that all
    share, are never the same.
    """

    def folder(self) -> str:
        """Where the generated files go, below the project's root, posix."""
        ...

    def files(self, board: Board, options: Mapping[str, Any]) -> Mapping[str, str]:
        """The generated files of a model: path below `folder` -> text. Pure."""
        ...

    def shared(self, project: str, options: Mapping[str, Any]) -> Mapping[str, str]:
        """The generated files that all models of a project share; may be none. Pure."""
        ...

    def limits(self, board: Board, options: Mapping[str, Any]) -> Iterable[str]:
        """What has to be done to see it, and what it does not show, a sentence each."""
        ...
