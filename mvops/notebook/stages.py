"""Cutting a notebook into steps, at cell borders and only where nothing is lost by it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from mvops.core.naming import suggest_name
from mvops.notebook.capture import Capture
from mvops.notebook.code import Code
from mvops.notebook.estimators import made_by
from mvops.notebook.flow import CellFlow, immediate_reads, is_setup
from mvops.notebook.hazards import bad_border, unsplittable
from mvops.notebook.paths import read_paths
from mvops.notebook.skipping import skippable
from mvops.notebook.walking import calls

Split = Literal["auto", "none", "headings"]
_LOADS = re.compile(
    r"(?:read|load|fetch|scan|get)_(?!dummies|params|feature|option|sql_query$)\w+|open|urlopen|urlretrieve|loadtxt|genfromtxt"
)
_TRAINING = re.compile(r"model|train|fit\b|fitting|classif|regress|learn|algorithm|hyper|tuning", re.IGNORECASE)


@dataclass
class Layout:
    """The role of each code cell (`skip`, `setup` or a step's name), the steps in order, and what to tell the user."""

    roles: list[str]
    steps: list[str]
    tags: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def lay_out(
    cells: Sequence[Code],
    flows: Sequence[CellFlow],
    found: Capture,
    split: Split,
    called: Callable[[str], str] = str,
) -> Layout:
    """Give every code cell its role; `called` says what a step of that name is called among those of others."""
    kinds = _kinds(cells, flows, found)
    work = [at for at, kind in enumerate(kinds) if kind == "work"]
    layout = Layout([], [])
    cuts = _cuts(cells, work, found, split, layout.notes) if work else {}
    cuts = {at: called(name) for at, name in _safe(cells, flows, cuts, layout.notes).items()}
    current = next(iter(cuts.values()), "main")
    for at, kind in enumerate(kinds):
        current = cuts.get(at, current)
        layout.roles.append(current if kind == "work" else kind)
        layout.tags.append(f"step:{current}" if kind == "work" else kind)
    layout.steps = list(dict.fromkeys(layout.roles[at] for at in work))
    return layout


def _kinds(cells: Sequence[Code], flows: Sequence[CellFlow], found: Capture) -> list[str]:
    named = {found.model, found.features, found.target, found.train_features, found.times, found.variable}
    needed = {name for name in named if name} | {name for h in found.helpers for name in re.findall(r"\w+", h.source)}
    skip = skippable(cells, flows, needed)
    known = {name for flow in flows for name in flow.binds}
    plain = {n for code, flow in zip(cells, flows, strict=True) if not is_setup(code.source) for n in _plain(flow)}
    kinds: list[str] = []
    ready: set[str] = set()
    for code, flow, gone in zip(cells, flows, skip, strict=True):
        # what a setup cell needs at once must be there in every step, and what it defines must stay as it is
        can_repeat = is_setup(code.source) and not (immediate_reads(code.source) & known) - ready - flow.binds
        if gone:
            kinds.append("skip")
        elif can_repeat and not flow.binds & plain:
            kinds.append("setup")
            ready |= flow.binds
        else:
            kinds.append("work")
    return kinds


def _plain(flow: CellFlow) -> frozenset[str]:
    return flow.binds - flow.imports - flow.defines


def _cuts(cells: Sequence[Code], work: list[int], found: Capture, split: Split, notes: list[str]) -> dict[int, str]:
    """Position of a step's first cell -> its name; the first is that of the first cell that works."""
    if split == "none":
        return {work[0]: "main"}
    if split == "headings":
        return _by_headings(cells, work, notes)
    return _by_stages(cells, work, found, notes)


def _by_headings(cells: Sequence[Code], work: list[int], notes: list[str]) -> dict[int, str]:
    """A step for each section of the highest level that has two headings or more."""
    levels = [level for code in cells for level, _ in code.headings]
    level = next((n for n in sorted(set(levels)) if levels.count(n) > 1), None)
    if level is None:
        notes.append("There are fewer than two headings of one level, so the notebook stays in one step.")
        return {work[0]: "main"}
    cuts: dict[int, str] = {}
    title = ""
    for at, code in enumerate(cells):
        title = next((text for n, text in reversed(code.headings) if n <= level), title)
        opens = any(n <= level for n, _ in code.headings)
        waiting = opens or (title and title not in cuts.values() and not cuts)
        if at in work and (waiting or not cuts or _owner(cells, at, level) != _owner(cells, _last(cuts), level)):
            cuts[at] = _unused(suggest_name(title)[:40].rstrip("_") if title else "start", set(cuts.values()))
    return cuts


def _last(cuts: dict[int, str]) -> int:
    return next(reversed(cuts))


def _owner(cells: Sequence[Code], at: int, level: int) -> int:
    """The cell position at which the section of a cell begins."""
    return next((n for n in range(at, -1, -1) if any(depth <= level for depth, _ in cells[n].headings)), -1)


def _unused(name: str, taken: set[str]) -> str:
    return next(n for n in [name, *(f"{name}_{i}" for i in range(2, len(taken) + 3))] if n not in taken)


def _by_stages(cells: Sequence[Code], work: list[int], found: Capture, notes: list[str]) -> dict[int, str]:
    seen = found.seen
    fitted = sorted({fit.at for fit in seen.fits if not fit.loaded} | {use.at for use in seen.uses if use.crossed})
    if not fitted:
        notes.append("No cell that trains was found, so the notebook stays in one step.")
        return {work[0]: "main"}
    train = _train_start(cells, work, fitted[0], found)
    loaded = _load_end(cells, [at for at in work if at < train])
    starts = {
        "load": next((at for at in work if loaded is not None and at <= loaded), None),
        "features": next((at for at in work if (loaded is None or at > loaded) and at < train), None),
        "train": train,
        "evaluate": next((at for at in work if at > fitted[-1]), None),
    }
    cuts = {at: name for name, at in starts.items() if at is not None}
    judged = {use.at for use in seen.uses} | {metric.at for metric in seen.metrics}
    mixed = sorted({cells[at].number for at in judged & set(fitted)})
    if len(cuts) == 1:
        notes.append("No cell before the first that trains, and none after the last, stands alone: nothing to cut at.")
    elif "evaluate" not in cuts.values() and mixed:
        notes.append(f"Cell {mixed[-1]} trains and evaluates, so both are one step.")
    return dict(sorted(cuts.items()))


def _train_start(cells: Sequence[Code], work: list[int], first_fit: int, found: Capture) -> int:
    """The first cell of training: cells just before the fit that only build estimators or grids belong to it."""
    start = first_fit
    for at in reversed([at for at in work if at < first_fit]):
        headed = any(
            _TRAINING.search(text) for n in range(at, first_fit) for _, text in cells[n].headings[-1:] if n == at
        )
        if not _only_builds(cells[at], found) and not (headed and not _loads(cells[at])):
            break
        start = at
    return start


def _only_builds(code: Code, found: Capture) -> bool:
    """Does the cell only make estimators, and lists and dicts of settings for them?"""
    values = [s.value for s in code.cell.tree.body if isinstance(s, ast.Assign)]
    others = [s for s in code.cell.tree.body if not isinstance(s, ast.Assign | ast.Import | ast.ImportFrom | ast.Expr)]
    made = [value for value in values if made_by(value, found.seen.made) is not None]
    plain = [value for value in values if not calls(value) and isinstance(value, ast.Dict | ast.List | ast.Constant)]
    return not others and bool(made) and len(made) + len(plain) == len(values)


def _load_end(cells: Sequence[Code], before: list[int]) -> int | None:
    """The last of the leading cells that load; others may stand between them only if they load too."""
    end = None
    for at in before:
        if not _loads(cells[at]):
            break
        end = at
    return end


def _loads(code: Code) -> bool:
    names = [getattr(c.func, "attr", getattr(c.func, "id", "")) for c in calls(code.cell.tree)]
    fetches = any(re.match(r"!\s*(?:wget|curl|unzip|gdown|kaggle|git)", magic) for magic in code.cell.magics)
    return fetches or any(_LOADS.fullmatch(name) for name in names) or any(True for _ in read_paths(code))


def _safe(cells: Sequence[Code], flows: Sequence[CellFlow], cuts: dict[int, str], notes: list[str]) -> dict[int, str]:
    """Take away the borders over which something could not be handed."""
    if len(cuts) < 2:
        return dict.fromkeys(cuts, "main")
    why = unsplittable(cells)
    if why is not None:
        notes.append(f"The notebook stays in one step: {why}.")
        return {min(cuts): "main"}
    kept = dict(cuts)
    for (_, before), (border, name) in pairwise(cuts.items()):
        reason = bad_border(cells, flows, border)
        if reason is not None:
            notes.append(f"No border between {before} and {name}: {reason}.")
            start = max(at for at in kept if at < border)
            kept = {at: (name if at == start else other) for at, other in kept.items() if at != border}
    return kept if len(kept) > 1 else dict.fromkeys(kept, "main")
