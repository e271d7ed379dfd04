"""A feature view: features of an entity by time, in the feature store."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from mvops.contracts.feature_stores import Flaw
from mvops.core.action import Action, Verb
from mvops.core.address import Address, address, name_of
from mvops.core.compare import Held
from mvops.core.nearest import did_you_mean
from mvops.core.outside import Accepted, Outside, differs
from mvops.core.spec import Spec
from mvops.core.state import Observed, Record
from mvops.core.steps import MaterializeFeatures, PutFeature, RemoveFeature, Step
from mvops.errors import ConflictError, DataError, Where
from mvops.features.catalog import catalog_of, store_of
from mvops.kinds.feature_files import file_digests, file_texts, known
from mvops.kinds.feature_users import users
from mvops.kinds.generated import file_steps, on_disk
from mvops.kinds.kind import Look

_WRITTEN = frozenset({"description", "owner", "entities", "source", "features", "ttl", "online"})  # in its YAML
_NUMBERS = {"int32", "int64", "float32", "float64"}
_MOVED = frozenset({"entities", "source", "fields", "online", "store"})  # what online values depend on


class FeatureViewSpec(Spec):
    """The YAML of a view; `store` says where it is kept, `files` what was generated for it."""

    kind: ClassVar[str] = "feature_view"
    description: str
    owner: str
    entities: dict[str, str]
    source: dict[str, Any]
    features: dict[str, str]
    ttl: str | None
    online: bool
    store: dict[str, Any]
    files: dict[str, str]


class FeatureViewKind:
    """Done through the feature store's own interface, and looked up there."""

    name = "feature_view"
    after: tuple[str, ...] = ("feature_store",)

    def desired(self, look: Look) -> Iterator[FeatureViewSpec]:
        """One for each file in configs/features.

        Raises DataError for a source that does not fit, ConflictError for a field that is gone but still looked up.
        """
        project = look.workspace.project
        store = project.feature_store.model_dump(mode="json", exclude={"every"})
        for name, view in sorted(project.features.items()):
            _check(look, name)
            _check_fields(look, name)
            written = view.model_dump(mode="json")
            yield FeatureViewSpec(
                name=name,
                needs=(address("feature_store", project.project),),
                features=written.pop("fields"),
                store=store,
                files=file_digests(look, f"views/{name}"),
                **written,
            )

    def observe(self, where: Address, record: Record | None, look: Look) -> Observed | None:
        """What the store says, and the files; None when the store does not know it."""
        workspace, name = look.workspace, name_of(where)
        there = look.once(known).views.get(name)
        if there is None:
            return None
        facts = {"features" if key == "fields" else key: value for key, value in there.items()}
        if name in workspace.project.features:
            recorded = record.spec["files"] if record else {}
            files = on_disk(workspace.root, {**file_digests(look, f"views/{name}"), **recorded})
            facts["files"] = {
                path: recorded.get(path, found) if found != "absent" else found for path, found in files.items()
            }
        return Observed(facts=facts)

    def held(self, where: Address, staying: Collection[Address], look: Look) -> Held | None:
        """Versions that get traffic, or will, and look features up in it."""
        live = [
            f"version {number} of {model}"
            for model, number, _ in users(look, name_of(where))
            if address("model", model) in staying
        ]
        why = f"{' and '.join(live)}, which {'is' if len(live) == 1 else 'are'} live, looks it up"
        return Held("in-use", why) if live else None

    def steps(self, action: Action, look: Look) -> Iterator[Step]:
        """The store, which may not answer, before the files; then online values where they may have changed."""
        name = name_of(action.address)
        if action.verb is Verb.DELETE:
            yield RemoveFeature(part="view", name=name)
            yield from file_steps(action, {})
            return
        yield PutFeature(part="view", name=name)
        yield from file_steps(action, self.texts(action.address, action.after or {}, look))
        changed = {change.field.partition(".")[0] for change in action.changes}
        if (action.after or {})["online"] and (action.verb is Verb.CREATE or changed & _MOVED):
            yield MaterializeFeatures(views=(name,))

    def texts(self, where: Address, spec: Mapping[str, Any], look: Look) -> dict[str, str]:
        """The files."""
        del spec
        return file_texts(look, f"views/{name_of(where)}")

    def details(self, action: Action, look: Look) -> Iterator[str]:
        """What it holds; of one that is held, what to do."""
        if action.reason == "in-use":
            targets = sorted(
                {f"--target {address('model', model)}" for model, *_ in users(look, name_of(action.address))}
            )
            yield f"Put its YAML back, or first retrain without it: mvops apply {' '.join(targets)}"
        if action.verb is Verb.CREATE:
            spec = action.after or {}
            place = spec["source"]["path"] or spec["source"]["table"]
            yield f"{', '.join(sorted(spec['features']))} by {', '.join(sorted(spec['entities']))}, from {place}"

    def accepted(self, action: Action, look: Look) -> Iterator[Outside]:
        """All that its YAML says: the store holds it in the same words."""
        del look
        if action.verb is not Verb.REPAIR:
            return
        here = ("features", name_of(action.address))
        for change in action.changes:
            field, *inside = change.field.split(".")
            if field in _WRITTEN:
                key = "fields" if field == "features" else field
                gone = change.after is None and bool(inside)
                path = (*here, key, *inside)
                yield Outside(
                    address=action.address,
                    what=differs(change),
                    accepted=Accepted(path=path, value=change.after, gone=gone),
                )

    def seconds(self, action: Action, look: Look) -> float:
        """Unknown."""
        del action, look
        return 0.0


def _check_fields(look: Look, name: str) -> None:
    record = look.records.get(address("feature_view", name))
    if record is None:
        return
    view = look.workspace.project.features[name]
    for model, number, fields in users(look, name):
        live = f"version {number} of {model}, which is live,"
        gone = [field for field in fields if field not in view.fields]
        if gone:
            raise ConflictError(
                f"{', '.join(gone)} is no longer among the fields, but {live} looks it up",
                hint=f"Put it back, take it out of models.{model}.pipeline.features.fields and apply; when a version "
                "without it serves, take it out here.",
            ).named_by("features", name, "fields")
        _check_types(name, "fields", {field: record.spec["features"].get(field) for field in fields}, view.fields, live)
        _check_types(name, "entities", record.spec["entities"], view.entities, live)


def _check_types(name: str, key: str, applied: Mapping[str, Any], written: Mapping[str, str], live: str) -> None:
    """A number may become another, such as a float32 a float64; anything else a live version could not read."""
    for field, was in applied.items():
        now = written.get(field)
        if was is not None and now != was and not {was, now} <= _NUMBERS:
            raise ConflictError(
                f"{field} was {was} and is to be {now or 'gone'}, but {live} looks it up as it was",
                hint=f"Put it back, and bring the {now or 'new'} values in a view of their own; when a version that "
                "looks them up there serves, take this one out.",
            ).named_by("features", name, key)


def _check(look: Look, name: str) -> None:
    workspace = look.workspace
    flaws = store_of(workspace).check(workspace.root, catalog_of(workspace.project), name)
    if flaws:
        raise _error(workspace.root, name, flaws)


def _error(root: Path, name: str, flaws: list[Flaw]) -> DataError:
    """The first flaw at its line, the others below."""
    first = flaws[0]
    file = Path("configs") / "features" / f"{name}.yaml"
    columns = f"Columns there: {', '.join(first.known)}" if first.known else "Put the data there, or correct the YAML."
    meant = did_you_mean(first.word, first.known)
    said = f"{first.message.rstrip('.')}{meant}" if meant else first.message
    message = "\n".join([said, *(flaw.message for flaw in flaws[1:])])
    return DataError(message, hint=columns, where=Where(file, _line(root / file, first)))


def _line(path: Path, flaw: Flaw) -> int | None:
    """The first line from the flaw's section on that has its word."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    start = next((number for number, line in enumerate(lines) if line.startswith(f"{flaw.section}:")), 0)
    word = re.compile(rf"(?<!\w){re.escape(flaw.word)}(?!\w)")
    return next((number for number, line in enumerate(lines[start:], start + 1) if word.search(line)), None)
