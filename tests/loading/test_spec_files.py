"""Which files are read, and which are refused before they are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from mvops.errors import SpecError, UsageError
from mvops.loading.files import fingerprint, gather
from mvops.loading.find import find_project
from mvops.loading.load import load_project


def test_the_nearest_project_upwards(build: Any) -> None:
    root = build({"notebooks/deep/er/x.ipynb": "{}"})
    assert find_project(root) == root
    assert find_project(root / "notebooks" / "deep" / "er") == root


def test_a_relative_start(build: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    root = build()
    monkeypatch.chdir(root / "configs")
    assert find_project(Path()) == root


def test_no_project(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="`mvops init` makes a project"):
        find_project(tmp_path)
    with pytest.raises(UsageError, match="there is no folder"):
        find_project(tmp_path / "missing")


def test_a_project_with_the_wrong_ending(tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "project.yml").write_text("project: x")
    with pytest.raises(UsageError, match=r"mv configs/project.yml configs/project.yaml"):
        find_project(tmp_path)


def test_what_is_not_the_spec_is_not_read(build: Any) -> None:
    root = build(
        {
            "configs/features/.weather.yaml": "[broken",
            "configs/features/notes.txt": "[broken",
            "configs/.hidden.yaml": "[broken",
            "configs/models/.#flight_delay.yaml": "[broken",
            "configs/models/notes.txt": "[broken",
            "configs/Other-Tool.yaml": "[broken",
            "configs/.git/x.yaml": "[broken",
        }
    )
    own = [file.option for file in gather(root) if file.shown.as_posix().startswith("configs/")]
    assert own == ["models/flight_delay", "project"]
    assert load_project(root).project == "flights"


def test_a_link_inside_the_project_is_read(build: Any) -> None:
    root = build({"shared/day.yaml": "# @package _global_\nregistry: sqlite:///day.db\n"})
    (root / "configs" / "team").mkdir()
    (root / "configs" / "team" / "day.yaml").symlink_to(root / "shared" / "day.yaml")
    assert load_project(root, ["+team=day"]).registry == "sqlite:///day.db"


def refusal(root: Path) -> str:
    with pytest.raises(SpecError) as caught:
        load_project(root)
    return str(caught.value)


def test_xs9_a_link_out_of_the_project(build: Any, tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text("a: secret")
    root = build()
    (root / "configs" / "models" / "evil.yaml").symlink_to(tmp_path / "secret.yaml")
    told = refusal(root)
    assert "configs/models/evil.yaml: this symbolic link leads out of the project" in told
    assert "secret" not in told


def test_xs9_a_folder_that_is_a_link(build: Any, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    root = build()
    (root / "configs" / "servers").symlink_to(tmp_path / "elsewhere")
    assert "configs/servers: a folder of configs may not be a symbolic link" in refusal(root)


@pytest.mark.parametrize("target", ["missing.yaml", "loop.yaml"])
def test_a_link_to_nothing(build: Any, target: str) -> None:
    root = build()
    (root / "configs" / "models" / "loop.yaml").symlink_to(root / "configs" / "models" / target)
    assert "configs/models/loop.yaml: cannot be read" in refusal(root)


def test_a_pipe_is_not_waited_for(build: Any) -> None:
    root = build()
    os.mkfifo(root / "configs" / "models" / "pipe.yaml")
    assert "configs/models/pipe.yaml: this is not a regular file" in refusal(root)


def test_a_file_that_is_too_large(build: Any) -> None:
    root = build({"configs/models/large.yaml": b"#" * (10 << 20)})
    assert "configs/models/large.yaml: the file is larger than 1 MiB" in refusal(root)


def test_the_fingerprint_knows_names_contents_and_overrides(build: Any) -> None:
    files = gather(build())
    assert fingerprint(files, ["a=1"]) == fingerprint(files, ["a=1"])
    prints = {fingerprint(files, ()), fingerprint(files, ["a=1", "b=1"]), fingerprint(files, ["b=1", "a=1"])}
    assert len(prints | {fingerprint(files[:-1], ())}) == 4
