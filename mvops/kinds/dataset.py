"""A dataset: the files that a pipeline reads. mvops does not make them; it notices when they change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from mvops.core.action import Action
from mvops.core.address import Address
from mvops.core.naming import suggest_name
from mvops.core.spec import Spec
from mvops.core.state import Observed, Record
from mvops.core.steps import Step
from mvops.kinds.kind import Look
from mvops.notebook.digests import input_digest, input_files


class DatasetSpec(Spec):
    """`digest` is that of all files that match `pattern` (a file, a folder or a glob, relative to the project)."""

    kind: ClassVar[str] = "dataset"
    pattern: str
    files: int
    digest: str


class DatasetKind:
    """Always adopted, never made."""

    name = "dataset"
    after: tuple[str, ...] = ()

    def desired(self, look: Look) -> Iterator[DatasetSpec]:
        """One for each pattern that a pipeline reads."""
        root, cache = look.workspace.root, look.workspace.cache
        for name, pattern in dataset_names(look).items():
            yield DatasetSpec(
                name=name,
                pattern=pattern,
                files=len(input_files(root, pattern)),
                digest=input_digest(root, pattern, cache),
            )

    def observe(self, where: Address, record: Record | None, look: Look) -> Observed | None:
        """The files as they are; a spec of a dataset is read off them, so it agrees."""
        for spec in self.desired(look):
            if spec.address == where:
                return Observed(facts=spec.fields())
        return Observed(facts=record.spec) if record else None

    def steps(self, action: Action, look: Look) -> Iterator[Step]:
        """None: the data is theirs."""
        del action, look
        yield from ()

    def details(self, action: Action, look: Look) -> Iterator[str]:
        """How many files there are, and were."""
        del look
        before, after = (action.before or {}).get("files"), (action.after or {}).get("files")
        if before is not None and after is not None and action.changes:
            yield f"{(action.after or {})['pattern']}: {after} files, {before} before"

    def seconds(self, action: Action, look: Look) -> float:
        """No time."""
        del action, look
        return 0.0


def dataset_names(look: Look) -> dict[str, str]:
    """Dataset name -> pattern. A pattern that several pipelines read is one dataset."""
    named: dict[str, str] = {}
    for model_name, model in sorted(look.workspace.project.models.items()):
        for parameter, pattern in sorted(model.pipeline.inputs.items()):
            if pattern in named.values():
                continue
            plain = suggest_name(parameter.removesuffix("_path"))
            name = plain if plain not in named else suggest_name(f"{model_name}_{plain}")
            named[name] = pattern
    return named


def dataset_addresses(look: Look, model: str) -> tuple[Address, ...]:
    """The datasets that a model's pipeline reads."""
    by_pattern = {pattern: name for name, pattern in dataset_names(look).items()}
    patterns = look.workspace.project.models[model].pipeline.inputs.values()
    return tuple(sorted({Address(f"dataset.{by_pattern[pattern]}") for pattern in patterns}))
