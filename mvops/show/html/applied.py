"""What became of a plan's actions, in a notebook."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from mvops.core.apply import Done
from mvops.show.apply import applied_line
from mvops.show.html.parts import bold, code, framed, joined, table, text_block, toned
from mvops.show.lists import Applied

_TONES = {"done": "good", "failed": "bad", "skipped": "warn"}


def html(found: Applied) -> Markup:
    """A row for each, with its error."""
    if not found:
        return framed(bold("Nothing was to be done."))
    counted = {status: sum(done.status == status for done in found) for status in _TONES}
    total = ", ".join(f"{count} {status}" for status, count in counted.items() if count)
    return framed(bold(f"Applied: {total}."), table(("", "resource", "what", ""), map(_row, found)))


def text(found: Applied) -> Iterator[str]:
    """As on a terminal, with the errors."""
    for done in found:
        yield applied_line(done)
        yield from (f"          {line}" for line in str(done.error or "").splitlines())


def _row(done: Done) -> tuple[object, ...]:
    left = joined(Markup("<div>{} {}</div>").format(name, code(value)) for name, value in done.left.items())
    said = text_block(str(done.error)) if done.error else left
    return toned(done.status, _TONES[done.status]), code(done.action.address), done.action.verb.value, said
