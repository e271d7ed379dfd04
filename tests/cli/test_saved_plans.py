"""Plans: what they show, saved ones, targets and overrides."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from toy_project import edit, mvops, snapshot

from mvops.core.plan import Plan

HOURLY = "models.toy.monitor.every=1h"


def test_an_override_is_shown_and_changes_no_file(project: Path) -> None:
    before = snapshot(project)
    shown = mvops(project, "plan", HOURLY, "--detailed-exitcode").ok(2)
    assert "settings.every: 1d -> 1h" in shown.out
    assert "monitor_toy: 5 0 * * * -> 5 */1 * * *" in shown.out
    assert "Plan: 2 to update, 4 unchanged." in shown.out
    assert "[{" not in shown.out  # nothing of Python's
    assert snapshot(project) == before
    mvops(project, "plan", "--detailed-exitcode").ok(0)


def test_p19_a_saved_plan_is_done_as_it_is_with_its_overrides(project: Path) -> None:
    shown = mvops(project, "plan", HOURLY, "--out", "hourly.json").ok()
    assert "`mvops apply hourly.json` does exactly this" in shown.out
    done = mvops(project, "apply", "hourly.json").ok()
    assert "ok      update monitor.toy" in done.out
    assert "Applied: 2 done." in done.out
    assert "*/1" in (project / "deploy/schedules/toy/crontab").read_text()
    back = mvops(project, "plan", "--detailed-exitcode").ok(2)
    assert "settings.every: 1h -> 1d" in back.out


def test_p20_a6_a_stale_plan_is_refused(project: Path) -> None:
    mvops(project, "plan", HOURLY, "--out", "hourly.json").ok()
    mvops(project, "apply", "--yes", "models.toy.monitor.every=2h").ok()
    before = snapshot(project)
    for more in ((), ("--lock-timeout", "1s")):
        refused = mvops(project, "apply", "hourly.json", *more).refused("stale", "mvops plan")
        assert refused.out == "", "what is refused is not shown first"
    assert snapshot(project) == before


def test_a_plan_whose_yaml_changed_since_is_refused(project: Path) -> None:
    mvops(project, "plan", "models.toy.monitor.min_rows=9", "--out", "p.json").ok()
    edit(project / "configs/models/toy.yaml", "every: 1d", "every: 3h")
    mvops(project, "apply", "p.json").refused("stale: settings.every of monitor.toy changed since it was made")


def test_p20_a6_a_tampered_plan_is_refused(project: Path) -> None:
    mvops(project, "plan", HOURLY, "--out", "p.json").ok()
    saved = json.loads((project / "p.json").read_text())
    target = next(a for a in saved["actions"] if a["address"] == "schedule.toy")
    target["verb"] = "delete"
    (project / "p.json").write_text(json.dumps(saved))
    mvops(project, "apply", "p.json").refused("p.json was changed since mvops made it", "mvops plan --out FILE")
    assert (project / "deploy/schedules/toy/crontab").is_file()


def test_a_plan_of_another_project_is_refused(project: Path, fresh: Path) -> None:
    mvops(fresh, "plan", "--out", "other.json").ok()
    mvops(project, "apply", fresh / "other.json").refused("another project")


@pytest.mark.parametrize("content", [b"{}", b"\xff\xfe\x00", b"[1]", b""])
def test_what_is_no_plan_is_refused(project: Path, content: bytes) -> None:
    (project / "p.json").write_bytes(content)
    mvops(project, "apply", "p.json").refused("p.json is not a plan of this mvops", "mvops plan --out FILE")


def test_p1_a_plan_is_saved_over_no_file_of_yours(project: Path) -> None:
    yaml = project / "configs/project.yaml"
    before = yaml.read_bytes()
    mvops(project, "plan", "--out", yaml).refused("is there and is no saved plan")
    assert yaml.read_bytes() == before
    mvops(project, "plan", "--out", "nowhere/p.json").refused("there is no folder nowhere")
    mvops(project, "plan", "--out", "p.json").ok()
    mvops(project, "plan", "--out", "p.json").ok()
    mvops(project, "plan", "--json", "--markdown").refused("--json and --markdown")


def test_a_plan_that_is_not_there(project: Path) -> None:
    mvops(project, "show", "nofile.json").refused("there is no file nofile.json")
    mvops(project, "apply", "nofile.json").refused("nofile.json is neither a saved plan nor an override")


def test_p10_a_saved_plan_is_shown_in_the_same_words(project: Path) -> None:
    planned = mvops(project, "plan", HOURLY, "--out", "p.json").ok().out.splitlines()
    shown = mvops(project, "show", "p.json").ok().out.splitlines()
    assert shown[:-1] == planned[:-1]
    assert "with mvops" in shown[-1]
    mvops(project, "show", "nofile.json").refused("nofile.json", "mvops plan --out FILE")


def test_p14_a_plan_says_whether_there_is_anything_to_do(project: Path) -> None:
    for overrides, noop in (((HOURLY,), False), ((), True)):
        planned = mvops(project, "plan", *overrides, "--out", "p.json", "--json").ok().json()
        assert planned["noop"] == noop
        assert mvops(project, "show", "p.json", "--json").ok().json()["noop"] == noop


@pytest.mark.parametrize(
    ("field", "value"),
    [("mvops", "0.0.1"), ("lineage", "x"), ("overrides", []), ("created_by", "root@x"), ("notices", ["n"])],
)
def test_p20_a6_a_changed_field_is_seen(project: Path, field: str, value: object) -> None:
    mvops(project, "plan", HOURLY, "--out", "../p.json").ok()
    saved = json.loads((project.parent / "p.json").read_text())
    before = snapshot(project)
    (project.parent / "p.json").write_text(json.dumps(saved | {field: value}))
    mvops(project, "apply", "../p.json").refused("p.json was changed since mvops made it")
    (project.parent / "p.json").write_text(json.dumps(saved | {"surplus": 1}))
    mvops(project, "apply", "../p.json").refused("surplus")
    assert snapshot(project) == before


def test_p20_a_plan_of_another_mvops_is_stale(project: Path) -> None:
    _resaved(project, mvops="0.0.1")
    mvops(project, "apply", "p.json").refused("stale", "mvops 0.0.1 made it", "mvops plan")


def test_p20_a_yaml_that_changed_elsewhere_makes_it_stale(project: Path) -> None:
    mvops(project, "plan", HOURLY, "--out", "p.json").ok()
    edit(project / "configs/models/toy.yaml", "monitor: {", "owner: ana\nmonitor: {")
    mvops(project, "apply", "p.json").refused("stale: models.toy.owner of the YAML changed since it was made")


def test_p22_a_plan_may_expire(project: Path) -> None:
    mvops(project, "plan", HOURLY, "--valid-for", "24h").refused("--out FILE")
    mvops(project, "plan", HOURLY, "--valid-for", "soon", "--out", "p.json").refused("--valid-for", "'soon'")
    for nothing in ("0", "0h", "-1h", ""):
        mvops(project, "plan", HOURLY, "--valid-for", nothing, "--out", "p.json").refused("--valid-for", f"{nothing!r}")
    assert not (project / "p.json").exists()
    mvops(project, "plan", HOURLY, "--valid-for", "24h", "--out", "p.json").ok()
    assert "to be applied before" in mvops(project, "show", "p.json").ok().out
    mvops(project, "apply", "p.json").ok()
    _resaved(project, expires=datetime(2026, 1, 2, tzinfo=UTC))
    refused = mvops(project, "apply", "p.json").refused("stale: it was to be applied before 2026-01-02 00:00 UTC")
    assert refused.out == ""


def test_p22_who_said_yes_is_on_record(project: Path) -> None:
    mvops(project, "apply", "--yes", HOURLY).ok()
    mvops(project, "plan", "--out", "p.json").ok()
    mvops(project, "apply", "p.json").ok()
    told = mvops(project, "history", "--json").ok().json()["events"]
    approvals = [event["details"]["approval"] for event in told if event["kind"] == "apply"]
    assert approvals[-1].startswith("saved plan, made by ")
    assert approvals[-2] == "--yes"


def test_p9_a_list_and_a_section_are_shown_old_and_new(project: Path) -> None:
    shown = mvops(project, "plan", "models.toy.gate=['roc_auc >= 0.7']").ok().out
    assert "gate: [roc_auc >= 0.6, roc_auc >= champion - 0.05] -> [roc_auc >= 0.7]" in shown
    moved = mvops(project, "plan", "scheduler.backend=github_actions").ok().out
    assert "timetable.machine: not set -> {python: 3." in moved
    assert "{'" not in moved
    by_hand = mvops(project, "plan", "models.toy.retrain.schedule=null").ok().out
    assert "retrain_toy: 0 3 * * 1 -> not run" in by_hand


def test_a_saved_plan_takes_no_options(project: Path) -> None:
    mvops(project, "plan", HOURLY, "--out", "p.json").ok()
    mvops(project, "apply", "p.json", "--target", "model.toy").refused("applied as it is")


def _resaved(project: Path, **changed: object) -> None:
    """A plan as another mvops, or one of long ago, would have saved it."""
    mvops(project, "plan", HOURLY, "--out", "p.json").ok()
    saved = Plan.model_validate_json((project / "p.json").read_text())
    (project / "p.json").write_text(saved.model_copy(update=changed).sealed().model_dump_json())


def test_p14_markdown_for_a_pull_request(project: Path) -> None:
    shown = mvops(project, "plan", "--markdown", HOURLY).ok()
    assert "### mvops plan: toy (small/day_90)" in shown.out
    assert "| `~` | `monitor.toy` | update |" in shown.out
    nothing = mvops(project, "plan", "--markdown").ok()
    assert "Nothing to do: 6 resources are as they should be." in nothing.out


def test_json_is_the_plan(project: Path) -> None:
    shown = mvops(project, "plan", "--json", HOURLY).ok().json()
    assert {a["address"]: a["verb"] for a in shown["actions"] if a["verb"] != "keep"} == {
        "monitor.toy": "update",
        "schedule.toy": "update",
    }
    assert shown["overrides"] == [HOURLY]


def test_json_of_an_apply(project: Path) -> None:
    done = mvops(project, "apply", "--json", "--yes", HOURLY).ok().json()
    assert [(a["address"], a["verb"], a["status"]) for a in done["actions"]] == [
        ("monitor.toy", "update", "done"),
        ("schedule.toy", "update", "done"),
    ]


def test_p2_the_same_plan_twice_is_the_same_bytes(project: Path) -> None:
    first, second = (mvops(project, "plan", "--json", HOURLY).ok().out for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    "place", [lambda d: ("-C", d, "plan"), lambda d: ("plan", "-C", d), lambda d: ("plan", f"--directory={d}")]
)
def test_the_project_may_be_named_before_and_after_the_command(project: Path, place: object) -> None:
    assert "Nothing to do" in mvops(project.parent, *place("toy")).ok().out  # type: ignore[operator]
    assert "Nothing to do" in mvops(project.parent, *place("toy/configs/models")).ok().out  # type: ignore[operator]


def test_p15_quiet_says_what_was_asked_for_and_no_more(project: Path) -> None:
    assert "settings.every" in mvops(project, "--quiet", "plan", HOURLY).ok().out
    applied = mvops(project, "apply", "-q", "--yes", HOURLY).ok()
    assert (applied.out, applied.err) == ("", "")


def test_p31_nothing_is_done_without_a_yes(project: Path) -> None:
    before = snapshot(project)
    mvops(project, "apply", HOURLY).refused("nobody to ask", "--yes")
    assert snapshot(project) == before
    assert "Nothing to do" in mvops(project, "apply").ok().out  # nothing to ask about


def test_p16_p34_only_what_was_changed_outside_is_exit_code_3(project: Path) -> None:
    (project / ".mvops/serving/toy/route.json").unlink()
    shown = mvops(project, "plan", "--detailed-exitcode").ok(3)
    assert "endpoint.toy  repair: changed outside mvops: route is absent, should be present" in shown.out
    mvops(project, "apply", "--yes").ok()
    assert (project / ".mvops/serving/toy/route.json").is_file()


def test_a_capability_that_the_preset_leaves_off_is_told(project: Path) -> None:
    override = "capabilities={monitoring: false, serving: true}"
    shown = mvops(project, "plan", "preset=small/day_30", override).ok()
    said = f"the override '{override}' switches capabilities.monitoring off"
    assert f"note: monitor.toy, schedule.toy go as {said}; to keep it, say true there" in shown.out
    assert "models.toy.retrain is not acted upon: small/day_30 leaves capabilities.retraining off" in shown.out
    assert "models.toy.rollout is not acted upon: small/day_30 leaves capabilities.canary off" in shown.out
    spec = project / "configs/project.yaml"
    text = f"{spec.read_text()}\ncapabilities: {{retraining: false, serving: false}}\n"
    spec.write_text(text)
    line = f"configs/project.yaml:{len(text.splitlines())} switches capabilities"
    shown = mvops(project, "plan", "capabilities.retraining=true", "preset=small/day_30").ok()
    assert f"endpoint.toy goes as {line}.serving off; to keep it, say true there" in shown.out
    assert "models.toy.retrain" not in shown.out
    shown = mvops(project, "plan").ok()
    assert f"models.toy.retrain is not acted upon: {line}.retraining off" in shown.out
    spec.write_text(text.replace("  - _self_", "  - team: ours\n  - _self_").replace("retraining: false, ", ""))
    (project / "configs/team").mkdir()
    (project / "configs/team/ours.yaml").write_text("# @package _global_\ncapabilities: {retraining: false}\n")
    shown = mvops(project, "plan").ok()
    ours = "configs/team/ours.yaml:2 switches capabilities.retraining off"
    assert f"models.toy.retrain is not acted upon: {ours}" in shown.out
    (project / "configs/models/toy.yaml").unlink()
    shown = mvops(project, "plan", "preset=small/day_30").ok()
    assert "  - endpoint.toy  delete: no longer in the spec" in shown.out
    assert "to keep it" not in shown.out  # the model went, and no capability would keep what was its
