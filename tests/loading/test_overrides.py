"""Merging, and what an override may do to a tree without a file."""

from __future__ import annotations

import pytest

from mvops.errors import SpecError
from mvops.loading.overrides import apply_overrides, merged, parse_overrides


def applied(tree: dict, *texts: str) -> dict:
    return apply_overrides(tree, parse_overrides(texts, groups=["preset"]).values)


def test_merged_goes_key_by_key_and_leaves_both_alone() -> None:
    below, above = {"a": {"x": 1, "l": [1]}, "b": 1}, {"a": {"l": [2], "y": 3}, "c": None}
    both = merged(below, above)
    assert both == {"a": {"x": 1, "l": [2], "y": 3}, "b": 1, "c": None}
    both["a"]["l"].append(9)
    assert below == {"a": {"x": 1, "l": [1]}, "b": 1}
    assert above == {"a": {"l": [2], "y": 3}, "c": None}


def test_a_value_above_hides_a_section() -> None:
    assert merged({"a": {"x": 1}}, {"a": None}) == {"a": None}


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a.b=1", {"a": {"b": 1, "l": [1, {"x": 2}]}}),
        ("a.c={d: 1}", {"a": {"b": 0, "c": {"d": 1}, "l": [1, {"x": 2}]}}),
        ("a.l.1.x=3", {"a": {"b": 0, "l": [1, {"x": 3}]}}),
        ("~a.l.0", {"a": {"b": 0, "l": [{"x": 2}]}}),
        ("~a.b=0", {"a": {"l": [1, {"x": 2}]}}),
        ("a.l=[]", {"a": {"b": 0, "l": []}}),
        ("x.y.z='1'", {"a": {"b": 0, "l": [1, {"x": 2}]}, "x": {"y": {"z": "1"}}}),
    ],
)
def test_applied(text: str, tree: dict) -> None:
    before = {"a": {"b": 0, "l": [1, {"x": 2}]}}
    assert applied(before, text) == tree
    assert before == {"a": {"b": 0, "l": [1, {"x": 2}]}}


@pytest.mark.parametrize("text", ["a.l.x=1", "a.l.2=1", "~a.l.2", "a.l.0.x=1", "a.b.c=1"])
def test_not_applicable(text: str) -> None:
    with pytest.raises(SpecError, match=f"^override '{text}': "):
        applied({"a": {"b": 0, "l": [1]}}, text)


def test_options_of_groups_are_left_to_hydra() -> None:
    parsed = parse_overrides(["preset=small/day_60", "+servers@here=x", "preset={a: 1}", "b=1"], groups=["preset"])
    assert parsed.choices == ("preset=small/day_60", "+servers@here=x")
    assert [override.path for override in parsed.values] == [("preset",), ("b",)]


@pytest.mark.parametrize("text", ["", "=", "a..b=1", "a=[" * 200, "a=" + "x" * 5000, "a=\n", "hydra=x", "~hydra.run"])
def test_unreadable(text: str) -> None:
    with pytest.raises(SpecError):
        parse_overrides([text], groups=[])
