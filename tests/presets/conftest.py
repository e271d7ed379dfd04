"""The project that all cells begin with."""

from __future__ import annotations

from pathlib import Path

import pytest
from flights_project import make, make_with_features


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Applied once for all of them: no cell waits for a kernel to make what another one has made."""
    return make(tmp_path_factory.mktemp("presets") / "flights")


@pytest.fixture(scope="session")
def made_with_features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one whose model takes features from a store."""
    return make_with_features(tmp_path_factory.mktemp("presets") / "flights")
