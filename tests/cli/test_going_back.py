"""P36: the whole project back to a state that was applied before."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest
import toy_project as toy
from toy_project import edit, mvops, query, snapshot

MODEL = Path("configs/models/toy.yaml")
NOTEBOOK = Path("pipelines/toy.ipynb")
OURS = ("configs/", "pipelines/", "deploy/")


def tree(project: Path) -> dict[str, str]:
    """YAML, notebooks and what is generated of them."""
    return {path: digest for path, digest in snapshot(project).items() if path.startswith(OURS)}


def answering(project: Path) -> dict[str, int]:
    route = json.loads((project / ".mvops/serving/toy/route.json").read_text())
    return {arm["arm"]: arm["version"] for arm in route["arms"]}


def states(project: Path) -> list[int]:
    refused = mvops(project, "rollback", "--project", "--to", "123456").refused("there is no state 123456 on record")
    return [int(line.split()[0]) for line in refused.err.splitlines() if line.strip()[:1].isdigit()]


def git(project: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", project, "-c", "user.name=a", "-c", "user.email=a@b.c", *arguments], check=True)


def test_p36_a_rollback_ends_a_canary_and_says_who_stayed_champion(project: Path) -> None:
    mvops(project, "retrain", "toy", "--force", "--no-wait").ok()
    assert answering(project) == {"champion": 1, "challenger": 2}
    kept = "toy: the canary of version 2 keeps the steps that it began with (5, 25, 100); 10, 100 are for the next one."
    assert kept in mvops(project, "plan", "models.toy.rollout.steps=[10,100]").ok().out
    assert "keeps the steps" not in mvops(project, "plan", "models.toy.rollout.hold=2s").ok().out
    said = mvops(project, "rollback", "toy").ok().out
    assert said == "toy: the rollout of version 2 is ended; version 1 stays champion and answers everything.\n"
    assert answering(project) == {"champion": 1}
    mvops(project, "rollback", "toy").refused("no champion came before version 1")
    newest, serving = mvops(project, "versions", "list", "toy").out.splitlines()
    assert "  rolled back  " in newest
    assert newest.endswith("; rolled back: by hand")
    assert "champion 100 %" in serving
    mvops(project, "versions", "promote", "toy", 2)
    assert "rolled back" not in mvops(project, "versions", "list", "toy").out
    mvops(project, "rollback", "toy").ok()
    told = mvops(project, "versions", "list", "toy", "--json").json()["versions"]
    assert [(v["state"], v["because"]) for v in told] == [("rolled back", "to version 1"), ("champion", "")]
    newest_now = mvops(project, "status", "--json").json()["models"][0]["newest"]
    assert newest_now == {"version": 2, "state": "rolled back", "because": "to version 1"}
    assert "  newest       version 2, rolled back: to version 1" in mvops(project, "status").out
    forth = mvops(project, "rollback", "toy", "--to", 2).ok().out
    assert forth == "toy: went forward again from version 1 to version 2.\n"
    was = mvops(project, "history", "toy").out
    assert "version 2 is champion: went forward again from version 1" in was
    none = mvops(project, "rollback", "toy", "--to", 2).ok().out
    assert none == "toy: version 2 is champion already: nothing to do.\n"
    assert mvops(project, "history", "toy").out == was
    told = mvops(project, "versions", "list", "toy", "--json").json()["versions"]
    assert [v["state"] for v in told] == ["champion", ""]
    back = mvops(project, "rollback", "toy", "--json").ok().json()
    assert (back["from"], back["to"], back["forward"]) == (2, 1, False)


@pytest.mark.system
def test_p36_yaml_as_the_champion_was_trained_with_trains_no_twin_of_it(project: Path) -> None:
    """After a challenger that lost, and while one is a canary; other data are another matter."""
    before = (project / MODEL).read_text()
    edit(project / MODEL, "parameters: {C: 1.0}", "parameters: {C: 0.5}")
    edit(project / MODEL, "roc_auc >= 0.6", "roc_auc >= 0.99")
    mvops(project, "apply", "--yes").ok(4)
    (project / MODEL).write_text(before)
    plan = mvops(project, "plan").ok(0).out
    assert "parameters.C: 0.5 -> 1.0\n" in plan
    assert "version 1, the champion, was trained with just this: nothing is trained" in plan
    assert "  runs: " not in plan
    assert " About " not in plan
    kept = "nothing to learn from: data, code and parameters are those of version 1"
    assert kept in mvops(project, "retrain", "toy").ok().out
    done = mvops(project, "apply", "--yes").ok()
    assert "model.toy: version 1, gate passed, champion; nothing was trained\n" in done.out
    assert len(mvops(project, "versions", "list", "toy", "--json").json()["versions"]) == 2
    assert "the gate refused" not in mvops(project, "plan", "--detailed-exitcode").ok(0).out

    edit(project / MODEL, "parameters: {C: 1.0}", "parameters: {C: 0.5}")
    mvops(project, "apply", "--yes").ok()
    assert answering(project) == {"champion": 1, "challenger": 3}
    (project / MODEL).write_text(before)
    plan = mvops(project, "plan", "models.toy.rollout.steps=[10,100]").ok().out
    assert "the canary of version 3 ends; version 1 gets all of the traffic back" in plan
    assert "keeps the steps" not in plan
    mvops(project, "apply", "--yes").ok()
    assert answering(project) == {"champion": 1}
    mvops(project, "plan", "--detailed-exitcode").ok(0)

    edit(project / MODEL, "parameters: {C: 1.0}", "parameters: {C: 0.5}")
    mvops(project, "apply", "--yes").ok()
    (project / MODEL).write_text(before)
    toy.rows(range(61)).to_csv(project / "data" / "d.csv", index=False)
    assert "retrain: a challenger is trained" in mvops(project, "plan").ok().out


@pytest.mark.system
def test_p36_the_whole_project_goes_back_and_forth_and_trains_nothing(project: Path) -> None:
    first = tree(project)
    edit(project / MODEL, "parameters: {C: 1.0}", "parameters: {C: 0.5}  # smoother")
    edit(project / MODEL, "every: 1d", "every: 6h")
    edit(project / MODEL, "rollout: {", "rollout: {strategy: replace, ")
    edit(project / NOTEBOOK, "LogisticRegression(C=C)", "LogisticRegression(C=C, max_iter=200)")
    (project / "configs/env").mkdir()
    (project / "configs/env/staging.yaml").write_text("{}\n")
    mvops(project, "apply", "--yes").ok()
    second, runs = tree(project), query(project, "SELECT count(*) FROM mvops_runs")
    (project / "configs/env/staging.yaml").write_text("# of another environment\n")
    assert answering(project) == {"champion": 2}
    now, before = states(project)
    assert f": state {now}" in mvops(project, "history").ok().out

    untouched = snapshot(project)
    refused = mvops(project, "rollback", "--project").refused("nobody to ask", "--yes")
    assert snapshot(project) == untouched
    assert f"Back to state {before}" in refused.out
    assert "traffic: version 2 -> version 1, at once; nothing is trained" in refused.out
    assert f"pipelines/toy.ipynb is written as it was in state {before}" in refused.out
    assert "~ pipelines/toy.ipynb, cell" in refused.out
    assert "-model = make_pipeline(encoded, LogisticRegression(C=C, max_iter=200))" in refused.out
    mvops(project, "rollback").refused("mvops rollback --project")

    done = mvops(project, "rollback", "--project", "--yes", "--json").ok().json()["actions"]
    assert {action["status"] for action in done} == {"done"}
    staging = {"configs/env/staging.yaml"}
    assert {p: d for p, d in tree(project).items() if p not in staging} == first
    assert answering(project) == {"champion": 1}
    mvops(project, "plan", "--detailed-exitcode").ok(0)
    assert query(project, "SELECT count(*) FROM mvops_runs") == runs
    assert "nothing to learn from" in mvops(project, "retrain", "toy").ok().out

    mvops(project, "rollback", "--project", "--to", now, "--yes").ok()
    assert {p: d for p, d in tree(project).items() if p not in staging} == {
        p: d for p, d in second.items() if p not in staging
    }
    assert answering(project) == {"champion": 2}
    mvops(project, "plan", "--detailed-exitcode").ok(0)
    assert query(project, "SELECT count(*) FROM mvops_runs") == runs

    edit(project / MODEL, "every: 6h", "every: 8h")
    refused = mvops(project, "rollback", "--project", "--to", before, "--yes").refused(
        "configs/models/toy.yaml has changes that are neither applied nor committed to Git"
    )
    git(project, "init", "-q")
    git(project, "add", "configs")
    git(project, "commit", "-qm", "8h")
    mvops(project, "rollback", "--project", "--to", before).refused("nobody to ask")


class DiedError(BaseException):
    """The process is gone, in the middle of it."""


def _dies(*_: object) -> None:
    raise DiedError


@pytest.mark.system
def test_p36_a_canary_ends_a_model_that_was_not_there_goes_and_what_is_gone_is_said(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the first try dies when the files are written and the versions have not moved yet."""
    edit(project / MODEL, "C: 1.0", "C: 0.7")
    second = (project / MODEL).read_text() + f"endpoint: {{port: {toy.free_port()}}}\n"
    (project / "configs/models/second.yaml").write_text(second)
    start = (
        "no endpoint runs here that it could move on by; `mvops serve toy`, then `mvops rollout status toy --follow`"
    )
    assert f"canary at 5 %: {start}" in mvops(project, "apply", "--yes").ok().out
    following = toy.spawn(project, "rollout", "status", "toy", "--follow")
    assert following.stdout is not None
    assert "(5 %) waits: the endpoint does not answer; start it: mvops serve toy" in following.stdout.readline()
    following.send_signal(signal.SIGINT)
    toy.finish(following, 30)
    assert answering(project) == {"champion": 1, "challenger": 2}
    regated = mvops(project, "plan", "models.toy.gate=['roc_auc >= 0.7']").ok().out
    assert "the gate until now let version 2 pass, which is a canary at 5 %: it goes on" in regated
    assert "to its end: mvops rollout status toy --follow; no further: mvops rollout abort toy" in regated
    under_way = "note: toy: version 2 is a canary at 5 %; how it goes: mvops rollout status toy\n"
    assert [under_way in mvops(project, "plan").ok().out for _ in range(2)] == [True, True]
    superseded = mvops(project, "plan", "models.toy.pipeline.parameters.C=0.6").ok().out
    assert "the canary of version 2, at 5 %, ends when the new version begins" in superseded
    assert "the gate's yes makes it a canary: 5, 25, 100 % of the traffic" in superseded
    with (project / MODEL).open("a") as file:
        file.write("description: homes\n")
    mvops(project, "apply", "--yes").ok()
    mvops(project, "rollback", "--project", "--yes").ok()  # only that: version 2 was a canary then, too
    assert answering(project) == {"champion": 1, "challenger": 2}
    first = states(project)[-1]
    said = mvops(project, "rollback", "--project", "--to", first).refused("nobody to ask").out
    assert "traffic: the canary of version 2, at 5 %, ends" in said
    assert "configs/models/second.yaml is taken away: it was not there then" in said
    assert "- endpoint.second" in said
    with monkeypatch.context() as patch:
        patch.setattr("mvops.performing.perform.go_back", _dies)
        with pytest.raises(DiedError):
            mvops(project, "rollback", "--project", "--to", first, "--yes")
    assert "canary at 5 %" in mvops(project, "state", "show", "model.toy").ok().out
    mvops(project, "rollback", "--project", "--to", first, "--yes").ok()
    assert "traffic: champion" in mvops(project, "state", "show", "model.toy").ok().out
    same = mvops(project, "rollback", "--project", "--to", states(project)[0]).ok().out
    assert "To another state: mvops rollback --project --to STATE" in same
    assert answering(project) == {"champion": 1}
    assert not (project / "configs/models/second.yaml").exists()
    mvops(project, "plan", "--detailed-exitcode").ok(0)
    mvops(project, "state", "mv", "toy", "plaything", "--yes").ok()
    untouched = snapshot(project)
    mvops(project, "rollback", "--project", "--yes").refused(
        "had version 1 of toy, which is not there any more", "Give it that name first: mvops state mv plaything toy"
    )
    assert snapshot(project) == untouched
