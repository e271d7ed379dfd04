"""DVC is what a preset wants, the artefact store what is there until DVC has been set up."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from toy_project import mvops

pytestmark = [pytest.mark.xdist_group("cli-journey"), pytest.mark.system]


def kept_by(root: Path) -> str:
    found = mvops(root, "versions", "show", "toy", 1, "--json").ok().json()
    return str(found["revisions"]["data_path"]["backend"])


def test_the_store_keeps_it_until_dvc_is_set_up_and_never_again(quick: Path) -> None:
    pytest.importorskip("dvc", reason="needs dvc")
    with (quick / "configs/project.yaml").open("a") as file:
        file.write("capabilities: {data_versioning: true}\ndata: {backend: dvc, otherwise: local}\n")
    said = mvops(quick, "plan", "--detailed-exitcode").ok(2).out
    assert "data is kept by local for now." in said
    assert "dvc init" in said
    assert "To leave it so: data: {backend: local}" in said
    with_local = mvops(quick, "plan", "data.backend=local").ok().out
    assert "kept by local" not in with_local
    mvops(quick, "apply", "--yes").ok()
    mvops(quick, "plan", "--detailed-exitcode").ok()
    assert kept_by(quick) == "local"

    subprocess.run([sys.executable, "-m", "dvc", "init", "-q", "--no-scm"], cwd=quick, check=True)
    assert "dataset.data" in mvops(quick, "plan", "--detailed-exitcode").ok(2).out
    mvops(quick, "apply", "--yes").ok()
    assert (quick / "data/d.csv.dvc").is_file()
    said = mvops(quick, "plan", "--detailed-exitcode").ok().out
    assert "data is kept by local" not in said

    shutil.move(quick / ".dvc", quick.parent / "gone")
    (quick / "data/d.csv").write_text((quick / "data/d.csv").read_text() + "1,2,a,3,1\n")
    mvops(quick, "apply", "--yes").refused("not in a DVC repository", "dvc init")
