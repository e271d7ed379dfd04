"""The artefact store in a folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mvops.artifacts.store import ArtifactStore
from mvops.contracts.data_versioners import Place

pytestmark = pytest.mark.real("data_versioners", "local", "an artefact store in a folder")


def set_up(folder: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    root = folder / "project"
    root.mkdir()
    place = Place(root=root, cache=root / "cache", store=ArtifactStore("artifacts", root))
    yield request.module.Ground(place=place, options={}, lose=lambda: shutil.rmtree(root / "artifacts"))
