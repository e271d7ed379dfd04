"""A tracker that cannot be told: one clear message, nothing else held up, no secret shown."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from closed_doors import not_mlflow, silent
from toy_project import edit, mvops, query, typed

BLOCKED = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "mlflow":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Block())
from mvops.cli.app import main
main()
"""


def told_to(project: Path, uri: str, more: str = "") -> Path:
    with (project / "configs" / "project.yaml").open("a") as file:
        options = f"{{uri: '{uri}'{more}}}"
        file.write(f"\ncapabilities: {{tracking: true}}\ntracker: {{backend: mlflow, options: {options}}}\n")
    return project


def test_a_server_that_is_down_fails_its_own_action_and_holds_up_no_other(project: Path) -> None:
    told_to(project, "http://127.0.0.1:1")
    edit(project / "configs" / "models" / "toy.yaml", "every: 1d, false_alarms", "every: 2d, false_alarms")
    shown = mvops(project, "plan").ok().out
    assert "+ tracker.toy" in shown
    assert "note: tracker.toy could not be looked at: MLflow at http://127.0.0.1:1 does not answer" in shown
    failed = mvops(project, "apply", "--yes").refused(
        "MLflow at http://127.0.0.1:1 does not answer", "correct tracker.options.uri in configs/project.yaml"
    )
    assert "FAILED  create tracker.toy" in failed.out
    assert "ok      update monitor.toy" in failed.out
    again = mvops(project, "plan", "--detailed-exitcode").ok(2).out
    assert "Plan: 1 to create" in again


@pytest.mark.system
def test_one_that_was_never_reached_is_told_of_at_each_move_and_caught_up_by_apply(project: Path) -> None:
    mlflow = pytest.importorskip("mlflow", reason="needs mlflow")
    told_to(project, "http://127.0.0.1:1")
    said = (
        "note: tracker.toy was not told: no `mvops apply` has reached mlflow yet. Nothing that serves depends on it; "
    )
    for command in (
        ("retrain", "toy", "--force", "--no-wait"),
        ("versions", "promote", "toy", 2),
        ("rollback", "toy"),
    ):
        told = mvops(project, *command).ok().err
        assert told.endswith(f"{said}`mvops apply` makes up for it.\n")
        assert told.count("note: ") == 1
    there = f"sqlite:///{project}/mlflow.db"
    edit(project / "configs" / "project.yaml", "http://127.0.0.1:1", there)
    mvops(project, "apply", "--yes").ok()
    client = mlflow.MlflowClient(there)
    assert {version.version for version in client.search_model_versions("name = 'toy'")} == {1, 2}
    assert client.get_registered_model("toy").aliases == {"champion": 1}
    assert mvops(project, "versions", "promote", "toy", 2).ok().err == ""
    assert client.get_registered_model("toy").aliases == {"champion": 2}


def test_a_server_that_never_answers_holds_a_plan_for_seconds(project: Path) -> None:
    with silent() as uri, not_mlflow() as other:
        told_to(project, uri)
        began = time.monotonic()
        assert "could not be looked at: MLflow at" in mvops(project, "plan").ok().out
        assert time.monotonic() - began < 30
        edit(project / "configs" / "project.yaml", uri, other)
        assert "what answers there is not MLflow" in mvops(project, "plan").ok().out


def test_a_missing_extra_is_named_and_nothing_else_waits_for_it(project: Path) -> None:
    told_to(project, "http://127.0.0.1:1")
    command = (sys.executable, "-c", BLOCKED)
    shown = typed(project, "plan", command=command).ok().out
    assert "tracker.toy could not be looked at: The tracker 'mlflow' needs a library that is not installed" in shown
    typed(project, "apply", "--yes", command=command).refused("pip install 'mvops[mlflow]'")


@pytest.mark.parametrize("uri", ["http://ann:s3cr3t@127.0.0.1:1", "postgresql://ann:s3cr3t@127.0.0.1:1/mlflow"])
def test_credentials_in_the_uri_are_refused_and_not_repeated(project: Path, uri: str) -> None:
    told_to(project, uri)
    for arguments in (("plan",), ("apply", "--yes")):
        said = mvops(project, *arguments).refused("tracker.options.uri", "MLFLOW_TRACKING_PASSWORD")
        assert "s3cr3t" not in said.out + said.err
    assert "s3cr3t" not in str(query(project, "SELECT * FROM mvops_records, mvops_journal, mvops_events"))


@pytest.mark.parametrize(
    ("uri", "more", "said"),
    [
        ("ftp://127.0.0.1", "", "write an MLflow server, such as http://127.0.0.1:5000"),
        ("http://127.0.0.1:1", ", experimnt: x", "tracker.options.experimnt"),
        ("http://127.0.0.1:1", ", prefix: 'a/b'", "tracker.options.prefix"),
    ],
)
def test_an_option_that_does_not_fit_is_named(project: Path, uri: str, more: str, said: str) -> None:
    told_to(project, uri, more)
    mvops(project, "plan").refused("configs/project.yaml", said)


def test_a_tracker_or_a_dashboard_that_does_not_exist_meets_the_nearest_one(project: Path) -> None:
    told_to(project, "http://127.0.0.1:1")
    edit(project / "configs" / "project.yaml", "backend: mlflow", "backend: mlfow")
    mvops(project, "plan").refused(
        "configs/project.yaml:",
        "there is no backend 'mlfow' in trackers",
        "did you mean 'mlflow'?",
        "None at all: capabilities: {tracking: false}",
    )
    with (project / "configs" / "project.yaml").open("a") as spec:
        spec.write("dashboard: {backend: grafna}\n")
    mvops(project, "plan").refused(
        "there is no backend 'grafna' in dashboards",
        "did you mean 'grafana'?",
        "None at all: capabilities: {dashboards: false}",
    )


def test_where_tracking_is_switched_off_the_plan_says_where(project: Path) -> None:
    told_to(project, "http://127.0.0.1:1")
    spec = project / "configs" / "project.yaml"
    edit(spec, "tracking: true", "tracking: false")
    line = next(n for n, text in enumerate(spec.read_text().splitlines(), 1) if "tracking: false" in text)
    shown = mvops(project, "plan", "--detailed-exitcode").ok(0).out
    assert f"tracker is not acted upon: configs/project.yaml:{line} switches capabilities.tracking off" in shown
