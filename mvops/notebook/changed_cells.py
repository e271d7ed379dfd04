"""Which cells of a notebook differ from those of an earlier one, as a person would say it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from pathlib import Path

from mvops.core.code_change import CodeChange, CodeVerb
from mvops.core.diffs import file_diff
from mvops.errors import Where
from mvops.notebook.document import DocumentCell, document_cells

_Pair = tuple[DocumentCell | None, DocumentCell | None]


def changed_cells(path: str, before: bytes, after: bytes, unnamed: str = "main") -> list[CodeChange]:
    """From one content of the notebook at `path` to another: the code cells that run, without outputs and blanks.

    A cell that stands elsewhere with the same code is moved; `unnamed` is the step of untagged cells. Raises
    NotebookError for a notebook that cannot be run.
    """
    pairs = list(_pairs(*(_cells(path, content, unnamed) for content in (before, after))))
    gone = {tidy(old.source): old for old, new in pairs if old is not None and new is None}
    moved = {tidy(new.source) for old, new in pairs if old is None and new is not None} & gone.keys()
    return [change for old, new in pairs if (change := _change(path, old, new, moved))]


def tidy(source: str) -> str:
    """What counts of a cell's text: not white space at the ends of lines or of the cell."""
    return "\n".join(line.rstrip() for line in source.rstrip().split("\n"))


def _cells(path: str, content: bytes, unnamed: str) -> list[DocumentCell]:
    cells = document_cells(json.loads(content), Where(Path(path)), unnamed)
    return [cell for cell in cells if cell.role not in {"skip", "markdown"}]


def _pairs(before: Sequence[DocumentCell], after: Sequence[DocumentCell]) -> Iterator[_Pair]:
    """Cells that stand for each other and differ; None where one has no partner."""
    old_texts, new_texts = ([tidy(cell.source) for cell in cells] for cells in (before, after))
    matcher = SequenceMatcher(None, old_texts, new_texts, autojunk=False)
    for tag, old, old_end, new, new_end in matcher.get_opcodes():
        if tag != "equal":
            yield from _matched(before[old:old_end], after[new:new_end])


def _matched(before: Sequence[DocumentCell], after: Sequence[DocumentCell]) -> Iterator[_Pair]:
    """Those with the same id first, then in their order."""
    known = {cell.raw["id"]: cell for cell in before if "id" in cell.raw}
    partners = {cell.number: known[cell.raw["id"]] for cell in after if cell.raw.get("id") in known}
    taken = {cell.number for cell in partners.values()}
    others = iter([cell for cell in before if cell.number not in taken])
    for cell in after:
        yield partners.get(cell.number) or next(others, None), cell
    yield from ((cell, None) for cell in others)


def _change(path: str, old: DocumentCell | None, new: DocumentCell | None, moved: set[str]) -> CodeChange | None:
    if new is None and old is not None and tidy(old.source) in moved:
        return None  # told where it stands now
    there = new or old
    if there is None:
        return None
    step = there.step or there.role
    if old is None and tidy(there.source) in moved:
        return CodeChange(path=path, verb="move", cell=there.number, step=step)
    texts = (b"" if cell is None else f"{tidy(cell.source)}\n".encode() for cell in (old, new))
    verb: CodeVerb = "add" if old is None else "remove" if new is None else "change"
    diff = file_diff(f"{path}#{there.number}", *texts)
    return CodeChange(path=path, verb=verb, diff=diff, cell=there.number, step=step)
