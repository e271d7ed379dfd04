"""What each step of a pipeline would do, told without starting a kernel."""

from __future__ import annotations

from pathlib import Path

from mvops.notebook.cache import StepCache
from mvops.notebook.changed_cells import tidy
from mvops.notebook.keys import Prepared, data_digests, prepare, roots_of
from mvops.notebook.left_files import as_they_left
from mvops.notebook.reading import imported_modules, names_of_files, names_written
from mvops.notebook.results import CellPlan, PipelineJob, StepPlan, Store
from mvops.notebook.told import Memory, Surroundings, ToldStep, key_of, recalled, relative, remember
from mvops.witness import is_file, spoil


def describe_steps(
    job: PipelineJob, *, cache_dir: Path, store: Store | None = None, memory: Memory | None = None
) -> list[StepPlan]:
    """What each step would do: from the cache or not, and what that rests on. Starts no kernel.

    With `store` a step counts as cached only if its values are still there; with `memory` the notebook is read only
    where it, or something else that decides about its steps, has changed.
    """
    cache = StepCache(cache_dir)
    steps = _told(job, cache_dir, memory)
    entries = {step.name: cache.usable(step.key, step.names, store) for step in steps}
    known = as_they_left(entries, job.root)
    return [
        StepPlan(
            name=step.name,
            digest=step.digest,
            key=step.key,
            cached=known[step.name] is not None and job.use_cache,
            cells=step.cells,
            parameters=step.parameters,
            inputs=step.inputs,
            sources=step.sources,
            upstream=step.upstream,
            seconds=entry.seconds if (entry := entries[step.name]) else None,
            environment=step.environment,
        )
        for step in steps
    ]


def _told(job: PipelineJob, cache_dir: Path, memory: Memory | None) -> list[ToldStep]:
    if memory is None or not all(is_file(notebook) for notebook in job.notebooks):
        return _steps(prepare(job, cache_dir))
    data = data_digests(job, cache_dir)
    where = key_of(job, data)
    known = recalled(memory, where, job)
    if known is not None:
        return known
    spoil(f"{', '.join(map(str, job.notebooks))} was read")
    prepared = prepare(job, cache_dir, data)
    steps = _steps(prepared)
    remember(memory, where, job, _surroundings(prepared, job.root), steps)
    return steps


def _steps(prepared: Prepared) -> list[ToldStep]:
    return [
        ToldStep(
            name=part.name,
            digest=(key := prepared.keys[part.name]).digest,
            key=key.key,
            cells=tuple(CellPlan(cell.number, tidy(cell.source)) for cell in part.own),
            parameters=key.parameters,
            inputs=key.inputs,
            sources=key.sources,
            upstream=key.upstream,
            names=tuple(sorted(part.saves | part.outputs)),
            environment=prepared.environment,
        )
        for part in prepared.slices
    ]


def _surroundings(prepared: Prepared, root: Path) -> list[Surroundings]:
    """One for each notebook."""
    found: list[Surroundings] = []
    modules: frozenset[str] = frozenset()
    written: frozenset[str] = frozenset()
    for book, document in enumerate(prepared.documents):
        modules |= imported_modules(cell.source for cell in document.code)
        written = names_written(cell.source for cell in document.code)
        own = [cell for part in prepared.slices if part.book == book for cell in part.own]
        found.append(
            Surroundings(
                metadata={k: value for k, value in document.metadata.items() if k in {"kernelspec", "language_info"}},
                folder=relative(document.folder, root),
                roots=tuple(sorted(roots_of(modules))),
                names=tuple(sorted({name for cell in own for name in names_of_files(cell.source, written)})),
            )
        )
    return found
