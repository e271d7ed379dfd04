"""A preset as a team lives it: the flights project is applied, everything that the cell switches on is used through the
command line and over HTTP until `mvops maturity` has seen it work, and it is destroyed again.

Each team has a file of its own beside this one, so that they can run at the same time.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
from flights_project import DAYS, PLAIN, Flights, in_cell, replay, served, traffic
from toy_project import finish, free_port, snapshot, spawn


def use_monitoring(project: Flights) -> None:
    counted = replay(project, "--since", DAYS[0], "--until", DAYS[1])
    assert counted["answers"] > 1000
    assert counted["failures"] == 0
    report = project.do("monitor", project.model, "--until", DAYS[1], "--json").json()["models"][0]
    assert report["predictions"] == counted["answers"]
    assert len(report["windows"]) == 2
    assert [c["delivered"] for c in project.do("alerts", "test", project.model, "--json").json()["channels"]] == [True]


def use_versioning(project: Flights) -> None:
    version = project.do("versions", "show", project.model, 1, "--json").json()
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


def use_feature_store(project: Flights) -> None:
    """A row with nothing but its entities is answered like one that brings what the store knows of them."""
    brought = project.do("features", "materialize", "--json").json()["views"]
    assert {view["name"] for view in brought} == {"airport_weather", "carrier_delays"}
    asked = {"carrier": "UA", "origin": "JFK", "distance": 1089, "hour": 17, "weekday": 4}
    whole: dict[str, Any] = dict(asked)
    for view, key in (("airport_weather", "origin"), ("carrier_delays", "carrier")):
        values = pd.read_parquet(project.root / "data/features" / view)
        latest = values[values[key] == asked[key]].sort_values("known_at").iloc[-1]
        whole |= {field: latest[field].item() for field in values.columns.difference([key, "known_at"])}
    client = project.client()
    assert client.predict([asked]).probabilities == client.predict([whole]).probabilities
    assert client.predict([asked | {"origin": "LGA"}]).probabilities != client.predict([asked]).probabilities
    listed = project.do("features", "list", "--json").json()["views"]
    assert all(any(project.model in user for user in view["used_by"]) for view in listed)


def use_retraining(project: Flights) -> None:
    jobs = project.do("schedule", "list", "--json").json()["jobs"]
    assert {"retrain", "monitor"} <= {job["job"].partition("_")[0] for job in jobs}
    with traffic(project):
        project.by_clock("retrain", project.model, "--force", "--reason", "schedule")
    assert "  gate: " in (project.root / ".mvops/schedule.log").read_text(), "the gate has said what it looked at"
    assert len(project.do("versions", "list", project.model, "--json").json()["versions"]) == 2


def use_canary(project: Flights) -> None:
    versions = project.do("versions", "list", project.model, "--json").json()["versions"]
    assert [(v["number"], v["role"]) for v in versions] == [(2, "champion"), (1, "")]
    project.do("rollback", project.model)


def use_governance(project: Flights) -> None:
    project.do("versions", "promote", project.model, 2, "--reason", "its gate said yes")


def use_load_testing(project: Flights) -> None:
    found = project.do("loadtest", project.model, "--seconds", 2, "--clients", 2, "--json").json()
    assert found["errors"] == {}
    assert found["requests"] > 10


def use_orchestration(project: Flights) -> None:
    """As Airflow does it: each step a task of its own, then the version."""
    generated = "".join(path.read_text() for path in (project.root / "deploy/schedules").rglob("*.py"))
    prepared = ("load", "features") if project.model == PLAIN else ("read", "split")
    for step in (*prepared, "train", "evaluate"):
        assert step in generated
        project.do("run", project.model, "--step", step)
    project.by_clock("retrain", project.model, "--force", "--reason", "schedule", "--no-wait")


def use_tracking(project: Flights) -> None:
    client = pytest.importorskip("mlflow", reason="needs mlflow").MlflowClient(
        f"sqlite:///{project.root}/.mvops/mlflow/mlflow.db"
    )
    (model,) = client.search_registered_models()
    champion = client.get_model_version_by_alias(model.name, "champion")
    assert champion.tags["mvops.version"] == str(project.do("status", "--json").json()["models"][0]["champion"])


def use_data_versioning(project: Flights) -> None:
    tracked = {path.relative_to(project.root).as_posix() for path in (project.root / "data").rglob("*.dvc")}
    assert tracked == {"data/weather.dvc"} | ({"data/flights.dvc"} if project.model == PLAIN else set())
    assert project.do("reproduce", project.model, "--json").json()["verdict"] == "equal"


# In the order in which a team meets them; the champion that is left is the one that is made again.
USES: dict[str, Callable[[Flights], None]] = {
    "monitoring": use_monitoring,
    "versioning": use_versioning,
    "serving": use_serving,
    "dashboards": use_dashboards,
    "feature_store": use_feature_store,
    "load_testing": use_load_testing,
    "retraining": use_retraining,
    "canary": use_canary,
    "governance": use_governance,
    "orchestration": use_orchestration,
    "tracking": use_tracking,
    "data_versioning": use_data_versioning,
}


def live_in(cell: str, made: Path, root: Path) -> None:
    """All of a project's life in a cell, at `root`; `made` is one like it whose steps are in the cache."""
    project = in_cell(made, root, cell)
    theirs = set(snapshot(project.root))
    project.do("plan", "--detailed-exitcode", code=2)
    project.do("apply", "--yes")
    project.do("plan", "--detailed-exitcode")
    asked = project.capabilities()
    with served(project):
        for capability in sorted(asked, key=list(USES).index):
            USES[capability](project)
    evidence = {name: [proof["seen"] for proof in found["evidence"]] for name, found in project.capabilities().items()}
    assert [name for name, dates in evidence.items() if not all(dates)] == [], evidence
    project.do("plan", "--detailed-exitcode")
    project.do("destroy", "--yes")
    assert not (project.root / "deploy").exists()
    assert theirs <= set(snapshot(project.root))
