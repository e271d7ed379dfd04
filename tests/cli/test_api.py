"""The same from Python."""

from __future__ import annotations

import copy
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from toy_project import edit, environment, logged, mvops, rows, snapshot

import mvops as api
from mvops.errors import ArtifactError, DataError, UsageError

COLUMNS = ["age", "income", "region"]


def test_p42_a_plan_is_the_commands_and_is_applied(project: Path) -> None:
    assert api.plan(project).pending() == ()
    before = snapshot(project)
    planned = api.plan(project, overrides=["models.toy.monitor.every=1h"])
    typed = mvops(project, "plan", "models.toy.monitor.every=1h", "--json").ok().json()
    assert (planned.id, len(planned.pending())) == (typed["id"], 2)
    assert str(planned).startswith("~ monitor.toy  update: settings.every changed\n"), str(planned)
    assert f"plan {planned.id} of toy: 2 update, 4 keep" in str(planned)
    assert snapshot(project) == before
    done = api.apply(planned, project)
    assert [(each.action.address, each.status) for each in done] == [("monitor.toy", "done"), ("schedule.toy", "done")]
    narrowed = api.plan(project, scope=api.Scope(targets=("monitor.*",)))
    assert [action.address for action in narrowed.pending()] == ["monitor.toy"]
    api.apply(directory=project)
    mvops(project, "plan", "--detailed-exitcode").ok(0)


def test_p42_what_fails_is_in_the_answer(project: Path) -> None:
    edit(project / "pipelines/toy.ipynb", "LogisticRegression(C=C)", "LogisticRegression(C=C / 0)")
    found = {each.action.address: each for each in api.apply(directory=project)}
    assert "ZeroDivisionError" in str(found["pipeline.toy"].error)
    assert found["model.toy"].status == "skipped"


def test_a_model_answers_in_a_notebook(project: Path) -> None:
    (line,) = api.versions("toy", project)
    assert (line.version.number, line.role) == (1, "champion")
    model = api.load_model("toy", directory=project)
    assert set(model.predict(rows(range(1))[COLUMNS])) <= {0, 1}
    assert api.load_model("toy", 1, project).version == model.version == 1
    frame = rows(range(1))[["region", "y", "income", "age"]]  # in another order, and with what it does not read
    assert model.predict_proba(frame).tolist() == model.estimator.predict_proba(frame[COLUMNS]).tolist()
    assert model.classes_.tolist() == [0, 1]
    assert repr(model) == "<toy version 1: Pipeline>"
    assert list(model.schema.index) == COLUMNS
    assert model.schema.loc["region", "categories"] == ("a", "b", "c", "d")
    assert model.schema.loc["age", "type"] == "number"
    assert not model.schema.nullable.any()
    assert not hasattr(model, "decision_of")
    assert copy.copy(model).version == 1
    with pytest.raises(
        DataError, match="version 1 of toy reads income, which the frame does not have; did you mean 'incom'"
    ):
        model.predict(frame.rename(columns={"income": "incom"}))
    assert api.run("toy", project, step="evaluate").status == "succeeded"
    assert api.status(project).models[0].champion.number == 1
    with pytest.raises(UsageError, match="no model 'tyo'"):
        api.load_model("tyo", directory=project)
    sha256 = model.info.artifact.sha256
    path = project / ".mvops/artifacts" / sha256[:2] / sha256[2:]
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(ArtifactError):
        api.load_model("toy", directory=project)


def test_predictions_are_a_table(project: Path) -> None:
    assert list(api.predictions("toy", project).columns[:2]) == ["prediction_id", "time"]
    logged(project)
    found = api.predictions("toy", project, since=datetime(2024, 3, 2, tzinfo=UTC))
    assert found["inputs.age"].tolist() == [42.0, 43.0]
    assert str(found["time"].dt.tz) == "UTC"


def test_importing_it_loads_nothing_heavy() -> None:
    script = "import mvops, sys; print(sorted({'pandas', 'sqlmodel', 'pydantic', 'hydra'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
