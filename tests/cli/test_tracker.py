"""A model's life as MLflow is told of it: a real server on SQLite, the command line, MLflow's own client to look."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mlflow_server import MlflowServer
from toy_project import Result, cached, edit, mvops, query, rows

pytestmark = [
    pytest.mark.long(minutes=3),
    pytest.mark.system,
    pytest.mark.xdist_group("mlflow"),
    pytest.mark.real("trackers", "mlflow", "a server on SQLite"),
]

# A PNG of one pixel, as a cell of a notebook would show a plot.
PLOT = """
import base64
from IPython.display import Image, display
display(Image(base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")))
"""


@dataclass
class Story:
    """What each command said, and what MLflow held after it."""

    root: Path
    server: MlflowServer
    said: dict[str, Result] = field(default_factory=dict)
    held: dict[str, dict[str, Any]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def do(self, moment: str, *arguments: object) -> Result:
        began = time.monotonic()
        self.said[moment] = mvops(self.root, *arguments)
        self.seconds[moment] = time.monotonic() - began
        return self.said[moment]

    def look(self, moment: str) -> dict[str, Any]:
        client = self.client()
        (model,) = client.search_registered_models() or [None]
        self.held[moment] = {
            "aliases": {} if model is None else {alias: int(number) for alias, number in model.aliases.items()},
            "versions": {int(v.version): dict(v.tags) for v in client.search_model_versions("name = 'toy'")},
            "runs": [run for e in client.search_experiments() for run in client.search_runs([e.experiment_id])],
        }
        return self.held[moment]

    def client(self) -> Any:
        from mlflow import MlflowClient

        return MlflowClient(self.server.url, self.server.url)


@pytest.fixture(scope="module")
def story(applied: Path, tmp_path_factory: pytest.TempPathFactory, outside: Callable[[str], Path]) -> Iterator[Story]:
    pytest.importorskip("mlflow", reason="needs mlflow")
    folder = tmp_path_factory.mktemp("mlflow")
    server = MlflowServer(outside("mlflow"), folder)
    root = cached(applied, folder / "toy")
    edit(
        root / "pipelines" / "toy.ipynb",
        "print(roc_auc_score",
        PLOT.strip().replace('"', '\\"').replace("\n", "\\n") + "\\nprint(roc_auc_score",
    )
    edit(root / "configs" / "project.yaml", "  - _self_", "  - trackers: mlflow\n  - _self_")
    with (root / "configs" / "project.yaml").open("a") as project:
        project.write(f"\ncapabilities: {{tracking: true}}\ntracker: {{options: {{uri: '{server.url}'}}}}\n")
    told = Story(root, server)
    told.server.start()
    try:
        tell(told)
        yield told
    finally:
        server.stop()


def tell(story: Story) -> None:
    """One after the other; a command's exit code is looked at by the tests."""
    for chapter in (_made, _moved, _by_hand, _while_it_is_down, _runs, _destroyed):
        chapter(story)


def _made(story: Story) -> None:
    story.do("first plan", "plan")
    story.do("apply", "apply", "--yes").ok()
    story.look("apply")
    story.do("plan after apply", "plan", "--detailed-exitcode")


def _moved(story: Story) -> None:
    data = story.root / "data" / "d.csv"
    pd.concat([pd.read_csv(data), rows(range(60, 65), seed=1)]).to_csv(data, index=False)
    story.do("plan of new data", "plan")
    story.do("retrain", "retrain", "toy", "--no-wait").ok()
    story.look("retrain")
    story.do("plan after retrain", "plan", "--detailed-exitcode")
    story.do("promote", "versions", "promote", "toy", 2, "--reason", "trusted").ok()
    story.look("promote")
    story.do("plan after promote", "plan", "--detailed-exitcode")
    story.do("rollback", "rollback", "toy").ok()
    story.look("rollback")
    story.do("plan after rollback", "plan", "--detailed-exitcode")


def _by_hand(story: Story) -> None:
    client = story.client()
    client.set_registered_model_alias("toy", "champion", "2")
    client.set_registered_model_alias("toy", "mine", "2")
    client.set_model_version_tag("toy", "2", "note", "theirs")
    story.do("plan of a moved alias", "plan", "--detailed-exitcode")
    story.do("apply after a moved alias", "apply", "--yes").ok()
    story.look("a moved alias")
    client.delete_model_version("toy", "1")
    story.do("plan of a deleted version", "plan", "--detailed-exitcode")
    story.do("apply after a deleted version", "apply", "--yes").ok()
    story.look("a deleted version")
    story.do("plan after both", "plan", "--detailed-exitcode")


def _while_it_is_down(story: Story) -> None:
    story.server.stop()
    story.do("promote while down", "versions", "promote", "toy", 2, "--reason", "no time to wait").ok()
    story.do("plan while down", "plan", "--detailed-exitcode")
    story.do("apply while down", "apply", "--yes")
    story.do("history", "history")
    story.server.start()
    story.do("plan when back", "plan", "--detailed-exitcode")
    story.do("apply when back", "apply", "--yes").ok()
    story.look("back")
    story.do("plan after that", "plan", "--detailed-exitcode")


def _runs(story: Story) -> None:
    story.do("run", "run", "toy", "-p", "C=0.01").ok()
    story.do("run that fails", "run", "toy", "-p", "C=-1")
    story.do("plan after runs", "plan", "--detailed-exitcode")
    story.look("runs")


def _destroyed(story: Story) -> None:
    story.do("destroy", "destroy", "--yes").ok()
    story.look("destroy")


def runs_by_reason(held: dict[str, Any], reason: str) -> list[Any]:
    return [run for run in held["runs"] if run.data.tags["mvops.reason"] == reason]


def test_the_first_plan_says_what_will_be_told(story: Story) -> None:
    assert "mlflow is told of the run and the version that are made" in story.said["first plan"].out


def test_apply_tells_of_run_version_and_champion(story: Story) -> None:
    held = story.held["apply"]
    assert held["aliases"] == {"champion": 1}
    (tags,) = held["versions"].values()
    assert tags["mvops.version"] == "1"
    ((body,),) = query(story.root, "SELECT body FROM mvops_versions WHERE number = 1")
    assert tags["mvops.artifact"] == json.loads(body)["artifact"]["sha256"]
    (run,) = held["runs"]
    assert run.info.status == "FINISHED"
    assert run.data.params["C"] == "1.0"
    assert set(run.data.metrics) == {"roc_auc", "log_loss"}
    assert run.data.tags["mvops.run"] == tags["mvops.run"]
    assert run.data.tags["mvops.data.data_path"] == tags["mvops.data.data_path"]


def test_notebooks_plots_and_model_are_the_runs_files(story: Story) -> None:
    client = story.client()
    run = runs_by_reason(story.held["apply"], "new")[0].info.run_id
    assert {f.path for f in client.list_artifacts(run, "notebooks")} == {
        f"notebooks/{step}.ipynb" for step in ("load", "features", "train", "evaluate")
    }
    assert [f.path for f in client.list_artifacts(run, "plots")] == ["plots/evaluate-1.png"]
    assert "model/MLmodel" in {f.path for f in client.list_artifacts(run, "model")}


@pytest.mark.parametrize("moment", ["apply", "retrain", "promote", "rollback", "both", "that", "runs"])
def test_after_every_command_the_plan_is_empty(story: Story, moment: str) -> None:
    said = story.said[f"plan after {moment}"]
    assert said.code == 0, said
    assert "Nothing to do" in said.out
    assert said.err == ""


def test_a_retraining_makes_a_challenger_and_moving_traffic_moves_the_aliases(story: Story) -> None:
    assert "mlflow is told of the run and the version that are made" in story.said["plan of new data"].out
    assert story.held["retrain"]["aliases"] == {"champion": 1, "challenger": 2}
    assert story.held["promote"]["aliases"] == {"champion": 2}
    assert story.held["rollback"]["aliases"] == {"champion": 1}
    assert len(story.held["rollback"]["runs"]) == 2


def test_an_alias_moved_by_hand_is_drift_and_is_put_back(story: Story) -> None:
    said = story.said["plan of a moved alias"]
    assert said.code == 3, said
    assert "! tracker.toy" in said.out
    assert "aliases.champion is 2, should be 1" in said.out
    held = story.held["a moved alias"]
    assert held["aliases"] == {"champion": 1, "mine": 2}
    assert held["versions"][2]["note"] == "theirs"


def test_a_version_deleted_by_hand_is_drift_and_is_told_again(story: Story) -> None:
    said = story.said["plan of a deleted version"]
    assert said.code == 3, said
    assert "versions.1 is absent" in said.out
    held = story.held["a deleted version"]
    assert {number: tags["mvops.version"] for number, tags in held["versions"].items()} == {2: "2", 3: "1"}
    assert held["aliases"] == {"champion": 3, "mine": 2}


def test_traffic_moves_while_mlflow_is_down(story: Story) -> None:
    said = story.said["promote while down"]
    assert "version 2 is champion" in said.out
    assert said.err.count("tracker.toy was not told: MLflow at ") == 1
    assert "Traceback" not in said.err
    assert story.seconds["promote while down"] < 30
    assert "the tracker was not told" in story.said["history"].out


def test_a_plan_says_that_it_could_not_look_and_apply_fails_that_one_action(story: Story) -> None:
    said = story.said["plan while down"]
    assert said.code == 2
    assert "note: tracker.toy could not be looked at: MLflow at " in said.out
    assert "aliases.champion: 1 -> 2" in said.out
    assert story.seconds["plan while down"] < 30
    story.said["apply while down"].refused(f"MLflow at {story.server.url} does not answer", "mvops apply")


def test_the_next_apply_makes_up_for_it(story: Story) -> None:
    said = story.said["plan when back"]
    assert said.code == 2
    assert "aliases.champion: 1 -> 2" in said.out
    assert story.held["back"]["aliases"] == {"champion": 2, "mine": 2}


def test_runs_by_hand_are_told_and_evaluated_and_so_are_those_that_fail(story: Story) -> None:
    by_hand = runs_by_reason(story.held["runs"], "mvops run")
    assert {(run.info.status, run.data.params["C"]) for run in by_hand} == {("FINISHED", "0.01"), ("FAILED", "-1")}
    finished = next(run for run in by_hand if run.info.status == "FINISHED")
    assert set(finished.data.metrics) == {"roc_auc", "log_loss"}
    failed = next(run for run in by_hand if run.info.status == "FAILED")
    assert "C" in failed.data.tags["mvops.error"]
    assert story.said["run that fails"].code == 1


def test_destroy_takes_the_aliases_and_leaves_history(story: Story) -> None:
    assert "its aliases are taken away; runs and versions are history and stay" in story.said["destroy"].out
    held = story.held["destroy"]
    assert held["aliases"] == {"mine": 2}
    assert len(held["versions"]) == 2
    assert len(held["runs"]) == 4


def test_mlflow_loads_a_version_where_mvops_is_not_installed(story: Story) -> None:
    script = f"""
import mlflow, pandas
mlflow.set_tracking_uri({story.server.url!r})
model = mlflow.pyfunc.load_model("models:/toy/2")
print(model.predict(pandas.DataFrame({{"age": [20.0, 70.0], "income": [1e4, 1e4], "region": ["a", "a"]}})).tolist())
"""
    done = subprocess.run([story.server.python, "-c", script], capture_output=True, check=False, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip().splitlines()[-1] == "[0, 1]"


def test_p29_a_tracking_server_is_told_from_an_endpoint(story: Story) -> None:
    mvops(story.root, "import", story.server.url, "--model", "toy").refused(
        "is MLflow's tracking server 3", f"mvops import models:/NAME/VERSION --uri {story.server.url}"
    )
