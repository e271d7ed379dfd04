"""What a kernel of ours is started with, without importing Jupyter's libraries."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from mvops.notebook import output_limit
from mvops.notebook.forked import Wish
from mvops.notebook.kernels import Kernel
from mvops.notebook.processes import MARK


def wish_for(kernel: Kernel, folder: Path, mark: str, settings: Mapping[str, str | None]) -> Wish:
    """The kernel that runs in `folder`, and by whose mark all of its processes are found again.

    `settings` are environment variables that it has besides (None: has not).
    """
    return Wish(arguments_of(kernel), environment_of(kernel, mark, settings), str(folder))


def arguments_of(kernel: Kernel) -> list[str]:
    """Those of an IPython kernel make it run `output_limit` first, and keep its history in memory."""
    if not kernel.ipython:
        return []
    line = f"__import__('runpy').run_path({output_limit.__file__!a})['start']()"
    return [f"--IPKernelApp.exec_lines={line}", "--HistoryManager.hist_file=:memory:"]


def environment_of(kernel: Kernel, mark: str, settings: Mapping[str, str | None]) -> dict[str, str]:
    """All of its environment variables."""
    waits = {"OMP_WAIT_POLICY": "PASSIVE"}  # idle threads must not spin
    told = {**waits, **os.environ, **settings, MARK: mark}
    environment = {name: value for name, value in told.items() if value is not None}
    if kernel.python is not None:  # what its cells start is that environment's, too
        environment["PATH"] = f"{kernel.python.parent}{os.pathsep}{environment.get('PATH', '')}"
    environment.pop("MPLBACKEND", None)  # a window cannot open here; the kernel then keeps plots in the notebook
    return environment
