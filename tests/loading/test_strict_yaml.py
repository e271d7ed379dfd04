"""XS7 and what a file is read as: bounds hold, and places are right."""

from __future__ import annotations

from pathlib import Path

import pytest

from mvops.loading.strict_yaml import MAX_DEPTH, MAX_VALUES, BadYamlError, parse

FILE = Path("configs/project.yaml")


def refusal(data: bytes) -> BadYamlError:
    with pytest.raises(BadYamlError) as caught:
        parse(data, FILE)
    return caught.value


def nested(depth: int) -> bytes:
    return b"a: " + b"[" * depth + b"]" * depth


@pytest.mark.parametrize(
    ("data", "message", "line", "column"),
    [
        (b"\xef\xbb\xbfa: 1", "byte order mark", 1, 1),
        ("a: 1".encode("utf-16"), "byte order mark", 1, 1),
        (b"a: 1\nb: \xff", "the file is not UTF-8", 2, 1),
        (b"a: 1\nb: x\x00y", "the character U+0000 may not stand in YAML", 2, 5),
        (b"a: \x1b[31m", "the character U+001B", 1, 4),
        (b"\n" + nested(MAX_DEPTH), "nested deeper than 32 levels", 2, 35),
        (b"a: 1\n" + b" " * (1 << 20), "the file is larger than 1 MiB", 1, 1),
        (b"a: &x [*x]", "the alias *x names nothing above it, or itself", 1, 8),
        (b"? [a]\n: b", "a key must be text", 1, 3),
        (b"&k a: b", "a key takes no tag and no anchor", 1, 1),
        (b"true: b", "write 'true' in quotes", 1, 1),
        (b"'a': 1\na: 2", "the key 'a' is here twice; the first is in line 1", 2, 1),
        (b"a: !!binary aGk=", "tags such as", 1, 4),
        (b"a: -.inf", "not a finite number", 1, 4),
        (b"a: " + b"9" * 5000, "a whole number has at most 64 bits", 1, 4),
        (b"just text", "the file must hold a mapping", 1, 1),
        (b"a: 'x", "not YAML: while scanning a quoted scalar", 1, 4),
        (b"a: 1\ngate: [x, y\nrollout: {z: 1}\n", "flow sequence did not find expected ',' or ']' up to line 3", 2, 7),
        (b"a: 1\nb: {x: [\n\n", "flow node did not find expected node content up to line 4", 2, 8),
        (b"a: {x: [1, 2], y: 1\nb: 2\n", "flow mapping did not find expected ',' or '}' up to line 2", 1, 4),
    ],
)
def test_refused_with_its_place(data: bytes, message: str, line: int, column: int) -> None:
    error = refusal(data)
    assert message in str(error)
    assert (error.where.line, error.where.column) == (line, column)
    assert error.where.file == FILE


def test_the_deepest_that_is_read() -> None:
    value = parse(nested(MAX_DEPTH - 2), FILE).values["a"]
    for _ in range(MAX_DEPTH - 3):
        (value,) = value
    assert value == []


def test_aliases_count_as_what_they_expand_to() -> None:
    bomb = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    bomb += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert f"more than {MAX_VALUES} values" in str(refusal("\n".join(bomb).encode()))


def test_aliases_add_to_the_depth() -> None:
    tower = ["a0: &a0 [" + "[" * 12 + "]" * 12 + "]"]
    tower += [f"a{n}: &a{n} [[[[[*a{n - 1}]]]]]" for n in range(1, 9)]
    assert "nested deeper" in str(refusal("\n".join(tower).encode()))


def test_an_alias_is_a_copy() -> None:
    values = parse(b"a: &x [1]\nb: *x", FILE).values
    values["a"].append(2)
    assert values["b"] == [1]


@pytest.mark.parametrize("data", [b"", b"# nothing\n", b"---\n", b"~\n"])
def test_an_empty_file_is_an_empty_mapping(data: bytes) -> None:
    document = parse(data, FILE)
    assert document.values == {}
    assert document.place(()) is not None


def test_places_of_keys_and_values() -> None:
    document = parse(b"a:\n  b: {c: 1, d: [x, 'y']}\n", FILE)
    keys = {path: (place.line, place.column) for path in document.keys if (place := document.place(path, key=True))}
    assert keys == {("a",): (1, 1), ("a", "b"): (2, 3), ("a", "b", "c"): (2, 7), ("a", "b", "d"): (2, 13)}
    place = document.place(("a", "b", "d", 1))
    assert place is not None
    assert (str(place), place.text) == ("configs/project.yaml:2:20", "  b: {c: 1, d: [x, 'y']}")
    assert document.place(("a", "z")) is None


def test_a_long_line_is_shown_around_its_column() -> None:
    error = refusal(b"a: [" + b"x, " * 300 + b"&k y: 1]")
    line, caret = str(error).splitlines()[1:3]
    assert len(line) <= 170
    assert line[caret.index("^")] == "&"
