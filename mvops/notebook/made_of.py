"""What promotion made of a notebook, kept in the promoted notebook's metadata: the base of the next merge.

It is digests of the cells, not their text, so that a diff of the promoted notebook stays readable. Only the cell of
parameters is kept as it was, as it is merged line by line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from typing import Any

from nbformat import NotebookNode

from mvops.notebook.doings import does, text_of
from mvops.notebook.read import id_without_one

KEY = "promoted"
PARAMETERS = "mvops-parameters"


@dataclass(frozen=True)
class OriginalCell:
    """A cell of the original: its place (from 1), its id if it has one, and the digest of what it does."""

    number: int
    id: str
    does: str
    code: bool


@dataclass(frozen=True)
class MadeCell:
    """A cell as promote made it of the original's cell `number`, None for one of its own."""

    id: str
    number: int | None
    text: str  # digest of the text
    does: str
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Base:
    """All that is needed to tell what was changed since: in the original, by hand, and in the YAML."""

    split: str
    original: tuple[OriginalCell, ...]
    cells: tuple[MadeCell, ...]
    parameters: str
    config: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """For the notebook's metadata."""
        return asdict(self) | {"original": [asdict(c) for c in self.original], "cells": [_plain(c) for c in self.cells]}


def _plain(cell: MadeCell) -> dict[str, Any]:
    return asdict(cell) | {"tags": list(cell.tags)}


def base_of(original: NotebookNode, made: NotebookNode, split: str, config: dict[str, Any]) -> Base:
    """What is kept of a promotion."""
    text = next((cell.source for cell in made.cells if cell.id == PARAMETERS), "")
    kept = {
        "pipeline": {k: v for k, v in config["pipeline"].items() if k not in {"notebook", "notebooks"}},
        "evaluate": config["evaluate"],
    }
    return Base(split, original_cells(original), made_cells(made), text, kept)


def base_in(metadata: Mapping[str, Any]) -> Base | None:
    """The base that a promoted notebook keeps; None where an older mvops promoted it, or somebody took it out."""
    kept = metadata.get("mvops", {}).get(KEY)
    try:
        return Base(
            str(kept["split"]),
            tuple(OriginalCell(**cell) for cell in kept["original"]),
            tuple(MadeCell(**{**cell, "tags": tuple(cell["tags"])}) for cell in kept["cells"]),
            str(kept["parameters"]),
            {"pipeline": dict(kept["config"]["pipeline"]), "evaluate": dict(kept["config"]["evaluate"])},
        )
    except (KeyError, TypeError, AttributeError, ValueError):
        return None


def original_cells(notebook: NotebookNode) -> tuple[OriginalCell, ...]:
    """The cells that hold anything."""
    return tuple(
        OriginalCell(
            number,
            "" if id_without_one(number - 1, cell.source) == cell.id else cell.id,
            does(cell.source, code=cell.cell_type == "code"),
            cell.cell_type == "code",
        )
        for number, cell in enumerate(notebook.cells, start=1)
        if cell.source.strip()
    )


def made_cells(made: NotebookNode) -> tuple[MadeCell, ...]:
    """The cells of a promoted notebook."""
    return tuple(made_cell(cell) for cell in made.cells)


def made_cell(cell: NotebookNode) -> MadeCell:
    """One of them as it is now."""
    at = cell.metadata.get("mvops", {}).get("original_cell")
    tags = tuple(tag for tag in cell.metadata.get("tags", []) if isinstance(tag, str))
    number = at + 1 if isinstance(at, int) else None
    return MadeCell(cell.id, number, text_of(cell.source), does(cell.source, code=cell.cell_type == "code"), tags)


def aligned(old: Sequence[OriginalCell], new: Sequence[OriginalCell]) -> dict[int, int]:
    """Which cell of the new original is which of the old one, by number: by what it does, its id, or else its place."""
    pairs: dict[int, int] = {}
    matcher = SequenceMatcher(None, [cell.does for cell in old], [cell.does for cell in new], autojunk=False)
    opcodes = matcher.get_opcodes()
    for tag, i, i_end, j, _ in opcodes:
        if tag == "equal":
            pairs |= {new[j + n].number: old[i + n].number for n in range(i_end - i)}
    for by in ("id", "does"):
        free = {getattr(cell, by): cell for cell in old if cell.number not in pairs.values() and getattr(cell, by)}
        for cell in new:
            found = free.get(getattr(cell, by))
            if cell.number not in pairs and found is not None and found.code == cell.code:
                pairs[cell.number] = free.pop(getattr(cell, by)).number
    for tag, i, i_end, j, j_end in opcodes:
        if tag == "replace":
            left = [cell for cell in old[i:i_end] if cell.number not in pairs.values() and not cell.id]
            right = [cell for cell in new[j:j_end] if cell.number not in pairs]
            if [cell.code for cell in left] == [cell.code for cell in right]:
                pairs |= {b.number: a.number for a, b in zip(left, right, strict=True)}
    return pairs


@dataclass(frozen=True)
class Changes:
    """Cells by number, of the new original; `gone` of the old one. `prose` says that only text besides code changed."""

    changed: tuple[int, ...] = ()
    new: tuple[int, ...] = ()
    moved: tuple[int, ...] = ()
    gone: tuple[int, ...] = ()
    prose: bool = False

    def __bool__(self) -> bool:
        return bool(self.changed or self.new or self.moved or self.gone)

    def __str__(self) -> str:
        """Such as `cells 4, 7 changed, 9 new, the former 3 gone`."""
        here = ((self.changed, "changed"), (self.new, "new"), (self.moved, "moved"))
        told = [f"{', '.join(map(str, numbers))} {how}" for numbers, how in here if numbers]
        if told:
            told[0] = f"{_cells([number for numbers, _ in here for number in numbers])} {told[0]}"
        if self.gone:
            what = "" if told else f" {_cells(self.gone)}"
            told.append(f"the former{what} {', '.join(map(str, self.gone))} gone")
        return ", ".join(told) or "only the text between the code"


def _cells(numbers: Sequence[int]) -> str:
    return "cell" if len(numbers) == 1 else "cells"


def changes(old: Sequence[OriginalCell], new: Sequence[OriginalCell]) -> Changes:
    """What is another code now. Outputs, ids, counts, layout and comments do not count."""
    pairs = aligned(old, new)
    before = {cell.number: cell for cell in old}
    code = [cell for cell in new if cell.code]
    order = [pairs[cell.number] for cell in code if cell.number in pairs]
    return Changes(
        changed=tuple(c.number for c in code if c.number in pairs and before[pairs[c.number]].does != c.does),
        new=tuple(c.number for c in code if c.number not in pairs),
        moved=tuple(c.number for c in code if c.number in pairs and pairs[c.number] in _out_of_order(order)),
        gone=tuple(cell.number for cell in old if cell.code and cell.number not in pairs.values()),
        prose=[c.does for c in old if not c.code] != [c.does for c in new if not c.code],
    )


def _out_of_order(order: Sequence[int]) -> set[int]:
    """Those that were moved: all but the longest part that stands in order."""
    matcher = SequenceMatcher(None, sorted(order), list(order), autojunk=False)
    kept = {order[b + n] for _, b, size in matcher.get_matching_blocks() for n in range(size)}
    return set(order) - kept
