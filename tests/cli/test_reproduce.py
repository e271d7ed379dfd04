"""`mvops reproduce`: a version is made again on the data, code and parameters that it had."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from toy_project import edit, mvops, query, rows, snapshot

from mvops.artifacts.store import ArtifactStore
from mvops.core.version import Artifact
from mvops.registry.versions import find_version
from mvops.usecases.project import open_project
from mvops.usecases.restoring import Restored, restore
from mvops.workspace import Workspace

WHO = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false")
TODAY = "as it is today, which is as it was"
OFF = "\ncapabilities: {data_versioning: false}\n"
pytestmark = pytest.mark.xdist_group("cli-toy")


def without_data(quick: Path) -> Path:
    """A project whose version 1 was trained while nobody kept its data."""
    with (quick / "configs/project.yaml").open("a") as file:
        file.write(OFF)
    mvops(quick, "apply", "--yes").ok()
    assert ", not kept" in mvops(quick, "versions", "show", "toy", 1).ok().out
    return quick


def rewrite(root: Path, change: str) -> None:
    """Change the registered version, as if it had been trained elsewhere."""
    with contextlib.closing(sqlite3.connect(root / ".mvops/registry.db")) as connection:
        connection.execute(f"UPDATE mvops_versions SET body = json_set(body, {change}) WHERE number = 1")
        connection.commit()


def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is read of the artefact store from now on, each time that it is."""
    found: list[str] = []
    really = ArtifactStore.read_bytes

    def read_bytes(store: ArtifactStore, artifact: Artifact | str) -> bytes:
        found.append(str(artifact))
        return really(store, artifact)

    monkeypatch.setattr(ArtifactStore, "read_bytes", read_bytes)
    return found


def taken(workspace: Workspace, root: Path, name: str) -> Restored:
    """Version 1 laid out in a folder beside the project."""
    version = find_version(workspace.registry, "toy", 1)
    assert version is not None
    (root.parent / name).mkdir()
    return restore(workspace, version, root.parent / name)


def test_old_data_and_code_come_back_and_the_result_is_equal(project: Path) -> None:
    rows(range(70), seed=1).to_csv(project / "data/d.csv", index=False)
    edit(project / "pipelines/toy.ipynb", "LogisticRegression(C=C)", "LogisticRegression(C=C / 2)")
    edit(project / "configs/models/toy.yaml", "C: 1.0", "C: 0.01")
    before = snapshot(project)
    found = mvops(project, "reproduce", "toy@1", "--json").ok().json()
    assert (found["verdict"], found["differences"], found["largest"]) == ("equal", [], 0.0)
    assert found["compared"]["predictions"] == found["compared"]["rows"] == 2000
    assert found["data"]["data_path"].startswith("local ")
    assert found["code"].startswith("as it was kept with the version")
    assert snapshot(project) == before
    assert "version 1 made again: equal" in mvops(project, "history", "toy").ok().out


@pytest.mark.system
def test_where_it_differs_is_told_and_whether_that_means_anything(project: Path) -> None:
    rewrite(project, "'$.metrics.roc_auc', 0.9")
    differs = mvops(project, "reproduce", "toy").ok(4).out
    assert "DIFFERENT: toy@1" in differs
    assert "metrics.roc_auc: 0.9 -> 0.77" in differs
    assert "predictions  2000 predictions: the same" in differs
    rewrite(project, "'$.environment.packages.numpy', '1.0.0'")
    allowed = mvops(project, "reproduce", "toy@1", "--tolerance", "0.5").ok().out
    assert allowed.startswith("EQUAL: toy@1")
    assert "although the environment is another: numpy 1.0.0 -> " in allowed


@pytest.mark.system
def test_a_training_that_nothing_seeds_is_not_comparable(quick: Path) -> None:
    edit(
        quick / "pipelines/toy.ipynb",
        "model = make_pipeline(encoded, LogisticRegression(C=C)).fit(X_train, y_train)",
        "from sklearn.ensemble import RandomForestClassifier\\n"
        "model = make_pipeline(encoded, RandomForestClassifier(5, max_depth=3)).fit(X_train, y_train)",
    )
    mvops(quick, "apply", "--yes").ok()
    told = mvops(quick, "reproduce", "toy@1").ok().out
    assert "NOT COMPARABLE: toy@1" in told
    assert "each training gives other numbers; nothing seeds cell 5: RandomForestClassifier" in told


def test_data_that_nobody_kept_can_be_used_while_it_is_what_it_was(
    quick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = without_data(quick)
    with open_project(root) as workspace:
        assert taken(workspace, root, "one").data == {"data_path": TODAY}
    before = (root / "data/d.csv").read_bytes()
    rows(range(70), seed=1).to_csv(root / "data/d.csv", index=False)
    mvops(root, "reproduce", "toy@1").refused("was not kept", "data/d.csv is not what it was", "data_versioning")
    assert "made again" not in mvops(root, "history", "toy").ok().out
    edit(root / "configs/project.yaml", OFF, "")
    older = ("Version 1 was trained before its data was kept, as it is now.", "mvops retrain toy --force")
    mvops(root, "reproduce", "toy").refused(*older)
    assert "retrain toy --force (the data of version 1 was not kept); once that" in mvops(root, "maturity").ok().out
    (root / "data/d.csv").write_bytes(before)
    # kept from now on, which serves the versions that were there
    told = mvops(root, "plan").ok().out
    assert "~ dataset.data" in told
    assert "keep: 0.0 MB are copied into the artefact store (0.1 MB are there already)" in told
    assert "Plan: 1 to update, 5 unchanged." in told
    mvops(root, "apply", "--yes").ok()
    mvops(root, "plan", "--detailed-exitcode").ok(0)
    off = mvops(root, "plan", "capabilities.data_versioning=false").ok().out
    assert "~ dataset.data  update: kept changed" in off
    assert "its content is kept no longer; what was kept stays where it is" in off
    rows(range(75), seed=2).to_csv(root / "data/d.csv", index=False)
    mvops(root, "apply", "--yes").ok()  # other data are kept after those
    (root / "data/d.csv").unlink()
    read = reads(monkeypatch)
    with open_project(root) as workspace:
        assert taken(workspace, root, "two").data["data_path"].startswith("local ")
    assert (root.parent / "two/data/d.csv").read_bytes() == before
    assert set(Counter(read).values()) == {1}
    rewrite(root, "'$.data.data_path', 'of data that nobody kept'")
    mvops(root, "reproduce", "toy@1").refused("was not kept", "What can be made again: toy@2\n")


def test_kept_data_that_is_gone_or_tampered_with_is_an_error(project: Path) -> None:
    (revision,) = (
        r for (text,) in query(project, "SELECT outputs FROM mvops_records") if "manifest" in (r := json.loads(text))
    )
    shown = mvops(project, "versions", "show", "toy", 1).ok().out
    assert f"kept: local {revision['revision']}, 1 file" in shown
    manifest = project / ".mvops/artifacts" / revision["manifest"][:2] / revision["manifest"][2:]
    (sha256,) = json.loads(manifest.read_text())["files"].values()
    content = project / ".mvops/artifacts" / sha256[:2] / sha256[2:]
    content.write_text("tampered")
    mvops(project, "reproduce", "toy@1").refused("damaged", "backup")
    content.unlink()
    mvops(project, "reproduce", "toy@1").refused("missing from the store")
    assert "keep: 0.1 MB" in mvops(project, "plan").ok().out  # and the next apply keeps it again
    mvops(project, "apply", "--yes").ok()
    assert content.exists()


def test_a_version_from_before_code_was_kept_comes_from_git_or_from_today(project: Path, tmp_path: Path) -> None:
    rewrite(project, "'$.recipe', json('null')")
    with open_project(project) as workspace:
        version = find_version(workspace.registry, "toy", 1)
        assert version is not None
        assert taken(workspace, project, "today").code == TODAY
    assert (tmp_path / "today/data/d.csv").read_bytes() == (project / "data/d.csv").read_bytes()
    for arguments in (["init", "-q"], ["add", "."], [*WHO, "commit", "-qm", "first"]):
        subprocess.run(["git", "-C", str(project), *arguments], check=True)
    commit = subprocess.check_output(["git", "-C", str(project), "rev-parse", "HEAD"], text=True).strip()
    before = (project / "pipelines/toy.ipynb").read_text()
    edit(project / "pipelines/toy.ipynb", "LogisticRegression(C=C)", "LogisticRegression(C=C / 2)")
    mvops(project, "reproduce", "toy@1").refused("the code of toy@1 was not kept", "versions show toy 1")
    (tmp_path / "git").mkdir()
    with open_project(project) as workspace:
        found = version.model_copy(update={"code": version.code.model_copy(update={"commit": commit})})
        assert restore(workspace, found, tmp_path / "git").code == f"Git commit {commit[:12]}"
    assert (tmp_path / "git/pipelines/toy.ipynb").read_text() == before


def test_what_is_no_version(project: Path) -> None:
    mvops(project, "reproduce", "toy@one").refused("'toy@one' is no version", "toy@1")
    mvops(project, "reproduce", "toy@9").refused("toy has no version 9")
    mvops(project, "reproduce", "tory").refused("no model 'tory'", "toy")
