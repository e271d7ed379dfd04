"""A dataset: the files that a pipeline reads. mvops does not make them; it notices when they change.

With the capability `data_versioning` a data versioner keeps their content as well.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import chain, count
from typing import Any, ClassVar

from mvops.contracts.data_versioners import Dataset, DataVersioner, Reachable
from mvops.core.action import Action, Verb
from mvops.core.address import Address, kind_of, name_of
from mvops.core.config.data import Data
from mvops.core.naming import suggest_name
from mvops.core.spec import Spec
from mvops.core.state import Observed, Record
from mvops.core.steps import KeepData, Step
from mvops.errors import DataError
from mvops.kinds.kind import Look
from mvops.lifecycle.code import ignores
from mvops.lifecycle.data import recorded_revision
from mvops.notebook.digests import how_to_pull, input_contents, input_digest, input_files
from mvops.witness import spoil
from mvops.workspace import data_keeper, data_place

_ROOM = 56  # letters of a name, with a number after them


class DatasetSpec(Spec):
    """`digest` is that of all files that match `pattern` (a file, a folder or a glob, relative to the project).

    `kept` says where their content is kept, in the data versioner's words; empty where nobody keeps it.
    """

    kind: ClassVar[str] = "dataset"
    pattern: str
    files: int
    digest: str
    kept: str = ""

    def fields(self) -> dict[str, Any]:
        """Without `kept` where that is empty: such a dataset is only looked at."""
        return {field: value for field, value in super().fields().items() if field != "kept" or value}


class DatasetKind:
    """Adopted as it is; made by keeping its content, where that is wanted."""

    name = "dataset"
    after: tuple[str, ...] = ()

    def desired(self, look: Look) -> Iterator[DatasetSpec]:
        """One for each pattern that a pipeline reads."""
        root, cache, kept = look.workspace.root, look.workspace.cache, _where(look)
        for name, pattern in look.once(dataset_names).items():
            files = len(input_files(root, pattern))
            if not files:
                raise _missing(look, pattern)
            digest = input_digest(root, pattern, cache)
            yield DatasetSpec(name=name, pattern=pattern, files=files, digest=digest, kept=kept)

    def observe(self, where: Address, record: Record | None, look: Look) -> Observed | None:
        """The files as they are; a spec of a dataset is read off them, so all but where it is kept agrees."""
        spec = look.wanted(self).get(where)
        if spec is None:
            return Observed(facts=record.spec) if record else None
        if spec.kept and record is None:
            return None  # made by keeping it, also where a team tracks it already
        if spec.kept:
            kept = spec.kept if record is not None and _is_kept(spec, record, look) else "not in full"
            return Observed(facts=spec.fields() | {"kept": kept})
        # that it is kept no longer is a change, though the content stays where it was kept
        return Observed(facts=spec.fields() | {"kept": record.spec.get("kept") if record else None})

    def steps(self, action: Action, look: Look) -> Iterator[Step]:
        """Keep it, where that is wanted; the data itself is theirs."""
        del look
        if action.verb is not Verb.DELETE and action.after is not None and action.after.get("kept"):
            yield KeepData(pattern=action.after["pattern"], digest=action.after["digest"])

    def details(self, action: Action, look: Look) -> Iterator[str]:
        """How many files there are, and were; what keeping them takes."""
        if action.verb is Verb.DELETE:
            yield f"{(action.before or {}).get('pattern', 'the data')} itself stays: it is only looked at no longer"
        if action.after is None or action.verb is Verb.KEEP:
            return
        if not action.after.get("kept") and (action.before or {}).get("kept"):
            yield "its content is kept no longer; what was kept stays where it is"
        before = "" if action.before is None else f", {action.before['files']} before"
        files = action.after["files"]
        yield f"{action.after['pattern']}: {files} file{'' if files == 1 else 's'}{before}"
        if action.after.get("kept") and action.verb is not Verb.ADOPT:
            place, pattern = data_place(look.workspace), action.after["pattern"]
            dataset = Dataset(pattern=pattern, files=input_contents(place.root, pattern, place.cache))
            data = look.once(_keeper)
            yield from _versioner(look, data).preview(place, dataset, data.options)

    def seconds(self, action: Action, look: Look) -> float:
        """No time."""
        del action, look
        return 0.0


def _where(look: Look) -> str:
    """Where content is kept, as the spec says it; empty if nobody keeps any."""
    if not look.workspace.project.capabilities.data_versioning:
        return ""
    data = look.once(_keeper)
    return _versioner(look, data).where(data.options)


def stays_here(look: Look) -> bool:
    """Is the content kept where no other machine gets it, though the YAML names somebody who would bring it along."""
    if not look.workspace.project.capabilities.data_versioning:
        return False
    data = look.once(_keeper)
    versioner = _versioner(look, data)
    return isinstance(versioner, Reachable) and versioner.stays_here(data_place(look.workspace), data.options)


def left_out(look: Look) -> bool:
    """Has a checkout of the project not all inputs, as Git ignores some, and nobody else brings them along."""
    root = look.workspace.root
    if look.workspace.project.capabilities.data_versioning and isinstance(
        _versioner(look, look.once(_keeper)), Reachable
    ):
        return False
    spoil("Git was asked what it ignores")
    read = [pattern for pattern in look.once(dataset_names).values() if how_to_pull(root, pattern) is None]
    return ignores(root, [file for pattern in read for file in input_files(root, pattern)[:1]])


def _keeper(look: Look) -> Data:
    return data_keeper(look.workspace)[0]


def _is_kept(spec: DatasetSpec, record: Record, look: Look) -> bool:
    """Is the content of the files, as they are now, what was kept last."""
    revision = recorded_revision(look.workspace.store, record.outputs)
    data = look.once(_keeper)
    if revision is None or (revision.backend, revision.digest) != (data.backend, spec.digest):
        return False
    return _versioner(look, data).holds(data_place(look.workspace), revision, data.options)


def _versioner(look: Look, data: Data) -> DataVersioner:
    found: DataVersioner = look.backend("data_versioners", data.backend)
    return found


def _missing(look: Look, pattern: str) -> DataError:
    """Says which model reads it, and under which key."""
    model, parameter = next(
        (name, key)
        for name, model in sorted(look.workspace.project.models.items())
        for key, wanted in model.pipeline.inputs.items()
        if wanted == pattern
    )
    root = look.workspace.root
    return DataError(
        f"there is no data at {pattern}, which models.{model}.pipeline.inputs.{parameter} names",
        hint=how_to_pull(root, pattern) or f"Put it there (in {root}), or write another path there.",
    ).named_by("models", model, "pipeline", "inputs", parameter)


def missing_data(look: Look) -> Iterator[DataError]:
    """An error for each pattern that nothing is at."""
    for pattern in look.once(dataset_names).values():
        if not input_files(look.workspace.root, pattern):
            yield _missing(look, pattern)


def dataset_names(look: Look) -> dict[str, str]:
    """Dataset name -> pattern. A pattern that several pipelines read is one dataset.

    What is on record keeps its name; the first parameter that reads something new names it.
    """
    models = sorted(look.workspace.project.models.items())
    read = [(name, *each) for name, model in models for each in sorted(model.pipeline.inputs.items())]
    names = {pattern: name for pattern, name in _recorded_names(look) if pattern in {wanted for *_, wanted in read}}
    for model, parameter, pattern in read:
        if pattern not in names:
            names[pattern] = _new_name(model, suggest_name(parameter.removesuffix("_path")), names.values())
    return {name: pattern for pattern, name in names.items()}


def _recorded_names(look: Look) -> Iterator[tuple[str, str]]:
    """Pattern and name; of two records of one pattern the first in order comes last, and so counts."""
    for where, record in sorted(look.records.items(), reverse=True):
        if kind_of(Address(where)) == DatasetKind.name:
            yield record.spec["pattern"], name_of(Address(where))


def _new_name(model: str, plain: str, taken: Collection[str]) -> str:
    own = suggest_name(f"{model}_{plain}")
    names = chain((plain, own), (f"{own[:_ROOM]}_{number}" for number in count(2)))
    return next(name for name in names if name not in taken)


def _names_by_pattern(look: Look) -> dict[str, str]:
    return {pattern: name for name, pattern in look.once(dataset_names).items()}


def dataset_addresses(look: Look, model: str) -> tuple[Address, ...]:
    """The datasets that a model's pipeline reads."""
    by_pattern = look.once(_names_by_pattern)
    patterns = look.workspace.project.models[model].pipeline.inputs.values()
    return tuple(sorted({Address(f"dataset.{by_pattern[pattern]}") for pattern in patterns}))
