"""docs/backends.md says which backends there are and what of them runs for real: it is read off the tests.

A test says what it runs with `@pytest.mark.real("trackers", "mlflow", "a server on SQLite")`, or with a list of such
marks in `pytestmark`. After a change:

    MVOPS_UPDATE_DOCS=1 pytest tests/test_backends_page.py
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

from mvops import backends

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "backends.md"
START = "<!-- what runs for real: written by tests/test_backends_page.py -->\n"
END = "<!-- end -->\n"


def marks() -> Iterator[tuple[str, str, str, str]]:
    """Family, backend, what is run, and the test file that runs it, below tests/."""
    tests = ROOT / "tests"
    for path in sorted([*tests.rglob("test_*.py"), *tests.glob("contracts/*/*.py")]):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.real":
                family, backend, what = (ast.literal_eval(argument) for argument in node.args)
                yield family, backend, what, path.relative_to(ROOT / "tests").as_posix()


def known() -> set[tuple[str, str]]:
    """Every backend, and the two stores, which are chosen by URL."""
    found = {(family, name) for family in backends.families() for name in backends.own_names(family)}
    stores = {("registry", "sqlite"), ("registry", "postgresql"), ("artifacts", "folder"), ("artifacts", "s3")}
    return found | stores


def table() -> str:
    """One line for each backend."""
    run: dict[tuple[str, str], dict[str, set[str]]] = {}
    for family, backend, what, file in marks():
        run.setdefault((family, backend), {}).setdefault(what, set()).add(file)
    lines = ["| family | backend | run for real | by |", "|---|---|---|---|"]
    for family, backend in sorted(known() - {(f, b) for f, b in known() if f == "examples"}):
        found = run.get((family, backend), {})
        files = sorted({file for several in found.values() for file in several})
        shown = "<br>".join(f"`tests/{file}`" for file in files)
        lines.append(f"| `{family}` | `{backend}` | {'; '.join(sorted(found)) or '(nothing yet)'} | {shown} |")
    return "\n".join(lines) + "\n"


def test_the_page_is_what_the_tests_say() -> None:
    told = PAGE.read_text(encoding="utf-8")
    before, _, rest = told.partition(START)
    _, _, after = rest.partition(END)
    made = before + START + "\n" + table() + "\n" + END + after
    if os.environ.get("MVOPS_UPDATE_DOCS"):
        PAGE.write_text(made, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == made, "MVOPS_UPDATE_DOCS=1 pytest tests/test_backends_page.py"


def test_every_mark_is_of_a_backend_that_is_there() -> None:
    assert {(family, backend) for family, backend, _, _ in marks()} - known() == set()
