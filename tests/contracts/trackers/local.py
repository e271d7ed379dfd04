"""mvops' own registry keeps runs and versions whatever the tracker; `mvops runs` is in tests/cli/test_runs.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


def set_up(_folder: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    yield request.module.Desk(options={})
