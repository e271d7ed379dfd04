"""mvops' own page, served by `mvops dashboard`: every model at a glance, with nothing to install or to connect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from mvops.backends.options import checked
from mvops.contracts.dashboards import Board
from mvops.core.environment import wording
from mvops.core.layout import PANELS, Layout, layout_file
from mvops.rendering import render_folder


class Builtin:
    """Generates `deploy/dashboards/<model>.yaml`, which `mvops dashboard` reads: what it shows, in which order."""

    def folder(self) -> str:
        """One for all models."""
        return str(PurePosixPath(layout_file("any")).parent)

    def files(self, board: Board, options: Mapping[str, Any]) -> Mapping[str, str]:
        """The layout of the model's part of the page."""
        layout = _layout({"title": board.model, **options})
        left_out = [panel for panel in PANELS if panel not in layout.panels]
        context = wording(board.environment) | {"board": board, "layout": layout, "left_out": left_out}
        (text,) = render_folder("dashboards/builtin", context).values()
        return {PurePosixPath(layout_file(board.model)).name: text}

    def shared(self, project: str, options: Mapping[str, Any]) -> Mapping[str, str]:
        """None: the page is a program."""
        del project
        _layout(options)
        return {}

    def limits(self, board: Board, options: Mapping[str, Any]) -> Iterator[str]:
        """What it needs to be seen."""
        _layout(options)
        typed = wording(board.environment)["typed"]
        yield f"is a page on this machine while `{typed} dashboard` runs, or a file with: --output FILE.html"
        if board.address is None:
            yield "shows no errors: only an endpoint counts them"


def _layout(options: Mapping[str, Any]) -> Layout:
    return checked(Layout, "dashboard.options", "builtin", options)
