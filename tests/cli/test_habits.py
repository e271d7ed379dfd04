"""Whoever comes from Terraform is told how a thing is typed here."""

from __future__ import annotations

from pathlib import Path

import pytest
from toy_project import mvops


@pytest.mark.parametrize(
    ("typed", "here"),
    [
        ("plan -out x.plan", "--out"),
        ("plan -target=model.toy", "--target"),
        ("apply -auto-approve", "--yes"),
        ("plan -detailed-exitcode", "--detailed-exitcode"),
        ("state rm model.toy", "mvops state forget ADDRESS"),
        ("taint model.toy", "mvops apply --replace ADDRESS"),
        ("validate", "mvops config show"),
        ("workspace new staging", "--env NAME"),
    ],
)
def test_it_is_said_how_that_is_typed_here(tmp_path: Path, typed: str, here: str) -> None:
    refused = mvops(tmp_path, *typed.split())
    assert refused.code == 1
    assert f"here that is: {here}" in refused.err


@pytest.mark.parametrize("typed", ["plan --targget x", "plann", "plan -z"])
def test_what_is_only_mistyped_is_not(tmp_path: Path, typed: str) -> None:
    refused = mvops(tmp_path, *typed.split())
    assert (refused.code, "here that is" in refused.err) == (1, False)
