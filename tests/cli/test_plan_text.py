"""How a plan reads: what was changed outside stands apart from what was changed in the project."""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from pathlib import Path

import pytest
from toy_project import edit, free_port, mvops, query

from mvops.core.action import Action, Change, Verb
from mvops.core.address import Address
from mvops.core.plan import make_plan
from mvops.show.plan import plan_lines

JOURNAL = "SELECT started, ended FROM mvops_journal WHERE json_extract(action, '$.address') = 'model.toy'"
OUTSIDE, OURS = "Changed outside mvops since the last apply", "Changed in the project"


def test_p9_text_and_numbers_are_told_apart_where_they_look_alike() -> None:
    changes = (
        *(("a", 41, "41"), ("b", [1, "x"], ["1", "x"]), ("c", "x", "y"), ("d", None, "41"), ("e", True, "yes")),
        *(("f", "", "x"), ("g", "x", " x"), ("h", {"a": ""}, {}), ("i", {"a": None}, None)),
        *(("parameters.depth", None, 5), ("parameters.rows", 5, None)),
    )
    action = Action(
        verb=Verb.UPDATE,
        address=Address("model.m"),
        reason="changed",
        because="b",
        before={"parameters": {"rows": 5}},
        after={"parameters": {"rows": None, "depth": 5}},
        changes=tuple(Change(field=field, before=before, after=after) for field, before, after in changes),
    )
    made = make_plan([action], project="p", preset="s", lineage="l", made_on=1)
    told = [text.strip() for text, _ in plan_lines(made) if " -> " in text]
    typed = ['a: 41 -> "41"', 'b: [1, "x"] -> ["1", "x"]', "c: x -> y", "d: not set -> 41", 'e: true -> "yes"']
    typed += ['f: "" -> x', 'g: x -> " x"', 'h: {a: ""} -> {}', "i: {a: null} -> not set"]
    assert told == [*typed, "parameters.depth: not set -> 5", "parameters.rows: 5 -> null"]


def took(project: Path) -> float:
    """How long the first apply took for what another C makes again: two steps, where they ran, and the version."""
    (((body,),), rows) = query(project, "SELECT body FROM mvops_runs"), query(project, JOURNAL)
    steps = {step["step"]: step["seconds"] for step in json.loads(body)["steps"]}
    ((started, ended),) = rows
    registered = datetime.fromisoformat(ended) - datetime.fromisoformat(started)
    assert registered.total_seconds() > 0
    return float(steps["train"] + steps["evaluate"]) + registered.total_seconds()


def test_p13_a_parameter_that_is_edited_in_the_notebook_alone_is_told_with_the_place_where_it_counts(
    project: Path,
) -> None:
    told = (
        "C = 2.0 in the cell of parameters of pipelines/toy.ipynb changes nothing: models.toy.pipeline.parameters.C is"
    )
    assert "changes nothing" not in mvops(project, "plan", "models.toy.pipeline.parameters.C=0.5").ok().out
    expected = mvops(project, "plan", "models.toy.pipeline.parameters.C=0.5", "--json").ok().json()["seconds"]
    assert expected == pytest.approx(took(project), abs=0.01)
    assert mvops(project, "plan", "models.toy.owner=ana", "--json").ok().json()["seconds"] is None
    edit(project / "pipelines/toy.ipynb", "C = 1.0", "C = 2.0")
    for _ in range(2):  # the second time from memory
        said = mvops(project, "plan", "--detailed-exitcode").ok(0).out
        assert f"{told} 1.0, and holds; write it there, in configs/models/toy.yaml" in said
    edit(project / "configs/models/toy.yaml", "C: 1.0", "C: 2.0")
    assert "changes nothing" not in mvops(project, "plan").ok().out


def test_p13_thresholds_without_a_window_to_try_them_on_and_texts_that_were_empty_are_told(project: Path) -> None:
    said = mvops(project, "plan", "models.toy.monitor.false_alarms=2 per 30d", "models.toy.description=Churn").ok().out
    assert "back-test: none, as there are no windows yet to try it on" in said
    assert 'description: "" -> Churn' in said
    offline = mvops(project, "plan", "--offline").ok().out
    assert "Nothing to do: 6 resources are as they were applied." in offline


def test_p11_drift_has_a_section_of_its_own(project: Path) -> None:
    timetable = project / "deploy/schedules/toy/crontab"
    timetable.unlink()
    alone = mvops(project, "plan", "--detailed-exitcode").ok(3).out
    assert OUTSIDE in alone
    assert OURS not in alone

    edit(project / "configs/models/toy.yaml", "1 per 30d", "2 per 30d")
    said = mvops(project, "plan").ok().out
    assert said.index(OUTSIDE) < said.index("schedule.toy") < said.index(OURS) < said.index("monitor.toy")
    markdown = mvops(project, "plan", "--markdown").ok().out
    assert markdown.index(f"**{OUTSIDE}**") < markdown.index("`schedule.toy`") < markdown.index(f"**{OURS}**")

    mvops(project, "apply", "--drift-only", "--yes").ok()
    assert timetable.exists()
    assert OUTSIDE not in mvops(project, "plan").ok().out


def test_p2_a_dataset_keeps_its_name_when_another_model_reads_it_too(project: Path) -> None:
    """The other model comes first in the alphabet, and calls its parameter otherwise."""
    toy = (project / "configs/models/toy.yaml").read_text()
    notebook = (project / "pipelines/toy.ipynb").read_text()
    (project / "pipelines/also.ipynb").write_text(notebook.replace("data_path", "rows_path"))
    also = toy.replace("pipelines/toy.ipynb", "pipelines/also.ipynb").replace("data_path: data/d.csv", "{}")
    names = project / "configs/models/also.yaml"
    shutil.copy(project / "data/d.csv", project / "data/e.csv")

    def datasets(inputs: str) -> dict[str, str]:
        names.write_text(also.replace("inputs: {{}}", f"inputs: {{{inputs}}}") + f"endpoint: {{port: {free_port()}}}\n")
        planned = mvops(project, "plan", "--json").ok().json()["actions"]
        return {a["address"]: a["verb"] for a in planned if a["address"].startswith("dataset.")}

    assert datasets("rows_path: data/d.csv") == {"dataset.data": "keep"}
    assert datasets("rows_path: data/e.csv") == {"dataset.data": "keep", "dataset.rows": "create"}
    (project / "pipelines/also.ipynb").write_text(notebook)
    assert datasets("data_path: data/e.csv") == {"dataset.also_data": "create", "dataset.data": "keep"}
