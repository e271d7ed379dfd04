"""Generated files: written whole, never over somebody's own work, removed only while they are ours."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mvops.core.steps import KeepTexts, RemoveFiles, WriteFiles
from mvops.errors import ConflictError, StalePlanError
from mvops.performing.files import keep_generated, remove_files, write_files
from mvops.registry.database import open_registry

ROOT = str(Path(__file__).parents[2])
APP = "deploy/serving/churn/app.py"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def write(root: Path, text: str, ours: str | None = None, name: str = APP) -> None:
    write_files(WriteFiles(files={name: text}, ours={} if ours is None else {name: digest(ours)}), root)


def remove(root: Path, text: str, name: str = APP) -> None:
    remove_files(RemoveFiles(files={name: digest(text)}), root)


def tree(root: Path) -> dict[str, str]:
    return {p.relative_to(root).as_posix(): p.read_text() for p in root.rglob("*") if p.is_file()}


def test_files_are_written_with_their_folders(tmp_path: Path) -> None:
    made = write_files(WriteFiles(files={APP: "one\n", "deploy/x.txt": "zwölf\r\n"}, ours={}), tmp_path)
    assert made == {}
    assert (tmp_path / APP).read_bytes() == b"one\n"
    assert (tmp_path / "deploy/x.txt").read_bytes() == "zwölf\r\n".encode()


def test_our_own_file_is_replaced(tmp_path: Path) -> None:
    write(tmp_path, "one")
    write(tmp_path, "two", ours="one")
    assert tree(tmp_path) == {APP: "two"}


def test_a_file_that_was_edited_by_hand_stays_and_the_new_text_goes_beside_it(tmp_path: Path) -> None:
    write(tmp_path, "one")
    (tmp_path / APP).write_text("mine")
    write(tmp_path, "two", ours="one")
    assert tree(tmp_path) == {APP: "mine", f"{APP}.new": "two"}
    write(tmp_path, "three", ours="two")
    assert tree(tmp_path) == {APP: "mine", f"{APP}.new": "three"}
    (tmp_path / f"{APP}.new").write_text("mine too")
    with pytest.raises(StalePlanError, match="changed since the plan was made"):
        write(tmp_path, "four", ours="three")
    assert tree(tmp_path) == {APP: "mine", f"{APP}.new": "mine too"}


def test_what_a_killed_apply_put_beside_is_ours(tmp_path: Path) -> None:
    with open_registry("sqlite:///.mvops/registry.db", tmp_path) as registry:
        keep_generated(KeepTexts(texts=("two",), templates={}), registry)
        (tmp_path / "x").write_text("mine")
        (tmp_path / "x.new").write_text("two")
        write_files(WriteFiles(files={"x": "three"}, ours={"x": digest("one")}), tmp_path, registry)
    assert (tmp_path / "x").read_text() == "mine"
    assert (tmp_path / "x.new").read_text() == "three"


def test_p35_a1_a_merge_that_was_not_recorded_is_not_done_again(tmp_path: Path) -> None:
    base, mine, new = "b\na", "a\nb\na", "b\nb\na"  # where lines repeat, no text shows what is merged already
    with open_registry("sqlite:///.mvops/registry.db", tmp_path) as registry:
        keep_generated(KeepTexts(texts=(base,), templates={}), registry)
        (tmp_path / "x").write_text(mine)
        for _ in ("killed before the record", "done again"):
            write_files(WriteFiles(files={"x": new}, ours={"x": digest(base)}), tmp_path, registry)
            assert (tmp_path / "x").read_text() == "a\nb\nb\na"
        assert not (tmp_path / "x.new").exists()


def killed_while_writing(path: Path) -> None:
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from mvops.atomic import whole_file\n"
        "with whole_file(Path(sys.argv[1])) as file:\n"
        "    file.write('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, path], env=os.environ | {"PYTHONPATH": ROOT}, check=False)
    assert done.returncode == -signal.SIGKILL


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_what_a_killed_apply_left_half_written_goes_with_the_next(tmp_path: Path) -> None:
    killed_while_writing(tmp_path / APP)
    assert len(tree(tmp_path)) == 1
    write(tmp_path, "one")
    assert tree(tmp_path) == {APP: "one"}
    killed_while_writing(tmp_path / APP)
    remove(tmp_path, "one")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_nobody_recorded_is_somebodys(tmp_path: Path) -> None:
    (tmp_path / "crontab").write_text("theirs")
    write(tmp_path, "ours", name="crontab")
    assert tree(tmp_path) == {"crontab": "theirs", "crontab.new": "ours"}


def test_what_is_already_so_is_not_written_again(tmp_path: Path) -> None:
    write(tmp_path, "one")
    before = (tmp_path / APP).stat()
    write(tmp_path, "one", ours="something else")
    after = (tmp_path / APP).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert tree(tmp_path) == {APP: "one"}


def test_a_file_that_is_gone_is_written_again(tmp_path: Path) -> None:
    write(tmp_path, "one")
    (tmp_path / APP).unlink()
    write(tmp_path, "two", ours="one")
    assert tree(tmp_path) == {APP: "two"}


def test_our_file_is_removed_with_the_folders_that_are_empty_then(tmp_path: Path) -> None:
    write(tmp_path, "one")
    remove(tmp_path, "one")
    assert list(tmp_path.iterdir()) == []
    assert tmp_path.is_dir()


def test_a_file_that_was_edited_by_hand_is_not_removed(tmp_path: Path) -> None:
    write(tmp_path, "one")
    (tmp_path / APP).write_text("mine")
    remove(tmp_path, "one")
    assert tree(tmp_path) == {APP: "mine"}


def test_a_folder_with_somebodys_file_stays(tmp_path: Path) -> None:
    write(tmp_path, "one")
    (tmp_path / "deploy/serving/notes.txt").write_text("mine")
    remove(tmp_path, "one")
    assert tree(tmp_path) == {"deploy/serving/notes.txt": "mine"}
    assert not (tmp_path / "deploy/serving/churn").exists()


def test_removing_twice_is_removing_once(tmp_path: Path) -> None:
    write(tmp_path, "one")
    remove(tmp_path, "one")
    remove(tmp_path, "one")
    assert tree(tmp_path) == {}


def test_a_place_where_no_file_can_be_is_told(tmp_path: Path) -> None:
    (tmp_path / APP).mkdir(parents=True)
    for act in (lambda: write(tmp_path, "one"), lambda: remove(tmp_path, "one")):
        with pytest.raises(ConflictError, match="cannot be written or removed") as refused:
            act()
        assert refused.value.where is not None
        assert refused.value.where.file == tmp_path / APP
    (tmp_path / "deploy/schedules").write_text("a file, not a folder")
    with pytest.raises(ConflictError):
        write(tmp_path, "one", name="deploy/schedules/churn/crontab")
