"""Every situation in cases/*.yaml: what a user wrote, and what they are told, or what is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mvops.errors import SpecError
from mvops.loading.load import load_project

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))


def _case(path: Path) -> dict[str, Any]:
    case = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert set(case) <= {"project", "model", "files", "overrides", "where", "says", "never_says", "loads"}
    return case


def _files(case: dict[str, Any]) -> dict[str, str | None]:
    named = {"project": "configs/project.yaml", "model": "configs/models/flight_delay.yaml"}
    return {named[key]: case[key] for key in named if key in case} | case.get("files", {})


def _value(tree: Any, path: str) -> Any:
    for part in path.split("/"):
        tree = tree[int(part)] if isinstance(tree, list) else tree[part]
    return tree


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path, build: Any) -> None:
    case = _case(path)
    root = build(_files(case))
    if "loads" in case:
        loaded = load_project(root, case.get("overrides", ())).model_dump(mode="json")
        assert {key: _value(loaded, key) for key in case["loads"]} == case["loads"]
        return
    with pytest.raises(SpecError) as caught:
        load_project(root, case.get("overrides", ()))
    told = str(caught.value)
    for sentence in case["says"]:
        assert sentence in told, told
    for sentence in case.get("never_says", ()):
        assert sentence not in told, told
    assert str(root) not in told, "a message names files as the user sees them"
    if "where" in case:
        assert str(caught.value.where).replace("\\", "/") == case["where"]


def test_there_are_cases() -> None:
    assert len(CASES) > 40
