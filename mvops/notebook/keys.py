"""The key of each step: the digest of everything that decides what the step makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mvops.core.canonical import digest
from mvops.errors import DataError, NotebookError, Where
from mvops.notebook.cache import FORMAT
from mvops.notebook.changed_cells import tidy
from mvops.notebook.digests import file_sha256, input_digest
from mvops.notebook.document import Document, read_documents
from mvops.notebook.injection import Declared, checked_parameters, values_for
from mvops.notebook.kernels import Kernel, choose_kernel, environment, told
from mvops.notebook.reading import files_read, imported_modules, local_sources, names_written
from mvops.notebook.results import PipelineJob
from mvops.notebook.slices import StepSlice, slice_notebooks
from mvops.notebook.sources import source_name
from mvops.notebook.told import relative


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

    documents: tuple[Document, ...]
    slices: tuple[StepSlice, ...]
    kernel: Kernel
    python: str
    packages: dict[str, str]
    modules: frozenset[str]  # dotted names that the code imports
    injected: dict[str, dict[str, Any]]  # by step
    parameters: dict[str, Any]  # declared ones with a known value
    data: dict[str, str]
    keys: dict[str, StepKey]
    sources: tuple[Path, ...]  # the notebooks, and the files in the project that its code is made of or reads by name
    environment: dict[str, str]  # kernel, Python and packages, as a plan tells them


def prepare(job: PipelineJob, cache_dir: Path | None, data: Mapping[str, str] | None = None) -> Prepared:
    """Read the notebook, check parameters and inputs, and work out every step's key. Starts nothing.

    `data` are the digests of the inputs, where they are known. Raises NotebookError for the notebook, its
    kernel or a parameter, DataError for an input that is not there.
    """
    documents = read_documents(job.notebooks, job.root)
    kernel = kernel_of(documents, job)
    declared = checked_parameters(documents, job)
    data = dict(data or data_digests(job, cache_dir))
    slices = slice_notebooks(documents, job.outputs, job.root)
    modules: frozenset[str] = frozenset()
    readers: list[_Reader] = []
    local: dict[str, str] = {}
    for book, (document, own) in enumerate(zip(documents, declared, strict=True)):
        modules |= imported_modules(cell.source for cell in document.code)
        names = own.names.union(*(part.given for part in slices if part.book == book))
        values = {**_defaults(declared[: book + 1]), **values_for(document, names, job)}
        shared = _shared(document, job, kernel, modules)
        local |= shared["modules"]
        readers.append(
            _Reader(document, own, values, data, shared, job.root, _named_before(documents[:book], job.root))
        )
    keys: dict[str, StepKey] = {}
    for part in slices:
        keys[part.name] = readers[part.book].key(part, keys)
    injected = {part.name: _injected(part, documents[part.book], declared, job) for part in slices}
    sources = (
        *job.notebooks,
        *(job.root / name for name in local),
        *(file for part in slices for file in readers[part.book].files(part)),
    )
    python, packages = environment(kernel, roots_of(modules))
    met = told(kernel, job.asked, python, packages, job.root)
    parameters = _defaults(declared)
    for document, own in reversed(list(zip(documents, declared, strict=True))):
        parameters |= values_for(document, own.names, job)
    return Prepared(
        documents, slices, kernel, python, packages, modules, injected, parameters, data, keys, sources, met
    )


def _defaults(declared: Sequence[Declared]) -> dict[str, Any]:
    return {name: value for each in declared for name, value in each.defaults.items()}


def _injected(part: StepSlice, document: Document, declared: Sequence[Declared], job: PipelineJob) -> dict[str, Any]:
    """The values that the step is given: those of the job, and of an earlier notebook's cell what it says there."""
    known = _defaults(declared[: part.book])
    given = {name: known[name] for name in sorted(part.given)}
    return {**given, **values_for(document, declared[part.book].names | part.given, job)}


def kernel_of(documents: Sequence[Document], job: PipelineJob) -> Kernel:
    """What runs all of the notebooks. Raises NotebookError where they name different kernels and nothing is asked."""
    chosen = [choose_kernel(document.metadata, document.path, job.asked) for document in documents]
    for document, kernel in zip(documents, chosen, strict=True):
        if kernel != chosen[0]:
            raise NotebookError(
                f"It runs in the kernel {kernel.name!r}, and {documents[0].path.name} in {chosen[0].name!r}: the "
                "notebooks of a pipeline run in one.",
                hint=f"Name it in the YAML: {job.yaml_key.removesuffix('inputs')}kernel (or python).",
                where=Where(document.path),
            )
    return chosen[0]


def roots_of(modules: frozenset[str]) -> frozenset[str]:
    """The packages of dotted names."""
    return frozenset(name.partition(".")[0] for name in modules)


def _shared(document: Document, job: PipelineJob, kernel: Kernel, modules: frozenset[str]) -> dict[str, Any]:
    """What decides about every step of a notebook; `modules` are what it and those before it import."""
    roots = roots_of(modules)
    python, packages = environment(kernel, roots)
    return {
        "format": FORMAT,
        "folder": relative(document.folder, job.root),
        "python": python,
        "packages": packages,
        "modules": local_sources(roots, document.folder, job.root),
        **({"setup": kernel.setup} if kernel.setup else {}),
    }


def _named_before(documents: Sequence[Document], root: Path) -> Callable[[Path], bool]:
    if not documents:
        return lambda _: False
    from mvops.notebook.handed_files import named_in  # noqa: PLC0415 -- a pipeline of one notebook does without

    return named_in(documents, root)


def data_digests(job: PipelineJob, cache_dir: Path | None) -> dict[str, str]:
    """The digest of each input. Raises DataError for one that is not there."""
    return {
        name: job.digests.get(name) or _digest(job, name, pattern, cache_dir) for name, pattern in job.inputs.items()
    }


@dataclass(frozen=True)
class _Reader:
    """Works out keys for the steps of one notebook; what is `named_before` is an earlier notebook's work."""

    _document: Document
    _declared: Declared
    _parameters: Mapping[str, Any]
    _data: Mapping[str, str]
    _shared: Mapping[str, Any]
    _root: Path
    _named_before: Callable[[Path], bool]

    @cached_property
    def _written(self) -> frozenset[str]:
        return names_written(cell.source for cell in self._document.code)

    def key(self, part: StepSlice, earlier: Mapping[str, StepKey]) -> StepKey:
        cell = self._document.parameters_cell
        everything = part.looks_around or not self._declared.plain
        read = self._declared.names if everything else part.reads & self._declared.names
        read |= part.given
        code = {
            "setup": [*part.inherited, *(tidy(each.source) for each in part.setup), *part.early, *part.late],
            "own": [tidy(each.source) for each in part.own],
            "parameters": tidy(cell.source) if cell and not self._declared.plain else "",
        }
        upstream = part.upstream
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
        named = (file for each in part.own for file in files_read(each.source, folder, self._written))
        return [file for file in named if not self._named_before(file)]


def _digest(job: PipelineJob, name: str, pattern: str, cache_dir: Path | None) -> str:
    try:
        return input_digest(job.root, pattern, cache_dir)
    except DataError as error:
        raise DataError(
            error.message,
            hint=error.hint or f"Put the data there, or correct {job.yaml_key}.{name} in the YAML.",
        ) from None
