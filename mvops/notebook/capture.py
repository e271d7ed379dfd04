"""The model that a notebook is about, the rows it is judged on, and the numbers it is judged by."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from mvops.core.config.model import CLASSIFICATION, REGRESSION
from mvops.notebook.code import Code
from mvops.notebook.composed import Composed, Raw, composed
from mvops.notebook.evidence import evidence
from mvops.notebook.findings import Evidence, Fit, Use
from mvops.notebook.flow import CellFlow
from mvops.notebook.held_out import Chosen, Helper, Rows, choose
from mvops.notebook.inlining import is_local
from mvops.notebook.raw_rows import Prepared

Task = Literal["classification", "regression"]

_TIMES = re.compile(
    r"(?:times?|dates?|timestamps?)_(?:test|held_?out|holdout|eval)"
    r"|(?:test|held_?out|holdout|eval)_(?:times?|dates?|timestamps?)"
)


@dataclass
class Capture:
    """What was found; a name is None where nothing was. `at` is the position of the cell that fits the model."""

    model: str | None = None
    features: str | None = None
    target: str | None = None
    train_features: str | None = None
    times: str | None = None
    task: Task = "classification"
    metrics: tuple[str, ...] = ()
    at: int | None = None
    variable: str | None = None  # the notebook's own name for the model
    on_training_rows: bool = False  # it is judged on the rows it was fitted on
    crossed: Use | None = None  # it is only cross-validated, here
    prepared: Prepared | None = None  # what is done to all rows by hand, and that the model now begins with
    composed: tuple[str, ...] = ()  # transformers that the notebook applies by hand, and that the model now begins with
    rows: Rows | None = None
    parts: tuple[Raw, Raw] | None = None  # the rows that it is judged on and fitted on, as they come from a split
    notes: list[str] = field(default_factory=list)
    seen: Evidence = field(default_factory=Evidence)

    @property
    def helpers(self) -> tuple[Helper, ...]:
        """The lines to add to the notebook."""
        return () if self.rows is None else tuple(self.rows.helpers)


@dataclass(frozen=True)
class Around:
    """What the other notebooks of a pipeline mean for one: the models of theirs that it loads, and their names."""

    loaded: tuple[Fit, ...] = ()
    later: frozenset[str] = frozenset()  # names that notebooks after it bind
    names: frozenset[str] = frozenset()  # all that they use


ALONE = Around()


def capture(cells: Sequence[Code], flows: Sequence[CellFlow], around: Around = ALONE) -> Capture:
    """Find the model, its held-out rows and its metrics. What is unsure is said in `notes`."""
    seen = evidence(cells)
    seen.fits = sorted([*seen.fits, *around.loaded], key=lambda fit: fit.at)
    rows = Rows(cells, flows, later=around.later, elsewhere=around.names)
    fits = [fit for fit in seen.fits if not is_local(fit.name) and fit.made.kind != "clusterer"]
    chosen = choose(seen, fits)
    found = Capture(seen=seen, rows=rows)
    if chosen is None:
        if not _fit_at_the_end(found, rows):
            found.notes.append(_why_no_model(cells, seen))
    else:
        _take(found, chosen, rows, composed(cells, flows, chosen))
        found.notes += [*_about_rows(cells, found, chosen), *_about_others(cells, chosen, fits)]
    if chosen is not None or found.model is None:
        found.task = _task(chosen.fit if chosen else None, found)
    found.metrics = metrics_of(found)
    found.times = next((n for flow in reversed(flows) for n in sorted(flow.binds) if _TIMES.fullmatch(n)), None)
    return found


def _take(found: Capture, chosen: Chosen, rows: Rows, whole: Composed | None) -> None:
    found.at, found.variable = chosen.fit.at, chosen.fit.name
    found.on_training_rows = chosen.on_training_rows and None not in {chosen.features, chosen.target}
    found.model = rows.model(chosen)
    judged: tuple[ast.expr | None, int] = (chosen.features, chosen.at)
    trained: tuple[ast.expr | None, int] = (chosen.fit.features, chosen.fit.at)
    if whole is not None and found.model is not None:
        found.composed = whole.transformers
        found.model = rows.pipeline(whole.transformers, whole.named, found.model, max(chosen.at, chosen.fit.at))
        judged, trained = ((ast.Name(raw.name, ast.Load()), raw.at) for raw in (whole.features, whole.train_features))
    found.features = rows.variable(*judged, "held_out_features")
    found.target = rows.variable(chosen.target, chosen.at, "held_out_target")
    if not chosen.on_training_rows or rows.elsewhere:  # another notebook may hold rows back
        found.train_features = rows.variable(*trained, "train_features")
    if not chosen.on_training_rows and not rows.elsewhere:
        found.parts = (whole.features, whole.train_features) if whole is not None else _named(chosen)


def _named(chosen: Chosen) -> tuple[Raw, Raw] | None:
    """The variables with the rows that it is judged on and fitted on, where it takes them as they are."""
    match chosen.features, chosen.fit.features:
        case ast.Name(id=judged), ast.Name(id=trained):
            return Raw(judged, chosen.at), Raw(trained, chosen.fit.at)
    return None


def _fit_at_the_end(found: Capture, rows: Rows) -> bool:
    """What is only cross-validated is fitted in a cell of its own, on all rows."""
    crossed = [use for use in found.seen.uses if use.crossed and not is_local(use.name)]
    made = found.seen.made
    crossed = [use for use in crossed if use.name in made and made[use.name].kind in {"classifier", "regressor"}]
    if not crossed:
        return False
    use, last = crossed[-1], len(rows.cells) - 1
    found.features, found.target = (rows.variable(part, last, word) for part, word in _parts(use))
    if found.features is None or found.target is None:
        return False
    fit = f"{use.name}.fit({found.features}, {found.target})  # so far it was only cross-validated"
    rows.helpers.append(Helper(last, fit))
    found.model = found.variable = use.name
    found.crossed = use
    found.task = "classification" if made[use.name].kind == "classifier" else "regression"
    found.notes.append(
        f"`{use.name}` ({made[use.name].name}) is cross-validated but never fitted: a cell that fits it on all rows is "
        f"added. It has no held-out rows of its own; hold some back with train_test_split."
    )
    return True


def _parts(use: Use) -> list[tuple[ast.expr, str]]:
    assert use.target is not None
    return [(use.features, "all_features"), (use.target, "all_targets")]


def _why_no_model(cells: Sequence[Code], seen: Evidence) -> str:
    clusterers = [fit for fit in seen.fits if fit.made.kind == "clusterer"]
    if clusterers:
        cell = cells[clusterers[-1].at].number
        return (
            f"Cell {cell} fits {clusterers[-1].made.name}, which finds groups and has no target: mvops serves "
            f"classifiers and regressors only. Name another model in pipeline.outputs."
        )
    inside = [fit for fit in seen.fits if is_local(fit.name)]
    if inside:
        cell = cells[inside[-1].at].number
        return (
            f"Cell {cell} fits a model inside a function that does not hand it back, so no variable holds it: let the "
            f"function return the model, or name the variable in pipeline.outputs."
        )
    return "No fitted scikit-learn model was found: name it and its held-out rows in pipeline.outputs."


def _about_rows(cells: Sequence[Code], found: Capture, chosen: Chosen) -> list[str]:
    fit = chosen.fit
    kind = f" ({fit.made.name})" if fit.made.name else ""
    how = "loaded" if fit.loaded else "fitted"
    notes = [f"The model is `{fit.part or fit.name}`{kind}, {how} in cell {cells[fit.at].number}; {chosen.why}."]
    if fit.part:
        notes.append(
            f"`{fit.name}` holds several models, and the last of them is taken, in a cell that is added: write another "
            f"one there to have that."
        )
    if found.features is None or found.target is None:
        notes.append(
            "The rows that the model is judged on were not found: put their features and target into variables, such "
            "as X_test and y_test, and name them in pipeline.outputs."
        )
    elif chosen.on_training_rows:
        notes.append(
            f"`{fit.name}` is judged on the rows it was fitted on: its numbers are too good, and the gate cannot "
            f"tell a better model. Hold some rows back with train_test_split."
        )
    else:
        notes.append(f"It is judged on `{found.features}` and `{found.target}` (cell {cells[chosen.at].number}).")
    if found.composed:
        applied = ", ".join(f"`{name}`" for name in found.composed)
        notes.append(
            f"{applied} and `{fit.name}` are served as one Pipeline, `{found.model}`, in a cell that is added: the "
            f"endpoint takes rows as they are before {applied}."
        )
    if chosen.refitted is not None:
        notes.append(
            f"Cell {cells[chosen.refitted].number} fits `{fit.name}` again after it was scored: the model is taken as "
            f"it was scored, since the later one has no held-out rows."
        )
    return notes


def _about_others(cells: Sequence[Code], chosen: Chosen, fits: Sequence[Fit]) -> list[str]:
    others: dict[str, str] = {}
    for fit in fits:
        if fit.name != chosen.fit.name:
            kind = f"{fit.made.name}, " if fit.made.name else ""
            others[fit.name] = f"{fit.name} ({kind}cell {cells[fit.at].number})"
    if not others:
        return []
    listed = ", ".join(others.values())
    return [f"Other models are fitted too: {listed}. Name one in pipeline.outputs to take it instead."]


def _task(fit: Fit | None, found: Capture) -> Task:
    if fit is not None and fit.made.kind in {"classifier", "regressor"}:
        return "classification" if fit.made.kind == "classifier" else "regression"
    known = [m.metric for m in found.seen.metrics if m.model in {None, found.variable}] or [
        m.metric for m in found.seen.metrics
    ]
    votes = [metric in CLASSIFICATION for metric in known if metric != "score"]
    if votes:
        return "classification" if sum(votes) * 2 >= len(votes) else "regression"
    if found.model is not None:
        found.notes.append("Whether this is classification or regression was not clear; see evaluate.task.")
    return "classification"


def metrics_of(found: Capture) -> tuple[str, ...]:
    """The numbers that the model is judged by: those that are computed of it, or of any."""
    allowed = CLASSIFICATION if found.task == "classification" else REGRESSION
    own = "accuracy" if found.task == "classification" else "r2"
    of_model = [m.metric for m in found.seen.metrics if m.model is not None and m.model == found.variable]
    of_any = [m.metric for m in found.seen.metrics]
    for metrics in (of_model, of_any):
        named = [own if metric == "score" else metric for metric in metrics]
        kept = tuple(dict.fromkeys(metric for metric in named if metric in allowed))
        if kept:
            return kept
    return ("accuracy",) if found.task == "classification" else ("rmse", "r2")
