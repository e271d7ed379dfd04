"""The YAML files that make up a spec: the project's own, and those that come with mvops."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import mvops
from mvops import assets
from mvops.core.canonical import digest
from mvops.core.grammar import check_name, suggest_name
from mvops.errors import SpecError, UsageError, Where
from mvops.loading.find import PROJECT_FILE

if TYPE_CHECKING:
    from mvops.loading.problems import Problem

MAX_BYTES = 1 << 20
ENTRIES = {"models": "a model", "features": "a feature view"}  # folders whose files are found without being listed
OVERLAYS = "env"  # the folder of environments
_NAMED = {**ENTRIES, OVERLAYS: "an environment"}  # folders whose files' names are names

_NO_WAITING = getattr(os, "O_NONBLOCK", 0)  # a named pipe would be waited for until somebody writes to it
_OPTION = re.compile(r"[a-z][a-z0-9_]*(/[a-z0-9][a-z0-9_]*)*")


@dataclass(frozen=True)
class SpecFile:
    """A file as read. `option` is its name in a defaults list: `project`, `models/x`, `preset/small/day_30`.

    `refused` says why it was not read.
    """

    option: str
    shown: Path
    data: bytes
    refused: Problem | None = None

    @property
    def entry(self) -> tuple[str, str] | None:
        """The section and the name of the one thing that this file describes: ("models", "flight_delay")."""
        folder, _, name = self.option.partition("/")
        return (folder, name) if folder in ENTRIES and name else None


def environments(files: Sequence[SpecFile]) -> list[str]:
    """The names of all environments that have a file."""
    return [file.option.partition("/")[2] for file in files if file.option.startswith(f"{OVERLAYS}/")]


def gather(root: Path) -> list[SpecFile]:
    """All files of the spec of the project in `root`: an option of the project's own hides mvops' of the same name.

    One that may not be read carries the reason: a model with an illegal name, a symbolic link that leads out of the
    project, anything too large. Raises UsageError without configs/project.yaml, SpecError for a folder that is a link.
    """
    if not (root / PROJECT_FILE).is_file():
        raise UsageError(f"{root} is not a mvops project: it has no configs/project.yaml", hint="Try: mvops init")
    return with_shipped(_own(root))


def own_files(root: Path) -> list[SpecFile]:
    """Those of the project itself, sorted."""
    return sorted(_own(root), key=lambda file: file.shown)


def with_shipped(own: Iterable[SpecFile]) -> list[SpecFile]:
    """All files of a spec whose own files are these."""
    ours = {file.option: file for file in _shipped()}
    theirs = {file.option: file for file in own}
    return [file for _, file in sorted({**ours, **theirs}.items())]


def fingerprint(files: Sequence[SpecFile], overrides: Sequence[str], environment: str | None = None) -> str:
    """The digest of all that decides what is composed: files, environment, overrides, and what is installed."""
    backends = [f"{point.group}:{point.name}" for point in assets.entries()]
    contents = {
        file.option: [file.shown.as_posix(), hashlib.sha256(file.data).hexdigest(), file.refused is not None]
        for file in files
    }
    chosen = {"overrides": list(overrides), "environment": environment}
    return digest({"mvops": mvops.__version__, "backends": backends, "files": contents, **chosen})


def _shipped() -> Iterator[SpecFile]:
    """Those of packages that bring backends first: ours hide what has the same name."""
    theirs = [(f"{name}/configs", package / "configs") for name, package in assets.packages().items()]
    for shown, folder in [*theirs, ("mvops/configs", assets.configs())]:
        for path in sorted(folder.rglob("*.yaml")):
            relative = path.relative_to(folder)
            yield SpecFile(relative.with_suffix("").as_posix(), Path(shown, relative), path.read_bytes())


def _own(root: Path) -> Iterator[SpecFile]:
    folder = root / PROJECT_FILE.parent
    for path in _walk(folder):
        relative = PurePosixPath(path.relative_to(folder).as_posix())
        shown = Path(PROJECT_FILE.parent, relative)
        option = relative.with_suffix("").as_posix()
        named = relative.parts[0] in _NAMED and len(relative.parts) > 1
        if not named and (path.suffix != ".yaml" or not _OPTION.fullmatch(option)):
            continue
        try:
            if named:
                _check_name(relative, shown)
            yield SpecFile(option, shown, _read(path, shown, root))
        except SpecError as error:
            from mvops.loading.problems import Place, Problem  # noqa: PLC0415 -- pydantic, which most files do without

            problem = Problem(Place(shown, 0, 0, ""), error.message, error.hint or "", unreadable=True)
            yield SpecFile(relative.as_posix(), shown, b"", problem)


def _walk(folder: Path) -> Iterator[Path]:
    """Files that end in .yaml or .yml, without hidden ones; a folder that is a link is refused."""
    for parent, folders, names in os.walk(folder):
        here = Path(parent)
        for name in folders:
            if (here / name).is_symlink():
                shown = Path(PROJECT_FILE.parent, (here / name).relative_to(folder))
                raise SpecError("a folder of configs may not be a symbolic link", where=Where(shown))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (
            here / name for name in sorted(names) if name.endswith((".yaml", ".yml")) and not name.startswith(".")
        )


def _check_name(relative: PurePosixPath, shown: Path) -> None:
    folder = relative.parts[0]
    what = _NAMED[folder]
    if len(relative.parts) > 2:
        raise SpecError(f"{what}'s file lies directly in configs/{folder}", where=Where(shown))
    if relative.suffix != ".yaml":
        raise SpecError(
            f"{what}'s file ends in .yaml", hint=f"mv {shown} {shown.with_suffix('.yaml')}", where=Where(shown)
        )
    try:
        check_name(relative.stem)
    except ValueError as error:
        hint = f"Such as {shown.with_name(suggest_name(relative.stem)).as_posix()}.yaml"
        raise SpecError(f"the file's name is that of {what}, and {error}", hint=hint, where=Where(shown)) from None


def _read(path: Path, shown: Path, root: Path) -> bytes:
    try:
        if not path.resolve(strict=True).is_relative_to(root.resolve()):
            raise SpecError("this symbolic link leads out of the project", where=Where(shown))
        with os.fdopen(os.open(path, os.O_RDONLY | _NO_WAITING), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise SpecError("this is not a regular file", where=Where(shown))
            data = file.read(MAX_BYTES + 1)
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "symbolic links in a circle"
        raise SpecError(f"cannot be read: {reason}", where=Where(shown)) from None
    if len(data) > MAX_BYTES:
        raise SpecError(f"the file is larger than {MAX_BYTES >> 20} MiB", where=Where(shown))
    return data
