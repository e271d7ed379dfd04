"""A model: the version that a pipeline's run becomes when it is evaluated, registered, judged and rolled out."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from importlib.metadata import version
from statistics import median
from typing import Any, ClassVar

from mvops.core.action import Action, Verb
from mvops.core.address import Address, address, kind_of, name_of
from mvops.core.compare import Held
from mvops.core.config.gate import instead, is_relative
from mvops.core.environment import wording
from mvops.core.spec import Spec
from mvops.core.state import Observed, Record
from mvops.core.steps import GoBack, RegisterVersion, RemoveRoute, RollOut, Step
from mvops.kinds.kind import Look
from mvops.kinds.pipeline import PipelineKind
from mvops.kinds.pipeline_spec import PipelineSpec, step_plans, training_digest
from mvops.kinds.recorded import artifacts, champions, kept
from mvops.kinds.rollout_words import as_canary, let_through, recorded, stays
from mvops.kinds.standing import registered, stands
from mvops.lifecycle.route_file import ROUTE, files_of
from mvops.registry.glance import Champion, finished_actions
from mvops.serving.ownership import is_held
from mvops.witness import is_file

_NOTHING_TRAINED = "nothing was trained"
_LOOKED_AT = 500  # the newest actions of all kinds, from which it is told how long one takes


class ModelSpec(Spec):
    """`training` is the digest of all that decides what is trained."""

    kind: ClassVar[str] = "model"
    training: str
    evaluate: dict[str, Any]
    gate: tuple[str, ...]
    rollout: dict[str, Any]
    description: str
    owner: str
    prevent_destroy: bool = False

    def fields(self) -> dict[str, Any]:
        """Without `prevent_destroy` where nobody asks for it."""
        return {field: value for field, value in super().fields().items() if field != "prevent_destroy" or value}


class ModelKind:
    """Done by registering a version; the champion moves only through the gate."""

    name = "model"
    after: tuple[str, ...] = ("pipeline",)

    def desired(self, look: Look) -> Iterator[ModelSpec]:
        """One for each model, after its pipeline."""
        for pipeline in look.wanted(PipelineKind()).values():
            yield _spec(look, pipeline)

    def settled(self, where: Address, look: Look) -> ModelSpec | None:
        """As its pipeline is now."""
        pipeline = PipelineKind().settled(where, look)
        return None if pipeline is None else _spec(look, pipeline)

    def observe(self, where: Address, record: Record | None, look: Look) -> Observed | None:
        """There if the registered version, its artefact and its baseline are."""
        needed = look.once(artifacts).get(name_of(where)) if record else None
        return Observed(facts={}) if needed is not None and look.once(kept).issuperset(needed) else None

    def held(self, where: Address, staying: Collection[Address], look: Look) -> Held | None:
        """Protected where the YAML says `prevent_destroy`, or said so when it was applied."""
        del staying
        return protected(look, name_of(where))

    def steps(self, action: Action, look: Look) -> Iterator[Step]:
        """Train only when something that decides what is trained has changed, or when it was asked for."""
        name = name_of(action.address)
        if action.verb is Verb.DELETE:
            yield RemoveRoute(model=name)
        elif trains(action) and (champion := stands(action, look)):
            outputs = {"version": str(champion.number), "gate": "passed", "traffic": f"champion; {_NOTHING_TRAINED}"}
            why = f"the YAML wants what version {champion.number} was trained with"
            yield GoBack(model=name, outputs=outputs, champion=champion.number, reason=why)
        elif trains(action):
            lost = _champion_is_lost(action, look)
            yield RegisterVersion(model=name, reason=action.because, lost=lost)
            yield RollOut(model=name, at_once=starts_afresh(look, name), lost=lost)

    def details(self, action: Action, look: Look) -> Iterator[str]:
        """What the change means for the traffic."""
        if action.verb in {Verb.KEEP, Verb.FORGET, Verb.CONFLICT}:
            return
        name = name_of(action.address)
        serving = look.once(champions).get(name)
        if action.verb is Verb.DELETE:
            yield "taken from the traffic; its versions stay in the registry"
            if is_held(look.workspace.serving(name) / "spool"):
                yield "its endpoint is running: it goes on with what it has loaded until you stop it"
        elif not trains(action):
            yield f"{change_class(action)}: nothing is trained"
            yield from let_through(action, look)
        elif champion := stands(action, look):
            yield from stays(look, name, champion)
        elif number := registered(action, look):
            yield f"version {number}, of the run on record, is taken up again and judged: nothing is trained"
        elif serving is None or action.verb is Verb.CREATE:
            new = "version 1" if serving is None else "a new version"
            yield f"train: {new} is trained and, when the gate says yes, serves"
            if serving is not None and starts_afresh(look, name) and look.workspace.project.by_canary(name):
                yield "    all of the traffic at once, and not as a canary: the model was taken from it"
            elif serving is not None:
                yield from as_canary(action, look, lost=_champion_is_lost(action, look))
            yield from _lost(action, look)
            yield from _where_loaded(look, name)
        else:
            cached = action.verb is not Verb.REPLACE and _is_cached(look, name)
            made = "made of steps in the cache" if cached else "trained"
            yield f"retrain: a challenger is {made}; version {serving.number} stays champion until the gate says yes"
            yield from as_canary(action, look, lost=_champion_is_lost(action, look))
            yield from _lost(action, look)
            yield from _uncompared(look, name, serving)
            yield from _where_loaded(look, name)

    def seconds(self, action: Action, look: Look) -> float:
        """The median of what it took to evaluate, compare and register the last versions."""
        if not action.changes_the_world or action.verb is Verb.DELETE or not trains(action) or stands(action, look):
            return 0.0
        return look.once(_registering).get(action.address, 0.0)


def _registering(look: Look) -> dict[str, float]:
    took: dict[str, list[float]] = {}
    for done in finished_actions(look.workspace.registry, _LOOKED_AT):
        where, outputs = str(done.action["address"]), done.outputs
        fields = {change["field"] for change in done.action["changes"]}
        made = kind_of(Address(where)) == "model" and _makes(done.action["verb"], done.action["reason"], fields)
        if made and "version" in outputs and _NOTHING_TRAINED not in outputs.get("traffic", ""):
            took.setdefault(where, []).append(done.seconds)
    return {where: median(seconds) for where, seconds in took.items()}


def _spec(look: Look, pipeline: PipelineSpec) -> ModelSpec:
    model = look.workspace.project.models[pipeline.name]
    return ModelSpec(
        name=pipeline.name,
        needs=(pipeline.address,),
        training=training_digest(pipeline, model.evaluate.task),
        evaluate=model.evaluate.model_dump(mode="json"),
        gate=model.gate,
        rollout=recorded(model.rollout),
        description=model.description,
        owner=model.owner,
        prevent_destroy=model.prevent_destroy,
    )


def _champion_is_lost(action: Action, look: Look) -> bool:
    """Is the artefact or baseline of the version that serves gone from the store, or was when this was planned.

    The same training may have made the same artefact again by now.
    """
    serving = look.once(champions).get(name_of(action.address))
    if serving is None:
        return False
    record = look.records.get(action.address)
    was_last = record is not None and record.outputs.get("version") == str(serving.number)
    return (action.reason == "gone" and was_last) or not look.workspace.store.has(serving.artifact)


def _lost(action: Action, look: Look) -> Iterator[str]:
    """What it means that the champion cannot be loaded any more."""
    if _champion_is_lost(action, look):
        serving = look.once(champions)[name_of(action.address)]
        what = "baseline" if look.workspace.store.has(serving.artifact) else "artefact"
        yield f"    version {serving.number}, the champion, is lost: its {what} is missing from the store"
        yield "    (was that deleted, or does `artifacts` in project.yaml name another?); the new version is not"
        yield "    compared with it: the gate's other conditions decide, and it gets all of the traffic at once"


def _uncompared(look: Look, name: str, serving: Champion) -> Iterator[str]:
    """A champion that reads a feature which the pipeline does without; the notebook may have it from elsewhere."""
    spec = look.workspace.project.models[name]
    reads = spec.pipeline.features.fields.values() if spec.pipeline.features else ()
    gone = sorted(serving.looked_up - {field for fields in reads for field in fields})
    if gone and is_relative(spec.gate):
        typed = wording(look.workspace.project.environment)["typed"]
        yield f"    version {serving.number}, the champion, reads {', '.join(gone)}, which the pipeline takes from the"
        yield "    feature store no more: unless the notebook has it from elsewhere, they cannot be compared, and the"
        yield "    gate says no."
        yield f"    First another gate: {instead(name, spec.gate, serving.metrics)}"
        if not look.workspace.project.capabilities.governance:
            yield f"    Or afterwards, past the gate: {typed} versions promote {name} NUMBER --reason WHY"


def _is_cached(look: Look, name: str) -> bool:
    return all(plan.cached for plan in step_plans(look, name))


def _where_loaded(look: Look, name: str) -> Iterator[str]:
    """Said where mvops' own Python is not going to load the model."""
    pipeline = look.wanted(PipelineKind()).get(address("pipeline", name))
    there = pipeline.environment if pipeline is not None else {}
    if "python" not in there:
        return
    ours, theirs = version("scikit-learn"), there.get("scikit-learn", "none")
    where = f"loaded by {there['kernel']} only, which the endpoint asks"
    if "skops" not in there:
        yield f"the kernel has no skops: the model is pickled, sealed with the project's key, and {where}"
    elif theirs != ours:
        yield f"the kernel has scikit-learn {theirs}, here is {ours}: the model is {where}"


def protected(look: Look, model: str) -> Held | None:
    """What keeps a model and its endpoint from going."""
    record, wanted = look.records.get(address("model", model)), look.workspace.project.models.get(model)
    protects = (record is not None and record.spec.get("prevent_destroy")) or (
        wanted is not None and wanted.prevent_destroy
    )
    return Held("protected", f"prevent_destroy of {model} protects it") if protects else None


def unless_answered(action: Action, look: Look) -> Action:
    """In conflict where a first version is to come while an endpoint runs by what another registry left."""
    if kind_of(action.address) != "model" or action.verb in {Verb.DELETE, Verb.CONFLICT} or not trains(action):
        return action
    name = name_of(action.address)
    folder = look.workspace.serving(name)
    former = name not in look.once(champions) and not folder.is_symlink() and files_of(folder)
    if not former or not is_held(folder / "spool"):
        return action
    typed = wording(look.workspace.project.environment)["typed"]
    where = folder.relative_to(look.workspace.root).as_posix()
    because = (
        f"an endpoint, started by `{typed} serve {name}`, is running by {where}, of which this registry knows nothing"
    )
    return action.model_copy(update={"verb": Verb.CONFLICT, "reason": "answered", "because": because})


def starts_afresh(look: Look, name: str) -> bool:
    """Was the model taken from the traffic, as by `destroy`, or never in it: nothing is left to have a share of."""
    return address("model", name) not in look.records and not is_file(look.workspace.serving(name) / ROUTE)


def trains(action: Action) -> bool:
    """Does the action make a new version."""
    return _makes(action.verb, action.reason, {change.field for change in action.changes})


def _makes(verb: str, reason: str, fields: Collection[str]) -> bool:
    return verb == Verb.CREATE or reason == "requested" or "training" in fields


def change_class(action: Action) -> str:
    """The most cautious of: retrain, re-evaluate, redeploy, metadata only."""
    if trains(action):
        return "retrain"
    fields = {change.field.partition(".")[0] for change in action.changes}
    return "re-evaluate" if fields & {"evaluate", "gate"} else "redeploy" if "rollout" in fields else "metadata only"
