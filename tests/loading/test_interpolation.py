"""References on their own: what they find, and when they stop."""

from __future__ import annotations

from typing import Any

import pytest

from mvops.loading.interpolation import BadReferenceError, refused, resolve


@pytest.mark.parametrize(
    ("tree", "resolved"),
    [
        ({"a": 1, "b": "${a}"}, 1),
        ({"a": {"x": [1, {"y": 2}]}, "b": "${a.x[1].y}"}, 2),
        ({"a": {"x": [1, {"y": 2}]}, "b": "${a.x.0}"}, 1),
        ({"a": "x", "b": "${a}-${a}!"}, "x-x!"),
        ({"a": 1.5, "b": "v${a}"}, "v1.5"),
        ({"a": {"x": None}, "b": "${.a.x}"}, None),
        ({"a": {"x": 1}, "b": {"y": "${..a}"}}, {"y": {"x": 1}}),
        ({"a": {"x": "${.y}", "y": 3}, "b": "${a}"}, {"x": 3, "y": 3}),
        ({"a": "${c}", "c": {"x": 7}, "b": "${a.x}"}, 7),
        ({"b": ["${.1}", 4]}, [4, 4]),
        ({"b": "no reference, $5, {x}"}, "no reference, $5, {x}"),
    ],
)
def test_resolved(tree: dict[str, Any], resolved: Any) -> None:
    assert resolve(tree)["b"] == resolved


def test_the_original_stays() -> None:
    tree = {"a": {"x": [1]}, "b": "${a}"}
    resolve(tree)["b"]["x"].append(2)
    assert tree == {"a": {"x": [1]}, "b": "${a}"}


@pytest.mark.parametrize(
    ("tree", "path", "message"),
    [
        ({"a": "${a}"}, ("a",), "circle"),
        ({"a": {"x": "${a}"}}, ("a", "x"), "circle"),
        ({"a": "${b}", "b": "${c}", "c": "${a}"}, ("c",), "circle"),
        ({"a": "${b.x}", "b": 1}, ("a",), "there is no b.x"),
        ({"a": "${b[3]}", "b": [1]}, ("a",), "there is no b.3"),
        ({"a": "${...b}"}, ("a",), "beyond the top"),
        ({"a": "x${b}", "b": True}, ("a",), "cannot stand inside a text"),
        ({"a": "${oc.env:X}"}, ("a",), "only plain references"),
        ({"a0": "1"} | {f"a{n + 1}": f"${{a{n}}}" for n in range(40)}, ("a1",), "chain of more than 16"),
    ],
)
def test_refused(tree: dict[str, Any], path: tuple[str, ...], message: str) -> None:
    with pytest.raises(BadReferenceError, match=message) as caught:
        resolve(dict(reversed(tree.items())))
    if "chain" not in message and "circle" not in message:
        assert caught.value.path == path


def test_a_text_cannot_grow_without_end() -> None:
    tree = {"k0": "x" * 1000} | {f"k{n + 1}": f"${{k{n}}}" * 8 for n in range(8)}
    with pytest.raises(BadReferenceError, match="grows too large"):
        resolve(tree)


def test_ten_thousand_values_without_references_are_no_problem() -> None:
    tree = {"models": {f"m{n}": {"x": list(range(10))} for n in range(10_000)}}
    assert resolve(tree) == tree


@pytest.mark.parametrize(
    "text", ["${hydra.run.dir}", "${hydra}", "${a", "${}", "${a:b}", "${a${b}}", "${ a }", "${a.}"]
)
def test_not_plain(text: str) -> None:
    assert refused(text) is not None


@pytest.mark.parametrize("text", ["", "$x", "{a}", "${a}", "${.hydra}", "${..a-b.c_1[0][1].2}"])
def test_plain(text: str) -> None:
    assert refused(text) is None
