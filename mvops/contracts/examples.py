"""What an example is: a notebook that comes with mvops, and the real data that it works on."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class Example(Protocol):
    """A backend of the family `examples`: a class that is made without arguments."""

    notebook: str  # file name in the notebooks that come with mvops

    def write_data(self, root: Path) -> None:
        """Write the data that the notebook reads, below the project's root. Raises MissingExtraError."""
        ...
