"""What changes in code and becomes of generated files, as text and as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mvops.core.action import Action
from mvops.core.code_change import CODE_SYMBOLS
from mvops.core.diffs import counted
from mvops.core.file_change import FILE_SYMBOLS, FileChange
from mvops.core.plan import Plan
from mvops.core.typed import Quoted

_LINES = 20  # of a diff on a terminal
_LETTERS = 50_000  # of all diffs in a comment: GitHub takes 65,536
_MANY = 3  # made files that are told one by one
_STYLES = {"create": "green", "add": "green", "remove": "red", "conflict": "bold red", "leave": "dim"}
_DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def file_lines(action: Action, *, whole: bool) -> Iterator[tuple[str, str]]:
    """A line for each file with its diff below; many new ones are one line."""
    made = [change for change in action.files if change.verb == "create"]
    one_by_one = action.files if len(made) <= _MANY else [c for c in action.files if c.verb != "create"]
    if len(made) > _MANY:
        yield f"      + {len(made)} files are made, {sum(c.lines for c in made)} lines, {_place(made)}", "green"
    for change in one_by_one:
        yield f"      {FILE_SYMBOLS[change.verb]} {change.path} {change.because}", _STYLES.get(change.verb, "")
        yield from _diff(change.diff, whole=whole)


def code_lines(action: Action, *, whole: bool) -> Iterator[tuple[str, str]]:
    """A line for each cell and file that is another, with its diff below."""
    for change in action.code:
        what = "moves" if change.verb == "move" else counted(change.diff) if change.diff else "changes"
        yield f"      {CODE_SYMBOLS[change.verb]} {change.name}  {what}", _STYLES.get(change.verb, "")
        yield from _diff(change.diff, whole=whole)


def diffs_markdown(plan: Plan) -> Iterator[str]:
    """Each diff, folded up; those that a comment has no room for are only counted."""
    left = _LETTERS
    for name, verb, diff in (diff for action in plan.pending() for diff in _diffs(action)):
        lines = _fitting(diff.splitlines(), left)
        left -= sum(len(line) + 1 for line in lines)
        more = len(diff.splitlines()) - len(lines)
        fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", diff)), default=0))
        summary = f"<code>{_html(name)}</code>: {verb}, {counted(diff)}"
        yield from (f"<details><summary>{summary}</summary>", "", f"{fence}diff", *map(Quoted, lines), fence, "")
        if more:
            yield from (f"{more} more lines: `mvops plan --diff`", "")
        yield from ("</details>", "")


def _diffs(action: Action) -> Iterator[tuple[str, str, str]]:
    yield from ((change.name, change.verb, change.diff) for change in action.code if change.diff)
    yield from ((change.path, change.verb, change.diff) for change in action.files if change.diff)


def _diff(diff: str | None, *, whole: bool) -> Iterator[tuple[str, str]]:
    lines = [line for line in (diff or "").splitlines() if not line.startswith(("--- ", "+++ "))]
    shown = lines if whole or len(lines) <= _LINES + 1 else lines[:_LINES]
    yield from ((Quoted(f"          {line}"), _DIFF_STYLES.get(line[:1], "")) for line in shown)
    if len(shown) < len(lines):
        yield f"          {len(lines) - len(shown)} more lines, all with --diff", "dim"


def _place(made: Sequence[FileChange]) -> str:
    folders = sorted({change.path.rpartition("/")[0] for change in made})
    return f"in {folders[0]}" if len(folders) == 1 else f"below {_common(folders)}"


def _common(folders: Sequence[str]) -> str:
    parts = [folder.split("/") for folder in folders]
    same = [steps[0] for steps in zip(*parts, strict=False) if len(set(steps)) == 1]
    return "/".join(same) or "the project"


def _fitting(lines: Sequence[str], letters: int) -> list[str]:
    fitting = []
    for line in lines:
        letters -= len(line) + 1
        if letters < 0:
            break
        fitting.append(line)
    return fitting


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
