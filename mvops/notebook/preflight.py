"""What a user should know of a notebook before relying on it, cell by cell; `--check` shows it, promote notes it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from nbformat import NotebookNode

from mvops.notebook.code import Code, modules_of
from mvops.notebook.finding import Finding, found_at, in_order, shown_line
from mvops.notebook.flow import notebook_flows
from mvops.notebook.hidden import Hidden, has_star_import, hidden_names, is_opaque
from mvops.notebook.leaks import row_leaks
from mvops.notebook.parameters import Place
from mvops.notebook.randomness import called, unseeded
from mvops.notebook.read import says_python_2
from mvops.notebook.secrets import secrets_in
from mvops.notebook.surroundings import LEFT_OUT, surroundings
from mvops.notebook.target_leaks import target_leaks

_HISTORY = re.compile(r"_\d+|_i\d+|___?")
RUN_ALL = (
    "Restart the kernel and run all cells in Jupyter; mend or delete the cell that fails, save, and promote again."
)
_SEED = "give a random_state."
_NOTED = {"installs", "secret", "kernel", "execution_order"}  # noted by promote as they are


def examine(notebook: NotebookNode, cells: Sequence[Code], place: Place) -> list[Finding]:
    """All findings but what prevents promotion; the worst first."""
    modules = modules_of(cells)
    found = [
        *_order(notebook),
        *_kernel(notebook),
        *_history(cells),
        *_never_bound(cells),
        *_random(cells, modules),
        *_secrets(notebook, cells),
        *surroundings(cells, place),
        *row_leaks(cells),
        *target_leaks(cells),
    ]
    return in_order(found)


def notes_of(findings: Sequence[Finding]) -> list[str]:
    """The same as sentences for a list of notes; calls that draw are told in one."""
    noted = [each for each in findings if each.kind in _NOTED]
    installs = [each for each in noted if each.kind == "installs"]
    kept = [each for each in noted if each.kind != "installs"]
    kept += sorted(installs, key=lambda each: each.remedy == LEFT_OUT)[:1]
    leaks = [each for each in findings if each.kind == "leak" and each.severity == "warning"]
    return [*(each.sentence for each in kept), *_drawn([f for f in findings if f.kind == "unseeded"])] + [
        each.sentence for each in leaks
    ]


def undefined(cells: Sequence[Code]) -> Iterator[Finding]:
    """What prevents promotion: names without a value."""
    for hidden in hidden_names(cells):
        kind = "undefined_name" if hidden.later is None else "hidden_state"
        line = _line_of(hidden.code, hidden.name)
        yield found_at(hidden.code, line, kind, "error", about_hidden(hidden), RUN_ALL)  # type: ignore[arg-type]


def about_hidden(hidden: Hidden) -> str:
    """One sentence."""
    cell = hidden.code.number
    later = hidden.later
    if later is None:
        return f"Cell {cell} uses `{hidden.name}`, which no cell before it defines."
    where = "later in the same cell" if later.number == cell else f"only in cell {later.number}, further down"
    return f"Cell {cell} uses `{hidden.name}`, which is defined {where}."


def _order(notebook: NotebookNode) -> Iterator[Finding]:
    counted = [
        (number, cell)
        for number, cell in enumerate(notebook.cells, start=1)
        if cell.cell_type == "code" and cell.execution_count
    ]
    counts = [cell.execution_count for _, cell in counted]
    if counts == sorted(counts):
        return
    at = next(n for n in range(1, len(counts)) if counts[n] < counts[n - 1])
    number, cell = counted[at]
    message = (
        "The cells were last run in another order than they stand in, so the numbers shown in the original may not be "
        "those of a run from top to bottom."
    )
    source = f"In [{counts[at]}] after In [{counts[at - 1]}] of cell {counted[at - 1][0]}: {shown_line(cell.source, 1)}"
    yield Finding("execution_order", "note", message, "`--verify` compares with such a run.", number, None, source)


def _kernel(notebook: NotebookNode) -> Iterator[Finding]:
    if says_python_2(notebook):
        message = "The notebook was written under Python 2; all of its code is valid Python 3 and runs as such."
        yield Finding("kernel", "note", message, "`--verify` shows whether it does.")
        return
    name = (notebook.metadata.get("kernelspec") or {}).get("name")
    if isinstance(name, str) and name not in {"python3", "python", ""}:
        message = f"The notebook names the kernel {name!r}; the promoted copy uses python3."
        yield Finding("kernel", "note", message, "Another one runs it by --kernel NAME, or --python PATH.")


def _history(cells: Sequence[Code]) -> Iterator[Finding]:
    """`Out[3]` and `_3`: what a cell showed when it was run by hand."""
    bound = {name for flow in notebook_flows([code.source for code in cells]) for name in flow.binds}
    for code in cells:
        for node in ast.walk(code.cell.tree):
            match node:
                case ast.Subscript(value=ast.Name(id="Out" | "In" as name)) if name not in bound:
                    pass
                case ast.Name(id=name) if _HISTORY.fullmatch(name) and name not in bound:
                    pass
                case _:
                    continue
            message = f"Cell {code.number} uses `{ast.unparse(node)}`, what a cell showed when it was run by hand."
            remedy = "Give that value a name in the cell that makes it."
            yield found_at(code, node, "hidden_state", "warning", message, remedy)


def _never_bound(cells: Sequence[Code]) -> Iterator[Finding]:
    """Names that no cell binds, where they are read only if a function is called or a branch is taken."""
    if any(is_opaque(code) or has_star_import(code) or code.cell.language for code in cells):
        return
    flows = notebook_flows([code.source for code in cells])
    bound = {name for flow in flows for name in flow.binds}
    surely = {hidden.name for hidden in hidden_names(cells)}
    for code, flow in zip(cells, flows, strict=True):
        for name in sorted(flow.reads - bound - surely):
            line = _line_of(code, name)
            if line and not name.startswith("_") and "raises-exception" not in code.tags:
                message = f"Cell {code.number} uses `{name}`, which no cell defines: the line fails once it is reached."
                remedy = "Define it, import it, or delete the line."
                yield found_at(code, line, "undefined_name", "warning", message, remedy)


def _random(cells: Sequence[Code], modules: dict[str, str]) -> Iterator[Finding]:
    for code, call in unseeded(cells, modules):
        name = called(call)
        message = f"Cell {code.number} draws random numbers without a seed (`{name}`), so no two runs agree."
        seed = "numpy.random.seed(0) in the first cell" if "random." in name else "random_state=0"
        yield found_at(code, call, "unseeded", "warning", message, f"Add {seed}.")


def _drawn(findings: Sequence[Finding]) -> list[str]:
    if not findings:
        return []
    told = [f"{each.message.partition('(`')[2].partition('`)')[0]} in cell {each.cell}" for each in findings[:3]]
    shown = ", ".join(dict.fromkeys(told))
    more = f" and {len(findings) - 3} more" if len(findings) > 3 else ""
    return [f"Random numbers are drawn without a seed ({shown}{more}), so no two runs agree: {_SEED}"]


def _secrets(notebook: NotebookNode, cells: Sequence[Code]) -> Iterator[Finding]:
    sources = {code.number: code for code in cells}
    remedy = "Read it from the environment (os.environ), never commit it, and have it replaced if it was."
    for number, cell in enumerate(notebook.cells, start=1):
        code = sources.get(number) or Code(number - 1, "", cell.source, frozenset())
        lines = {code.source.count("\n", 0, at) + 1 for at, _ in secrets_in(code.source, code=number in sources)}
        for line in sorted(lines)[:3]:
            yield found_at(code, line, "secret", "warning", f"Cell {number} seems to hold a secret.", remedy)


def _line_of(code: Code, name: str) -> int:
    """The line that first reads the name; 0 for a line of IPython's."""
    read = (n for n in ast.walk(code.cell.tree) if isinstance(n, ast.Name) and n.id == name)
    found = sorted(node.lineno for node in read if not isinstance(node.ctx, ast.Store))
    return found[0] if found else 0
