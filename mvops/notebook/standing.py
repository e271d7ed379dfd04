"""Which steps a run is about, and which of them the cache has, with all that they left as they left it."""

from __future__ import annotations

from mvops.errors import NotebookError, Where
from mvops.notebook.cache import Entry, StepCache
from mvops.notebook.keys import Prepared
from mvops.notebook.left_files import as_they_left
from mvops.notebook.results import PipelineJob, Store
from mvops.notebook.slices import StepSlice


def standing(job: PipelineJob, prepared: Prepared, cache: StepCache, store: Store) -> dict[str, Entry | None]:
    """Each step's entry, where it need not be done again."""
    if not job.use_cache:
        return dict.fromkeys(prepared.keys)
    entries = {
        part.name: cache.usable(prepared.keys[part.name].key, part.saves | part.outputs, store)
        for part in prepared.slices
    }
    return as_they_left(entries, job.root)


def chosen_steps(
    job: PipelineJob, prepared: Prepared, cache: StepCache, store: Store
) -> tuple[tuple[StepSlice, ...], dict[str, Entry]]:
    """All steps, or the one that was asked for, with the entries of those that it needs.

    Raises NotebookError where there is no such step, or one that it needs is not in the cache.
    """
    slices, wanted = prepared.slices, job.only_step
    if wanted is None:
        return slices, {}
    if wanted not in prepared.keys:
        raise NotebookError(
            f"{'The notebooks have' if job.later else 'The notebook has'} no step {wanted!r}.",
            hint=f"Its steps are: {', '.join(prepared.keys)}.",
            where=Where(job.notebook),
        )
    part = next(each for each in slices if each.name == wanted)
    made: dict[str, Entry | None] = {}
    for step in slices[: slices.index(part)]:
        needed = {name for name, source in part.loads.items() if source == step.name}
        made[step.name] = cache.usable(prepared.keys[step.name].key, needed, store)
    left = as_they_left(made, job.root)
    entries: dict[str, Entry] = {}
    for name in prepared.keys[wanted].upstream:
        entry = left[name]
        if entry is None:
            where = "its files are not as it left them" if made[name] else "that is not in the cache"
            raise NotebookError(
                f"Step {wanted!r} needs what step {name!r} makes, and {where}.",
                hint=f"Run {name!r} first (--step {name}), or run the whole pipeline.",
            )
        entries[name] = entry
    return (part,), entries
