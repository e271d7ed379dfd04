"""Kernels that need not import: one process imports what the notebook needs, and each step's kernel is its fork.

Importing pandas and scikit-learn takes longer than most steps work, and every step would do it again. Used where
nothing can tell the difference: on Linux, for an ordinary IPython kernel, for libraries that are known to bear it,
and not for a notebook that sets environment variables, which libraries read when they are imported.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from mvops.notebook import kernel_template
from mvops.notebook.kernels import Kernel
from mvops.notebook.processes import MARK, scratch_folder

_BEARS_IT = {"numpy", "pandas", "scipy", "sklearn", "joblib", "pyarrow"}
_ALSO = {
    "pandas": ("pyarrow.parquet",),  # for the handover
    "sklearn": ("skops.io",),
    # Not pyplot itself: it ties itself to the kernel that it is imported in.
    "matplotlib": ("matplotlib.figure", "matplotlib.backends.backend_agg"),
    "seaborn": ("matplotlib.figure", "matplotlib.backends.backend_agg", "pandas"),
}
_SETS_ENVIRONMENT = re.compile(r"environ|putenv|%(?:set_)?env\b|threadpoolctl|set_start_method")
_INLINE = "module://matplotlib_inline.backend_inline"


class WarmKernels:
    """The process that has imported `modules`; `command` starts a kernel as its fork. To be closed after use.

    `folder` is where the notebook runs: paths to look for modules in may be relative.
    """

    def __init__(self, python: str, modules: Iterable[str], mark: str, folder: Path) -> None:
        self._folder = scratch_folder(mark)
        self._socket = self._folder / "s"
        self._python = python
        self._log = (self._folder / "log").open("wb")
        # What ipykernel sets in a kernel before anything is imported there.
        environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ, MARK: mark, "MPLBACKEND": _INLINE}
        with socket.socket(socket.AF_UNIX) as listener:  # from now on a kernel can be asked for
            listener.bind(str(self._socket))
            listener.listen()
            self._process = subprocess.Popen(  # noqa: S603  our own file, and names of known libraries
                [python, kernel_template.__file__, "serve", str(listener.fileno()), *modules],
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
        """The process that must stay while others of its mark are killed."""
        return self._process.pid

    def command(self, arguments: list[str]) -> list[str]:
        """What to run instead of `python -m ipykernel_launcher ARGUMENTS`."""
        return [self._python, "-S", "-E", kernel_template.__file__, "launch", str(self._socket), *arguments]

    def close(self) -> None:
        """End the process and its kernels."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def warm_kernels(
    kernel: Kernel, sources: Iterable[str], modules: Iterable[str], *, mark: str, folder: Path
) -> WarmKernels | None:
    """Start importing for the notebook's kernels; None where a kernel must start by itself.

    `sources` are its cells, `modules` the dotted names that they import.
    """
    if sys.platform != "linux" or not kernel.ordinary or any(_SETS_ENVIRONMENT.search(each) for each in sources):
        return None
    roots = {name.partition(".")[0] for name in modules}
    wanted = {name for name in modules if name.partition(".")[0] in _BEARS_IT}
    wanted.update(also for root in roots for also in _ALSO.get(root, ()))
    return WarmKernels(str(kernel.python or sys.executable), [*sorted(wanted), "cloudpickle"], mark, folder)
