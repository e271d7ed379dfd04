"""A run that only took from the cache is made again while nothing has changed; whatever changes is noticed."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from looking import looks, old
from toy_project import Result, mvops
from what_changes import Change, changed, edited, gone, in_place, longer, told, written

from mvops.usecases.quiet_run import QuietRun
from mvops.usecases.run import run

MEMORY = Path(".mvops/cache/runs/toy.json")


def ran(root: Path, *arguments: str) -> tuple[Result, bool]:
    """A run, and whether it was really done."""
    with mock.patch("mvops.usecases.run.run", wraps=run) as done:
        said = mvops(root, "run", "toy", *arguments)
    return said, done.called


def settled(root: Path) -> Result:
    """A run that is remembered."""
    old(root)
    for _ in range(4):
        said, done = ran(root)
        if not done:
            return said.ok()
    raise AssertionError(f"never remembered: {said}")


def again(root: Path) -> dict[str, Any] | None:
    return QuietRun(root, "toy", [], None).again()


def recorded(root: Path) -> list[dict[str, Any]]:
    """The runs, newest first."""
    return mvops(root, "runs", "list", "toy", "--json").ok().json()["runs"]


def test_a_run_that_finds_nothing_to_do_is_recorded_as_one_that_looks(project: Path) -> None:
    settled(project)
    (project / MEMORY).unlink()
    looked, done = ran(project)
    assert done
    said, done = ran(project)
    assert not done
    newest, before = recorded(project)[:2]
    assert newest["id"] in said.ok().out
    assert before["id"] in looked.ok().out
    assert said.out.replace(newest["id"], before["id"]) == looked.out
    assert said.err == looked.err
    assert before["finished"] < newest["started"] <= newest["finished"]
    own = {"id", "started", "finished"}
    assert {k: v for k, v in newest.items() if k not in own} == {k: v for k, v in before.items() if k not in own}
    as_json, done = ran(project, "--json")
    assert not done
    shown = as_json.ok().json()
    assert (shown["status"], shown["metrics"]) == ("succeeded", newest["metrics"])
    assert shown["id"] == recorded(project)[0]["id"]
    assert mvops(project, "run", "toy", "--quiet").ok() == Result(0, "", "")
    assert [step["status"] for step in mvops(project, "runs", "show", shown["id"], "--json").ok().json()["steps"]] == [
        "cached"
    ] * 4


def git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), "-c", "user.name=me", "-c", "user.email=me@example.org", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_git_is_asked_each_time(project: Path) -> None:
    settled(project)
    assert (made := again(project)) is not None
    assert made["code"]["commit"] is None
    git(project, "init", "-q")
    git(project, "add", "configs", "pipelines")
    git(project, "commit", "-qm", "x")
    settled(project)
    for name, dirty in (("notes.txt", False), ("configs/notes.txt", True)):
        written(name, "x")(project)
        assert (made := again(project)) is not None
        code = recorded(project)[0]["code"]
        assert code == made["code"]
        assert (code["commit"], code["dirty"]) == (git(project, "rev-parse", "HEAD"), dirty)


def test_all_that_a_run_looks_at_is_looked_at_again(project: Path) -> None:
    settled(project)
    (project / MEMORY).unlink()
    first, _ = looks(project, "run", "toy")
    second, modules = looks(project, "run", "toy")
    assert modules & {"pydantic", "sqlalchemy", "numpy"} == set(), "the second run was done"
    hidden = project / ".mvops"
    drafts = {path for path in first if path.is_relative_to(hidden / "artifacts") and not path.is_file()}
    unread = {hidden / "cache/config", hidden / "cache/runs", hidden / "runs"}
    missed = {path for path in first - second - drafts if path.is_relative_to(project)}
    missed = {path for path in missed if not any(path.is_relative_to(folder) for folder in unread)}
    assert {path for path in missed if path.is_file()} - {hidden / "cache/inputs.json"} == set()


def artifact(which: Callable[[dict[str, Any]], str]) -> Change:
    """The artefact of that sha256 is gone."""

    def change(root: Path) -> None:
        sha256 = which(json.loads((root / MEMORY).read_bytes())["said"])
        (root / ".mvops/artifacts" / sha256[:2] / sha256[2:]).unlink()

    return change


CHANGES: dict[str, Change] = {
    "what it is judged by": edited("configs/models/toy.yaml", "[roc_auc, log_loss]", "[roc_auc, accuracy]"),
    "a parameter": edited("configs/models/toy.yaml", "{C: 1.0}", "{C: 2.0}"),
    "a YAML file that is gone": gone("configs/models/toy.yaml"),
    "a notebook's cell": edited("pipelines/toy.ipynb", "LogisticRegression(C=C)", "LogisticRegression(C=2 * C)"),
    "a notebook that is gone": gone("pipelines/toy.ipynb"),
    "a row of data": longer("data/d.csv"),
    "data in place, with its times put back": in_place("data/d.csv"),
    "data that is gone": gone("data/d.csv"),
    "a module of the project's own that the code imports now": written("pipelines/sklearn.py", "x = 1"),
    "a package of the project's own": written("pandas/__init__.py", "x = 1"),
    "the model": artifact(lambda run: run["outputs"]["model"]["sha256"]),
    "the held-out rows": artifact(lambda run: run["outputs"]["target"]["sha256"]),
    "a step's notebook": artifact(lambda run: run["steps"][0]["notebook"]),
    "the notebook as it was run": artifact(lambda run: run["sources"]["pipelines/toy.ipynb"]["sha256"]),
    "what the cache of steps knows": gone(".mvops/cache/steps/*/*.json"),
    "what the model was worth": gone(".mvops/cache/evaluations/*.json"),
    "what a killed run left": written(".mvops/runs/run-0/owner.json", "{}"),
    "a tracker": told("INSERT INTO mvops_records (address, spec, outputs) VALUES ('tracker.toy', '{}', '{}')"),
}


def test_whatever_changes_is_noticed(project: Path) -> None:
    settled(project)
    number = len(recorded(project))
    for what, change in CHANGES.items():
        with changed(project, change):
            assert again(project) is None, what
        if again(project) is None:  # a file that was written again is looked at again
            settled(project)
    assert len(recorded(project)) > number
    written("configs/env/staging.yaml", "project: other\n")(project)
    settled(project)
    for other in (QuietRun(project, "toy", ["C=2"], None), QuietRun(project, "toy", [], "staging")):
        assert other.again() is None
    assert QuietRun(project, "../runs/toy", [], None).again() is None
    assert again(project) is not None


def test_what_is_installed_decides(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site-packages"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    settled(project)
    (site / "pandas-99.0.dist-info").mkdir()
    assert again(project) is None
    (site / "pandas-99.0.dist-info").rmdir()
    settled(project)
    with mock.patch("mvops.__version__", "9.9.9"):
        assert again(project) is None


def test_another_parameter_is_run_and_no_cache_runs_all(project: Path) -> None:
    settled(project)
    before = recorded(project)[0]
    said, done = ran(project, "-p", "C=0.0001")
    assert done
    other = recorded(project)[0]
    assert [step["status"] for step in other["steps"]] == ["cached", "cached", "succeeded", "succeeded"], said
    assert other["metrics"] != before["metrics"]
    assert not ran(project)[1], "that it ran with another parameter changes nothing here"
    assert recorded(project)[0]["metrics"] == before["metrics"]
    assert ran(project, "--no-cache", "--step", "load")[1]
    assert recorded(project)[0]["steps"][0]["status"] == "succeeded"


def test_a_busy_registry_is_told_as_ever(project: Path) -> None:
    settled(project)
    number = len(recorded(project))
    with contextlib.closing(sqlite3.connect(project / ".mvops/registry.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        mvops(project, "run", "toy").refused("locked by another process")
    assert len(recorded(project)) == number


@pytest.mark.parametrize(
    "damage", [b"", b"null", b'{"format_version": 2}', b"\xff"], ids=["empty", "null", "short", "no text"]
)
def test_a_damaged_memory_is_as_good_as_none(project: Path, damage: bytes) -> None:
    settled(project)
    kept = json.loads((project / MEMORY).read_bytes())
    (project / MEMORY).write_bytes(damage)
    assert again(project) is None
    for said in (None, 1, {}, {**kept["said"], "code": None}, {**kept["said"], "model": 1}):
        (project / MEMORY).write_text(json.dumps({**kept, "said": said}))
        number = len(recorded(project))
        assert again(project) is None
        assert len(recorded(project)) == number
