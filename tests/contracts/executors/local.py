"""Threads of this process, and kernels that are processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.real("executors", "local", "two kernels at a time")]


def set_up(_folder: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    yield request.module.Crew(options={"workers": 2})
