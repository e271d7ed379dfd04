"""The examination of the family `ci_systems`: a line of YAML brings the files, and nothing of this machine is in them.

That a pull request is planned, shown and applied is each member's own test, as each has a language of its own.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import toy_project as toy

from mvops.contracts.ci_systems import CiSystem, Review
from mvops.contracts.schedulers import Machine


def review(**changes: Any) -> Review:
    machine = Machine(python="3.12", secrets=("PGPASSWORD",))
    return Review.model_validate(
        {"project": "flights", "branch": "main", "approval": None, "machine": machine} | changes
    )


def test_files_are_made_of_the_review_alone(backend: CiSystem) -> None:
    files = backend.files(review())
    assert files == backend.files(review())
    for path, text in files.items():
        assert ".." not in PurePosixPath(backend.folder(), path).parts
        assert text.endswith("\n")
        assert str(Path.cwd()) not in text
        assert str(Path.home()) not in text


def test_p18_the_same_file_is_planned_and_applied(backend: CiSystem) -> None:
    text = "\n".join(backend.files(review()).values())
    for said in ("mvops plan", "--out", "--markdown", "mvops apply", "mvops-plan.json", "3.12", "PGPASSWORD"):
        assert said in text


def test_what_is_asked_for_is_there(backend: CiSystem) -> None:
    plain = backend.files(review())
    for changes in ({"branch": "trunk"}, {"approval": "production"}, {"environment": "staging"}, {"project": "trains"}):
        assert backend.files(review(**changes)) != plain


def test_what_an_empty_machine_lacks_is_said(backend: CiSystem) -> None:
    said = "\n".join(backend.limits(review(machine=Machine(python="3.11", kept=("registry",)))))
    assert "registry" in said
    assert "requirements.txt" in said
    assert "requirements.txt" not in "\n".join(
        backend.limits(review(machine=Machine(python="3.11", requirements="requirements.txt")))
    )


def test_p3_one_line_of_yaml_brings_it_and_takes_it_away(member: Any, backend: CiSystem, tmp_path: Path) -> None:
    toy.mvops(tmp_path, "init", "p", "--name", "toy").ok()
    root = tmp_path / "p"
    project = root / "configs/project.yaml"
    before = project.read_text()
    project.write_text(f"{before}ci: {{backend: {member.name}}}\n")
    toy.mvops(root, "plan", "--detailed-exitcode").ok(2)
    toy.mvops(root, "apply", "--yes").ok()
    toy.mvops(root, "plan", "--detailed-exitcode").ok(0)
    made = [root / backend.folder() / path for path in backend.files(review())]
    assert all(path.is_file() for path in made)
    made[0].write_text(made[0].read_text() + "# ours\n")
    project.write_text(f"{before}ci: {{backend: {member.name}, branch: trunk}}\n")
    toy.mvops(root, "apply", "--yes").ok()
    assert "trunk" in made[0].read_text()
    assert made[0].read_text().endswith("# ours\n")
    toy.mvops(root, "plan", "--detailed-exitcode").ok(0)
    project.write_text(before)
    toy.mvops(root, "apply", "--yes").ok()
    assert [path.is_file() for path in made] == [True, *(False for _ in made[1:])], "what was edited stays"


@pytest.mark.parametrize("said", ["branch: '-x'", "branch: 'a b'", "approval: '${{ x }}'", "secrets: [hunter2]"])
def test_what_would_be_more_than_a_name_is_refused(member: Any, said: str, tmp_path: Path) -> None:
    toy.mvops(tmp_path, "init", "p").ok()
    with (tmp_path / "p/configs/project.yaml").open("a") as file:
        file.write(f"ci: {{backend: {member.name}, {said}}}\n")
    toy.mvops(tmp_path / "p", "plan").refused("ci")
