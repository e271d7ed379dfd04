"""`mvops reproduce`: a version is made again on the data, code and parameters that it had."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path

import pytest
from toy_project import edit, mvops, query, rows, snapshot

pytestmark = pytest.mark.xdist_group("cli-toy")


def keep_data(root: Path) -> None:
    """Switch the local data versioner on and have it keep what is there."""
    with (root / "configs/project.yaml").open("a") as file:
        file.write("\ncapabilities: {data_versioning: true}\n")
    told = mvops(root, "plan").ok().out
    assert "~ dataset.data" in told
    assert "keep: 0.1 MB are copied into the artefact store" in told
    assert "Plan: 1 to update, 5 unchanged." in told
    mvops(root, "apply", "--yes").ok()
    mvops(root, "plan", "--detailed-exitcode").ok(0)


def rewrite(root: Path, change: str) -> None:
    """Change the registered version, as if it had been trained elsewhere."""
    with contextlib.closing(sqlite3.connect(root / ".mvops/registry.db")) as connection:
        connection.execute(f"UPDATE mvops_versions SET body = json_set(body, {change}) WHERE number = 1")
        connection.commit()


def test_old_data_and_code_come_back_and_the_result_is_equal(project: Path) -> None:
    keep_data(project)
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


def test_where_it_differs_is_told_and_whether_that_means_anything(project: Path) -> None:
    rewrite(project, "'$.metrics.roc_auc', 0.9")
    differs = mvops(project, "reproduce", "toy").ok(4).out
    assert "DIFFERENT: toy@1" in differs
    assert "metrics.roc_auc: 0.9 -> 0.77" in differs
    assert "predictions  2000 predictions: the same" in differs
    assert "data_path: as it is today, which is as it was" in differs
    rewrite(project, "'$.environment.packages.numpy', '1.0.0'")
    unlike = mvops(project, "reproduce", "toy@1").ok().out
    assert "NOT COMPARABLE: toy@1" in unlike
    assert "trained with other releases: numpy 1.0.0 -> " in unlike
    assert mvops(project, "reproduce", "toy@1", "--tolerance", "0.5").ok().out.startswith("EQUAL")


def test_a_training_that_nothing_seeds_is_not_comparable(fresh: Path) -> None:
    edit(
        fresh / "pipelines/toy.ipynb",
        "model = make_pipeline(encoded, LogisticRegression(C=C)).fit(X_train, y_train)",
        "from sklearn.ensemble import RandomForestClassifier\\n"
        "model = make_pipeline(encoded, RandomForestClassifier(5, max_depth=3)).fit(X_train, y_train)",
    )
    mvops(fresh, "apply", "--yes").ok()
    told = mvops(fresh, "reproduce", "toy@1").ok().out
    assert "NOT COMPARABLE: toy@1" in told
    assert "each training gives other numbers; nothing seeds cell 5: RandomForestClassifier" in told


def test_data_that_was_not_kept_and_has_changed_is_an_error_with_the_remedy(project: Path) -> None:
    rows(range(70), seed=1).to_csv(project / "data/d.csv", index=False)
    mvops(project, "reproduce", "toy@1").refused("was not kept", "data/d.csv is not what it was", "data_versioning")
    assert "made again" not in mvops(project, "history", "toy").ok().out


def test_kept_data_that_is_gone_or_tampered_with_is_an_error(project: Path) -> None:
    keep_data(project)
    (revision,) = [
        json.loads(text) for (text,) in query(project, "SELECT outputs FROM mvops_records") if "manif" in text
    ]
    assert mvops(project, "versions", "show", "toy", 1).ok().out.count("not kept") == 1  # it was kept afterwards
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


def test_what_is_no_version(project: Path) -> None:
    mvops(project, "reproduce", "toy@one").refused("'toy@one' is no version", "toy@1")
    mvops(project, "reproduce", "toy@9").refused("toy has no version 9")
    mvops(project, "reproduce", "tory").refused("no model 'tory'", "toy")
