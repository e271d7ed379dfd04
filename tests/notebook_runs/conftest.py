from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from running import Cell, Project, make_project, notebook

from mvops.notebook.engine import Execution, OnCell, Place, execute
from mvops.notebook.kernels import Kernel


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path / "project")


@pytest.fixture
def execute_cells(tmp_path: Path) -> Callable[..., Execution]:
    def run(
        *cells: Cell, limit: float = 60.0, on_cell: OnCell | None = None, cwd: Path = tmp_path, **options: Any
    ) -> Execution:
        place = Place(Kernel("python3", None), cwd, time.monotonic() + limit, **options)
        return execute(notebook(*cells), place, on_cell)

    return run
