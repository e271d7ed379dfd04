"""What is asked of a prediction of a file, and what is told of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mvops.core.frozen import Frozen
from mvops.serving.row_files import Format


class Wanted(Frozen):
    """What is asked for; `output` None is standard output. `version` None is the champion's."""

    input: Path
    output: Path | None
    kinds: tuple[Format, Format]  # of both
    version: int | None = None
    time: str | None = None  # the column that says when a row happened
    keep: tuple[str, ...] = ()
    skip: bool = False  # wrong rows, rather than stop
    refused: Path | None = None  # where those go
    log: bool = True
    name: str = ""  # of the input, for people

    def asked(self) -> dict[str, Any]:
        """What decides what comes out, beside version and input."""
        return self.model_dump(include={"kinds", "time", "keep", "skip", "log"})


class Predicted(Frozen):
    """What was done. `resumed` are the rows that had been predicted before an interruption; `ignored` are columns."""

    model: str
    version: int
    rows: int
    predicted: int
    refused: int
    resumed: int
    logged: bool
    ignored: tuple[str, ...]
    refused_to: Path | None
    seconds: float
