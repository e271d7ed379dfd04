"""What a user should know of a notebook before relying on it: nothing here stops promotion."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nbformat import NotebookNode

from mvops.notebook.code import Code
from mvops.notebook.randomness import unseeded
from mvops.notebook.read import says_python_2

_SECRET = re.compile(
    r"(?i)\b\w*(?:api_?key|secret|passw(?:or)?d|access_?token|auth_?token)\w*[\"']?\s*[:=]\s*[\"'][^\"'\s]{8,}[\"']"
    r"|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{30,}|sk-[A-Za-z0-9]{20,}|hf_[A-Za-z0-9]{30,}"
)
_INSTALLS = re.compile(r"[!%]\s*(?:\{?sys\.executable\}? -m )?(?:pip3?|conda|apt(?:-get)?)\b")


def notes_on(notebook: NotebookNode, cells: Sequence[Code], modules: dict[str, str]) -> list[str]:
    """Sentences, each with the cell and a remedy."""
    return [*_order(notebook), *_kernel(notebook), *_random(cells, modules), *_installs(cells), *_secrets(cells)]


def _order(notebook: NotebookNode) -> list[str]:
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code" and cell.execution_count]
    if counts == sorted(counts):
        return []
    note = (
        "The cells were last run in another order than they stand in, so the numbers shown in the original may not be "
        "those of a run from top to bottom. `--verify` compares with such a run."
    )
    return [note]


def _kernel(notebook: NotebookNode) -> list[str]:
    if says_python_2(notebook):
        return ["The notebook was written under Python 2; all of its code is valid Python 3 and runs as such."]
    name = (notebook.metadata.get("kernelspec") or {}).get("name")
    if isinstance(name, str) and name not in {"python3", "python", ""}:
        return [f"The notebook names the kernel {name!r}; the promoted copy uses python3."]
    return []


def _random(cells: Sequence[Code], modules: dict[str, str]) -> list[str]:
    drawn = unseeded(cells, modules)
    if not drawn:
        return []
    shown = ", ".join(dict.fromkeys(f"{call} in cell {code.number}" for code, call in drawn[:3]))
    more = f" and {len(drawn) - 3} more" if len(drawn) > 3 else ""
    return [f"Random numbers are drawn without a seed ({shown}{more}), so no two runs agree: give a random_state."]


def _installs(cells: Sequence[Code]) -> list[str]:
    found = [code.number for code in cells if any(_INSTALLS.match(magic) for magic in code.cell.magics)]
    if not found:
        return []
    return [f"Cell {found[0]} installs packages: a pipeline should not, so list them in the project's requirements."]


def _secrets(cells: Sequence[Code]) -> list[str]:
    return [
        f"Cell {code.number} seems to hold a secret: read it from the environment, and never commit it."
        for code in cells
        if _SECRET.search(code.source)
    ]
