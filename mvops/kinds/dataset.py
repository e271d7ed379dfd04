"""A dataset: the files that a pipeline reads. mvops does not make them; it notices when they change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from mvops.core.action import Action, Verb
from mvops.core.address import Address
from mvops.core.naming import suggest_name
from mvops.core.spec import Spec
from mvops.core.state import Observed, Record
from mvops.core.steps import Step
from mvops.errors import DataError, Where
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
            files = len(input_files(root, pattern))
            if not files:
                raise _missing(look, pattern)
            yield DatasetSpec(name=name, pattern=pattern, files=files, digest=input_digest(root, pattern, cache))

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
        if action.after is None or action.verb is Verb.KEEP:
            return
        before = "" if action.before is None else f", {action.before['files']} before"
        files = action.after["files"]
        yield f"{action.after['pattern']}: {files} file{'' if files == 1 else 's'}{before}"

    def seconds(self, action: Action, look: Look) -> float:
        """No time."""
        del action, look
        return 0.0


def _missing(look: Look, pattern: str) -> DataError:
    """Says which model reads it, and under which key of which file."""
    root = look.workspace.root
    model, parameter = next(
        (name, key)
        for name, model in sorted(look.workspace.project.models.items())
        for key, wanted in model.pipeline.inputs.items()
        if wanted == pattern
    )
    file = Path("configs") / "models" / f"{model}.yaml"
    lines = (root / file).read_text(encoding="utf-8").splitlines() if (root / file).is_file() else []
    line = next((number for number, text in enumerate(lines, start=1) if pattern in text), None)
    return DataError(
        f"there is no data at {pattern}, which models.{model}.pipeline.inputs.{parameter} names",
        hint=f"Put it there (in {root}), or write another path there.",
        where=Where(file, line),
    )


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
