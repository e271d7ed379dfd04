"""How long work tells whoever waits how far it is."""

from __future__ import annotations

from collections.abc import Callable

from mvops.core.frozen import Frozen


class Progress(Frozen):
    """`what` is being done; `done` of `total`, where that is known.

    `kept`: what came before is kept, so this is a good moment to stop.
    """

    what: str
    done: float = 0
    total: float | None = None
    kept: bool = False


Tell = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """Tell nobody."""
    del progress
