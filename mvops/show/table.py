"""Tables as text: aligned by what a terminal shows, plain unless it is one."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_GAP = "  "
_MISSING = "-"
_WIDE = {"W", "F"}
_NO_WIDTH = {"Mn", "Me", "Cf"}
_UNSEEN = {"Cc", "Cs", "Zl", "Zp"}
_TURNS_TEXT_AROUND = {chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}


@dataclass(frozen=True)
class Table:
    """Column titles and rows of values; a row that is too short ends in empty cells."""

    titles: Sequence[str]
    rows: Sequence[Sequence[Any]]


def table_lines(table: Table) -> list[str]:
    """Plain lines: titles, then rows, columns two spaces apart, numbers to the right. Nothing is cut off."""
    cells = [[printable(title) for title in table.titles], *_cells(table)]
    widths = [max(display_width(row[place]) for row in cells) for place in range(len(table.titles))]
    right = _numeric(table)
    lines = []
    for row in cells:
        padded = [_padded(cell, widths[place], place in right) for place, cell in enumerate(row)]
        lines.append(_GAP.join(padded).rstrip())
    return lines


def table_text(table: Table, *, terminal: bool, width: int | None = None) -> str:
    """The table in colour and folded to `width` columns for a terminal, in plain lines for anything else."""
    if not terminal:
        return "\n".join(table_lines(table))
    # loaded only when it is used: a pipe need not wait for it
    from rich import box  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table as RichTable  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(force_terminal=True, width=width, highlight=False)
    right = _numeric(table)
    drawn = RichTable(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, title in enumerate(table.titles):
        drawn.add_column(Text(printable(title)), justify="right" if place in right else "left", overflow="fold")
    for row in _cells(table):
        drawn.add_row(*(Text(cell) for cell in row))  # Text: a value in square brackets is no markup
    with console.capture() as captured:
        console.print(drawn)
    return captured.get().strip("\n")


def display_width(text: str) -> int:
    """How many columns of a terminal `text` takes: two for a wide character, none for one that joins the last."""
    return sum(
        0 if unicodedata.category(char) in _NO_WIDTH else 1 + (unicodedata.east_asian_width(char) in _WIDE)
        for char in text
    )


def printable(value: Any) -> str:
    """A value as one harmless line: a control character, which could move the cursor or recolour, is spelt out."""
    return "".join(char if _harmless(char) else f"\\x{ord(char):02x}" for char in _text(value))


def _text(value: Any) -> str:
    if value is None:
        return _MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def _harmless(char: str) -> bool:
    return unicodedata.category(char) not in _UNSEEN and char not in _TURNS_TEXT_AROUND


def _cells(table: Table) -> list[list[str]]:
    count = len(table.titles)
    return [([printable(value) for value in row] + [""] * count)[:count] for row in table.rows]


def _numeric(table: Table) -> set[int]:
    """Places of the columns in which every value that is there is a number."""

    def number(value: Any) -> bool:
        return isinstance(value, (int, float)) and not isinstance(value, bool)

    columns = ([row[place] for row in table.rows if place < len(row)] for place in range(len(table.titles)))
    present = ([value for value in column if value is not None] for column in columns)
    return {place for place, column in enumerate(present) if column and all(map(number, column))}


def _padded(cell: str, width: int, to_the_right: bool) -> str:
    blank = " " * (width - display_width(cell))
    return blank + cell if to_the_right else cell + blank
