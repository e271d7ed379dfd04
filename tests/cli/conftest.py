from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

import pytest
import toy_project as toy


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy project before its first apply. Only to be copied."""
    return toy.make_toy(tmp_path_factory.mktemp("built") / "toy")


@pytest.fixture(scope="session")
def applied(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy project after its first apply. Only to be copied.

    Of the workers of one run the first to need it applies as a user does it, and has its kernels run; the others, each
    with a port of its own, take the steps from the cache, and need no process of its own for that.
    """
    root = tmp_path_factory.mktemp("applied") / "toy"
    ours = tmp_path_factory.getbasetemp()
    everybody = ours.parent if "PYTEST_XDIST_WORKER" in os.environ else ours
    with (everybody / "applied.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        first = everybody / "applied-first"
        if first.is_dir():
            toy.cached(first, root)
            shutil.copytree(built / "configs", root / "configs", dirs_exist_ok=True)
            toy.mvops(root, "apply", "--yes").ok()
        else:
            toy.copy(built, root)
            toy.typed(root, "apply", "--yes").ok()
            toy.copy(root, first)
    return root


@pytest.fixture
def fresh(built: Path, tmp_path: Path) -> Path:
    """A copy of the toy project that was never applied; its kernels would have to run."""
    return toy.copy(built, tmp_path / "fresh")


@pytest.fixture
def quick(applied: Path, tmp_path: Path) -> Path:
    """The same with the cache of one that was: its first apply needs no kernel."""
    return toy.cached(applied, tmp_path / "quick")


@pytest.fixture
def project(applied: Path, tmp_path: Path) -> Path:
    """A copy of the toy project after its first apply."""
    return toy.copy(applied, tmp_path / "toy")
