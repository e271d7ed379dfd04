"""What a gate compares: rows from which nobody has learnt, and enough of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from toy_project import CELLS, edit, make_toy, mvops, query, rows, write_notebook

MODEL = Path("configs/models/toy.yaml")
DRAWN = """
from sklearn.model_selection import train_test_split
from sklearn.ensemble import RandomForestClassifier

columns = ["age", "income"]
X_train, X_test, y_train, y_test = train_test_split(df[columns], df["y"], test_size=held_out, random_state=0)
"""
FOREST = "model = RandomForestClassifier(forest, random_state=0).fit(X_train, y_train)"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that knows its training rows by heart; what is held out is drawn at random."""
    root = make_toy(tmp_path_factory.mktemp("drawn") / "toy")
    parameters, setup, load, _, _, evaluate = CELLS.items()
    parameters = (f"{parameters[0]}\n    held_out = 0.25\n    forest = 20", parameters[1])
    cells = dict([parameters, setup, load, (DRAWN, ("step:features",)), (FOREST, ("step:train",)), evaluate])
    write_notebook(root / "pipelines/toy.ipynb", cells)
    edit(root / MODEL, ", times: test_times", "")
    edit(root / MODEL, "rollout: {", "rollout: {strategy: replace, ")
    mvops(root, "apply", "--yes").ok()
    return root


def test_a_champion_is_not_judged_by_rows_that_it_learnt_from(drawn: Path) -> None:
    later = rows(range(60, 75), seed=1)
    pd.concat([rows(range(60)), later]).to_csv(drawn / "data/d.csv", index=False)  # of more rows, others are drawn
    done = mvops(drawn, "retrain", "toy", "--reason", "weekly").ok()
    assert "version 2 is champion" in done.out
    (said,) = [line for line in done.out.splitlines() if "champion 0." in line]
    assert "held-out rows that it did not learn from" in said
    left, whole = said.partition(", on the ")[2].partition(" held-out")[0].split(" of ")
    assert (left, whole) == ("1,089", "1,875")  # as counted by row number
    _tried_on_the_same_rows(drawn)

    edit(drawn / MODEL, "roc_auc >= champion - 0.05", "roc_auc > champion, roc_auc >= champion + 0.05")
    refused = mvops(drawn, "retrain", "toy", "--force", "--reason", "again").ok(4)  # the very same rows are held out
    assert "on the same rows; difference +0.0000" in refused.out
    assert "may be chance" not in refused.out  # it is the same model
    assert "Both are equally good on these 1,875 rows, and the gate asks for a better one." in refused.out
    refused_why = "refused: roc_auc > champion; roc_auc >= champion + 0.05"
    assert f"  newest       version 3, {refused_why}" in mvops(drawn, "status").out
    newest, serving, first = mvops(drawn, "versions", "list", "toy").out.splitlines()
    assert "  refused  " in newest
    assert newest.endswith(f"; {refused_why}")
    assert "champion 100 %" in serving
    assert "refused" not in first
    edit(drawn / MODEL, "roc_auc > champion, ", "")

    edit(drawn / MODEL, "C: 1.0", "forest: 19")
    edit(drawn / MODEL, "champion + 0.05", "champion + 0.002")
    refused = mvops(drawn, "retrain", "toy", "--reason", "smaller").ok(4)
    assert "That may be chance: 1,875 rows cannot tell it from +0.002, which the gate asks for." in refused.out
    edit(drawn / MODEL, "champion + 0.002", "champion + 0.05")


def _tried_on_the_same_rows(root: Path) -> None:
    """A new gate is tried on what version 2 was compared with: the champion on its rows, not on those of version 1."""
    ((details,),) = query(root, "SELECT details FROM mvops_events WHERE kind = 'gate' AND message LIKE 'version 2 %'")
    judged = json.loads(details)
    ((body,),) = query(root, "SELECT body FROM mvops_versions WHERE number = 1")
    alone, same = json.loads(body)["metrics"]["roc_auc"], judged["champion"]["roc_auc"]
    assert alone != same
    between = judged["metrics"]["roc_auc"] - (alone + same) / 2
    gate = f"roc_auc >= champion {'+' if between >= 0 else '-'} {abs(between):.6f}"
    planned = mvops(root, "plan", f"models.toy.gate=['{gate}']").ok().out
    assert f"of the last 2 versions this gate lets {2 if same < alone else 1} pass, the one until now 2" in planned


def test_a_gate_does_not_judge_by_a_handful_of_rows(drawn: Path) -> None:
    edit(drawn / MODEL, "forest: 19", "held_out: 6")
    told = "6 held-out rows are too few to judge by: hold out more, or say with how few, such as rows >= 2."
    mvops(drawn, "apply", "--yes")
    assert told in mvops(drawn, "versions", "show", "toy", "5").ok().out

    edit(drawn / MODEL, "gate: [", "gate: [rows >= 7, ")
    mvops(drawn, "retrain", "toy", "--force", "--reason", "again").ok(4)
    edit(drawn / MODEL, "rows >= 7, roc_auc >= 0.6, roc_auc >= champion + 0.05", "rows >= 5")
    assert "rows is 6, at least 5" in mvops(drawn, "retrain", "toy", "--force", "--reason", "again").ok().out

    edit(drawn / MODEL, "rows >= 5", "rows >= champion")
    mvops(drawn, "plan").refused("toy.yaml:8", "held-out rows are asked for as in 'rows >= 100'")


def test_a_champion_that_is_lost_from_the_store_is_told_and_replaced(project: Path) -> None:
    store = project / ".mvops/artifacts"
    shutil.rmtree(store)
    planned = mvops(project, "plan").ok().out
    assert "+ pipeline.toy  create: gone from the world" in planned
    assert "train     runs: what it made is gone" in planned
    assert "version 1, the champion, is lost: its artefact is missing from the store" in planned
    done = mvops(project, "apply", "--yes").ok().out
    lost = "version 1 was lost and could not be compared"
    assert f"create model.toy: version 2, gate passed, champion: {lost}" in done
    shown = mvops(project, "versions", "show", "toy", "2").ok().out
    assert "version 1, the champion, was lost from the artefact store and could not be compared." in shown
    mvops(project, "plan", "--detailed-exitcode").ok(0)

    # the baseline is lost alone, as where a killed apply had made the very artefact again, and nothing after that
    ((body,),) = query(project, "SELECT body FROM mvops_versions WHERE number = 2")
    baseline = json.loads(body)["baseline"]["sha256"]
    (store / baseline[:2] / baseline[2:]).unlink()
    planned = mvops(project, "plan").ok().out
    assert "+ model.toy     create: gone from the world" in planned
    assert "version 2, the champion, is lost: its baseline is missing from the store" in planned
    assert "create model.toy: version 3, gate passed" in mvops(project, "apply", "--yes").ok().out
    assert (store / baseline[:2] / baseline[2:]).is_file()
    mvops(project, "plan", "--detailed-exitcode").ok(0)

    # what the champion learnt from is lost alone: the two are compared all the same
    ((body,),) = query(project, "SELECT body FROM mvops_versions WHERE number = 3")
    sha256 = json.loads(body)["learnt_from"]["sha256"]
    (store / sha256[:2] / sha256[2:]).unlink()
    mvops(project, "plan", "--detailed-exitcode").ok(0)
    again = mvops(project, "retrain", "toy", "--force", "--reason", "weekly").ok().out
    assert "on the same rows; difference +0.0000" in again

    # where the gate then refuses the new version, nobody is told that a lost one serves on
    edit(project / MODEL, "roc_auc >= 0.6", "roc_auc >= 0.99")
    edit(project / MODEL, "{C: 1.0}", "{C: 0.5}")  # the same training would make the same artefact again
    shutil.rmtree(store)
    refused = mvops(project, "apply", "--yes").ok(4).out
    assert "the champion, is lost from the artefact store: no endpoint can load it\n" in refused
    planned = mvops(project, "plan", "--detailed-exitcode").ok(0).out
    assert "the champion, is lost: no endpoint can load it. Make a better one" in planned
