"""Feature views as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mvops.usecases.features import ViewLine


def view_lines(views: Sequence[ViewLine]) -> Iterator[str]:
    """Two lines for each view."""
    if not views:
        yield "no feature views: write configs/features/<name>.yaml"
    for view in views:
        yield f"{view.name:<20} {_state(view)}"
        used = f"; looked up by {', '.join(view.used_by)}" if view.used_by else ""
        yield f"  {', '.join(view.fields)} by {', '.join(view.entities)}{used}"


def _state(view: ViewLine) -> str:
    if not view.applied:
        return "not applied yet: mvops apply"
    if not view.online:
        return "for training only"
    if view.until is None:
        return "online values were never brought in: mvops features materialize"
    return f"online values until {view.until:%Y-%m-%d %H:%M:%S} UTC"
