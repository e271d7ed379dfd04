"""How far a prediction of a file is: what one that was killed leaves, for the same command to go on from.

The rows are worked off in chunks. Each leaves a file of what was predicted and one of what was refused; the first says
by its name how many rows each has, and comes last.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from mvops.atomic import clear_drafts, write_atomically
from mvops.core.frozen import Frozen
from mvops.errors import ConflictError

_SETTINGS = "job.json"


class Job(Frozen):
    """What is being done: all that decides what comes out. `checked`: no row of it is wrong in itself."""

    version: int
    input: str  # sha256
    asked: dict[str, str | bool | tuple[str, ...] | None]
    began: datetime
    checked: bool = False


class Done(Frozen):
    """What a chunk came to."""

    predicted: int
    refused: int


@dataclass(frozen=True)
class JobFolder:
    """The folder of one output; ours alone while it is open."""

    path: Path

    def found(self) -> Job | None:
        """What somebody began here and did not end."""
        try:
            return Job.model_validate_json((self.path / _SETTINGS).read_bytes())
        except (OSError, ValidationError):
            return None

    def begin(self, job: Job) -> None:
        """Anew."""
        self.clear()
        self.path.mkdir(parents=True, exist_ok=True)
        self.keep(job)

    def keep(self, job: Job) -> None:
        """Write down what is being done."""
        write_atomically(self.path / _SETTINGS, job.model_dump_json().encode())

    def done(self) -> list[Done]:
        """The chunks that are done, in order."""
        return [Done(predicted=int(p), refused=int(r)) for _, p, r in (one.stem.split("-") for one in self.parts())]

    def parts(self) -> list[Path]:
        """What was predicted, in order."""
        return sorted(self.path.glob("*.rows"))

    def refused(self) -> list[Path]:
        """What was refused, in order."""
        return sorted(self.path.glob("*.refused"))

    def add(self, number: int, predicted: bytes, refused: bytes, done: Done) -> None:
        """Keep a chunk."""
        if done.refused:
            write_atomically(self.path / f"{number:08d}.refused", refused)
        write_atomically(self.path / f"{number:08d}-{done.predicted}-{done.refused}.rows", predicted)

    def clear(self) -> None:
        """Forget it all."""
        shutil.rmtree(self.path, ignore_errors=True)


@contextmanager
def job_folder(folder: Path, model: str, output: Path | None) -> Iterator[JobFolder]:
    """The folder for what goes to `output` (standard output if None), held. Raises ConflictError."""
    key = hashlib.sha256(f"{model}\0{output.resolve() if output else ''}".encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / f"{key}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConflictError(
                f"another mvops predict is writing {output or 'standard output'}",
                hint="Wait for its end, or write elsewhere.",
            ) from None
        clear_drafts(folder / key)
        yield JobFolder(folder / key)
    finally:
        os.close(lock)


def digest_of(path: Path) -> str:
    """Of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
