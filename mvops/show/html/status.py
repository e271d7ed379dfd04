"""Where everything stands, in a notebook."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from mvops.core.rollout import has
from mvops.show.html.parts import below, bold, code, framed, line, table, toned
from mvops.show.status import endpoint_words, none_serves, status_lines
from mvops.usecases.status import ModelStatus, Status

_TONES = {"up": "good", "down": "bad"}


def html(found: Status) -> Markup:
    """A row for each model."""
    said = bold(f"project {found.project} · {found.preset}")
    if not found.models:
        return framed(said, line("no models yet: mvops promote NOTEBOOK"))
    heads = ("model", "champion", "rollout", "endpoint", "predictions", "monitored (UTC)", "alerts")
    return framed(said, table(heads, map(_row, found.models)))


def text(found: Status) -> Iterator[str]:
    """As on a terminal."""
    yield from (said for said, _ in status_lines(found))


def _row(model: ModelStatus) -> tuple[object, ...]:
    until = model.monitored_until
    return (
        code(model.model),
        _champion(model),
        _rollout(model),
        _endpoint(model),
        below([f"{model.predictions} logged", f"{model.outcomes} outcomes"]),
        "" if until is None else below([f"{until:%Y-%m-%d %H:%M}", f"{model.monitored_rows} in this window"]),
        below(
            toned(f"{a.severity}, version {a.version}, since {a.opened:%Y-%m-%d}: {a.reason}", "bad")
            for a in model.alerts
        )
        or "none open",
    )


def _champion(model: ModelStatus) -> Markup:
    if model.champion is None:
        return toned(none_serves(model), "soft")
    metrics = (f"{name} {value:.4f}" for name, value in model.champion.metrics.items())
    newest = f"version {model.versions} {model.newest.state}: {model.newest.why}"
    became = [toned(newest, "warn")] if model.newest.state and not model.rollout else []
    return below([f"version {model.champion.number} of {model.versions}", *metrics, *became])


def _rollout(model: ModelStatus) -> Markup:
    if model.rollout is None:
        return Markup()
    return toned(has(model.rollout.challenger, model.rollout.share, of=""), "warn")


def _endpoint(model: ModelStatus) -> Markup:
    if model.endpoint == "none":
        return toned("none", "soft")
    status, *more = endpoint_words(model)
    return below([toned(status, _TONES[model.endpoint]), *more])
