"""Outcomes that were wrong: what the monitor learnt from them is taken back, so that it learns from the right ones."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable
from datetime import datetime

from mvops.core.prediction import Prediction
from mvops.monitoring.columns import rows_of
from mvops.monitoring.summary import Summary, summarise_outcomes
from mvops.registry.predictions import PredictionLog
from mvops.registry.summaries import cursor, save_summaries, summaries
from mvops.usecases.summarising import Known
from mvops.workspace import Workspace

Key = tuple[int, str, datetime]  # version, arm, start of the window


def take_back(workspace: Workspace, model: str, log: PredictionLog, wrong: Collection[Prediction]) -> int:
    """Measure the windows of these predictions again without their outcomes; returns how many windows there are.

    Done twice it is done once. Raises ConflictError while a monitor reads.
    """
    if not wrong:
        return 0
    read = cursor(workspace.registry, model)
    known, ids = Known(workspace, model), {prediction.id for prediction in wrong}
    measured = []
    for (version, arm, start), summary in _windows(workspace, model, wrong):
        found = known.get(version)
        pairs = log.labelled(model, summary.start, summary.end, read.outcomes)
        mine = [(p, o) for p, o in pairs if (p.version, p.arm) == (version, arm) and p.id not in ids]
        if found is not None:
            rows = rows_of(found[0].signature, [p for p, _ in mine], [o.outcome for _, o in mine])
            without = summarise_outcomes(found[1], rows, summary.start, summary.end).performance
            measured.append((version, arm, start, summary.model_copy(update={"performance": without}).to_json()))
    save_summaries(workspace.registry, model, measured, before=read, after=read)
    return len(measured)


def _windows(workspace: Workspace, model: str, of: Iterable[Prediction]) -> Iterable[tuple[Key, Summary]]:
    """The stored summaries that one of these predictions fell into, whatever the windows' length was then."""
    times: dict[tuple[int, str], list[datetime]] = {}
    for prediction in of:
        times.setdefault((prediction.version, prediction.arm), []).append(prediction.time)
    ordered = {key: sorted(found) for key, found in times.items()}
    for version, arm, start, text in summaries(workspace.registry, model):
        mine = ordered.get((version, arm), [])
        if mine and start <= mine[-1]:
            summary = Summary.from_json(text)
            if bisect_left(mine, summary.start) < bisect_left(mine, summary.end):
                yield (version, arm, start), summary
