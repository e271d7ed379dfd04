"""Training and serving that would differ: features that are prepared outside the estimator."""

from __future__ import annotations

from collections.abc import Sequence

from mvops.notebook.capture import Capture
from mvops.notebook.code import Code
from mvops.notebook.walking import loaded_names

_SHOWN = 4


def skew_notes(cells: Sequence[Code], found: Capture) -> list[str]:
    """What the endpoint would not do with a raw row, and the smallest change that makes it."""
    if found.at is None:
        return []
    fit = next(f for f in reversed(found.seen.fits) if f.at == found.at and f.name == found.variable)
    names = {name for name in (found.features, found.train_features) if name}
    lineage = _ancestors(
        names | (loaded_names(fit.features) if fit.features is not None else set()), found.seen.derived
    )
    last = max(found.at, *(use.at for use in found.seen.uses if use.name == found.variable), 0)
    captured = tuple(f"{name}." for name in found.composed)
    steps = [p for p in found.seen.by_hand if p.names & lineage and p.at <= last and not p.what.startswith(captured)]
    if not steps:
        return []
    shown = list(dict.fromkeys(f"cell {cells[p.at].number} `{p.what}`" for p in steps))
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    note = (
        f"The features are prepared outside the model: {', '.join(shown[:_SHOWN])}{more}. The endpoint takes rows as "
        f"they are after that. To send raw rows, put these steps and the model into one sklearn Pipeline."
    )
    return [note]


def _ancestors(names: set[str], derived: dict[str, set[str]]) -> set[str]:
    """The names and all that they were made from."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += derived.get(name, set())
    return found
