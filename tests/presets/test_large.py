"""The three presets of a large team, each from the first apply to destroy; two of them with a feature store."""

from __future__ import annotations

from pathlib import Path

import pytest
from uses import live_in

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.long(minutes=5)]


def test_everything_in_day_30_works(made: Path, tmp_path: Path) -> None:
    live_in("large/day_30", made, tmp_path / "flights")


@pytest.mark.parametrize("phase", ["day_60", "day_90"])
@pytest.mark.real("feature_stores", "feast", "two presets with the flights' features, from apply to destroy")
def test_everything_in_the_cell_works(made_with_features: Path, tmp_path: Path, phase: str) -> None:
    live_in(f"large/{phase}", made_with_features, tmp_path / "flights")
