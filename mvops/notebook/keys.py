"""The key of each step: the digest of everything that decides what the step makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mvops.core.canonical import digest
from mvops.errors import DataError
from mvops.notebook.cache import FORMAT, StepCache
from mvops.notebook.changed_cells import tidy
from mvops.notebook.digests import file_sha256, input_digest
from mvops.notebook.document import Document, read_document
from mvops.notebook.injection import Declared, declared_parameters, injected_values
from mvops.notebook.kernels import Kernel, choose_kernel, environment, told
from mvops.notebook.reading import files_read, imported_modules, local_sources, names_of_files, names_written
from mvops.notebook.results import CellPlan, PipelineJob, StepPlan, Store
from mvops.notebook.slices import StepSlice, slice_notebook
from mvops.notebook.sources import source_name
from mvops.notebook.told import Memory, Surroundings, ToldStep, key_of, recalled, relative, remember
from mvops.witness import is_file, spoil


@dataclass(frozen=True)
class StepKey:
    """A step's key and what went into it: the digest of its code, the parameters, inputs, files and steps it reads."""

    key: str
    digest: str
    parameters: dict[str, Any]
    inputs: dict[str, str]
    sources: dict[str, str]
    upstream: tuple[str, ...]


@dataclass(frozen=True)
class Prepared:
    """A job, read and checked: all that a run needs to know before a kernel starts."""

    document: Document
    slices: tuple[StepSlice, ...]
    kernel: Kernel
    python: str
    packages: dict[str, str]
    modules: frozenset[str]  # dotted names that the code imports
    injected: dict[str, Any]
    parameters: dict[str, Any]  # declared ones with a known value
    data: dict[str, str]
    keys: dict[str, StepKey]
    sources: tuple[Path, ...]  # the notebook, and the files in the project that its code is made of or reads by name
    environment: dict[str, str]  # kernel, Python and packages, as a plan tells them


def prepare(job: PipelineJob, cache_dir: Path | None, data: Mapping[str, str] | None = None) -> Prepared:
    """Read the notebook, check parameters and inputs, and work out every step's key. Starts nothing.

    `data` are the digests of the inputs, where they are known. Raises NotebookError for the notebook, its
    kernel or a parameter, DataError for an input that is not there.
    """
    document = read_document(job.notebook, job.root)
    kernel = choose_kernel(document.metadata, job.notebook, job.asked)
    injected = injected_values(document, job)
    declared = declared_parameters(document)
    data = dict(data or data_digests(job, cache_dir))
    slices = slice_notebook(document, job.outputs)
    modules = imported_modules(cell.source for cell in document.code)
    roots = frozenset(name.partition(".")[0] for name in modules)
    python, packages = environment(kernel, roots)
    local = local_sources(roots, document.folder, job.root)
    shared = {
        "format": FORMAT,
        "folder": relative(document.folder, job.root),
        "python": python,
        "packages": packages,
        "modules": local,
        **({"setup": kernel.setup} if kernel.setup else {}),
    }
    parameters = {**declared.defaults, **injected}
    reader = _Reader(document, declared, parameters, data, shared, job.root)
    keys: dict[str, StepKey] = {}
    for part in slices:
        keys[part.name] = reader.key(part, keys)
    sources = (
        job.notebook,
        *(job.root / name for name in local),
        *(file for part in slices for file in reader.files(part)),
    )
    met = told(kernel, job.asked, python, packages, job.root)
    return Prepared(document, slices, kernel, python, packages, modules, injected, parameters, data, keys, sources, met)


def data_digests(job: PipelineJob, cache_dir: Path | None) -> dict[str, str]:
    """The digest of each input. Raises DataError for one that is not there."""
    return {
        name: job.digests.get(name) or _digest(job, name, pattern, cache_dir) for name, pattern in job.inputs.items()
    }


def describe_steps(
    job: PipelineJob, *, cache_dir: Path, store: Store | None = None, memory: Memory | None = None
) -> list[StepPlan]:
    """What each step would do: from the cache or not, and what that rests on. Starts no kernel.

    With `store` a step counts as cached only if its values are still there; with `memory` the notebook is read only
    where it, or something else that decides about its steps, has changed.
    """
    cache = StepCache(cache_dir)
    plans = []
    for step in _told(job, cache_dir, memory):
        known = cache.usable(step.key, step.names, store)
        plans.append(
            StepPlan(
                name=step.name,
                digest=step.digest,
                key=step.key,
                cached=known is not None and job.use_cache,
                cells=step.cells,
                parameters=step.parameters,
                inputs=step.inputs,
                sources=step.sources,
                upstream=step.upstream,
                seconds=known.seconds if known else None,
                environment=step.environment,
            )
        )
    return plans


def _told(job: PipelineJob, cache_dir: Path, memory: Memory | None) -> list[ToldStep]:
    if memory is None or not is_file(job.notebook):
        return _steps(prepare(job, cache_dir))
    data = data_digests(job, cache_dir)
    where = key_of(job, data)
    known = recalled(memory, where, job)
    if known is not None:
        return known
    spoil(f"{job.notebook} was read")
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


def _surroundings(prepared: Prepared, root: Path) -> Surroundings:
    document = prepared.document
    written = names_written(cell.source for cell in document.code)
    named = {name for part in prepared.slices for cell in part.own for name in names_of_files(cell.source, written)}
    return Surroundings(
        metadata={key: value for key, value in document.metadata.items() if key in {"kernelspec", "language_info"}},
        folder=relative(document.folder, root),
        roots=tuple(sorted({name.partition(".")[0] for name in prepared.modules})),
        names=tuple(sorted(named)),
    )


class _Reader:
    """Works out keys for the steps of one notebook."""

    def __init__(
        self,
        document: Document,
        declared: Declared,
        parameters: Mapping[str, Any],
        data: Mapping[str, str],
        shared: Mapping[str, Any],
        root: Path,
    ) -> None:
        self._document = document
        self._root = root
        self._declared = declared
        self._parameters = parameters
        self._data = data
        self._shared = shared
        self._written = names_written(cell.source for cell in document.code)

    def key(self, part: StepSlice, earlier: Mapping[str, StepKey]) -> StepKey:
        cell = self._document.parameters_cell
        everything = part.looks_around or not self._declared.plain
        read = self._declared.names if everything else part.reads & self._declared.names
        code = {
            "setup": [tidy(each.source) for each in part.setup] + list(part.early) + list(part.late),
            "own": [tidy(each.source) for each in part.own],
            "parameters": tidy(cell.source) if cell and not self._declared.plain else "",
        }
        upstream = tuple(dict.fromkeys(part.loads.values()))
        parameters = {name: self._parameters.get(name) for name in sorted(read)}
        inputs = {name: self._data[name] for name in sorted(read & self._data.keys())}
        folder = self._document.folder
        files = {file: file_sha256(file) for file in self.files(part)}
        content = {
            **self._shared,
            "code": code,
            "parameters": [[name, repr(value)] for name, value in parameters.items()],
            "inputs": inputs,
            "files": {relative(file, folder): sha256 for file, sha256 in files.items()},
            "loads": dict(part.loads),
            "upstream": {step: earlier[step].key for step in upstream},
        }
        sources = {
            **self._shared["modules"],
            **{source_name(file, self._root): sha256 for file, sha256 in files.items()},
        }
        return StepKey(digest(content), digest(code), parameters, inputs, sources, upstream)

    def files(self, part: StepSlice) -> list[Path]:
        """What the step reads by a name that is spelt out in its code."""
        folder = self._document.folder
        return [file for each in part.own for file in files_read(each.source, folder, self._written)]


def _digest(job: PipelineJob, name: str, pattern: str, cache_dir: Path | None) -> str:
    try:
        return input_digest(job.root, pattern, cache_dir)
    except DataError as error:
        raise DataError(
            error.message, hint=f"Put the data there, or correct {job.yaml_key}.{name} in the YAML."
        ) from None
