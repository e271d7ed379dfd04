"""One piece of a pipeline's code that changed: a cell of its notebook, or a file that the code is made of or reads."""

from __future__ import annotations

from typing import Literal

from mvops.core.frozen import Frozen

CodeVerb = Literal["add", "change", "move", "remove"]

CODE_SYMBOLS: dict[CodeVerb, str] = {"add": "+", "change": "~", "move": "~", "remove": "-"}


class CodeChange(Frozen):
    """`path` is below the project; `cell` the cell's place in that notebook (from 1), in the old one where it goes.

    `step` is the step that the cell belongs to, or `setup` or `parameters`. `diff` is a unified diff, empty where only
    the place is another or the content is no text.
    """

    path: str
    verb: CodeVerb
    diff: str = ""
    cell: int | None = None
    step: str | None = None

    @property
    def name(self) -> str:
        """For people: a file, or a cell of one."""
        if self.cell is None:
            return self.path
        return f"{self.path}, cell {self.cell} ({self.step})"
