"""The dashboard as one page of HTML that needs nothing from elsewhere.

Names, messages and values may be hostile: Markup escapes all that is put into it.
"""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from mvops.core.rollout import has
from mvops.usecases.overview import ModelView, Overview
from mvops.web.panels import PANELS, number, percent, time
from mvops.web.style import STYLE

Cells = tuple[str | Markup, ...]


def page(found: Overview, *, refresh: int | None = None) -> str:
    """The whole page; with `refresh`, it asks for itself again after so many seconds."""
    again = Markup('<meta http-equiv="refresh" content="{}">').format(refresh) if refresh else Markup("")
    models = Markup("").join(_model(model) for model in found.models)
    empty = Markup('<p class="note">No models yet: mvops promote NOTEBOOK</p>') if not found.models else Markup("")
    return Markup(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{project} · mvops</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">{again}<style>{style}</style></head>'
        "<body><header><h1>{project}</h1><p>{preset} · as of {at}</p></header>"
        "<main>{empty}{table}{models}</main></body></html>\n"
    ).format(
        project=found.project,
        again=again,
        style=Markup(STYLE),  # noqa: S704 -- our own constant
        preset=found.preset,
        at=time(found.at),
        empty=empty,
        table=_summary(found.models) if found.models else Markup(""),
        models=models,
    )


def _summary(models: Iterable[ModelView]) -> Markup:
    """Every model in a line."""
    heads = ("model", "champion", "challenger", "predictions", "newest", "endpoint", "errors", "p99", "alerts")
    rows = Markup("").join(_row(_cells(model)) for model in models)
    return Markup('<section class="wide"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></section>').format(
        Markup("").join(Markup("<th>{}</th>").format(head) for head in heads), rows
    )


def _cells(model: ModelView) -> Cells:
    live = model.live
    p99 = max((arm.latency_p99_ms or 0 for arm in live.arms), default=0) if live else 0
    rollout = model.rollout
    return (
        Markup('<a href="#{0}">{0}</a>').format(model.model),
        f"version {model.champion.number}" if model.champion else "none",
        f"version {rollout.challenger}, {f'{rollout.share} %' if rollout.share else 'shadow'}" if rollout else "none",
        number(model.predictions),
        time(model.numbers.until) if model.numbers else "never",
        Markup('<b class="{}">{}</b>').format(*(("good", "up") if live.up else ("bad", "down"))) if live else "none",
        percent(live.share("5")) if live else "",
        f"{p99:.1f} ms" if p99 else "",
        Markup('<b class="bad">{}</b>').format(len(model.alerts)) if model.alerts else "none",
    )


def _row(cells: Cells) -> Markup:
    return Markup("<tr>{}</tr>").format(Markup("").join(Markup("<td>{}</td>").format(cell) for cell in cells))


def _model(model: ModelView) -> Markup:
    panels = Markup("").join(
        Markup('<section class="{}"><h3>{}</h3>{}</section>').format(panel, PANELS[panel][0], PANELS[panel][1](model))
        for panel in model.layout.panels
    )
    return Markup('<article id="{}"><h2>{}</h2><p class="about">{}</p><div class="panels">{}</div></article>').format(
        model.model, model.layout.title or model.model, _about(model), panels
    )


def _about(model: ModelView) -> Markup:
    parts: list[str] = [part for part in (model.description, f"owner: {model.owner}" if model.owner else "") if part]
    if model.champion:
        metrics = ", ".join(f"{name} {value:.4f}" for name, value in model.champion.metrics.items())
        parts.append(f"champion: version {model.champion.number} of {time(model.champion.created)} ({metrics})")
    else:
        parts.append("no version yet: mvops apply")
    if model.rollout:
        parts.append(f"challenger: {has(model.rollout.challenger, model.rollout.share)}")
    return Markup(" · ").join(parts)
