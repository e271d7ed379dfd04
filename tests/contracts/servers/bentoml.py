"""BentoML moves versions of what mvops stands on, and lives in an environment of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from server_launcher import Launcher

pytestmark = [pytest.mark.system, pytest.mark.real("servers", "bentoml", "a BentoML 1.4 service over HTTP")]


def set_up(_folder: Path, request: pytest.FixtureRequest) -> Iterator[Launcher]:
    launcher = Launcher("bentoml", str(request.getfixturevalue("outside")("bentoml") / "python"))
    yield launcher
    launcher.close()
