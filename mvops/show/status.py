"""Where everything stands, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mvops.core.rollout import has
from mvops.usecases.status import ModelStatus, Status

Line = tuple[str, str]


def status_lines(found: Status) -> Iterator[Line]:
    """A block for each model, each line with a style."""
    yield f"project {found.project} · {found.preset}", "bold"
    if not found.models:
        yield "no models yet: mvops promote NOTEBOOK", ""
    for model in found.models:
        yield "", ""
        yield from _model(model)


def status_json(found: Status) -> dict[str, Any]:
    """The same for scripts."""
    return {
        "project": found.project,
        "preset": found.preset,
        "models": [
            {
                "model": model.model,
                "champion": model.champion.number if model.champion else None,
                "metrics": model.champion.metrics if model.champion else None,
                "versions": model.versions,
                "newest": {"version": model.versions, "state": model.newest.state, "because": model.newest.why},
                "rollout": model.rollout.model_dump(mode="json") if model.rollout else None,
                "endpoint": _endpoint(model),
                "predictions": model.predictions,
                "outcomes": model.outcomes,
                "monitored_until": model.monitored_until.isoformat() if model.monitored_until else None,
                "alerts": [alert.model_dump(mode="json") for alert in model.alerts],
            }
            for model in found.models
        ],
    }


def _endpoint(model: ModelStatus) -> dict[str, Any]:
    more = {"note": model.note, "wanted_url": model.wanted, "former": list(model.former)}
    return {"status": model.endpoint, "url": model.url} | {key: value for key, value in more.items() if value}


def none_serves(model: ModelStatus) -> str:
    """Why there is no champion, and what to do."""
    return "none, it was destroyed or forgotten: mvops apply" if model.taken_away else "none yet: mvops apply"


def endpoint_words(model: ModelStatus) -> Iterator[str]:
    """Whether it runs, where, and what to do."""
    yield model.endpoint
    how = f"mvops serve {model.model}"
    if model.note:
        yield f"{model.note}: {how} --port N"
    elif model.endpoint == "down" and model.champion is not None:
        yield f"{model.url}: {how}"
    else:
        yield f"{model.url}"
    if model.wanted and model.champion is not None:
        way = f"mvops apply, then stop this one and: {how}" if model.unapplied else f"{how}, once this one is stopped"
        yield f"the YAML says {model.wanted}: {way}"
    if model.former:
        yield f"runs with its former {', '.join(model.former)}: stop it, then {how}"
    if model.endpoint == "up" and model.champion is None:
        yield "still answers with what it had loaded: stop it where it was started"


def _model(model: ModelStatus) -> Iterator[Line]:
    yield f"model {model.model}", "bold"
    if model.champion is None:
        yield f"  champion     {none_serves(model)}", ""
    else:
        metrics = " ".join(f"{name}={value:.4f}" for name, value in model.champion.metrics.items())
        yield f"  champion     version {model.champion.number} of {model.versions}, {metrics}", ""
    if model.newest.state and not model.rollout:
        yield f"  newest       version {model.versions}, {model.newest.state}: {model.newest.why}", "yellow"
    if model.rollout is not None:
        yield f"  rollout      {has(model.rollout.challenger, model.rollout.share)}", "yellow"
    if model.endpoint != "none":
        yield f"  endpoint     {', '.join(endpoint_words(model))}", ""
    yield f"  predictions  {model.predictions} logged, {model.outcomes} outcomes", ""
    if model.monitored_until is not None:
        rows = f"{model.monitored_rows} prediction{'' if model.monitored_rows == 1 else 's'}"
        yield f"  monitored    to the window that begins {model.monitored_until:%Y-%m-%d %H:%M} UTC, with {rows}", ""
    if not model.alerts:
        yield "  alerts       none open", ""
    for alert in model.alerts:
        since = f"version {alert.version}, since {alert.opened:%Y-%m-%d}"
        yield f"  ALERT        {alert.severity}, {since}: {alert.reason}", "red"
