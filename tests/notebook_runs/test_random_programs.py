"""A property: whatever a notebook does, cut anywhere, its steps compute what it computes in one piece."""

from __future__ import annotations

import copy
import json
import os
import sys
import tempfile
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from running import notebook

from mvops.notebook.document import Document, read_document
from mvops.notebook.handover import MANIFEST, load
from mvops.notebook.slices import StepSlice, slice_notebook
from mvops.notebook.stepbook import step_notebook, write_request

NIGHTLY = os.environ.get("MVOPS_TEST_DEPTH") == "nightly"
NAMES = "abcde"
STATEMENTS = (  # {a}, {b}, {c}: variables, {n}: a number, {f}: a number for what is defined
    "{a} = {n}",
    "{a} = [{n}, {n}]",
    "{a} = {{'x': {n}, 'y': [{n}]}}",
    "{a} = {b}",
    "{a} = [{b}, {c}]",
    "{a}, {b} = {b}, {a}",
    "{a} = [x + {n} for x in {b}]",
    "{a} = {{key: {c} for key in 'xy'}}",
    "{a} += {b}",
    "{a} = {b} + {c}",
    "{a}.append({b})",
    "{a}['z'] = {b}",
    "{a}['y'].append({n})",
    "{a}[0] = {b}",
    "{a}.update(w={b})",
    "del {a}",
    "del {a}[0]",
    "for {a} in range({n}):\n    {b} = {a}",
    "for each in {a}:\n    if isinstance(each, list):\n        each.append({n})",
    "while len({a}) < {n}:\n    {a}.append({b})",
    "if {n} % 2:\n    {a} = {n}\nelse:\n    {b} = [{n}]",
    "if isinstance({a}, list):\n    {a}.append({n})",
    "try:\n    {a} = {b}['x']\nexcept Exception:\n    {c} = {n}",
    "def f{f}(q={n}):\n    return {a}",
    "def f{f}(q):\n    q.append({a})\n    return q",
    "def f{f}(q=0):\n    global {a}\n    {a} = {b}",
    "def g{f}(q=0):\n    return f{g}(q)",
    "{a} = g{f}({b})",
    "{a} = f{f}({b})",
    "{a} = f{f}()",
    "f{f}({a})",
    "class C{f}:\n    size = {n}\n    def __init__(self, q=0):\n        self.q = {a}",
    "class D{f}(C{g}):\n    def more(self):\n        return self.q",
    "{a} = C{f}().q",
    "{a} = D{f}().more()",
    "{a} = C{f}.size",
    "{a} = lambda q={n}: {b}",
    "{a} = {b}()",
    "{a} = C{f}()",
    "{a}.q = {b}",
    "{a} = {b}.q",
    "{a} = isinstance({b}, C{f})",
    "{a} = sum(x for x in {b} if isinstance(x, int))",
    "{a} = (lambda x: x)({b})",
    "{a} = type({b}).__name__",
    "import math\n{a} = math.floor({n} / 2)",
    "with open(__import__('os').devnull) as file:\n    {b} = file.read()\ndel file",
    "{a} = 0",
)


def is_plain(value: Any) -> bool:
    """Can it be compared with what another run made."""
    try:
        return json.loads(json.dumps(value)) == value
    except (TypeError, ValueError, RecursionError):
        return False


@contextmanager
def main_module() -> Iterator[dict[str, Any]]:
    """A `__main__` as a kernel has one."""
    before, made = sys.modules["__main__"], types.ModuleType("__main__")
    sys.modules["__main__"] = made
    try:
        yield made.__dict__
    finally:
        sys.modules["__main__"] = before


@st.composite
def programs(draw: st.DrawFn) -> list[tuple[str, str]]:
    """Cells with the tag of their step: statements that run, one after the other."""
    made: list[tuple[str, str]] = []
    step = 0
    with main_module() as scope:
        for _ in range(draw(st.integers(4, 14))):
            words = {letter: draw(st.sampled_from(NAMES)) for letter in "abc"}
            words |= {letter: draw(st.integers(0, 3)) for letter in "nfg"}
            source = draw(st.sampled_from(STATEMENTS)).format(**words)
            kept = copy.copy(scope)
            try:
                exec(source, scope)
            except Exception:  # noqa: BLE001 -- whatever it is
                scope.clear()
                scope.update(kept)
                continue  # a cell that fails is none of ours, though it may have done half of its work
            step += draw(st.integers(0, 1)) if made else 0
            made.append((f"step:s{step}", source))
    return made


def whole(cells: list[tuple[str, str]]) -> dict[str, Any] | None:
    """All cells in one namespace; None where one of them fails."""
    with main_module() as scope:
        try:
            for _, source in cells:
                exec(source, scope)
        except Exception:  # noqa: BLE001 -- whatever it is
            return None
        return {name: copy.deepcopy(scope[name]) for name in NAMES if name in scope and is_plain(scope[name])}


def handed(folder: Path, wanted: Mapping[str, str], saved: Mapping[str, Path]) -> Path:
    """A folder with what was `saved` of the `wanted` names, each by its step."""
    folder.mkdir()
    values = {}
    for name, step in wanted.items():
        entry = json.loads((saved[step] / MANIFEST).read_text())["values"].get(name)
        if entry is not None:
            made = {"file": str(saved[step] / entry["file"]), "object": f"{step} {entry['object']}"}
            values[name] = {**entry, **made}
    (folder / MANIFEST).write_text(json.dumps({"values": values, "absent": []}))
    return folder


def play(place: Path, part: StepSlice, document: Document, saved: dict[str, Path]) -> None:
    """One step, with what it loads from the folders of those before."""
    incoming, outgoing = handed(place / f"{part.name}-in", part.loads, saved), place / part.name
    write_request(part, outgoing)
    with main_module() as scope:
        for cell in step_notebook(document, part, {}, incoming, outgoing)["cells"]:
            try:
                exec(cell["source"], scope)
            except Exception as error:  # noqa: BLE001 -- runpy makes the class of our own anew each time
                raise AssertionError(f"{part.name}: {cell['source']}: {error}") from None
    saved[part.name] = outgoing


@settings(max_examples=3_000 if NIGHTLY else 150, suppress_health_check=list(HealthCheck))
@given(programs())
def test_steps_compute_what_the_notebook_computes(cells: list[tuple[str, str]]) -> None:
    expected = whole(cells)
    if not expected:
        return
    note("\n".join(f"# {tag}\n{source}" for tag, source in cells))
    with tempfile.TemporaryDirectory() as folder:
        place, saved = Path(folder), dict[str, Path]()
        (place / "n.ipynb").write_text(json.dumps(notebook(*cells)))
        document = read_document(place / "n.ipynb", place)
        parts = slice_notebook(document, {name: name for name in expected})
        for part in parts:
            play(place, part, document, saved)
        found: dict[str, Any] = {}
        load(found, str(handed(place / "end", {n: part.name for part in parts for n in part.outputs}, saved)))
    assert found == expected
