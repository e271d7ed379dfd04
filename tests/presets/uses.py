"""A preset as a team lives it: the flights project is applied, everything that the cell switches on is used through the
command line and over HTTP until `mvops maturity` has seen it work, and it is destroyed again.

Each team has a file of its own beside this one, so that they can run at the same time.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from flights_project import DAYS, MODEL, Flights, in_cell, replay, served, traffic
from toy_project import finish, free_port, snapshot, spawn


def use_monitoring(project: Flights) -> None:
    counted = replay(project, "--since", DAYS[0], "--until", DAYS[1])
    assert counted["answers"] > 1000
    assert counted["failures"] == 0
    report = project.do("monitor", MODEL, "--until", DAYS[1], "--json").json()["models"][0]
    assert report["predictions"] == counted["answers"]
    assert len(report["windows"]) == 2
    assert [c["delivered"] for c in project.do("alerts", "test", MODEL, "--json").json()["channels"]] == [True]


def use_versioning(project: Flights) -> None:
    version = project.do("versions", "show", MODEL, 1, "--json").json()
    assert len(version["data"]) == 2
    assert version["code"]["commit"]
    assert version["metrics"]["roc_auc"] > 0.65


def use_serving(project: Flights) -> None:
    assert project.client().ready()
    assert project.do("status", "--json").json()["models"][0]["endpoint"]["status"] == "up"


def use_dashboards(project: Flights) -> None:
    port = free_port()
    process = spawn(project.root, "dashboard", "--port", port)
    try:
        assert process.stdout is not None
        assert str(port) in process.stdout.readline()
        page = httpx.get(f"http://127.0.0.1:{port}/", timeout=60).text
    finally:
        process.terminate()
        finish(process)
    for shown in ("Distribution of predictions", "Latency", "since it started: 0.00% failed", "<svg"):
        assert shown in page


def use_retraining(project: Flights) -> None:
    jobs = project.do("schedule", "list", "--json").json()["jobs"]
    assert {"retrain", "monitor"} <= {job["job"].partition("_")[0] for job in jobs}
    with traffic(project):
        made = project.do("retrain", MODEL, "--force", "--reason", "schedule", "--json").json()
    assert made["version"] == 2
    assert made["gate"], "the gate has said what it looked at"


def use_canary(project: Flights) -> None:
    versions = project.do("versions", "list", MODEL, "--json").json()["versions"]
    assert [(v["number"], v["role"]) for v in versions] == [(2, "champion"), (1, "")]
    project.do("rollback", MODEL)


def use_governance(project: Flights) -> None:
    project.do("versions", "promote", MODEL, 2, "--reason", "its gate said yes")


def use_load_testing(project: Flights) -> None:
    found = project.do("loadtest", MODEL, "--seconds", 2, "--clients", 2, "--json").json()
    assert found["errors"] == {}
    assert found["requests"] > 10


def use_orchestration(project: Flights) -> None:
    """As Airflow does it: each step a task of its own, then the version."""
    generated = "".join(path.read_text() for path in (project.root / "deploy/schedules").rglob("*.py"))
    for step in ("load", "features", "train", "evaluate"):
        assert step in generated
        project.do("run", MODEL, "--step", step)
    project.do("retrain", MODEL, "--force", "--reason", "schedule", "--no-wait")


def use_tracking(project: Flights) -> None:
    client = pytest.importorskip("mlflow", reason="needs mlflow").MlflowClient(
        f"sqlite:///{project.root}/.mvops/mlflow/mlflow.db"
    )
    (model,) = client.search_registered_models()
    champion = client.get_model_version_by_alias(model.name, "champion")
    assert champion.tags["mvops.version"] == str(project.do("status", "--json").json()["models"][0]["champion"])


def use_data_versioning(project: Flights) -> None:
    tracked = {path.relative_to(project.root).as_posix() for path in (project.root / "data").rglob("*.dvc")}
    assert tracked == {"data/flights.dvc", "data/weather.dvc"}
    assert project.do("reproduce", MODEL, "--json").json()["verdict"] == "equal"


# In the order in which a team meets them; the champion that is left is the one that is made again.
USES: dict[str, Callable[[Flights], None]] = {
    "monitoring": use_monitoring,
    "versioning": use_versioning,
    "serving": use_serving,
    "dashboards": use_dashboards,
    "load_testing": use_load_testing,
    "retraining": use_retraining,
    "canary": use_canary,
    "governance": use_governance,
    "orchestration": use_orchestration,
    "tracking": use_tracking,
    "data_versioning": use_data_versioning,
}
ELSEWHERE = {"feature_store"}  # these flights have no features; tests/cli and tests/examples use those that have


def live_in(cell: str, made: Path, root: Path) -> None:
    """All of a project's life in a cell, at `root`; `made` is one like it whose steps are in the cache."""
    project = in_cell(made, root, cell)
    theirs = set(snapshot(project.root))
    project.do("plan", "--detailed-exitcode", code=2)
    project.do("apply", "--yes")
    project.do("plan", "--detailed-exitcode")
    asked = project.capabilities()
    with served(project):
        for capability in sorted(asked.keys() - ELSEWHERE, key=list(USES).index):
            USES[capability](project)
    assert {name for name, found in project.capabilities().items() if not found["shown"]} <= ELSEWHERE
    project.do("plan", "--detailed-exitcode")
    project.do("destroy", "--yes")
    assert not (project.root / "deploy").exists()
    assert theirs <= set(snapshot(project.root))
