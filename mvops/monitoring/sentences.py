"""A finding in one sentence, with the numbers that let a person check it."""

from __future__ import annotations

import numpy as np

from mvops.monitoring.evidence import Evidence
from mvops.monitoring.profile import Profile
from mvops.monitoring.summary import ColumnSummary

_NAMED = 3


def describe(
    name: str, profile: Profile, column: ColumnSummary, found: Evidence, psi: float | None, effect: float
) -> str:
    """Such as `temp: mean 38.1 -> 71.4, PSI 3.2 (shift 3.1 sd, limit 2.4, material from 0.1)`."""
    what, _, category = found.channel.partition(":")
    stability = "" if psi is None else f", PSI {psi:.3g}"
    over = f" over {found.windows} windows" if found.windows > 1 else ""
    if what == "shift":
        before, now = (_plain(profile.ruler.centre + profile.ruler.scale * z) for z in (found.expected, found.value))
        moved = f"{name}: mean {before} -> {now}{over}{stability}"
        return f"{moved} ({_limits(found, effect, 'shift')}){_cut(profile, column)}"
    if what == "spread":
        before, now = (_plain(profile.ruler.scale * z) for z in (found.expected, found.value))
        return f"{name}: standard deviation {before} -> {now}{stability} ({_limits(found, effect, 'change')})"
    if what == "share":
        return (
            f"{name}: share of {category} {found.expected:.1%} -> {found.value:.1%}{over}{stability} "
            f"(limit {found.limit:+.1%} either way, effect {found.effect:.2g}, material from {effect:g})"
        )
    if what == "shape":
        return (
            f"{name}: the distribution changed{stability}: {_shape(profile, column)} "
            f"(divergence {found.value:.3g}, limit {found.limit:.3g}, effect {found.effect:.2g}, "
            f"material from {effect:g})"
        )
    return f"{name}: {_quality(what, profile, column, found)}"


def _cut(profile: Profile, column: ColumnSummary) -> str:
    """Said where the mean is not what a calculator gives."""
    low, high = profile.ruler.cut_low, profile.ruler.cut_high
    wild = (column.low is not None and column.low < low) or (column.high is not None and column.high > high)
    return f"; values beyond {_plain(low)} and {_plain(high)} counted as that" if wild else ""


def _limits(found: Evidence, effect: float, what: str) -> str:
    return f"{what} {found.deviation:+.2g} sd, limit {found.limit:.2g}, material from {effect:g}"


def _quality(what: str, profile: Profile, column: ColumnSummary, found: Evidence) -> str:
    change = f"{found.expected:.2%} -> {found.value:.2%} (limit {found.limit:+.2%})"
    if what == "missing":
        return f"missing {change}"
    if what == "range":
        seen = f"values from {_plain(column.low)} to {_plain(column.high)}"
        infinite = f", {column.infinite} infinite" if column.infinite else ""
        return f"outside {_plain(profile.low)} to {_plain(profile.high)} {change}; {seen}{infinite}"
    named = sorted(column.new.items(), key=lambda item: (-item[1], item[0]))[:_NAMED]
    names = ", ".join(f"{text!r} ({count} rows)" for text, count in named)
    return f"categories never seen before {change}{': ' if names else ''}{names}"


def _shape(profile: Profile, column: ColumnSummary) -> str:
    if profile.ruler.kind == "category":
        return f"most changed {_most_changed(profile, column)}"
    before = _binned_quantiles(profile, np.array(profile.counts))
    now = _binned_quantiles(profile, np.array(column.counts))
    return f"5 %, 50 %, 95 % about {before} -> {now}"


def _binned_quantiles(profile: Profile, counts: np.ndarray) -> str:
    """To the upper ends of the bins."""
    ends = [*profile.ruler.edges, profile.ruler.edges[-1]]
    places = np.searchsorted(np.cumsum(counts), np.array([0.05, 0.5, 0.95]) * counts.sum())
    return ", ".join(_plain(ends[min(int(i), len(ends) - 1)]) for i in places)


def _most_changed(profile: Profile, column: ColumnSummary) -> str:
    names = [*profile.ruler.categories, "other", "new"]
    before = np.array(profile.counts) / max(sum(profile.counts), 1)
    now = np.array(column.counts) / max(sum(column.counts), 1)
    order = np.argsort(-np.abs(now - before), kind="stable")[:_NAMED]
    return ", ".join(f"{names[i]} {before[i]:.1%} -> {now[i]:.1%}" for i in order)


def _plain(value: float | None) -> str:
    if value is None:
        return "unknown"
    return f"{value:.4g}"
