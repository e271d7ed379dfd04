"""What stopped a notebook, read off its record."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from mvops.core.sizes import format_size

Kind = Literal["exception", "died", "timeout", "memory", "start"]

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_LINE = re.compile(r"(?:Cell In\s*\[\d+\]|Input In \[\d+\]|<ipython-input-[^>]*>)[^\n]*?line (\d+)")
_ARROW = re.compile(r"^-+>\s*(\d+)", re.MULTILINE)
_LONGEST = 400


@dataclass(frozen=True)
class Failure:
    """What stopped a notebook, as one line without colours (`message`), and where.

    `cell` is the index of the cell in the record (None: before the first), `line` the text of its failing line and
    `line_number` where that is in the cell.
    """

    kind: Kind
    name: str
    message: str
    cell: int | None = None
    line: str = ""
    line_number: int | None = None


def find_failure(record: dict[str, Any]) -> Failure | None:
    """The exception that ended the notebook, or None."""
    for index, cell in enumerate(record["cells"]):
        for output in cell.get("outputs", []):
            if output["output_type"] == "error" and not _clean_exit(output):
                return _from_output(index, cell, output)
    return None


def mark_stopped(record: dict[str, Any], cell: int | None, kind: Kind, message: str) -> Failure:
    """Write into the record that it was stopped in `cell` from outside, which papermill does not."""
    names = {"timeout": "Timeout", "memory": "MemoryLimit", "died": "DeadKernel"}
    failure = Failure(kind, names.get(kind, "NoKernel"), shorten(message), cell)
    for index, each in enumerate(record["cells"]):
        state = each["metadata"].setdefault("papermill", {})
        if cell is None or index > cell:
            state["status"] = "pending"
        elif index == cell:
            state.update(status="failed", exception=True)
            told = f"{failure.name}: {failure.message}"  # all that Jupyter shows of an error is its traceback
            said = {"output_type": "error", "ename": failure.name, "evalue": failure.message, "traceback": [told]}
            each.setdefault("outputs", []).append(said)
    record["metadata"].setdefault("papermill", {})["exception"] = True
    return failure


def over_limit(taken: int, limit: int) -> str:
    """That a kernel's processes took more memory than they may; both in bytes."""
    return f"it took {taken / 1e6:,.0f} MB of memory, and `pipeline.memory` is {format_size(limit)}"


def shorten(text: str) -> str:
    """The first line that says something, without colours, at most 400 characters."""
    lines = [line.strip() for line in _ANSI.sub("", text).splitlines() if line.strip()]
    first = lines[0] if lines else ""
    return first if len(first) <= _LONGEST else f"{first[:_LONGEST]}..."


def _from_output(index: int, cell: dict[str, Any], output: dict[str, Any]) -> Failure:
    trace = _ANSI.sub("", "\n".join(output.get("traceback", [])))
    found = _LINE.search(trace) or _ARROW.search(trace)
    number = int(found[1]) if found else None
    source = _text(cell["source"]).split("\n")
    line = source[number - 1].strip() if number and number <= len(source) else ""
    return Failure("exception", output["ename"], shorten(output["evalue"]), index, line[:200], number)


def _clean_exit(output: dict[str, Any]) -> bool:
    return output["ename"] == "SystemExit" and output["evalue"] in {"", "0", "None"}


def _text(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)
