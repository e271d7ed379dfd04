"""Charts as inline SVG: no script, nothing from elsewhere. Markup escapes all that is written."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from markupsafe import Markup

_WIDTH, _HEIGHT = 560, 150  # of the drawing area, in SVG's own unit
_LEFT, _BOTTOM, _TOP = 46, 22, 8
_COLOURS = 6  # of page.css: .c0 to .c5


class Series(NamedTuple):
    """A name for the legend and a value for each place on the axis; None leaves a gap."""

    name: str
    values: Sequence[float | None]


def stacked(labels: Sequence[str], series: Sequence[Series], unit: str) -> Markup:
    """Bars, one on the other: how much, and whose."""
    top = _nice(max((sum(s.values[i] or 0 for s in series) for i in range(len(labels))), default=0))
    step = _WIDTH / max(len(labels), 1)
    marks = []
    for place, label in enumerate(labels):
        base = 0.0
        for number, one in enumerate(series):
            value = one.values[place] or 0
            if value:
                marks.append(
                    Markup('<rect class="c{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>').format(
                        number % _COLOURS,
                        _n(_LEFT + step * place + min(1, step / 8)),
                        _n(_y(base + value, top)),
                        _n(max(step - min(2, step / 4), 0.5)),
                        _n(_y(base, top) - _y(base + value, top)),
                        f"{label}\n{one.name}: {_number(value)} {unit}",
                    )
                )
                base += value
    return _chart(marks, labels, top, unit) + _legend([one.name for one in series])


def lines(labels: Sequence[str], series: Sequence[Series], unit: str, level: float | None = None) -> Markup:
    """Lines over time, with a dashed one at `level`."""
    known = [value for one in series for value in one.values if value is not None]
    top = _nice(max([*known, level or 0], default=0))
    step = _WIDTH / max(len(labels), 1)
    marks = []
    if level is not None:
        y = _n(_y(level, top))
        marks.append(
            Markup('<line class="level" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(_LEFT, _LEFT + _WIDTH, y, y)
        )
    for number, one in enumerate(series):
        places = [(i, value) for i, value in enumerate(one.values) if value is not None]
        path = " ".join(f"{_n(_LEFT + step * (i + 0.5))},{_n(_y(value, top))}" for i, value in places)
        marks.append(Markup('<polyline class="l{}" points="{}"/>').format(number % _COLOURS, path))
        marks += [
            Markup('<circle class="c{}" cx="{}" cy="{}" r="2.5"><title>{}</title></circle>').format(
                number % _COLOURS,
                _n(_LEFT + step * (i + 0.5)),
                _n(_y(value, top)),
                f"{labels[i]}\n{one.name}: {_number(value)} {unit}",
            )
            for i, value in places
        ]
    return _chart(marks, labels, top, unit) + _legend([one.name for one in series])


def shares(labels: Sequence[str], now: Sequence[float], usual: Sequence[float]) -> Markup:
    """Bars of shares, each with a tick where the baseline has it."""
    top = _nice(max([*now, *usual], default=0) * 100)
    step = _WIDTH / max(len(labels), 1)
    marks = []
    for place, (label, share, before) in enumerate(zip(labels, now, usual, strict=True)):
        x, width, y = _LEFT + step * place, max(step - 2, 0.5), _y(before * 100, top)
        told = f"{label}\nnow {share:.1%}, baseline {before:.1%}"
        marks.append(
            Markup('<g><title>{}</title><rect class="c0" x="{}" y="{}" width="{}" height="{}"/>').format(
                told, _n(x + 1), _n(_y(share * 100, top)), _n(width), _n(_HEIGHT - _y(share * 100, top) + _TOP)
            )
            + Markup('<line class="usual" x1="{}" x2="{}" y1="{}" y2="{}"/></g>').format(
                _n(x), _n(x + step), _n(y), _n(y)
            )
        )
    legend = Markup(
        '<p class="legend"><span><i class="c0"></i>now</span><span><i class="usual"></i>baseline</span></p>'
    )
    return _chart(marks, labels, top, "%") + legend


def _chart(marks: Iterable[Markup], labels: Sequence[str], top: float, unit: str) -> Markup:
    grid = Markup("").join(
        Markup(
            '<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text x="{}" y="{}" text-anchor="end">{}</text>'
        ).format(
            _LEFT,
            _LEFT + _WIDTH,
            _n(_y(value, top)),
            _n(_y(value, top)),
            _LEFT - 5,
            _n(_y(value, top) + 3.5),
            f"{_number(value)}{unit}" if unit == "%" else _number(value),
        )
        for value in (0, top / 2, top)
    )
    step = _WIDTH / max(len(labels), 1)
    every = max(1, math.ceil(len(labels) * max((len(label) for label in labels), default=1) * 6.2 / _WIDTH))
    axis = Markup("").join(
        Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(
            _n(_LEFT + step * (place + 0.5)), _TOP + _HEIGHT + 15, label[:40]
        )
        for place, label in enumerate(labels)
        if place % every == 0
    )
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}{}</svg>').format(
        _LEFT + _WIDTH + 4, _TOP + _HEIGHT + _BOTTOM, f"chart, in {unit}", grid, Markup("").join(marks), axis
    )


def _legend(names: Sequence[str]) -> Markup:
    parts = [Markup('<span><i class="c{}"></i>{}</span>').format(i % _COLOURS, name) for i, name in enumerate(names)]
    return Markup('<p class="legend">{}</p>').format(Markup("").join(parts))


def _y(value: float, top: float) -> float:
    return _TOP + _HEIGHT * (1 - min(value / top, 1.0))


def _nice(value: float) -> float:
    """The next number of the kind 1, 2, 5, 10 that is not below."""
    if not math.isfinite(value) or value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10, 20) if factor * power >= value)


def _number(value: float) -> str:
    if abs(value) >= 10_000:
        return f"{value / 1000:,.0f}k" if abs(value) < 1e7 else f"{value / 1e6:,.0f}M"
    return f"{value:,.0f}" if value == int(value) else f"{value:.3g}"


def _n(value: float) -> str:
    return f"{value:.2f}"
