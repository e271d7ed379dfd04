"""Inputs tracked with the real DVC in a real Git repository: apply, reproduce, and what can fail."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from looking import looked_at, planned, settled
from toy_project import ROOT, cached, copy, edit, mvops, query, rows, snapshot, typed

pytestmark = [
    pytest.mark.long(minutes=2),
    pytest.mark.system,
    pytest.mark.xdist_group("cli-dvc"),
    pytest.mark.real("data_versioners", "dvc", "DVC in a Git repository, a local remote"),
    pytest.mark.skipif(importlib.util.find_spec("dvc") is None, reason="needs mvops[dvc]"),
]
CONFIG = "configs/project.yaml"


def run(root: Path, *command: str) -> str:
    quiet = os.environ | {"DVC_NO_ANALYTICS": "1", "CI": "1"}
    done = subprocess.run(command, cwd=root, env=quiet, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def dvc(root: Path, *arguments: str) -> None:
    run(root, sys.executable, "-m", "dvc", *arguments)


def git(root: Path, *arguments: str) -> str:
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false")
    return run(root, "git", *who, *arguments)


def commit(root: Path, message: str) -> str:
    git(root, "add", ".")
    git(root, "commit", "-qm", message)
    return git(root, "rev-parse", "HEAD")


def remote(root: Path) -> Path:
    return root.parent / "remote"


def point_to_remote(root: Path) -> None:
    text = f"[core]\n    remote = storage\n['remote \"storage\"']\n    url = {remote(root)}\n"
    (root / ".dvc/config").write_text(text)


def with_dvc(root: Path) -> Path:
    git(root, "init", "-q")
    dvc(root, "init", "-q")
    point_to_remote(root)
    edit(root / CONFIG, "  - _self_\n", "  - data_versioners: dvc\n  - _self_\n")
    return root


@pytest.fixture(scope="module")
def two_versions(applied: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Version 1 on data of its own, committed; version 2 on other data. Only to be copied."""
    root = with_dvc(cached(applied, tmp_path_factory.mktemp("dvc") / "toy"))
    planned = mvops(root, "plan").ok().out
    assert "track: dvc add data/d.csv" in planned
    assert "dvc push to the remote storage" in planned
    assert "commit to Git: data/d.csv.dvc" in mvops(root, "apply", "--yes").ok().out
    mvops(root, "plan", "--detailed-exitcode").ok(0)
    commit(root, "Version 1")
    rows(range(60), seed=1).to_csv(root / "data/d.csv", index=False)
    assert "commit to Git: data/d.csv.dvc" in mvops(root, "retrain", "toy", "--no-wait").ok().out
    mvops(root, "plan", "--detailed-exitcode").ok(0)
    return root


def test_p41_what_dvc_says_is_looked_at_again_by_a_plan_that_is_said_again(two_versions: Path, tmp_path: Path) -> None:
    root = copy(two_versions, tmp_path / "toy")
    said = settled(root)
    again, unnoticed = looked_at(root)
    assert unnoticed == set()
    assert root / "data/d.csv.dvc" in again
    with (root / "data/d.csv.dvc").open("a") as file:
        file.write("# only a remark\n")
    assert planned(root)[1]
    edit(root / "data/d.csv.dvc", "md5: ", "md5: 0")
    assert planned(root)[0].ok().out != said


@pytest.fixture
def history(two_versions: Path, tmp_path: Path) -> Path:
    """A copy, with a copy of its remote."""
    root = copy(two_versions, tmp_path / "toy")
    shutil.copytree(remote(two_versions), remote(root))
    point_to_remote(root)
    return root


@pytest.fixture
def fresh_dvc(applied: Path, tmp_path: Path) -> Path:
    """Before its first apply, with DVC made ready."""
    return with_dvc(cached(applied, tmp_path / "toy"))


def test_what_github_could_not_pull_is_said_by_the_plan(fresh_dvc: Path) -> None:
    asked = ("scheduler.backend=github_actions", "ci={backend: github_actions}")
    said = mvops(fresh_dvc, "plan", *asked).ok().out
    assert "starts on an empty machine, and DVC keeps the data on this one: give it a remote on a server" in said
    assert "starts on an empty machine, and DVC keeps the data here: dvc remote add -d NAME s3://BUCKET" in said
    assert "registry and predictions and artifacts are files" in said, "these are told by themselves"
    assert "DVC keeps the data" in mvops(fresh_dvc, "plan", *asked, "data.options={push: false}").ok().out
    edit(fresh_dvc / ".dvc/config", f"url = {remote(fresh_dvc)}", "url = s3://bucket/data")
    assert "DVC keeps the data" not in mvops(fresh_dvc, "plan", *asked).ok().out


def seen(root: Path) -> dict[str, str]:
    """What a person would look at: without DVC's own cache, into which it pulls."""
    return {name: sha256 for name, sha256 in snapshot(root).items() if not name.startswith((".dvc/cache", ".dvc/tmp"))}


def wipe(root: Path) -> None:
    (root / "data/d.csv").unlink(missing_ok=True)
    shutil.rmtree(root / ".dvc/cache", ignore_errors=True)


def test_old_data_is_pulled_and_the_version_is_made_again(history: Path) -> None:
    first, second = (mvops(history, "versions", "show", "toy", n, "--json").ok().json() for n in (1, 2))
    pointer = git(history, "show", "HEAD:data/d.csv.dvc")
    assert first["revisions"]["data_path"]["backend"] == "dvc"
    assert f"md5: {first['revisions']['data_path']['id']}" in pointer
    assert f"md5: {second['revisions']['data_path']['id']}" in (history / "data/d.csv.dvc").read_text()
    shown = mvops(history, "versions", "show", "toy", 2).ok().out
    assert f"kept: dvc {second['revisions']['data_path']['id']}, 1 file" in shown
    assert f"code         pipelines/toy.ipynb, commit {git(history, 'rev-parse', 'HEAD')[:12]}" in shown
    wipe(history)
    before = seen(history)
    found = mvops(history, "reproduce", "toy@1", "--json").ok().json()
    assert (found["verdict"], found["differences"]) == ("equal", [])
    assert found["data"] == {"data_path": f"dvc {first['revisions']['data_path']['id']}"}
    assert seen(history) == before
    assert not (history / "data/d.csv").exists()
    event = json.loads(query(history, "SELECT details FROM mvops_events WHERE kind = 'reproduce'")[-1][0])
    assert (event["version"], event["verdict"]) == (1, "equal")


def test_a_remote_that_is_gone_and_one_that_was_tampered_with(history: Path) -> None:
    wipe(history)
    away = remote(history).rename(remote(history).with_name("away"))
    mvops(history, "reproduce", "toy@1").refused("DVC cannot bring back data/d.csv", "dvc remote list")
    away.rename(remote(history))
    revision = mvops(history, "versions", "show", "toy", 1, "--json").json()["revisions"]["data_path"]["id"]
    content = remote(history) / "files/md5" / revision[:2] / revision[2:]
    content.chmod(0o644)
    content.write_text(content.read_text().replace("a", "b"))
    mvops(history, "reproduce", "toy@1").refused("DVC cannot bring back data/d.csv", "as it was")
    assert query(history, "SELECT * FROM mvops_events WHERE kind = 'reproduce'") == []


def test_a_remote_that_is_added_later_is_pushed_to_by_the_next_apply(history: Path) -> None:
    shutil.rmtree(remote(history))
    (history / ".dvc/config").write_text("")
    rows(range(60), seed=2).to_csv(history / "data/d.csv", index=False)
    mvops(history, "apply", "--yes", "--target", "dataset.data").ok()
    point_to_remote(history)
    planned = mvops(history, "plan", "--target", "dataset.data").ok().out
    assert "kept is not in full, should be dvc" in planned
    assert "dvc push to the remote storage" in planned
    mvops(history, "apply", "--yes", "--target", "dataset.data").ok()
    pushed = [path for path in remote(history).rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in pushed] == [(history / "data/d.csv").read_bytes()]
    mvops(history, "plan", "--target", "dataset.data", "--detailed-exitcode").ok(0)


def test_in_a_fresh_clone_what_is_missing_is_told_with_what_fetches_it(history: Path, tmp_path: Path) -> None:
    commit(history, "Version 2")
    git(history, "clone", "-q", str(history), str(tmp_path / "clone"))
    clone = tmp_path / "clone"
    fetch = "data/d.csv.dvc tracks it with DVC, and its content is not here. Fetch it: dvc pull data/d.csv.dvc"
    mvops(clone, "plan").refused("there is no data at data/d.csv", fetch)
    mvops(clone, "run", "toy").refused("data/d.csv", fetch)
    page = (ROOT / "docs/colleague.md").read_text().split("```")[1]
    typed_there = re.findall(r"^((?:dvc|mvops) [^#\n]+)", page, re.MULTILINE)
    assert [line.strip() for line in typed_there] == ["dvc pull", "mvops plan", "mvops apply"]
    dvc(clone, "pull")
    shown = mvops(clone, "plan").ok().out
    assert "train: version 1 is trained" in shown
    assert "= schedule.toy  adopt: already so" in shown
    mvops(clone, "apply", "--yes").ok()
    mvops(clone, "plan", "--detailed-exitcode").ok(0)
    assert git(clone, "status", "--short") == ""


def test_apply_stops_at_a_remote_that_is_gone_and_goes_on_when_it_is_back(history: Path) -> None:
    away = remote(history).rename(remote(history).with_name("away"))
    rows(range(60)).to_csv(history / "data/d.csv", index=False)  # as for version 1: its steps are in the cache
    counted = snapshot(history)["mvops_versions"]
    pointer = (history / "data/d.csv.dvc").read_text()
    refused = mvops(history, "apply", "--yes").refused("DVC's remote 'storage' is gone", str(remote(history)))
    assert "pipeline.toy  update" in refused.out  # planned
    assert "ok " not in refused.out  # and nothing was run for it
    assert (history / "data/d.csv.dvc").read_text() == pointer
    assert (snapshot(history)["mvops_versions"], remote(history).exists()) == (counted, False)
    away.rename(remote(history))
    again = mvops(history, "apply", "--yes").ok().out
    assert "version 1, gate passed, champion; nothing was trained" in again
    mvops(history, "plan", "--detailed-exitcode").ok(0)
    mvops(history, "destroy", "--yes").ok()  # what is tracked stays tracked, and kept
    assert (history / "data/d.csv.dvc").exists()
    assert sum(path.is_file() for path in remote(history).rglob("*")) == 2


def test_data_that_no_run_can_be_made_of_are_not_tracked(history: Path) -> None:
    good, pointer = (history / "data/d.csv").read_bytes(), (history / "data/d.csv.dvc").read_text()
    kept = sum(path.is_file() for path in remote(history).rglob("*"))
    rows(range(60)).drop(columns="income").to_csv(history / "data/d.csv", index=False)
    refused = mvops(history, "retrain", "toy").refused("income")
    assert "KeyError" in refused.err
    refused = mvops(history, "apply", "--yes").refused("income")
    assert "skipped update dataset.data: it needs one that failed" in refused.out
    assert "skipped update model.toy" in refused.out
    assert (history / "data/d.csv.dvc").read_text() == pointer
    assert sum(path.is_file() for path in remote(history).rglob("*")) == kept
    (history / "data/d.csv").write_bytes(good)
    mvops(history, "plan", "--detailed-exitcode").ok(0)


def test_what_is_not_ready_is_one_message_with_the_remedy(fresh_dvc: Path) -> None:
    root = fresh_dvc
    with (root / CONFIG).open("a") as file:
        file.write("\ndata: {options: {remote: nosuch}}\n")
    assert "DVC has no remote 'nosuch'" in mvops(root, "plan").ok().out
    mvops(root, "apply", "--yes").refused("DVC has no remote 'nosuch'", "dvc remote add nosuch URL")
    edit(root / CONFIG, "{remote: nosuch}", "{}")
    ignored = (root / ".gitignore").read_text()
    (root / ".gitignore").write_text("data/\n")
    mvops(root, "apply", "--yes").refused("git-ignored", "!data/**/*.dvc")
    (root / ".gitignore").write_text(ignored)
    (root / "file").write_text("")
    edit(root / ".dvc/config", str(remote(root)), str(root / "file/remote"))
    mvops(root, "apply", "--yes").refused("DVC: ", "Is the remote there", "dvc push --remote storage data/d.csv")
    point_to_remote(root)
    (root / ".git").rename(root / ".nogit")
    mvops(root, "apply", "--yes").refused("is not a git repository", "git init")
    (root / ".nogit").rename(root / ".git")
    (root / ".dvc").rename(root / ".away")
    assert "apply will stop here" in mvops(root, "plan").ok().out
    mvops(root, "apply", "--yes").refused("is not in a DVC repository", "dvc init")
    assert query(root, "SELECT * FROM mvops_versions") == []
    (root / ".away").rename(root / ".dvc")
    assert "version 1" in mvops(root, "apply", "--yes").ok().out
    mvops(root, "plan", "--detailed-exitcode").ok(0)


def test_without_dvc_installed_there_is_one_message(fresh_dvc: Path) -> None:
    blocked = (
        "import sys, importlib.util\n"
        "real = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, package=None: None if name == 'dvc' else real(name, package)\n"
        "from mvops.cli.app import main\n"
        "main()\n"
    )
    typed(fresh_dvc, "plan", command=(sys.executable, "-c", blocked)).refused("pip install 'mvops[dvc]'")


def test_what_the_team_tracks_already_is_used_as_it_is(fresh_dvc: Path) -> None:
    root = fresh_dvc
    dvc(root, "add", "-q", "data/d.csv")
    pointer = (root / "data/d.csv.dvc").stat().st_mtime_ns
    assert "track: 1 tracked by DVC already" in mvops(root, "plan").ok().out
    mvops(root, "apply", "--yes", "--target", "dataset.data").ok()
    assert (root / "data/d.csv.dvc").stat().st_mtime_ns == pointer
    assert [path for path in remote(root).rglob("*") if path.is_file()] != []  # it was pushed
    (root / "data/d.csv.dvc").unlink()  # now a stage of theirs makes it
    (root / "dvc.yaml").write_text("stages:\n  make:\n    cmd: python make.py\n    outs: [data/d.csv]\n")
    (root / "make.py").write_text("")
    dvc(root, "commit", "-q", "--force", "make")
    assert "dataset.data" not in mvops(root, "plan").ok().out  # it is the same content, tracked by another file
    rows(range(60), seed=2).to_csv(root / "data/d.csv", index=False)
    assert "is made by DVC (dvc.lock) and is not as it was made; apply will stop here" in mvops(root, "plan").ok().out
    mvops(root, "apply", "--yes", "--target", "dataset.data").refused("data/d.csv is made by DVC", "dvc repro")
