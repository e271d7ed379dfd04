"""What the doctor found, as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mvops.usecases.doctor import Check

_MARKS = {"ok": ("ok  ", "green"), "note": ("note", "yellow"), "bad": ("BAD ", "red")}


def doctor_lines(checks: Sequence[Check]) -> Iterator[tuple[str, str]]:
    """A line for each check, with what to do about it below."""
    width = max(len(check.name) for check in checks)
    for check in checks:
        mark, style = _MARKS[check.status]
        first, *rest = check.found.splitlines() or [""]
        yield f"{mark} {check.name:<{width}}  {first}", style
        if check.status != "ok":
            rest += check.hint.splitlines()
        yield from ((f"     {'':<{width}}  {line}", "") for line in rest)
