"""A promoted notebook, its original changed since: what is new is merged in, cell by cell; tags and hand edits stay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import nbformat
from nbformat import NotebookNode

from mvops.core.diffs import file_diff
from mvops.notebook.made_of import KEY, PARAMETERS, Base, MadeCell, aligned, base_in, made_cell, made_cells
from mvops.notebook.settings_cell import merged_settings

Side = Literal["stop", "mine", "original"]


@dataclass(frozen=True)
class Conflict:
    """A cell that both changed: its number in the promoted notebook and in the original, None where it is not there.

    `diff` goes from what is there to what the original makes of it.
    """

    what: str
    cell: int | None
    original: int | None
    diff: str = ""


@dataclass
class Merged:
    """`taken` are sentences about what was taken over, `kept` about what stays although the original changed."""

    notebook: NotebookNode
    conflicts: list[Conflict] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


def remerge(path: str, now: NotebookNode, base: Base, new: NotebookNode, on_conflict: Side = "stop") -> Merged:
    """`now` is what is at `path`, `base` what it descends from, `new` what promote makes of the original today."""
    made = base_in(new.metadata)
    assert made is not None
    _name_alike(base, made, new, {cell.id for cell in now.cells})
    merge = _Merge(path, now, base, new, on_conflict)
    cells = merge.ordered()
    result = NotebookNode(now)  # type: ignore[no-untyped-call]
    result["cells"] = cells
    ours = {**now.metadata.get("mvops", {}), **new.metadata["mvops"]}
    steps = [tag.removeprefix("step:") for cell in cells for tag in cell.metadata.get("tags", []) if tag[:5] == "step:"]
    ours["steps"] = list(dict.fromkeys(steps)) or ours["steps"]
    ours[KEY] = replace(made, cells=made_cells(new)).as_json()
    result["metadata"] = nbformat.from_dict({**now.metadata, "mvops": ours})  # type: ignore[no-untyped-call]
    merge.merged.notebook = result
    return merge.merged


def _name_alike(base: Base, made: Base, new: NotebookNode, taken: set[str]) -> None:
    """Give each new cell the id of the one that was made of the same cell of the original."""
    pairs = aligned(base.original, made.original)
    ids = {cell.number: cell.id for cell in base.cells if cell.number is not None}
    own = {cell.id for cell in base.cells}
    lost = {cell.id for cell in base.cells if cell.number not in pairs.values()}
    used: set[str] = set()
    for cell in new.cells:
        number = made_cell(cell).number
        known = ids.get(pairs.get(number, 0)) if number is not None else None
        empty = cell.id in lost and not cell.source.strip()  # now as then
        if known is not None:
            cell["id"] = known
        elif number is not None and not empty and cell.id in taken | own | used:
            cell["id"] = next(i for n in range(2, 1000) if (i := f"{cell.id[:58]}-{n}") not in taken | own | used)
        used.add(cell.id)


class _Merge:
    def __init__(self, path: str, now: NotebookNode, base: Base, new: NotebookNode, on_conflict: Side) -> None:
        self.path, self.on_conflict, self.base_parameters = path, on_conflict, base.parameters
        self.base = {cell.id: cell for cell in base.cells}
        self.new = {cell.id: cell for cell in new.cells}
        self.now = dict(_known_again(now.cells, self.base))
        self.numbers = {key: number for number, key in enumerate(self.now, start=1)}
        self.merged = Merged(now)

    def ordered(self) -> list[NotebookNode]:
        """The cells of the merged notebook, each where it belongs."""
        kept = {key: cell for key in dict.fromkeys([*self.now, *self.new]) if (cell := self._cell(key)) is not None}
        both = [key for key in self.base if key in self.now and key in self.new]
        was_moved = [key for key in self.now if key in both] != both
        first, second = (self.now, self.new) if was_moved else (self.new, self.now)
        order = [key for key in first if key in kept]
        for key in [key for key in second if key in kept and key not in order]:
            order.insert(_place(key, list(second), order), key)
        self._tag_new(order, kept)
        return [kept[key] for key in order]

    def _cell(self, key: str) -> NotebookNode | None:
        base, now, new = self.base.get(key), self.now.get(key), self.new.get(key)
        if base is None:
            if now is None and new is not None and not new.source.strip():
                return None
            if new is not None and now is None:
                self._take(new, "is new")
            return now if now is not None else new
        if now is None:
            return self._deleted_by_hand(base, new)
        if new is None:
            return self._gone(base, now)
        return self._both(base, now, new)

    def _both(self, base: MadeCell, now: NotebookNode, new: NotebookNode) -> NotebookNode:
        mine, theirs = made_cell(now), made_cell(new)
        source = now.source
        if mine.text == base.text:
            source = new.source
            if theirs.does != base.does:
                self._take(new, "was changed")
        elif theirs.does not in (base.does, mine.does):
            source = self._changed_by_both(now, new)
        cell = NotebookNode(now)  # type: ignore[no-untyped-call]
        if source != now.source:
            cell["source"] = source
            if now.cell_type == "code":
                cell["outputs"], cell["execution_count"] = [], None
        metadata = {**now.metadata, "mvops": new.metadata["mvops"]}
        tags = list(theirs.tags if mine.tags == base.tags else mine.tags)
        if tags or "tags" in metadata:
            metadata["tags"] = tags
        cell["metadata"] = nbformat.from_dict(metadata)  # type: ignore[no-untyped-call]
        return cell

    def _changed_by_both(self, now: NotebookNode, new: NotebookNode) -> str:
        if now.id == PARAMETERS:
            merged = merged_settings(self.base_parameters, now.source, new.source)
            if merged is not None:
                self._take(new, "was changed")
                return merged
        what = "was changed by hand, and in the original"
        chosen = self._conflict(what, now, new)
        return str(new.source if chosen is new else now.source)

    def _gone(self, base: MadeCell, now: NotebookNode) -> NotebookNode | None:
        if not now.source.strip():
            return now
        if made_cell(now).text == base.text:
            self.merged.taken.append(f"cell {self.numbers[self._key(now)]} of {self.path} goes, as it is gone there")
            return None
        return self._conflict("was changed by hand, and is gone in the original", now, None)

    def _deleted_by_hand(self, base: MadeCell, new: NotebookNode | None) -> NotebookNode | None:
        if new is None or made_cell(new).does == base.does:
            return None
        if new.cell_type != "code" or "skip" in base.tags:
            self.merged.kept.append(f"cell {made_cell(new).number} was changed; it was deleted here, and stays so")
            return None
        return self._conflict("was deleted by hand, and changed in the original", None, new)

    def _conflict(self, what: str, now: NotebookNode | None, new: NotebookNode | None) -> NotebookNode | None:
        """The side that is taken; until somebody says which, what is there."""
        number = self.numbers[self._key(now)] if now is not None else None
        original = made_cell(new).number if new is not None else None
        there, comes = (f"{cell.source}\n".encode() if cell is not None else b"" for cell in (now, new))
        if self.on_conflict == "stop":
            diff = file_diff(f"{self.path}#{number or original}", there, comes)
            self.merged.conflicts.append(Conflict(what, number, original, diff))
        elif self.on_conflict == "original":
            if new is not None:
                self._take(new, "was changed")
            return new
        else:
            where = f"cell {number} of {self.path}" if number else f"cell {original}"
            self.merged.kept.append(f"{where} {what}: it stays as it is here")
        return now

    def _key(self, now: NotebookNode) -> str:
        return next(key for key, cell in self.now.items() if cell is now)

    def _take(self, new: NotebookNode, how: str) -> None:
        number = made_cell(new).number
        what = f"cell {number} {how}" if number is not None else _OWN.get(new.id, f"what promote adds {how}")
        if new.cell_type == "code":
            self.merged.taken.append(what)

    def _tag_new(self, order: Sequence[str], kept: dict[str, NotebookNode]) -> None:
        """A new cell belongs to the step that the cells around it belong to now, whatever it is called."""
        for at, key in enumerate(order):
            if key in self.now or key not in self.new:
                continue
            wanted = [tag for tag in self.new[key].metadata.get("tags", []) if tag.startswith("step:")]
            around = [*reversed(order[:at]), *order[at + 1 :]]
            beside = next((k for k in around if k in self.now and k in self.new and _step(self.new[k]) in wanted), None)
            there = _step(kept[beside]) if beside is not None else None
            if wanted and there is not None:
                others = [tag for tag in self.new[key].metadata["tags"] if tag not in wanted]
                kept[key]["metadata"]["tags"] = [there, *others]


_OWN = {
    PARAMETERS: "the cell of parameters was changed",
    "mvops-folder": "the cell that changes the folder was changed",
}


def _step(cell: NotebookNode) -> str | None:
    return next((tag for tag in cell.metadata.get("tags", []) if tag.startswith("step:")), None)


def _known_again(cells: Sequence[NotebookNode], base: dict[str, MadeCell]) -> Iterator[tuple[str, NotebookNode]]:
    """Each cell under the id that promote gave it, also where it was cut and pasted and has another one now."""
    there = {cell.id for cell in cells}
    lost = {made.text: key for key, made in base.items() if key not in there}
    for cell in cells:
        key = cell.id if cell.id in base else lost.pop(made_cell(cell).text, cell.id)
        yield key, cell


def _place(key: str, beside: list[str], order: Sequence[str]) -> int:
    """Behind the nearest cell that stands before it there."""
    before = beside[: beside.index(key)]
    return next((order.index(other) + 1 for other in reversed(before) if other in order), 0)


def summary(conflicts: Sequence[Conflict]) -> Iterator[str]:
    """Each conflict as lines: which cell, and both sides."""
    for each in conflicts:
        here = f"cell {each.cell}" if each.cell is not None else "a cell that is not there any more"
        there = f" (cell {each.original} there)" if each.original is not None else ""
        yield f"{here} {each.what}{there}"
        yield from (f"    {line}" for line in each.diff.splitlines()[2:])


def as_plain(conflict: Conflict) -> dict[str, Any]:
    """For scripts."""
    return {"what": conflict.what, "cell": conflict.cell, "original": conflict.original, "diff": conflict.diff}
