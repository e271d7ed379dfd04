"""What starts must start fast: no heavy library is loaded before a command needs it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    "alembic", "fastapi", "hydra", "jinja2", "nbformat", "numpy", "omegaconf", "pandas", "papermill", "pydantic",
    "rich", "sklearn", "sqlalchemy", "sqlmodel", "yaml",
}  # fmt: skip

_RUN = """
import contextlib, io, json, runpy, sys
sys.argv = {arguments!r}
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()) as out:
    runpy.run_module("mvops", run_name="__main__", alter_sys=True)
print(json.dumps([out.getvalue(), sorted({{name.partition(".")[0] for name in sys.modules}})]))
"""


def loaded(*arguments: str) -> tuple[str, set[str]]:
    """What `python -m mvops ARGUMENTS` prints, and the packages it has loaded at its end."""
    done = subprocess.run(
        [sys.executable, "-c", _RUN.format(arguments=["mvops", *arguments])],
        capture_output=True,
        text=True,
        check=True,
    )
    text, modules = json.loads(done.stdout)
    return text, set(modules)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--help",), "from a Jupyter notebook to production"),
        (("--version",), "mvops "),
        (("plan", "--help"), "Show what would change"),
        (("versions", "list", "--help"), "All versions"),
        (("monitor", "--help"), "Summaries, drift"),
    ],
)
def test_help_loads_nothing_heavy(arguments: tuple[str, ...], told: str) -> None:
    text, modules = loaded(*arguments)
    assert told in text
    assert modules & HEAVY == set()


def imported(module: str) -> set[str]:
    """The packages that importing `module` loads."""
    script = f"import {module}, json, sys; print(json.dumps(sorted({{n.partition('.')[0] for n in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("module", ["mvops.serving.app", "mvops.serving.settings", "mvops.serving.client"])
def test_the_endpoint_is_small(module: str) -> None:
    small = {
        "alembic",
        "feast",
        "hydra",
        "nbformat",
        "omegaconf",
        "pandas",
        "papermill",
        "sklearn",
        "sqlmodel",
        "jinja2",
        "rich",
    }
    assert imported(module) & small == set()


@pytest.mark.parametrize("module", ["mvops.errors", "mvops.assets", "mvops.atomic", "mvops.core.steps"])
def test_the_lowest_floors_need_pydantic_at_most(module: str) -> None:
    assert imported(module) & (HEAVY - {"pydantic"}) == set()


def test_the_core_is_pure() -> None:
    modules = imported("mvops.core.apply, mvops.core.compare, mvops.core.plan, mvops.core.config.project")
    assert modules & (HEAVY - {"pydantic"}) == set()
