"""A project of which nothing can be written is planned and looked at; what has to write is refused."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from toy_project import CELLS, Result, copy, environment, mvops, write_notebook

HOURLY = "models.toy.monitor.every=1h"
# Commands, one for each line of standard input, as somebody who may write nothing; what they said, as JSON.
COMMANDS = """
import json, shlex, sys
from pathlib import Path
from toy_project import mvops
said = [mvops(Path(), *shlex.split(line)) for line in sys.stdin]
print(json.dumps([[each.code, each.out, each.err] for each in said]))
"""
# A command that takes long, while somebody else changes the project.
LOOKING = """
import sys
from pathlib import Path
from mvops.errors import RegistryError
from mvops.registry.database import open_registry
from mvops.registry.state import SqlState
with open_registry("sqlite:///.mvops/registry.db", Path()) as registry:
    print(SqlState(registry).serial(), flush=True)
    sys.stdin.readline()
    try:
        print(SqlState(registry).serial())
    except RegistryError as error:
        print(error)
with open_registry("sqlite:///.mvops/registry.db", Path()) as registry:
    print(SqlState(registry).serial())
"""


def unprivileged(code: str, root: Path) -> subprocess.Popen[str]:
    """Python as somebody who may write nothing here; the superuser is one only without the right to override."""
    free = () if os.geteuid() else ("setpriv", "--bounding-set=-dac_override", "--")
    if free and shutil.which("setpriv") is None:
        pytest.skip("needs setpriv")
    known = environment()
    known["PYTHONPATH"] = os.pathsep.join([known["PYTHONPATH"], str(Path(__file__).parent)])
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen([*free, sys.executable, "-c", code], cwd=root, env=known, text=True, **pipes)


@contextmanager
def unwritten(root: Path) -> Iterator[None]:
    """Nothing in there can be written meanwhile."""
    modes = {path: path.stat().st_mode for path in (root, *root.rglob("*"))}
    for path, mode in modes.items():
        path.chmod(mode & ~0o222)
    try:
        yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


def typed(root: Path, *commands: str, only: str = "") -> list[Result]:
    """With nothing of the project that can be written, or `only` nothing of this folder of it."""
    with unwritten(root / only):
        process = unprivileged(COMMANDS, root)
        out, _ = process.communicate("\n".join(commands), timeout=300)
    assert process.returncode == 0
    return [Result(*each) for each in json.loads(out)]


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def theirs(root: Path) -> dict[str, bytes]:
    return {path: content for path, content in contents(root).items() if not path.startswith(".mvops")}


@pytest.mark.system
def test_p1_a_project_that_cannot_be_written_is_planned_and_shown(project: Path, tmp_path: Path) -> None:
    saved = tmp_path / "p.json"
    shown = ("plan", f"plan {HOURLY}", "status", "versions list toy", "history", "config show", "state list", "refresh")
    shutil.rmtree(project / ".mvops/cache")  # it is worth nothing but time
    expected = [mvops(project, *command.split()) for command in shown]
    shutil.rmtree(project / ".mvops/cache")
    _index(project, there=False)
    before = contents(project)
    changing = (f"apply --yes {HOURLY}", f"apply {saved}", "run toy", "destroy --yes", "unlock 1234")
    said = typed(project, *shown, f"plan {HOURLY} --out {saved}", *changing)
    assert said[: len(shown)] == expected
    said[len(shown)].ok()
    for found in said[len(shown) + 1 :]:
        found.refused(".mvops/registry.db", "cannot be written: here it can only be read", "permissions")
    assert contents(project) == before
    _index(project, there=True)
    before = contents(project)
    still, status, nothing, patient, doctor = typed(
        project, "plan", "status", "apply", "apply --json --lock-timeout 1s", "doctor"
    )
    assert [still, status, nothing] == [expected[0], expected[2], expected[0]]
    assert patient.json()["actions"] == []
    assert f"not applied: here {project} can only be read" in doctor.ok().out
    assert "Check the permissions there, or work where it can be written." in doctor.out
    assert contents(project) == before
    assert "read-only" not in mvops(project, "doctor").out
    mvops(project, "apply", saved).ok()


def _index(project: Path, *, there: bool) -> None:
    """What SQLite puts beside a database, as it is while somebody else has it open, or nobody."""
    for name in ("registry", "predictions"):
        for end in ("-wal", "-shm"):
            file = project / f".mvops/{name}.db{end}"
            file.touch() if there else file.unlink(missing_ok=True)


def test_p1_a_project_without_a_registry_is_planned_where_none_can_be_made(quick: Path) -> None:
    shutil.rmtree(quick / ".mvops")
    before = contents(quick)
    planned, status, applied, *saved = typed(quick, "plan", "status", "apply --yes", "plan --out p.json", "schema -o .")
    assert "6 to create" in planned.ok().out
    assert "none yet: mvops apply" in status.ok().out
    applied.refused(".mvops/registry.db", "cannot be written: here it can only be read")
    for found, name in zip(saved, ("p.json", "env.schema.json"), strict=True):
        found.refused(f"{name}: Permission denied", "make it writable, or write it elsewhere")
    assert contents(quick) == before


def test_d3_what_makes_files_says_which_cannot_be_written_and_leaves_none(quick: Path) -> None:
    write_notebook(quick / "notebooks/n.ipynb", dict.fromkeys(CELLS, ()))
    before, promote = theirs(quick), "promote notebooks/n.ipynb --name other"
    for only, file in (
        ("", "pipelines/other.ipynb"),
        ("configs", "configs/models/other.yaml"),
        (".mvops", "registry.db"),
    ):
        refused, *more = typed(quick, promote, *(["init sub --team small"] if not only else []), only=only)
        told = refused.refused(file, "heck the permissions of the file and").err
        told += "".join(each.refused("sub: Permission denied", "or work on a copy of the project").err for each in more)
        assert "trace" not in told
        assert theirs(quick) == before, only
    mvops(quick, *promote.split()).ok()


def test_p1_d3_what_is_only_in_the_log_of_a_database_is_not_left_out(project: Path) -> None:
    kept = copy(project, project.with_name("kept"))
    mvops(project, "apply", "--yes", HOURLY).ok()
    _index(kept, there=False)  # with an index there, the log would be read
    (kept / ".mvops/registry.db-wal").write_bytes(b"a frame")
    (refused,) = typed(kept, "plan")
    refused.refused("registry.db-wal has changes that are not in it", "as somebody who may write there")


def test_p1_d3_a_registry_that_is_changed_while_it_is_read_is_told(project: Path) -> None:
    folder = project / ".mvops"
    for end in ("-wal", "-shm"):
        (folder / f"registry.db{end}").unlink(missing_ok=True)
    folder.chmod(0o555)
    try:
        process = unprivileged(LOOKING, project)
        assert process.stdin is not None
        assert process.stdout is not None
        first = int(process.stdout.readline())
    finally:
        folder.chmod(0o755)
    mvops(project, "apply", "--yes", HOURLY).ok()
    out, _ = process.communicate("go on\n", timeout=60)
    *told, last = out.splitlines()
    assert "changed by another process while it was read" in told[0]
    assert "Type it again" in told[1]
    assert int(last) > first
