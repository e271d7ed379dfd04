"""Turning a run into a registered version: evaluate, compare with the champion, ask the gate, take the baseline."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from mvops.artifacts.elsewhere import load_version
from mvops.artifacts.seals import seal
from mvops.artifacts.values import dump_array, dump_frame, load_value
from mvops.core.config.model import Model
from mvops.core.progress import Progress, Tell
from mvops.core.run import Run
from mvops.core.signature import Signature
from mvops.core.steps import RegisterVersion
from mvops.core.version import Artifact, CodeState, DataRevision, Environment, Recipe, Version
from mvops.errors import ArtifactError, DataError, RegistryError
from mvops.features.joined import job_of
from mvops.features.lookups import lookup_of
from mvops.lifecycle.code import code_state
from mvops.lifecycle.compare import Comparison, compare_on_new_rows, compare_on_same_rows, with_a_lost
from mvops.lifecycle.data import named_revision, recorded_revision
from mvops.lifecycle.environment import capture_environment, model_modules
from mvops.lifecycle.evaluate import Evaluation, evaluate
from mvops.lifecycle.fingerprint import training_fingerprint
from mvops.lifecycle.gate import GateReport, judge
from mvops.lifecycle.held_out import HeldOut, handed_over
from mvops.lifecycle.learnt import digests, learnt_from
from mvops.lifecycle.pins import required_packages
from mvops.lifecycle.scores import Array
from mvops.lifecycle.signature import describe
from mvops.monitoring.baseline import DAY, build_baseline
from mvops.monitoring.columns import make_rows
from mvops.performing.data import keep_joined
from mvops.performing.engine import engine_of
from mvops.registry.events import record_event
from mvops.registry.runs import find_run, save_run
from mvops.registry.state import SqlState
from mvops.registry.versions import champion, register, version_of_run
from mvops.workspace import Workspace


def perform_register(step: RegisterVersion, workspace: Workspace, tell: Tell) -> dict[str, str]:
    """Register the pipeline's last run; leaves the version's number and what the gate said.

    Done again after an interruption, it finds the version that it registered before; one that lost its baseline is
    registered anew.
    """
    run = _last_run(workspace, step.model)
    known = version_of_run(workspace.registry, step.model, run.id)
    if known is not None and known.baseline is not None and not workspace.store.has(known.baseline.sha256):
        known = None
    tell(Progress(what=f"{step.model}: evaluate"))
    held_out = handed_over(run.outputs, workspace.store, run.model, run.interpreter)
    model = workspace.model(step.model)
    evaluation = evaluate(held_out.estimator, held_out.features, held_out.target, model.evaluate)
    serving = champion(workspace.registry, step.model)
    comparison = None
    if serving is not None and (known is None or serving.number != known.number):
        lost = with_a_lost(serving.number) if step.lost else None
        comparison = lost or _compare(workspace, serving, held_out, model)
    before = comparison.champion if comparison else None
    report = judge(model.gate, evaluation.metrics, before, comparison, rows=len(held_out.features))
    version = known or _register(step, workspace, run, held_out, evaluation)
    save_run(workspace.registry, run.model_copy(update={"metrics": evaluation.metrics}))
    _remember(workspace, version, report, comparison)
    return {"version": str(version.number), "gate": "passed" if report.passed else "refused"}


def evaluate_run(workspace: Workspace, run: Run) -> Run:
    """The run with its model's metrics, kept so; without any where what it made cannot be evaluated."""
    settings = workspace.model(run.model).evaluate
    try:
        held_out = handed_over(run.outputs, workspace.store, run.model, run.interpreter)
        measured = evaluate(held_out.estimator, held_out.features, held_out.target, settings)
    except (ArtifactError, DataError) as error:
        workspace.remarks.append(f"the run was not evaluated: {error.message}")
        return run
    evaluated = run.model_copy(update={"metrics": measured.metrics})
    save_run(workspace.registry, evaluated)
    return evaluated


def _last_run(workspace: Workspace, model: str) -> Run:
    record = SqlState(workspace.registry).records().get(f"pipeline.{model}")
    run = find_run(workspace.registry, record.outputs.get("run", "")) if record else None
    if run is None:
        raise RegistryError(f"{model}: the pipeline has no run to register", hint=f"Run it: mvops run {model}")
    return run


def _compare(workspace: Workspace, serving: Version, held_out: HeldOut, model: Model) -> Comparison:
    before = load_version(workspace.store, serving, workspace.root)
    rows, target, learnt = held_out.features, held_out.target, _known_rows(workspace, serving, held_out)
    if learnt is None:
        return compare_on_same_rows(before, held_out.estimator, rows, target, model.evaluate)
    return compare_on_new_rows(before, held_out.estimator, rows, target, model.evaluate, learnt)


def _known_rows(workspace: Workspace, serving: Version, held_out: HeldOut) -> Array | None:
    """Which of the held-out rows the champion learnt from; None where a version does not say what it learnt from.

    What it says may be lost from the store, which does not keep the two from being compared.
    """
    if serving.learnt_from is None or held_out.train_features is None:
        return None
    if not workspace.store.has(serving.learnt_from.sha256):
        return None
    columns = [column.name for column in serving.signature.columns]
    theirs = load_value(workspace.store.read_bytes(serving.learnt_from), "npy", trusted_pickle=False)
    ours = digests(held_out.train_features, columns)
    return None if ours is None else learnt_from(held_out.features, theirs, ours, columns)


def _learnt_from(workspace: Workspace, signature: Signature, held_out: HeldOut) -> Artifact | None:
    train = held_out.train_features
    found = None if train is None else digests(train, [column.name for column in signature.columns])
    return None if found is None else _kept(workspace, dump_array(found), "npy")


def _register(
    step: RegisterVersion, workspace: Workspace, run: Run, held_out: HeldOut, evaluation: Evaluation
) -> Version:
    model = workspace.model(step.model)
    signature = describe(
        held_out.features,
        held_out.target,
        held_out.estimator,
        model.evaluate.task,
        train_features=held_out.train_features,
    )
    baseline = build_baseline(
        signature,
        make_rows(
            signature,
            {str(name): held_out.features[name] for name in held_out.features.columns},
            predictions=evaluation.predictions,
            probabilities=evaluation.probabilities,
            outcomes=held_out.target,
            times=held_out.times,
        ),
        metrics=model.evaluate.metrics,
        every=DAY if model.monitor is None else model.monitor.every,
    )
    data, format_ = dump_frame(held_out.features.assign(__target__=np.asarray(held_out.target)))
    return register(
        workspace.registry,
        Version(
            model=step.model,
            number=0,
            created=datetime.now(UTC),
            reason=step.reason,
            run=run.id,
            artifact=run.outputs["model"],
            signature=signature,
            held_out=_kept(workspace, data, format_),
            learnt_from=_learnt_from(workspace, signature, held_out),
            baseline=_kept(workspace, baseline.model_dump_json().encode(), "json"),  # last: with it all is there
            engine=engine_of(workspace.store, model, held_out, signature),
            data=dict(run.inputs),
            code=_code(workspace, model, run),
            environment=_environment(workspace, step.model, held_out),
            seal=seal(workspace.root, run.outputs["model"]) if _stays(held_out) else "",
            parameters=dict(run.parameters),
            metrics=evaluation.metrics,
            lookup=lookup_of(workspace, step.model, [column.name for column in signature.columns]),
            fingerprint=training_fingerprint(
                cells=run.cells,
                parameters=run.parameters,
                inputs=run.inputs,
                outputs=model.pipeline.outputs,
                evaluate=model.evaluate,
            ),
            revisions=_revisions(workspace, run, model),
            recipe=Recipe(
                inputs=dict(job_of(workspace, step.model).inputs),
                parameters=dict(model.pipeline.parameters),
                outputs=model.pipeline.outputs.model_dump(exclude_none=True),
                task=model.evaluate.task,
                metrics=model.evaluate.metrics,
                sources=dict(run.sources),
                packages=dict(run.packages),
                kernel=model.pipeline.kernel,
                python=model.pipeline.python,
            ),
        ),
    )


def _environment(workspace: Workspace, name: str, held_out: HeldOut) -> Environment:
    """That of the kernel, an interpreter in the project by its path there, and what the team's own file pins."""
    found = held_out.environment or capture_environment(model_modules(held_out.estimator))
    root, file = workspace.root, workspace.model(name).pipeline.requirements
    update: dict[str, Any] = {}
    if _stays(held_out) and Path(found.interpreter).is_relative_to(root):
        update["interpreter"] = Path(found.interpreter).relative_to(root).as_posix()
    if file is not None:
        update["pinned"] = required_packages(root, name, file, found.python)
        update["requirements"] = workspace.store.put_file(root / file, "txt")
    return found.model_copy(update=update)


def _stays(held_out: HeldOut) -> bool:
    """Is the model to be loaded in the Python that made it, and in no other."""
    return held_out.environment is not None and bool(held_out.environment.interpreter)


def _revisions(workspace: Workspace, run: Run, model: Model) -> dict[str, DataRevision]:
    """Input -> where the very content that the run read is kept, where it is."""
    found: dict[str, DataRevision] = {}
    for record in SqlState(workspace.registry).records().values():
        revision, named = recorded_revision(workspace.store, record.outputs), named_revision(record.outputs)
        if revision is not None and named is not None:
            found |= {name: named for name in model.pipeline.inputs if run.inputs.get(name) == revision.digest}
    if model.pipeline.features is not None and workspace.project.capabilities.data_versioning:
        found |= keep_joined(workspace, run, model.pipeline.features.parameter)
    return found


def _code(workspace: Workspace, model: Model, run: Run) -> CodeState:
    first, *later = model.pipeline.books
    return code_state(workspace.root, first, dict(run.cells), run.sources, later)


def _kept(workspace: Workspace, data: bytes, format_: str) -> Artifact:
    return workspace.store.put_bytes(data, format_)


def _remember(workspace: Workspace, version: Version, report: GateReport, comparison: Comparison | None) -> None:
    verdict = "passed the gate" if report.passed else "was refused by the gate"
    record_event(
        workspace.registry,
        kind="gate",
        subject=version.model,
        message=f"version {version.number} {verdict}",
        details={
            "version": version.number,
            "artifact": version.artifact.sha256,
            "passed": report.passed,
            "checks": [check.sentence for check in report.checks],
            "failed": [check.text for check in report.checks if not check.passed],
            "metrics": version.metrics,
            "champion": comparison.champion if comparison else None,
            "missing": list(comparison.missing) if comparison else [],
        },
    )
