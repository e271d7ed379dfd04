"""P31: what serves in production is not taken away by a yes alone."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import toy_project as toy
from toy_project import edit, finish, mvops, snapshot

from mvops.loading.load import load_project
from mvops.registry.owner import whoami


def typed_in(project: Path, answer: str, *arguments: str, meanwhile: Callable[[], object] | None = None) -> toy.Result:
    """A command at a terminal, and what somebody types when it asks; before that, what goes on `meanwhile`."""
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            [*toy.COMMAND, *arguments],
            cwd=project,
            env=toy.environment(),
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        if meanwhile is not None:
            shown = ""
            while not shown.endswith("Do it?"):
                assert process.stdout is not None
                shown += (more := process.stdout.read(1))
                assert more, f"it ended without asking: {shown}"
            meanwhile()
        os.write(ours, f"{answer}\n".encode())
        return finish(process, timeout=120)
    finally:
        os.close(ours)
        os.close(theirs)


def test_p31_where_a_name_is_to_be_typed_a_yes_is_not_enough(project: Path) -> None:
    with (project / "configs/project.yaml").open("a") as file:
        file.write("confirm: typed\n")
    before = snapshot(project)
    mvops(project, "destroy").refused("nobody to ask", "--yes")
    edit(project / "configs/models/toy.yaml", "monitor:", "endpoint: null\nmonitor:")
    asked = typed_in(project, "y", "apply")
    assert asked.code == 1
    assert "A version that serves is taken away. Type toy to go on" in asked.out
    assert "nothing was done" in asked.err
    edit(project / "configs/models/toy.yaml", "endpoint: null\nmonitor:", "monitor:")
    assert snapshot(project) == before
    typed_in(project, "toy", "destroy").ok()
    assert not (project / "deploy").exists()


def test_p25_who_was_quicker_while_an_apply_asked_is_named(project: Path) -> None:
    hourly, two_hourly = (f"models.toy.monitor.every={every}" for every in ("1h", "2h"))
    crontab = project / "deploy/schedules/toy/crontab"
    again = "Type the same again: it plans on what is there now."
    moved = {
        "data/d.csv changed (inputs.data_path of pipeline.toy)": lambda: toy.rows(range(61)).to_csv(
            project / "data/d.csv", index=False
        ),
        f"{crontab.relative_to(project)} was changed": lambda: edit(crontab, "# Install it", "# Installed by ana"),
    }
    for what, move in moved.items():
        smoother = typed_in(project, "y", "apply", "models.toy.pipeline.parameters.C=0.5", hourly, meanwhile=move)
        assert "stale" not in smoother.refused(f"{what} since this was planned", again).err
    late = typed_in(project, "y", "apply", hourly, meanwhile=lambda: mvops(project, "apply", "--yes", two_hourly).ok())
    said = f"`apply` of {whoami()} finished since this command planned"
    assert "stale" not in late.refused(said, again).err
    assert "*/2" in crontab.read_text()


@pytest.mark.parametrize(
    ("environment", "said", "expected"),
    [
        (None, "", False),
        ("staging", "", False),
        ("production", "", True),
        ("prod", "", True),
        ("production", "confirm: simple\n", False),
        (None, "confirm: typed\n", True),
    ],
)
def test_p31_production_asks_for_the_name_unless_the_yaml_says_otherwise(
    tmp_path: Path, environment: str | None, said: str, expected: bool
) -> None:
    (tmp_path / "configs/env").mkdir(parents=True)
    head = "defaults: [{preset: small/day_30}, _self_]\nproject: flights\n"
    (tmp_path / "configs/project.yaml").write_text(head + said)
    for name in ("staging", "production", "prod"):
        (tmp_path / f"configs/env/{name}.yaml").write_text("{}\n")
    assert load_project(tmp_path, (), environment).confirms_by_name is expected
