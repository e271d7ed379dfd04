"""Two versions of a model side by side, in a notebook."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from mvops.monitoring.performance import LOWER_IS_BETTER
from mvops.show.html.parts import bold, code, framed, line, table, toned
from mvops.show.versions import comparison_lines, short
from mvops.usecases.versions import Comparison


def html(found: Comparison) -> Markup:
    """A row for each difference; a metric's says which way it went."""
    one, two = found.first, found.second
    said = bold(f"{one.model}: version {one.number} beside version {two.number}")
    if not found.differences:
        return framed(said, line("Both were made of the same things."))
    made = [f"version {v.number}, {v.created:%Y-%m-%d %H:%M} UTC" for v in (one, two)]
    rows = [(code(name), short(a), short(b), _change(name, a, b)) for name, (a, b) in found.differences.items()]
    return framed(said, table(("", *made, ""), rows))


def text(found: Comparison) -> Iterator[str]:
    """As on a terminal."""
    return comparison_lines(found)


def _change(field: str, before: object, after: object) -> Markup:
    """How much a number changed, and for a metric whether that is for the better."""
    if not isinstance(before, int | float) or not isinstance(after, int | float):
        return Markup()
    more = after - before
    part, _, name = field.partition(".")
    if part != "metrics":
        return toned(f"{more:+g}")
    better = more < 0 if name in LOWER_IS_BETTER else more > 0
    return toned(f"{more:+.4f} {'better' if better else 'worse'}", "good" if better else "bad")
