"""How a plan reads: what was changed outside stands apart from what was changed in the project."""

from __future__ import annotations

from pathlib import Path

from toy_project import edit, mvops

OUTSIDE, OURS = "Changed outside mvops since the last apply", "Changed in the project"


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
