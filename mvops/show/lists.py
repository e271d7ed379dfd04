"""Lists that know what they are lists of, so that a notebook can show them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a list of versions needs nothing of runs
    from mvops.core.apply import Done
    from mvops.usecases.runs import RunLine
    from mvops.usecases.versions import VersionLine


class Versions(list["VersionLine"]):
    """A model's versions, newest first."""

    def __init__(self, model: str, lines: Iterable[VersionLine]) -> None:
        super().__init__(lines)
        self.model = model


class Runs(list["RunLine"]):
    """A model's runs, newest first."""

    def __init__(self, model: str, lines: Iterable[RunLine]) -> None:
        super().__init__(lines)
        self.model = model


class Applied(list["Done"]):
    """What became of a plan's actions."""
