"""The three presets of a small team, each lived in from the first apply to destroy."""

from __future__ import annotations

from pathlib import Path

import pytest
from uses import live_in

from mvops.core.cells import PHASES

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.long(minutes=4)]


@pytest.mark.parametrize("phase", PHASES)
def test_everything_in_the_cell_works(made: Path, tmp_path: Path, phase: str) -> None:
    live_in(f"small/{phase}", made, tmp_path / "flights")
