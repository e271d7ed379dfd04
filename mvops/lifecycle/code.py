"""Where the code of a version came from, as Git knows it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from mvops.core.version import CodeState

_PATIENCE = 10  # seconds for one question to Git


def code_state(
    root: Path, notebook: str, cells: dict[str, str], sources: Iterable[str] = (), later: Sequence[str] = ()
) -> CodeState:
    """Where the code of a pipeline came from: see `commit_of`."""
    from mvops.core.version import CodeState  # noqa: PLC0415 -- pydantic, which a run that finds nothing to do needs not

    commit, dirty = commit_of(root, (notebook, *later), sources)
    return CodeState(commit=commit, dirty=dirty, notebook=notebook, later=tuple(later), cells=cells)


def commit_of(root: Path, notebooks: Sequence[str], sources: Iterable[str] = ()) -> tuple[str | None, bool]:
    """The commit that `root` is at, and whether what a pipeline is made of differs from it: paths relative to `root`.

    That is its `notebooks`, `sources`, which they import or read from beside them, and `configs/`. A notebook that Git
    does not track counts as dirty, also one in a submodule: the commit does not tell its content. Without Git, outside
    a repository, before the first commit, or if Git does not answer within ten seconds, the commit is None.
    """
    git = shutil.which("git")
    if git is None or _ask(git, root, "rev-parse", "--is-inside-work-tree") != "true":
        return None, False
    places = sorted({*notebooks, "configs", *sources})
    changes = _ask(git, root, "status", "--porcelain", "--untracked-files=all", "--", *places)
    tracked = all(_ask(git, root, "ls-files", "--", each) for each in notebooks)
    commit = _ask(git, root, "rev-parse", "--verify", "--quiet", "HEAD")
    return commit or None, changes != "" or not tracked


def in_repository(root: Path) -> bool:
    """Is `root` within a Git repository, its own or one around it?"""
    git = shutil.which("git")
    return git is not None and _ask(git, root, "rev-parse", "--is-inside-work-tree") == "true"


def committed(root: Path, path: str) -> bool:
    """Is the file, below `root`, in Git as it is?"""
    git = shutil.which("git")
    if git is None or not _ask(git, root, "ls-files", "--", path):
        return False
    return _ask(git, root, "status", "--porcelain", "--", path) == ""


def ignores(root: Path, files: Iterable[Path]) -> bool:
    """Does Git leave one of the files, those that lie below `root`, out of each commit?"""
    git = shutil.which("git")
    names = [file.relative_to(root).as_posix() for file in files if file.is_relative_to(root)]
    asked = ("ls-files", "--others", "--ignored", "--exclude-standard", "--", *names)
    return git is not None and bool(names) and bool(_ask(git, root, *asked))


def write_commit(root: Path, commit: str, target: Path) -> bool:
    """Write the files of `root` as they were at `commit` below `target`; False where Git does not have them."""
    git = shutil.which("git")
    if git is None:
        return False
    with tempfile.TemporaryFile() as archive:
        if not _run(git, root, ["archive", "--format=tar", commit, "--", "."], archive):
            return False
        archive.seek(0)
        with tarfile.open(fileobj=archive) as files:
            files.extractall(target, filter="data")
    return True


def _run(git: str, root: Path, arguments: list[str], output: IO[bytes]) -> bool:
    done = subprocess.run(  # noqa: S603 - as below
        [git, "--no-optional-locks", "-C", str(root), *arguments],
        stdout=output,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        env=_surroundings(),
        check=False,
    )
    return done.returncode == 0


def _surroundings() -> dict[str, str]:
    """Run inside a Git hook, Git's variables would point to another repository."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}


def _ask(git: str, root: Path, *arguments: str) -> str | None:
    """What Git prints, stripped; None if it refuses or does not answer."""
    command = [git, "--no-optional-locks", "--literal-pathspecs", "-c", "core.fsmonitor=false", "-C", str(root)]
    try:
        done = subprocess.run(  # noqa: S603 - a list, no shell, and paths come after --
            [*command, *arguments],
            capture_output=True,
            check=True,
            timeout=_PATIENCE,
            env=_surroundings(),
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode(errors="replace").strip()
