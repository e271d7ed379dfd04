"""What a plan with nothing to do costs, counted: it is linear in the number of models, and loads nothing heavy.

`nox -s bench` measures the seconds, beside Terraform's: docs/benchmarks.md.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import pytest
import toy_project as toy
from toy_project import edit, mvops

from mvops.registry.light import LightConnection

HEAVY = {"alembic", "fsspec", "hydra", "jinja2", "nbformat", "numpy", "omegaconf", "pandas", "sklearn", "sqlalchemy"}
BENCHMARKS = Path(__file__).parents[1] / "benchmarks"

# Counts what Python itself reports, from outside of mvops: files that are opened, calls, and statements of SQL.
COUNTING = """
import collections, contextlib, io, json, runpy, sqlite3, sys
counted = collections.Counter()
connect = sqlite3.connect
def connected(*arguments, **more):
    connection = connect(*arguments, **more)
    connection.set_trace_callback(lambda statement: counted.update(["statements"]))
    return connection
sqlite3.connect = connected
sys.addaudithook(lambda event, arguments: counted.update(["files"]) if event == "open" else None)
sys.setprofile(lambda frame, event, argument: counted.update(["calls"]) if event == "call" else None)
sys.argv = ["mvops", "plan", "--json"]
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()) as out:
    runpy.run_module("mvops", run_name="__main__", alter_sys=True)
sys.setprofile(None)
verbs = [action["verb"] for action in json.loads(out.getvalue())["actions"]]
print(json.dumps([counted, verbs, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


@pytest.fixture(scope="module")
def many_models() -> ModuleType:
    """The benchmarks' own projects."""
    spec = importlib.util.spec_from_file_location("many_models", BENCHMARKS / "many_models.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def planned(root: Path) -> tuple[Counter[str], list[str], set[str]]:
    """What a plan in a process of its own counts, the verbs that it has, and the packages that it loads."""
    done = subprocess.run(
        [sys.executable, "-c", COUNTING], cwd=root, env=toy.environment(), capture_output=True, text=True, check=True
    )
    counted, verbs, modules = json.loads(done.stdout)
    return Counter(counted), verbs, set(modules)


def records_read(many_models: ModuleType, root: Path, broken: int) -> int:
    """How often an apply reads all records that has the endpoints of so many models to repair."""
    asked: list[str] = []

    def rows(reader: LightConnection, query: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        asked.append(query)
        return original(reader, query, values)

    original = LightConnection.rows
    for app in sorted(root.glob("deploy/serving/*/app.py"))[:broken]:
        app.unlink()
    with mock.patch.object(LightConnection, "rows", rows):
        many_models.apply_here(root)
    assert len(list(root.glob("deploy/serving/*/app.py"))) == 3
    return sum("FROM mvops_records" in query and "WHERE" not in query for query in asked)


def test_p41_each_model_more_costs_a_plan_the_same(many_models: ModuleType, tmp_path: Path) -> None:
    sizes = (1, 2, 3)
    costs = []
    for models in sizes:
        many_models.apply_here(many_models.write_project(tmp_path, models))
        mvops(tmp_path, "plan").ok()  # remembers what it worked out
        counted, verbs, modules = planned(tmp_path)
        assert verbs == ["keep"] * (models * len(many_models.KINDS) + 1)
        assert modules & HEAVY == set()
        costs.append(counted)
    for what, few, some, many in ((what, *(cost[what] for cost in costs)) for what in ("files", "statements", "calls")):
        assert few > 0, what
        assert many - some <= 1.1 * (some - few) + 2, f"{what}: {few}, {some}, {many} for {sizes} models"
    assert costs[2]["statements"] == costs[0]["statements"], "one question for all models"
    read = [records_read(many_models, tmp_path, models) for models in (1, 3)]
    assert read[0] == read[1], "an apply reads all records as often, whatever it has to do"


def test_p41_what_a_plan_remembers_never_makes_it_wrong(project: Path) -> None:
    mvops(project, "plan", "--detailed-exitcode").ok(0)
    memory = project / ".mvops/cache/plan.json"
    assert memory.is_file()
    edit(project / "pipelines/toy.ipynb", "LogisticRegression(C=C)", "LogisticRegression(C=2 * C)")
    changed = mvops(project, "plan", "--json").ok().json()
    assert {action["verb"] for action in changed["actions"] if action["address"] == "pipeline.toy"} == {"update"}
    memory.write_text(memory.read_text().replace('"met"', '"mat"'))  # whoever writes into it loses what it knew
    assert mvops(project, "plan", "--json").ok().json() == changed
    memory.unlink()
    assert mvops(project, "plan", "--json").ok().json() == changed
