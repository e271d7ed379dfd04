"""The numbers that a cell shows: in printed text and displayed values, not in plots, and no timings."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mvops.notebook.document import text

TOLERANCE = 1e-9  # relative: what a computer's rounding comes to

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# Nothing here may backtrack over digits: a cell may print a million of them.
_NUMBER = re.compile(
    r"(?<![\w.])[-+]?(?:(?:\d[\d_]*+\.?+\d*+|\.\d++)(?:[eE][-+]?\d++)?|inf|nan)(?!\w)", re.IGNORECASE | re.ASCII
)
_CLOCK = re.compile(r"\b\d{1,4}[-/:]\d{1,2}[-/:]\d{1,4}(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)?\b")
_DURATION = re.compile(
    r"(?<![\w.])[-+]?\d[\d.,]*+(?:e[-+]?\d++)?\s{0,2}(?:seconds?|secs?|minutes?|mins?|hours?|hrs?|milliseconds?"
    r"|[mµun]s|s|it/s|s/it|[a-zµ]{0,9}/s(?:tep)?)(?![\w/])",
    re.IGNORECASE,
)
_TIMED_LINE = re.compile(r"wall time|cpu times|\belapsed|\btook\b|\bruntime|time taken|per loop|it/s\]", re.IGNORECASE)
_TRAILING = re.compile(r"[\s:=|\->(\[{,'\"]+$")
_LEADING = re.compile(r"^[\s,;|(\[\])}'\"]+")
_LONGEST_LINE = 5_000  # characters; what is beyond is not looked at
_MOST_LINES = 20_000
_ADDRESS = re.compile(r"0x[0-9a-f]+", re.IGNORECASE)


@dataclass(frozen=True)
class Shown:
    """One number as a cell shows it, with the text in front of it on its line, which often names it.

    `alone`: there is no other number on the line.
    """

    value: float
    written: str
    label: str
    alone: bool


def shown_numbers(cell: dict[str, Any]) -> tuple[Shown, ...]:
    """All numbers in the text of a cell's outputs, in order. Warnings (stderr) and drawings do not count."""
    lines = (line[:_LONGEST_LINE] for piece in texts(cell) for line in piece.splitlines()[:_MOST_LINES])
    return tuple(number for line in lines for number in _of_line(line))


def texts(cell: dict[str, Any]) -> Iterable[str]:
    """The texts a cell shows: what it printed, and displayed values as plain text."""
    streams: list[str] = []
    shown: list[str] = []
    for output in cell.get("outputs", []):
        if output["output_type"] == "stream" and output.get("name") == "stdout":
            streams.append(text(output["text"]))
        elif "data" in output and not _is_drawing(output["data"]):
            shown.append(text(output["data"].get("text/plain", "")))
    # Printed text may arrive in one piece or in several.
    return [_ANSI.sub("", each) for each in ("".join(streams), *shown) if each]


def equal(left: float, right: float, tolerance: float = TOLERANCE) -> bool:
    """Are two numbers the same but for rounding, by the relative `tolerance`? NaN is the same as NaN."""
    if math.isnan(left) or math.isnan(right):
        return math.isnan(left) and math.isnan(right)
    return math.isclose(left, right, rel_tol=tolerance, abs_tol=min(tolerance, 1e-12))


def _of_line(line: str) -> Iterable[Shown]:
    if _TIMED_LINE.search(line):
        return
    line = _ADDRESS.sub(_blank, _DURATION.sub(_blank, _CLOCK.sub(_blank, line)))
    end = 0
    numbers = list(_NUMBER.finditer(line))
    for found in numbers:
        label = _LEADING.sub("", _TRAILING.sub("", line[max(end, found.start() - 200) : found.start()]))
        end = found.end()
        yield Shown(float(found[0].replace("_", "")), found[0], label[-60:], alone=len(numbers) == 1)


def _blank(found: re.Match[str]) -> str:
    return " " * len(found[0])


def _is_drawing(data: dict[str, Any]) -> bool:
    return any(kind.startswith("image/") for kind in data) or "Figure" in text(data.get("text/plain", ""))[:40]
