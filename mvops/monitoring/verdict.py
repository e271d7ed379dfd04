"""The verdict on a window: what differs from the baseline, how surely, how much, and in words.

The promise `false_alarms: 1 per 30d` is kept as a budget. A window may raise a false alarm with probability
`rate.per(window)` times a margin; that is divided equally among the monitored columns (with the model's answers)
and, where outcomes are known, its performance. An alarm must be significant at its level *and* material.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import numpy as np

from mvops.core.alert import AlertKind
from mvops.core.config.model import Monitor
from mvops.core.frozen import Frozen
from mvops.monitoring.baseline import Baseline
from mvops.monitoring.blocks import COMPLETE, covered
from mvops.monitoring.clock import index_of
from mvops.monitoring.drift import psi
from mvops.monitoring.evidence import TRAILS, Evidence, distributions, learned, learned_shape, read, weigh
from mvops.monitoring.judging_performance import judge_performance
from mvops.monitoring.profile import Profile
from mvops.monitoring.sentences import describe
from mvops.monitoring.summary import ColumnSummary, Summary

# The tests' levels add up to the budget exactly; the margin is for what the model of quiet variation simplifies.
_MARGIN = 0.7
_MOST_PER_WINDOW = 0.1
_FOR_PERFORMANCE = 0.1
_MEMORY = 28  # windows that a baseline without times learns day-to-day variation from

Status = Literal["judged", "no rows", "too few rows", "incomplete"]


class Finding(Frozen):
    """One column's, or metric's, strongest evidence.

    `value` and `threshold` are of `statistic`: a shift in standard deviations, a change of a share, a chi-squared
    divergence or a metric.
    """

    feature: str
    kind: AlertKind
    statistic: str
    value: float
    threshold: float
    effect: float
    p: float | None
    psi: float | None
    significant: bool
    material: bool
    importance: float | None
    sentence: str

    @property
    def alarm(self) -> bool:
        """Both certain enough and large enough."""
        return self.significant and self.material

    @property
    def key(self) -> str:
        """Such as drift:temp; deduplicates alerts."""
        return f"{self.kind}:{self.feature}"

    @property
    def severity(self) -> Literal["warning", "critical"]:
        """Critical: the model has become worse, or something changed by a standard deviation or more."""
        return "critical" if self.kind == "performance" or self.effect >= 1 else "warning"


class Verdict(Frozen):
    """`findings` has one or two entries for each column, the most important first; only some are alarms."""

    start: datetime
    end: datetime
    rows: int
    status: Status
    findings: tuple[Finding, ...] = ()

    @property
    def alarms(self) -> tuple[Finding, ...]:
        """The findings that are alarms, the most important first."""
        return tuple(finding for finding in self.findings if finding.alarm)


def judge(baseline: Baseline, window: Summary, monitor: Monitor, *, history: Sequence[Summary] = ()) -> Verdict:
    """Judge a window.

    `history` are earlier windows of the same version, oldest first: with them smaller shifts that last are found. A
    window with fewer than `monitor.min_rows` rows, or without rows in more than a fifth of the hours in which the
    baseline has them, is not judged.
    """
    status = _status(baseline, window, monitor)
    budget = min(monitor.false_alarms.per(window.end - window.start), _MOST_PER_WINDOW) * _MARGIN
    metrics = baseline.metrics if baseline.performance.rows else ()
    findings: list[Finding] = []
    if status == "judged":
        level = budget * (1 - _FOR_PERFORMANCE if metrics else 1)
        findings += _columns(baseline, _usable(baseline, [*history, window], monitor), level, monitor.effect)
    if metrics:
        measured = judge_performance(baseline, window, monitor, history, budget * _FOR_PERFORMANCE)
        findings += [] if measured is None else [Finding(**measured)]
    return Verdict(
        start=window.start, end=window.end, rows=window.rows, status=status, findings=tuple(_ranked(findings))
    )


def _status(baseline: Baseline, window: Summary, monitor: Monitor) -> Status:
    if not window.rows:
        return "no rows"
    if window.rows < monitor.min_rows:
        return "too few rows"
    found = np.zeros(len(baseline.hours), np.int64)
    found[list(window.hours)] = list(window.hours.values())
    usual = np.array(baseline.hours, np.int64)
    whole = not window.hours or covered(usual, found, window.start, window.end) >= COMPLETE
    return "judged" if whole else "incomplete"


def _usable(baseline: Baseline, windows: Sequence[Summary], monitor: Monitor) -> list[Summary]:
    """The window and those before it without a gap, as far back as they matter."""
    found = [windows[-1]]
    furthest = max(TRAILS) if baseline.timed else _MEMORY
    for earlier in reversed(windows[:-1]):
        if len(found) == furthest or earlier.end != found[0].start or _status(baseline, earlier, monitor) != "judged":
            break
        found.insert(0, earlier)
    return found


def _columns(baseline: Baseline, windows: Sequence[Summary], budget: float, effect: float) -> list[Finding]:
    profiles = {**{(False, n): p for n, p in baseline.features.items()}}
    profiles |= {(True, n): p for n, p in baseline.predictions.items()}
    findings = []
    for (answer, name), profile in profiles.items():
        columns = [(w.predictions if answer else w.features).get(name) for w in windows]
        known = [(w, c) for w, c in zip(windows, columns, strict=True) if c is not None]
        if not known or known[-1][0] is not windows[-1]:
            continue
        level = budget / len(profiles)
        evidence = _evidence(baseline, profile, known, level, effect)
        for kind in ("drift", "data"):
            mine = [one for one in evidence if one.kind == kind]
            if mine:
                findings.append(_finding(name, profile, known[-1][1], _strongest(mine), effect, answer=answer))
    return findings


def _evidence(
    baseline: Baseline, profile: Profile, known: list[tuple[Summary, ColumnSummary]], level: float, effect: float
) -> list[Evidence]:
    columns, numbers = [column for _, column in known], [index_of(window.start, baseline.every) for window, _ in known]
    paths = read(profile, columns, numbers, baseline.every)
    if not baseline.timed:
        channels = profile.channels | {name: learned(profile.channels[name], path) for name, path in paths.items()}
        shape = profile.shape and learned_shape(profile, profile.shape, columns[:-1])
        profile = profile.model_copy(update={"channels": channels, "shape": shape})
        paths = read(profile, columns, numbers, baseline.every)
    return weigh(profile, columns[-1], paths, level, effect)


def _strongest(evidence: list[Evidence]) -> Evidence:
    """A changed distribution is named only where nothing simpler says what changed."""

    def rank(one: Evidence) -> tuple[bool, bool, float]:
        return not (one.significant and one.material), one.channel == "shape", -one.strength

    return min(evidence, key=rank)


def _finding(
    name: str, profile: Profile, column: ColumnSummary, one: Evidence, effect: float, *, answer: bool
) -> Finding:
    kind: AlertKind = "prediction" if answer and one.kind == "drift" else one.kind
    distance = psi(*distributions(profile, column)) if profile.ruler.size > 2 else None
    return Finding(
        feature=name,
        kind=kind,
        statistic=one.channel if one.windows == 1 else f"{one.channel} over {one.windows} windows",
        value=one.deviation,
        threshold=one.limit,
        effect=one.effect,
        p=one.p,
        psi=distance,
        significant=one.significant,
        material=one.material,
        importance=profile.importance,
        sentence=describe(name, profile, column, one, distance, effect),
    )


def _ranked(findings: list[Finding]) -> list[Finding]:
    """Alarms first; then lost performance, then what matters to the model times how far it moved."""
    return sorted(
        findings,
        key=lambda f: (
            not f.alarm,
            f.kind != "performance",
            -(1.0 if f.importance is None else f.importance) * f.effect,
            f.feature,
        ),
    )
