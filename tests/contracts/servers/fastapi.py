"""FastAPI lives beside mvops."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from server_launcher import Launcher

pytestmark = pytest.mark.real("servers", "fastapi", "uvicorn over HTTP")


def set_up(_folder: Path, _request: pytest.FixtureRequest) -> Iterator[Launcher]:
    launcher = Launcher("fastapi", sys.executable)
    yield launcher
    launcher.close()
