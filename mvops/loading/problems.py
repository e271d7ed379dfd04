"""What is wrong with a spec, and how it is shown: place, sentence, the line itself with a caret below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mvops.core.config.secrets import hushed
from mvops.errors import SpecError, Where

KeyPath = tuple[str | int, ...]

_WIDEST = 160  # characters of a line that are shown
_MOST = 25  # problems that are shown


@dataclass(frozen=True)
class Place:
    """A place in a YAML file (1-based), or in an override (`file` is None): `text` is the line, or the override.

    Line 0 is the file as a whole.
    """

    file: Path | None
    line: int
    column: int
    text: str

    def __str__(self) -> str:
        if self.file is None:
            return f"override {self.text!r}"
        return f"{self.file.as_posix()}:{self.line}:{self.column}" if self.line else self.file.as_posix()

    @property
    def where(self) -> Where | None:
        """For an error that has one place."""
        return None if self.file is None else Where(self.file, self.line or None, self.column or None)


@dataclass(frozen=True)
class Problem:
    """`message` is one sentence without its place; `remedy`, when there is one, says what to write instead."""

    place: Place | None
    message: str
    remedy: str = ""
    unreadable: bool = False  # nothing else is known of this file


class _ProblemsError(SpecError):
    """One error for several problems, and the problems as data."""

    problems: tuple[Problem, ...] = ()


def problems_of(error: SpecError) -> tuple[Problem, ...]:
    """What the error tells, as data; nothing for an error that was not made of problems."""
    return error.problems if isinstance(error, _ProblemsError) else ()


def spec_error(problems: Sequence[Problem], called: str = "problems in the YAML") -> SpecError:
    """One error that tells all problems at once; `where` is set when there is only one."""
    error = _told_at_once(problems, called)
    error.problems = tuple(problems)
    return error


def _told_at_once(problems: Sequence[Problem], called: str) -> _ProblemsError:
    if len(problems) == 1:
        (problem,) = problems
        if problem.place is None or problem.place.file is None:
            return _ProblemsError(_told(problem), hint=problem.remedy or None)
        message = "\n".join([hushed(problem.message), *_snippet(problem.place)])
        return _ProblemsError(message, hint=problem.remedy or None, where=problem.place.where)
    problems = sorted(dict.fromkeys(problems), key=_order)
    shown = problems[:_MOST]
    parts = ["\n".join(_paragraph(problem)) for problem in shown]
    more = [f"... and {len(problems) - len(shown)} more"] if len(problems) > len(shown) else []
    return _ProblemsError("\n\n".join([f"{len(problems)} {called}", *parts, *more]))


def _order(problem: Problem) -> tuple[str, int, int]:
    place = problem.place
    return (place.file.as_posix(), place.line, place.column) if place and place.file else ("", 0, 0)


def _paragraph(problem: Problem) -> list[str]:
    lines = [_told(problem)]
    if problem.place is not None and problem.place.file is not None:
        lines += _snippet(problem.place)
    return [*lines, *([problem.remedy] if problem.remedy else [])]


def _told(problem: Problem) -> str:
    return hushed(problem.message if problem.place is None else f"{problem.place}: {problem.message}")


def _snippet(place: Place) -> list[str]:
    """The line with a caret under its column; a tab is an arrow there, what else is not printable a question mark."""
    start = max(0, place.column - 1 - _WIDEST // 2) if len(place.text) > _WIDEST else 0
    text = "".join(c if c.isprintable() else "→" if c == "\t" else "?" for c in place.text[start : start + _WIDEST])
    return (
        [f"    {hushed(text)}", "    " + " " * min(place.column - 1 - start, len(text)) + "^"] if text.strip() else []
    )


def show_path(path: KeyPath) -> str:
    """`models.flight_delay.gate[1]`."""
    text = ""
    for part in path:
        name = str(part) if str(part).isprintable() else ascii(part)[1:-1]
        text += f"[{part}]" if isinstance(part, int) else f".{name}" if text else name
    return text


def show_value(value: Any) -> str:
    """A value as it is quoted in a message: short, or only what it is."""
    if isinstance(value, dict):
        return "a section of keys"
    if isinstance(value, (list, tuple)):
        return "a list"
    if value is None:
        return "nothing (null)"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
