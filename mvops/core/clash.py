"""A port that two endpoints would listen at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PortClash:
    """The endpoint of `model` has a port of somebody else's.

    `why` says whose; `place` is the line of YAML that says the port, empty where none does; `remedy` what to write.
    """

    model: str
    why: str
    place: str
    remedy: str

    @property
    def told(self) -> str:
        """Whose it is, and where that is said."""
        return f"{self.why} ({self.place})" if self.place else self.why
