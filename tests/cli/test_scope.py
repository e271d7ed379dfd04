"""A part of a plan: targets, exclusions, what is made again, what was changed outside, and plans that look nowhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from toy_project import edit, free_port, mvops

HOURLY = "models.toy.monitor.every=1h"


def test_p26_a_target_brings_what_it_needs_and_says_what_is_left_out(quick: Path) -> None:
    shown = mvops(quick, "plan", "--target", "pipeline.toy").ok()
    assert "needed by the targets, so in this plan too: dataset.data" in shown.out
    assert "endpoint.toy" not in shown.out
    assert "4 more resources were not selected: this plan is partial" in shown.out


def test_p26_a_targeted_apply_leaves_the_rest_for_later(quick: Path) -> None:
    mvops(quick, "apply", "--yes", "--target", "pipeline.*").ok()
    assert not (quick / "deploy").exists()
    waiting = ["endpoint.toy", "model.toy", "monitor.toy", "schedule.toy"]
    listed = mvops(quick, "state", "list").ok().out.splitlines()
    assert [line.split()[0] for line in listed[:-1]] == ["dataset.data", "pipeline.toy"]
    assert listed[-1] == f"note: 4 resources are in the YAML and not applied yet: {', '.join(waiting)}; see: mvops plan"
    assert mvops(quick, "state", "list", "--json").ok().json()["not_applied"] == waiting
    rest = mvops(quick, "plan").ok()
    assert "+ pipeline.toy" not in rest.out
    assert "+ model.toy" in rest.out


def test_p26_an_exclusion_is_left_for_later_with_what_needs_it(quick: Path) -> None:
    shown = mvops(quick, "plan", "--exclude", "model.toy").ok()
    assert "endpoint.toy is left out too: it needs model.toy" in shown.out
    assert "note: 1 more resource was not selected: this plan is partial\n" in shown.out
    assert "Plan: 2 to create, 0 unchanged" in shown.out
    mvops(quick, "apply", "--yes", "--exclude", "endpoint.toy").ok()
    assert not (quick / "deploy/serving").exists()
    rest = mvops(quick, "plan", "--detailed-exitcode").ok(2)
    assert "Plan: 1 to create, 5 unchanged" in rest.out


def test_p26_an_unknown_address_names_those_that_there_are(project: Path) -> None:
    mvops(project, "plan", "--target", "model.tyo").refused(
        "model.tyo", "no such resource", "did you mean 'model.toy'?", "Resources: dataset.data"
    )
    both = ("--target", "monitor.toy", "--exclude", "monitor.toy")
    mvops(project, "plan", *both).refused("--exclude leaves out all that --target names")
    mvops(project, "plan", "--replace", "model.toy", "--drift-only").refused("--replace", "--drift-only")
    mvops(project, "apply", "--yes", "--exclude", "model.tyo").refused("--exclude model.tyo", "no such resource")


def test_p26_a_part_is_destroyed_with_what_needed_it(project: Path) -> None:
    shown = mvops(project, "plan", "--destroy", "--target", "model.toy").ok().out
    assert "needs what the targets take away, so it goes too: endpoint.toy, monitor.toy, schedule.toy" in shown
    gone = mvops(project, "destroy", "--yes", "--target", "model.toy", "--json").ok().json()
    assert [(a["verb"], a["address"]) for a in gone["actions"]] == [
        ("delete", "schedule.toy"),
        ("delete", "monitor.toy"),
        ("delete", "endpoint.toy"),
        ("delete", "model.toy"),
    ]
    kept = mvops(project, "destroy", "--yes", "--exclude", "pipeline.toy").ok().out
    assert "Nothing to do" in kept
    assert "dataset.data stays too: pipeline.toy needs it" in kept


@pytest.mark.parametrize("said", [True, False])
def test_p26_a_model_is_destroyed_and_nothing_of_another(project: Path, said: bool) -> None:
    models = project / "configs/models"
    second = (models / "toy.yaml").read_text() + f"endpoint: {{port: {free_port()}}}\n"
    (models / "second.yaml").write_text(second)
    mvops(project, "apply", "--yes").ok()
    if not said:  # the YAML of both is gone
        for name in ("toy", "second"):
            (models / f"{name}.yaml").unlink()
    going = mvops(project, "destroy", "--target", "model.second", "--yes", "--json").ok().json()["actions"]
    kinds = ("endpoint", "model", "monitor", "schedule")
    assert sorted(each["address"] for each in going if each["verb"] == "delete") == [f"{kind}.second" for kind in kinds]
    if said:
        mvops(project, "plan", "--exclude", "model.second", "--detailed-exitcode").ok(0)


def test_p27_what_is_replaced_is_made_again(project: Path) -> None:
    part = mvops(project, "plan", "--replace", "*.toy", "--target", "pipeline.toy").ok().out
    assert ("± pipeline.toy  replace: requested" in part, "model.toy" in part) == (True, False)
    both = ("--replace", "pipeline.toy", "--replace", "model.toy")
    assert "± pipeline.toy  replace: requested\n" in mvops(project, "plan", *both).ok().out
    # a model takes its pipeline along, without whose run there is no new version
    again = ("--replace", "model.toy")
    shown = mvops(project, "plan", *again).ok().out
    assert "± pipeline.toy  replace: requested: model.toy is made again" in shown
    assert "train     runs: requested" in shown
    assert "a challenger is trained; version 1 stays champion until the gate says yes" in shown
    assert "the gate's yes makes it a canary: 5, 25, 100 % of the traffic" in shown
    (project / ".mvops/serving/toy/route.json").unlink()
    alone = mvops(project, "plan", *again).ok().out
    assert "the gate's yes gives it all of the traffic at once, and not as a canary: its route is gone" in alone
    assert "makes it a canary" not in alone
    done = mvops(project, "apply", "--yes", *again).ok()
    assert "ok      replace model.toy: version 2, gate passed, champion" in done.out
    route = json.loads((project / ".mvops/serving/toy/route.json").read_text())
    assert [arm["version"] for arm in route["arms"]] == [2]
    newest = mvops(project, "runs", "list", "toy", "--json").ok().json()["runs"][0]
    details = mvops(project, "runs", "show", newest["id"], "--json").ok().json()
    assert {step["status"] for step in details["steps"]} == {"succeeded"}  # none of them from the cache
    mvops(project, "plan", "--detailed-exitcode").ok(0)


def test_p17_only_drift_leaves_changes_of_the_yaml_for_later(project: Path) -> None:
    (project / ".mvops/serving/toy/route.json").unlink()
    edit(project / "configs/models/toy.yaml", "every: 1d", "every: 3h")
    shown = mvops(project, "plan", "--drift-only", "--detailed-exitcode").ok(3)
    assert "! endpoint.toy" in shown.out
    assert "left out: 2 changes of the spec (--drift-only)" in shown.out
    mvops(project, "apply", "--drift-only", "--yes").ok()
    assert (project / ".mvops/serving/toy/route.json").is_file()
    mvops(project, "plan", "--drift-only", "--detailed-exitcode").ok(0)
    assert "Plan: 2 to update" in mvops(project, "plan", "--detailed-exitcode").ok(2).out


def test_p17_offline_says_what_it_did_not_look_at(project: Path) -> None:
    (project / ".mvops/serving/toy/route.json").unlink()
    shown = mvops(project, "plan", "--offline", "--detailed-exitcode").ok(0)
    assert "nothing outside was looked at (--offline)" in shown.out
    assert "settings.every: 1d -> 1h" in mvops(project, "plan", "--offline", HOURLY).ok().out
