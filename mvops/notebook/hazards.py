"""What cannot be handed from one step to the next, so that a border there would change what the notebook does."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from mvops.notebook.code import Code, modules_of
from mvops.notebook.estimators import last_part
from mvops.notebook.flow import CellFlow, shared_objects
from mvops.notebook.hidden import is_opaque
from mvops.notebook.walking import targets_of

_OPEN = re.compile(  # calls whose result lives and dies with its process
    r"open|iter|urlopen|connect|create_engine|reader|writer|DictReader|DictWriter|ExcelFile|HDFStore|ThreadPool\w*|Pool"
    r"|ProcessPool\w*|Client|Session|SparkContext|getOrCreate|socket|Popen|cursor|Lock|ExcelWriter|h5py|File|ZipFile|Styler"
)
_NEURAL = {
    "tensorflow",
    "keras",
    "torch",
    "theano",
    "pyspark",
    "h2o",
    "tflearn",
    "mxnet",
    "jax",
    "fastai",
    "turicreate",
}


def unsplittable(cells: Sequence[Code]) -> str | None:
    """Why the whole notebook must stay in one step, as the second half of a sentence; None if it need not."""
    opaque = next((code for code in cells if is_opaque(code)), None)
    if opaque is not None:
        return f"cell {opaque.number} may use names that its text does not show"
    neural = sorted({origin.partition(".")[0] for origin in modules_of(cells).values()} & _NEURAL)
    if neural:
        return f"what {neural[0]} makes cannot always be handed from one step to the next"
    return None


def bad_border(cells: Sequence[Code], flows: Sequence[CellFlow], border: int) -> str | None:
    """Why no border can stand before the cell at position `border`; None if it can."""
    handed = handed_over(flows, border)
    for name in sorted(handed):
        if _is_open(cells[:border], name):
            return f"`{name}` cannot be handed over"
    changed = {name for flow in flows[border:] for name in flow.mutates}
    for group in shared_objects([code.source for code in cells]):
        both = sorted(group & handed)
        if len(both) > 1 and group & changed:
            return f"`{both[0]}` and `{both[1]}` share an object that is changed later"
    return None


def handed_over(flows: Sequence[CellFlow], border: int) -> set[str]:
    """Names that cells from `border` on read or change, and that earlier cells made."""
    made = {name for flow in flows[:border] for name in flow.binds - flow.imports - flow.defines}
    wanted: set[str] = set()
    bound: set[str] = set()
    for flow in flows[border:]:
        wanted |= (flow.reads | flow.mutates) - bound
        bound |= flow.binds
    return wanted & made


def _is_open(cells: Sequence[Code], name: str) -> bool:
    values = [
        value
        for code in cells
        for statement in code.statements()
        for target, value in targets_of(statement)
        if isinstance(target, ast.Name) and target.id == name
    ]
    if not values:
        return False
    value = values[-1]
    if isinstance(value, ast.Call):
        return bool(_OPEN.fullmatch(last_part(value.func) or getattr(value.func, "attr", "")))
    return isinstance(value, ast.GeneratorExp)
