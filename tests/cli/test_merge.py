"""Generated files that people edit, made anew: merged where that is clean, told and left alone where it is not."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic.fields import FieldInfo
from toy_project import copy, edit, free_port, mvops, port_of, query, snapshot

from mvops import assets
from mvops.core.spec import Spec
from mvops.kinds.file_changes import Generating
from mvops.kinds.kind import kinds

pytestmark = pytest.mark.xdist_group("cli-toy")
FOLDER = "deploy/serving/toy"
DOCKERFILE = f"{FOLDER}/Dockerfile"
MINE = "RUN apt-get install --yes libgomp1\n"


def move_port(project: Path) -> tuple[int, int]:
    """Another port in the YAML, which is in most generated files: the one before and the new one."""
    before, after = port_of(project), free_port()
    edit(project / "configs/project.yaml", f"port: {before}", f"port: {after}")
    return before, after


def edited(project: Path) -> Path:
    """The Dockerfile, with a line of the team's."""
    path = project / DOCKERFILE
    edit(path, "RUN pip", f"{MINE}RUN pip")
    return path


def contested(project: Path) -> Path:
    """The Dockerfile, with an edit of a line that depends on the port."""
    path = project / DOCKERFILE
    edit(path, f"EXPOSE {port_of(project)}", f"EXPOSE {port_of(project)}  # ours")
    return path


def file_of(project: Path, path: str, *arguments: object) -> dict[str, object]:
    """What the plan says about a file."""
    actions = mvops(project, "plan", "--json", *arguments).ok().json()["actions"]
    found: list[dict[str, object]] = [f for a in actions for f in a["files"] if f["path"] == path]
    assert len(found) == 1
    return found[0]


def quiet(project: Path) -> str:
    return mvops(project, "plan", "--detailed-exitcode").ok(0).out


def test_p35_a8_edits_and_new_text_are_merged(project: Path) -> None:
    path = edited(project)
    before, after = move_port(project)
    was = path.read_text()
    shown = mvops(project, "plan").ok().out
    number = was.splitlines().index(MINE.strip()) + 1
    assert f"~ {DOCKERFILE} is merged, +3 -3: your edits of line {number} stay" in shown
    assert f"-EXPOSE {before}" in shown
    assert f"+EXPOSE {after}" in shown
    assert path.read_text() == was, "a plan only reads"
    mvops(project, "apply", "--yes").ok()
    assert path.read_text() == was.replace(str(before), str(after))
    assert not path.with_name("Dockerfile.new").exists()
    assert f"{DOCKERFILE} was edited by hand and stays" in quiet(project)
    _, again = move_port(project)
    mvops(project, "apply", "--yes").ok()
    assert path.read_text() == was.replace(str(before), str(again)), "merged with what was generated in between"
    quiet(project)


def test_p35_a_conflict_is_told_and_the_file_stays_until_somebody_resolves_it(project: Path) -> None:
    path = contested(project)
    was = path.read_text()
    before, after = move_port(project)
    shown = mvops(project, "plan", "--detailed-exitcode").ok(2).out
    assert f"x {DOCKERFILE} is in conflict: your edits of line 13 and the new text change the same lines" in shown
    assert f"the new text goes to {DOCKERFILE}.new" in shown
    assert f"          -EXPOSE {before}  # ours\n          +EXPOSE {after}\n" in shown
    assert "1 file in conflict stays as it is" in shown
    assert "Not now: --exclude endpoint.toy. Back: undo the change in the YAML" in shown
    done = mvops(project, "apply", "--yes").ok().out
    assert f"{DOCKERFILE} stays as it is: take over what you want from {DOCKERFILE}.new, then delete it" in done
    assert path.read_text() == was
    new = path.with_name("Dockerfile.new")
    assert f"EXPOSE {after}\n" in new.read_text()
    assert f"{DOCKERFILE}.new has what mvops would write" in quiet(project)

    path.write_text(was.replace(str(before), str(after)))  # taken over by hand
    new.unlink()
    told = quiet(project)
    assert f"{DOCKERFILE} was edited by hand and stays" in told
    assert ".new" not in told
    edit(project / "configs/project.yaml", "endpoint: {", "endpoint: {host: 127.0.0.2, ")
    mvops(project, "apply", "--yes").ok()
    assert not new.exists(), "the resolved conflict is not one again"
    quiet(project)


def test_p35_moving_the_new_text_over_the_file_resolves_and_keeps_every_other_edit(project: Path) -> None:
    edited(project)
    path = contested(project)
    was = path.read_text()
    before, after = move_port(project)
    said = mvops(project, "apply", "--yes", "--quiet").ok(0).out
    assert said == f"{DOCKERFILE} stays as it is: take over what you want from {DOCKERFILE}.new, then delete it\n"
    assert path.read_text() == was
    new = path.with_name("Dockerfile.new")
    assert new.read_text() == was.replace("  # ours", "").replace(str(before), str(after))
    _, again = move_port(project)
    assert mvops(project, "apply", "--yes", "--json").ok(0).json()["conflicts"] == [DOCKERFILE]
    assert new.read_text() == was.replace("  # ours", "").replace(str(before), str(again)), "renewed, as it is ours"
    quiet(project)
    destroyed = copy(project, project.parent / "destroyed")
    mvops(destroyed, "destroy", "--yes").ok()
    assert [p.name for p in (destroyed / FOLDER).iterdir()] == ["Dockerfile"]
    new.replace(path)
    assert ".new" not in quiet(project)
    _, last = move_port(project)
    mvops(project, "apply", "--yes").ok()
    assert MINE in path.read_text()
    assert f"EXPOSE {last}\n" in path.read_text()
    assert not new.exists()
    quiet(project)


def test_a_conflict_that_nobody_resolved_ends_when_the_yaml_goes_back(project: Path) -> None:
    path = contested(project)
    was = path.read_text()
    before, after = move_port(project)
    mvops(project, "apply", "--yes").ok()
    assert path.with_name("Dockerfile.new").exists()
    edit(project / "configs/project.yaml", f"port: {after}", f"port: {before}")
    changed = copy(project, project.parent / "changed")
    planned = mvops(project, "plan").ok().out
    assert "and stays; the conflict is over: deploy/serving/toy/Dockerfile.new goes" in planned
    assert planned.rstrip().endswith("5 unchanged."), "nothing is in conflict then"
    mvops(project, "apply", "--yes").ok()
    assert path.read_text() == was
    assert not path.with_name("Dockerfile.new").exists()
    quiet(project)

    notes = changed / "deploy/serving/toy/Dockerfile.new"
    notes.write_text("mine\n")
    assert "Dockerfile.new, which you changed, stays and is yours" in mvops(changed, "plan").ok().out
    mvops(changed, "apply", "--yes").ok()
    assert notes.read_text() == "mine\n"
    quiet(changed)


def test_a_conflict_that_nobody_resolved_is_one_again(project: Path) -> None:
    path = contested(project)
    was = path.read_text()
    for _ in range(2):
        _, after = move_port(project)
        assert file_of(project, DOCKERFILE)["verb"] == "conflict"
        mvops(project, "apply", "--yes").ok()
        assert path.read_text() == was
        assert str(after) in path.with_name("Dockerfile.new").read_text()
        quiet(project)
    new = path.with_name("Dockerfile.new")
    new.replace(path)  # taken over whole
    assert "Dockerfile" not in quiet(project)


def test_p35_what_somebody_wrote_into_the_new_text_is_not_written_over(project: Path) -> None:
    path = contested(project)
    move_port(project)
    mvops(project, "apply", "--yes").ok()
    new = path.with_name("Dockerfile.new")
    new.write_text("half way through\n")
    move_port(project)
    shown = mvops(project, "plan").ok().out
    assert f"x endpoint.toy  conflict: {DOCKERFILE} is in conflict, and {DOCKERFILE}.new holds something" in shown
    before = snapshot(project)
    way = "The rest meanwhile: plan, apply and destroy take --exclude endpoint.toy"
    assert way in shown
    mvops(project, "apply", "--yes").refused("holds something of yours", "plan again", way)
    assert snapshot(project) == before
    assert "conflict" not in mvops(project, "plan", "--exclude", "endpoint.toy").ok().out
    new.unlink()
    mvops(project, "apply", "--yes").ok()
    quiet(project)


def test_a_merge_on_a_machine_with_another_checkout_needs_no_more_than_the_registry(project: Path) -> None:
    """The base is where the record is: what was generated before is in no file of this checkout."""
    path = edited(project)
    for _ in range(2):
        move_port(project)
        mvops(project, "apply", "--yes").ok()
    assert MINE in path.read_text()
    texts = query(project, "SELECT sha256 FROM mvops_texts")
    named = {
        digest
        for (spec,) in query(
            project, "SELECT spec FROM mvops_records WHERE address IN ('endpoint.toy', 'schedule.toy')"
        )
        for digest in json.loads(spec)["files"].values()
    }
    assert {digest for (digest,) in texts} == named, "no text is kept that no merge needs"


def test_p8_p19_a_saved_plan_does_what_it_says_to_edited_files_or_nothing(project: Path) -> None:
    path = edited(project)
    move_port(project)
    mvops(project, "plan", "--out", "p.json").ok()
    edit(path, MINE, MINE + "RUN true\n")
    before = snapshot(project)
    mvops(project, "apply", "p.json").refused(f"this plan is stale: {DOCKERFILE} was changed since it was made")
    assert snapshot(project) == before
    planned = mvops(project, "plan", "--out", "p.json", "--json").ok().json()
    mvops(project, "apply", "p.json").ok()
    results = {f["path"]: f["result"] for a in planned["actions"] for f in a["files"]}
    assert results[DOCKERFILE] == snapshot(project)[DOCKERFILE]
    assert results == {name: snapshot(project)[name] for name in results}
    quiet(project)


def test_p2_p9_the_diff_in_json_is_a_patch_that_does_what_apply_does(project: Path, tmp_path: Path) -> None:
    edited(project)
    move_port(project)
    (project / FOLDER / "loadtest.py").unlink()
    shown = mvops(project, "plan", "--json").ok()
    assert mvops(project, "plan", "--json").ok().out == shown.out
    files = [f for a in shown.json()["actions"] for f in a["files"]]
    assert {f["path"].removeprefix(f"{FOLDER}/"): f["verb"] for f in files} == {
        "Dockerfile": "merge",
        "README.md": "replace",
        "app.py": "replace",
        "loadtest.py": "create",
    }
    patch = tmp_path / "plan.patch"
    patch.write_text("".join(f"{f['diff']}\n" for f in files if f["diff"]))
    subprocess.run(["git", "apply", "--unsafe-paths", str(patch)], cwd=project, check=True)
    patched = {f["path"]: (project / f["path"]).read_bytes() for f in files if f["diff"]}
    subprocess.run(["git", "apply", "--unsafe-paths", "--reverse", str(patch)], cwd=project, check=True)
    mvops(project, "apply", "--yes").ok()
    assert {name: (project / name).read_bytes() for name in patched} == patched
    assert len(patched) == 3


def test_p9_new_files_are_counted_and_long_diffs_cut(quick: Path, project: Path) -> None:
    new = mvops(quick, "plan").ok().out
    assert f"+ 6 files are made, 119 lines, in {FOLDER}" in new
    assert "+ deploy/schedules/toy/crontab is made, 12 lines" in new
    path = project / DOCKERFILE
    path.write_text("".join(f"ENV A{n}=1\n" for n in range(60)))
    move_port(project)
    cut = mvops(project, "plan").ok().out
    assert "more lines, all with --diff" in cut
    assert "+EXPOSE" not in cut
    whole = mvops(project, "plan", "--diff").ok().out
    assert "more lines" not in whole
    assert "-ENV A59=1" in whole
    assert "+EXPOSE" in whole


def test_p9_markdown_folds_each_diff(project: Path) -> None:
    edited(project)
    before, after = move_port(project)
    shown = mvops(project, "plan", "--markdown").ok().out
    assert (
        f"<details><summary><code>{DOCKERFILE}</code>: merge, +3 -3</summary>\n\n```diff\n--- a/{DOCKERFILE}" in shown
    )
    assert f"-EXPOSE {before}\n+EXPOSE {after}\n" in shown
    assert "````diff\n--- a/deploy/serving/toy/README.md" in shown, "a fence longer than those in the file"
    assert shown.count("<details>") == shown.count("</details>") == 4


def test_p12_what_looks_like_a_secret_is_in_no_plan(project: Path) -> None:
    path = project / DOCKERFILE
    edit(path, "WORKDIR", "ENV DB_PASSWORD=hunter2 URL=postgresql://ada:s3cret@db/x\nENV API_TOKEN t0ps3cret\nWORKDIR")
    move_port(project)
    for shown in (
        mvops(project, "plan", "--diff", "--out", "p.json").ok().out,
        mvops(project, "plan", "--markdown").ok().out,
        mvops(project, "plan", "--json").ok().out,
        (project / "p.json").read_text(),
    ):
        assert "ENV DB_PASSWORD=(sensitive value) URL=postgresql://ada:(sensitive value)@db/x" in shown
        assert not any(secret in shown for secret in ("hunter2", "s3cret", "t0ps3cret"))
    mvops(project, "apply", "p.json").ok()
    assert "hunter2" in path.read_text()


@pytest.mark.parametrize("content", [b"\x00\xff\x00", b"", "zwölf\n".encode("latin-1")])
def test_p35_a_file_that_became_something_else_stays(project: Path, content: bytes) -> None:
    path = project / DOCKERFILE
    path.write_bytes(content)
    move_port(project)
    mvops(project, "plan", "--json", "--out", "p.json").ok()
    mvops(project, "apply", "p.json").ok()
    assert path.read_bytes() == content
    assert path.with_name("Dockerfile.new").is_file()
    quiet(project)


def test_p6_line_ends_of_windows_are_no_edit_and_stay(project: Path) -> None:
    paths = [p for p in (project / FOLDER).iterdir() if p.is_file()]
    for path in paths:
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert "by hand" not in quiet(project)
    edit_bytes(project / DOCKERFILE, b"RUN pip", b"RUN true\r\nRUN pip")
    before, after = move_port(project)
    mvops(project, "apply", "--yes").ok()
    for path in paths:
        content = path.read_bytes()
        assert content.count(b"\r\n") == content.count(b"\n"), path
        assert str(before).encode() not in content
    assert b"RUN true\r\n" in (project / DOCKERFILE).read_bytes()
    assert str(after).encode() in (project / DOCKERFILE).read_bytes()
    quiet(project)
    mvops(project, "destroy", "--yes").ok()
    assert [p.name for p in (project / FOLDER).iterdir()] == ["Dockerfile"]


def edit_bytes(path: Path, old: bytes, new: bytes) -> None:
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new))


def test_destroy_takes_the_new_text_that_waited_too(project: Path) -> None:
    generated = (project / DOCKERFILE).read_text()
    path = contested(project)
    move_port(project)
    mvops(project, "apply", "--yes").ok()
    assert path.with_name("Dockerfile.new").is_file()
    mvops(project, "destroy", "--yes").ok()
    assert [p.name for p in (project / FOLDER).iterdir()] == ["Dockerfile"]
    assert query(project, "SELECT text FROM mvops_texts") == [(generated,)], "what the file that stays descends from"


def test_a_deleted_file_of_which_another_was_edited_is_made_again(project: Path) -> None:
    path = edited(project)
    was = path.read_text()
    (project / FOLDER / "app.py").unlink()
    shown = mvops(project, "plan", "--detailed-exitcode").ok(3).out
    assert f"+ {FOLDER}/app.py is made, 32 lines" in shown
    mvops(project, "apply", "--yes").ok()
    assert path.read_text() == was
    assert (project / FOLDER / "app.py").is_file()
    assert not path.with_name("Dockerfile.new").exists()
    quiet(project)


@pytest.mark.parametrize("edit_it", [edited, contested])
def test_p4_an_apply_that_dies_before_it_is_recorded_ends_the_same(
    project: Path, monkeypatch: pytest.MonkeyPatch, edit_it: Callable[[Path], Path]
) -> None:
    """At each point between the first text that is kept and the last record that is written."""
    edit_it(project)
    move_port(project)
    whole = copy(project, project.parent / "whole")
    mvops(whole, "apply", "--yes").ok()
    expected = snapshot(whole) | {"texts": str(query(whole, "SELECT sha256 FROM mvops_texts ORDER BY 1"))}
    for number, place in enumerate(
        ("mvops.performing.perform.keep_generated", "mvops.performing.files.write_atomically", FINISHED)
    ):
        killed = copy(project, project.parent / f"killed{number}")
        with monkeypatch.context() as patch:
            patch.setattr(place, _dies)
            with pytest.raises(DiedError):
                mvops(killed, "apply", "--yes")
        mvops(killed, "apply", "--yes").ok()
        mvops(killed, "plan", "--detailed-exitcode").ok(0)
        assert (
            snapshot(killed) | {"texts": str(query(killed, "SELECT sha256 FROM mvops_texts ORDER BY 1"))} == expected
        ), place


ABSENT = FieldInfo(annotation=None)
FINISHED = "mvops.registry.journal.SqlJournal.finished"


class DiedError(BaseException):
    """As a process that is killed: nobody catches it."""


def _dies(*_: object, **__: object) -> None:
    raise DiedError


def test_p35_a_text_that_came_with_a_checkout_is_a_base_too(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A colleague has applied and committed: nothing is written here, but what is there is known from then on."""
    later = Path(shutil.copytree(assets.templates(), tmp_path / "later"))
    monkeypatch.setattr(assets, "templates", lambda: later)
    edit(later / "servers/fastapi/app.py.j2", "What this is.", "What is here.")
    edit(project / FOLDER / "app.py", "What this is.", "What is here.")  # git pull
    assert "= endpoint.toy  adopt: template changed: servers/fastapi/app.py.j2" in mvops(project, "plan").ok().out
    mvops(project, "apply", "--yes").ok()
    quiet(project)
    edit(project / FOLDER / "app.py", "import argparse\n", "import argparse\nimport os\n")
    edit(later / "servers/fastapi/app.py.j2", "What is here.", "What it is.")
    mvops(project, "apply", "--yes").ok()
    text = (project / FOLDER / "app.py").read_text()
    assert "import argparse\nimport os\n" in text
    assert "What it is." in text


def test_every_kind_whose_specs_have_files_says_what_is_in_them() -> None:
    """A new kind is enrolled by existing: its files have a base, a diff and a merge, or this fails."""
    generating = {name for name, kind in kinds().items() if isinstance(kind, Generating)}
    with_files = {
        spec.kind
        for spec in Spec.__subclasses__()
        if spec.__module__.startswith("mvops.") and spec.model_fields.get("files", ABSENT).annotation == dict[str, str]
    }
    assert generating == with_files
    assert {"ci", "dashboard", "endpoint", "feature_store", "feature_view", "schedule"} <= generating
