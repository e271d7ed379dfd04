"""Which cell a project grows into."""

from __future__ import annotations

import pytest

from mvops.core.cells import WORDS, following
from mvops.core.config.project import Capabilities
from mvops.usecases.evidence import PROOFS


@pytest.mark.parametrize(
    ("preset", "after"),
    [
        ("small/day_30", "small/day_60"),
        ("small/day_60", "small/day_90"),
        ("small/day_90", "medium/day_90"),
        ("medium/day_30", "medium/day_60"),
        ("large/day_60", "large/day_90"),
        ("large/day_90", None),
        ("ours", None),
        ("small/day_100", None),
    ],
)
def test_the_next_phase_then_the_next_team(preset: str, after: str | None) -> None:
    assert following(preset) == after


def test_every_capability_has_words_and_evidence() -> None:
    assert set(WORDS) == set(PROOFS) == set(Capabilities.model_fields)
