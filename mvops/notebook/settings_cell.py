"""The cell of parameters of a promoted notebook, changed on two sides: merged name by name, or else line by line."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from mvops.core.merge import regions, split_lines


@dataclass(frozen=True)
class _Line:
    """One line; `value` is what it sets, as Python writes it, "" for a comment."""

    text: str
    value: str


def merged_settings(base: str, now: str, new: str) -> str | None:
    """`now` with what changed from `base` to `new`; None where both changed the same."""
    read = [_settings(text) for text in (base, now, new)]
    if read[0] is None or read[1] is None or read[2] is None:
        return _by_lines(base, now, new)
    was, there, comes = read[0], read[1], read[2]
    kept: list[str] = []
    for name, line in there.items():
        old, wanted = was.get(name), comes.get(name)
        if wanted is None:
            if old is None or not line.value:
                kept.append(line.text)
            elif old.value != line.value:
                return None
        elif old is not None and line.value == old.value:
            kept.append(wanted.text)
        elif old is None or wanted.value in (old.value, line.value):
            kept.append(line.text)
        else:
            return None
    added = [line.text for name, line in comes.items() if name not in there and name not in was]
    return "\n".join([*kept, *added])


def _settings(text: str) -> dict[str, _Line] | None:
    """The lines by the name that each sets; None where a line is anything else than that, or a comment."""
    found: dict[str, _Line] = {}
    for line in text.split("\n"):
        try:
            body = ast.parse(line).body
        except (SyntaxError, ValueError):
            return None
        match body:
            case []:
                found[line] = _Line(line, "")
            case [ast.Assign(targets=[ast.Name(id=name)], value=value)]:
                found[name] = _Line(line, ast.unparse(value))
            case [ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)]:
                found[name] = _Line(line, ast.unparse(value))
            case _:
                return None
    return found


def _by_lines(base: str, now: str, new: str) -> str | None:
    texts = [split_lines(f"{text}\n".encode()) for text in (base, now, new)]
    merged: list[bytes] = []
    for part in regions(texts[0], texts[1], texts[2]):
        if part.who == "conflict":
            return None
        side, span = (texts[2], part.ours) if part.who == "ours" else (texts[1], part.theirs)
        merged += side[span.start : span.stop]
    return b"".join(merged).decode().rstrip("\n")
