"""Everything mvops refuses, as one small tree.

MvopsError                      the root; the command line prints it and exits with `exit_code`
├── SpecError                   the YAML is wrong; knows file and line
├── UsageError                  the command cannot be carried out as typed
├── DataError                   a data file or a row is missing or unfit
├── NotebookError               a notebook cannot be read, promoted or run
├── ArtifactError               an artefact is missing, damaged or not trusted
├── RegistryError               the registry cannot be read or written
│   └── LockedError             somebody else holds the project's lock
├── BackendError                an external system or the extra that reaches it is missing
│   └── MissingExtraError       names the `pip install` to type
├── ServingError                an endpoint cannot start or did not answer
├── ConflictError               something is in the way that is not ours to change
│   └── StalePlanError          the state moved on since the plan was made
└── GateRefusedError            a challenger did not pass its gate (exit code 4)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self


@dataclass(frozen=True)
class Where:
    """A place in a file of the user's: 1-based line and column, either may be unknown."""

    file: Path
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        parts = [str(self.file), *(str(n) for n in (self.line, self.column) if n is not None)]
        return ":".join(parts)


class MvopsError(Exception):
    """What went wrong (`message`), where (`where`), and what to do next (`hint`).

    `about` is the key of the spec that names what is wrong, for whoever knows in which line it stands.
    """

    exit_code: ClassVar[int] = 1
    about: tuple[str | int, ...] = ()

    def __init__(self, message: str, *, hint: str | None = None, where: Where | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.where = where

    def named_by(self, *about: str | int) -> Self:
        """This error, with its `about`."""
        self.about = about
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """As it is: subclasses are made with other arguments than `args`."""
        return _again, (type(self), self.args), self.__dict__

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        remedy = f"\n{self.hint}" if self.hint else ""
        return f"{place}{self.message}{remedy}"


def _again(kind: type[MvopsError], arguments: tuple[Any, ...]) -> MvopsError:
    return kind.__new__(kind, *arguments)


def of_the_system(error: OSError, hint: str) -> MvopsError:
    """A file that may not be written, a disk that is full, as one of ours."""
    what = f"{error.filename}: " if error.filename else ""
    return UsageError(f"{what}{error.strerror or error}", hint=hint)


@contextmanager
def or_elsewhere() -> Iterator[None]:
    """Around the writing of a file whose place a person named."""
    try:
        yield
    except OSError as error:
        raise of_the_system(error, "Nothing was written there: make it writable, or write it elsewhere.") from error


class SpecError(MvopsError):
    """The YAML is wrong."""


class UsageError(MvopsError):
    """The command cannot be carried out as typed."""


class DataError(MvopsError):
    """A data file or a row is missing or unfit."""


class NotebookError(MvopsError):
    """A notebook cannot be read, promoted or run. Its `about` begins below the model's `pipeline`."""


class ArtifactError(MvopsError):
    """An artefact is missing, damaged or not trusted."""


class RegistryError(MvopsError):
    """The registry cannot be read or written."""


class LockedError(RegistryError):
    """Somebody else holds the project's lock."""


class BackendError(MvopsError):
    """An external system did not do what was asked."""


class MissingExtraError(BackendError):
    """A library that only some need is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs a library that is not installed.",
            hint=f"Install it with: pip install 'mvops[{extra}]'",
        )
        self.extra = extra


def why_not(error: BackendError) -> str:
    """For a plan that goes on without: what is wrong and what to do; which extras are missing, it says all at once."""
    hint = None if isinstance(error, MissingExtraError) else error.hint
    return " ".join(filter(None, (f"{error.message.rstrip('.')}.", hint)))


class ServingError(MvopsError):
    """An endpoint cannot start or did not answer."""


class ConflictError(MvopsError):
    """Something is in the way that is not ours to change."""


class StalePlanError(ConflictError):
    """The state moved on since the plan was made."""


class GateRefusedError(MvopsError):
    """A challenger did not pass its gate."""

    exit_code = 4
