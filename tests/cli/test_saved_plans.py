"""Plans: what they show, saved ones, targets and overrides."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from toy_project import edit, mvops, snapshot

pytestmark = pytest.mark.xdist_group("cli-toy")
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


def test_a_saved_plan_is_done_as_it_is_with_its_overrides(project: Path) -> None:
    shown = mvops(project, "plan", HOURLY, "--out", "hourly.json").ok()
    assert "`mvops apply hourly.json` does exactly this" in shown.out
    done = mvops(project, "apply", "hourly.json").ok()
    assert "ok      update monitor.toy" in done.out
    assert "Applied: 2 done." in done.out
    assert "*/1" in (project / "deploy/schedules/toy/crontab").read_text()
    back = mvops(project, "plan", "--detailed-exitcode").ok(2)
    assert "settings.every: 1h -> 1d" in back.out


def test_a_stale_plan_is_refused(project: Path) -> None:
    mvops(project, "plan", HOURLY, "--out", "hourly.json").ok()
    mvops(project, "apply", "--yes", "models.toy.monitor.every=2h").ok()
    before = snapshot(project)
    mvops(project, "apply", "hourly.json").refused("stale", "mvops plan")
    assert snapshot(project) == before


def test_a_plan_whose_yaml_changed_since_is_refused(project: Path) -> None:
    mvops(project, "plan", "models.toy.monitor.min_rows=9", "--out", "p.json").ok()
    edit(project / "configs/models/toy.yaml", "every: 1d", "every: 3h")
    mvops(project, "apply", "p.json").refused("stale", "monitor.toy")


def test_a_tampered_plan_is_refused(project: Path) -> None:
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


def test_a_plan_that_is_not_there(project: Path) -> None:
    mvops(project, "apply", "nofile.json").refused("nofile.json is neither a saved plan nor an override")


def test_a_target_brings_what_it_needs_and_says_what_is_left_out(quick: Path) -> None:
    shown = mvops(quick, "plan", "--target", "pipeline.toy").ok()
    assert "dataset.data" in shown.out
    assert "pipeline.toy" in shown.out
    assert "endpoint.toy" not in shown.out
    assert "4 more resources were not selected: this plan is partial" in shown.out


def test_a_targeted_apply_leaves_the_rest_for_later(quick: Path) -> None:
    mvops(quick, "apply", "--yes", "--target", "pipeline.toy").ok()
    assert not (quick / "deploy").exists()
    rest = mvops(quick, "plan").ok()
    assert "+ pipeline.toy" not in rest.out
    assert "+ model.toy" in rest.out


def test_an_unknown_target_names_those_that_there_are(project: Path) -> None:
    mvops(project, "plan", "--target", "model.tyo").refused("model.tyo", "no such resource", "model.toy")


def test_markdown_for_a_pull_request(project: Path) -> None:
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


def test_the_same_plan_twice_is_the_same_bytes(project: Path) -> None:
    first, second = (mvops(project, "plan", "--json", HOURLY).ok().out for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    "place", [lambda d: ("-C", d, "plan"), lambda d: ("plan", "-C", d), lambda d: ("plan", f"--directory={d}")]
)
def test_the_project_may_be_named_before_and_after_the_command(project: Path, place: object) -> None:
    assert "Nothing to do" in mvops(project.parent, *place("toy")).ok().out  # type: ignore[operator]
    assert "Nothing to do" in mvops(project.parent, *place("toy/configs/models")).ok().out  # type: ignore[operator]


def test_quiet_says_what_was_asked_for_and_no_more(project: Path) -> None:
    assert "settings.every" in mvops(project, "--quiet", "plan", HOURLY).ok().out
    applied = mvops(project, "apply", "-q", "--yes", HOURLY).ok()
    assert (applied.out, applied.err) == ("", "")


def test_nothing_is_done_without_a_yes(project: Path) -> None:
    before = snapshot(project)
    mvops(project, "apply", HOURLY).refused("nobody to ask", "--yes")
    assert snapshot(project) == before
    assert "Nothing to do" in mvops(project, "apply").ok().out  # nothing to ask about


def test_only_what_was_changed_outside_is_exit_code_3(project: Path) -> None:
    (project / ".mvops/serving/toy/route.json").unlink()
    shown = mvops(project, "plan", "--detailed-exitcode").ok(3)
    assert "endpoint.toy  repair: changed outside mvops: route is absent, should be present" in shown.out
    mvops(project, "apply", "--yes").ok()
    assert (project / ".mvops/serving/toy/route.json").is_file()


def test_a_capability_that_the_preset_leaves_off_is_told(project: Path) -> None:
    shown = mvops(project, "plan", "preset=small/day_30").ok()
    assert "models.toy.retrain is not acted upon: small/day_30 leaves capabilities.retraining off" in shown.out
