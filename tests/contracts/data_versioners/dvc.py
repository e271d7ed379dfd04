"""DVC in a Git repository, with a remote that is a folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mvops.artifacts.store import ArtifactStore
from mvops.contracts.data_versioners import Place

pytestmark = [pytest.mark.system, pytest.mark.real("data_versioners", "dvc", "DVC in a Git repository, a local remote")]


def set_up(folder: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    root = folder / "project"
    root.mkdir()
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    quiet = os.environ | {"DVC_NO_ANALYTICS": "1", "CI": "1"}
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], cwd=root, check=True, env=quiet)
    config = f"[core]\n    remote = storage\n['remote \"storage\"']\n    url = {folder / 'remote'}\n"
    (root / ".dvc/config").write_text(config)

    def lose() -> None:
        shutil.rmtree(folder / "remote")
        shutil.rmtree(root / ".dvc/cache")

    place = Place(root=root, cache=root / "cache", store=ArtifactStore("artifacts", root))
    yield request.module.Ground(place=place, options={}, lose=lose)
