"""What another process must see and have, so that a step there is the step that it would be here."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from mvops import __version__
from mvops.errors import BackendError, MvopsError
from mvops.notebook.kernels import Kernel, environment, missing_here
from mvops.notebook.keys import Prepared
from mvops.notebook.leases import is_held
from mvops.notebook.results import Store

# What decides in how many threads a library computes, and so the last digits. Dask sets it for its workers.
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True)
class Site:
    """The run's folder with its mark, our release, and the Python and packages that the steps' keys were made with."""

    root: Path
    folder: Path
    mark: str
    version: str
    kernel: Kernel
    imports: frozenset[str]  # top-level names
    python: str
    packages: dict[str, str]
    store: Store


def site_of(prepared: Prepared, root: Path, folder: Path, mark: str, store: Store) -> Site:
    """The site of a run in `folder`, of the project in `root`."""
    return Site(
        root=root.absolute(),
        folder=folder,
        mark=mark,
        version=__version__,
        kernel=prepared.kernel,
        imports=frozenset(name.partition(".")[0] for name in prepared.modules),
        python=prepared.python,
        packages=prepared.packages,
        store=store,
    )


def unfit(site: Site) -> str:
    """What keeps this process from doing a step of the run there; empty if nothing does."""
    if site.version != __version__:
        return f"it has mvops {__version__}, and this is mvops {site.version}"
    if not is_held(site.folder, site.mark):
        return f"it does not see the project's folder {site.root}"
    other = missing_here(site.kernel) or _other_releases(site)
    if other:
        return other
    try:
        site.store.has("0" * 64)
    except MvopsError as error:
        return error.message
    return ""


def _other_releases(site: Site) -> str:
    python, packages = environment(site.kernel, site.imports)
    if python != site.python:
        return f"it has Python {python}, and the steps want {site.python}"
    for name, release in site.packages.items():
        if packages.get(name) != release:
            return f"it has {name} {packages.get(name, '(none)')}, and the steps want {release}"
    return ""


def refuse(worker: str, why: str, site: Site) -> BackendError:
    """The error for a worker that is unfit."""
    return BackendError(
        f"The worker {worker} cannot do the steps of this pipeline: {why}.",
        hint=f"Every worker needs the folder {site.root} under this very path, mvops {site.version}, the same Python "
        "and packages, and access to the artefact store. Mend that, then run the same command again.",
    )


def thread_settings() -> dict[str, str | None]:
    """The settings of this process, for kernels elsewhere; None where one is not set."""
    return {name: os.environ.get(name) for name in _THREADS}
