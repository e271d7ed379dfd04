"""Kernels that need not import: one process imports what the notebook needs, and each step's kernel is its fork.

Importing pandas and scikit-learn takes longer than most steps work, and every step would do it again. Used where
nothing can tell the difference: on Linux, for an ordinary IPython kernel, for libraries that are known to bear it,
and not for a notebook that sets environment variables, which libraries read when they are imported.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from mvops.notebook import kernel_template
from mvops.notebook.forked import Forked, Wish
from mvops.notebook.kernels import Kernel
from mvops.notebook.processes import MARK, scratch_folder

_BEARS_IT = {"numpy", "pandas", "scipy", "sklearn", "joblib", "pyarrow"}
_ALSO = {
    "pandas": ("pyarrow.parquet",),  # for the handover
    # Not pyplot itself: it ties itself to the kernel that it is imported in.
    "matplotlib": ("matplotlib.figure", "matplotlib.backends.backend_agg"),
    "seaborn": ("matplotlib.figure", "matplotlib.backends.backend_agg", "pandas"),
}
_FITS = re.compile(r"\bfit")  # only a notebook that fits something hands over or saves what skops writes
_SETS_ENVIRONMENT = re.compile(r"environ|putenv|%(?:set_)?env\b|threadpoolctl|set_start_method")
_LONGEST_FOLDER = 50  # characters of that for temporary files: Unix sockets in it have paths of at most 104
_INLINE = "module://matplotlib_inline.backend_inline"


class WarmKernels:
    """The process that has imported `modules`; `start` has it fork a kernel. To be closed after use.

    `folder` is where the notebook runs: paths to look for modules in may be relative. While `more` says that others
    are wanted after the one that is started, the next one starts too, and waits.
    """

    def __init__(
        self,
        python: str,
        modules: Iterable[str],
        mark: str,
        folder: Path,
        more: Callable[[], bool] = lambda: False,
    ) -> None:
        self._more = more
        self._made: list[Forked] = []
        self._spare: Forked | None = None
        self._numbers = itertools.count()
        self._folder = scratch_folder(mark)
        self._socket = self._folder / "s"
        self._log = (self._folder / "log").open("wb")
        # What ipykernel sets in a kernel before anything is imported there.
        environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ, MARK: mark, "MPLBACKEND": _INLINE}
        with socket.socket(socket.AF_UNIX) as listener:  # from now on a kernel can be asked for
            listener.bind(str(self._socket))
            listener.listen()
            self._process = subprocess.Popen(  # noqa: S603  our own file, and names of known libraries
                [python, kernel_template.__file__, str(listener.fileno()), *modules],
                pass_fds=[listener.fileno()],
                stdin=subprocess.PIPE,
                stdout=self._log,
                stderr=self._log,
                env=environment,
                cwd=folder,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process that forks."""
        return self._process.pid

    @property
    def kept(self) -> set[int]:
        """The processes that must stay while others of the mark are killed."""
        spare = self._spare.known() if self._spare is not None else None
        return {self.pid} if spare is None else {self.pid, spare}

    def give_up(self) -> None:
        """A kernel that is not there yet, as the process still imports, is waited for no longer."""
        for kernel in self._made:
            if kernel is not self._spare:
                kernel.give_up()

    def foresee(self, wish: Wish) -> None:
        """A kernel that will be asked for soon; it starts already, unless one waits."""
        if self._spare is None:
            self._spare = self._fork(wish)

    def start(self, wish: Wish) -> Forked:
        """A kernel as wished: the one that waits, if it is such a one, else a new one."""
        spare, self._spare = self._spare, None
        if spare is not None and (spare.wish != wish or spare.poll() is not None):
            spare.kill()
            spare = None
        kernel = spare or self._fork(wish)
        if self._more():
            self._spare = self._fork(wish)
        return kernel

    def _fork(self, wish: Wish) -> Forked:
        kernel = Forked(self._socket, wish, self._folder / str(next(self._numbers)))
        self._made.append(kernel)
        return kernel

    def close(self) -> None:
        """End the process and its kernels."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        if not any(kernel.born and kernel.poll() is None for kernel in self._made):  # it imports, or has none to end
            self._process.kill()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for kernel in self._made:
            kernel.close()
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def warm_kernels(
    kernel: Kernel,
    sources: Iterable[str],
    modules: Iterable[str],
    *,
    mark: str,
    folder: Path,
    more: Callable[[], bool] = lambda: False,
) -> WarmKernels | None:
    """Start importing for the notebook's kernels; None where a kernel must start by itself.

    `sources` are its cells, `modules` the dotted names that they import.
    """
    if sys.platform != "linux" or not kernel.ordinary or len(tempfile.gettempdir()) > _LONGEST_FOLDER:
        return None
    sources = tuple(sources)
    if any(_SETS_ENVIRONMENT.search(each) for each in sources):
        return None
    python = str(kernel.python or sys.executable)
    return WarmKernels(python, to_import(sources, modules), mark, folder, more)


def to_import(sources: Iterable[str], modules: Iterable[str]) -> list[str]:
    """What the process imports for these cells, which import `modules`, in that order."""
    modules = set(modules)
    roots = {name.partition(".")[0] for name in modules}
    wanted = {name for name in modules if name.partition(".")[0] in _BEARS_IT}
    wanted.update(also for root in roots for also in _ALSO.get(root, ()))
    first = []
    if "sklearn" in roots:  # skops looks for each function of theirs in what is imported, in the order in which it was
        first = ["numpy", "scipy.special"]
        wanted.update(["skops.io"] if any(_FITS.search(each) for each in sources) else [])
    return [*first, *sorted(wanted), "cloudpickle"]
