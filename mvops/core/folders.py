"""Where a project keeps its state; needs nothing but the standard library."""

from __future__ import annotations

HIDDEN = ".mvops"


def hidden_folder(environment: str | None) -> str:
    """The folder of state, below the project's root."""
    return f"{HIDDEN}/env/{environment}" if environment else HIDDEN
