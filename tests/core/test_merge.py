"""Three-way merge by lines: what one side changed is taken, what both changed is a conflict, and nothing is lost."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvops.core.merge import Region, plain, regions, split_lines

TEXTS = st.lists(st.sampled_from([b"a", b"b", b"c", b"", b"a\r", b"\xff\x00"]), max_size=8).map(b"\n".join)


def parts(base: bytes, theirs: bytes, ours: bytes) -> list[Region]:
    return list(regions(split_lines(base), split_lines(theirs), split_lines(ours)))


def merged(base: str, theirs: str, ours: str) -> str | None:
    """The merge of three words, a letter a line; None for a conflict."""
    texts = ["\n".join([*word, ""]).encode() for word in (base, theirs, ours)]
    found = ""
    for part in parts(*texts):
        if part.who == "conflict":
            return None
        word, span = (ours, part.ours) if part.who == "ours" else (theirs, part.theirs)
        found += word[span.start : span.stop]
    return found


@pytest.mark.parametrize(
    ("base", "theirs", "ours", "expected"),
    [
        ("abcde", "abcde", "abcde", "abcde"),
        ("abcde", "aXcde", "abcde", "aXcde"),
        ("abcde", "abcde", "abcdY", "abcdY"),
        ("abcde", "aXcde", "abcYe", "aXcYe"),
        ("abcde", "aXcde", "aXcde", "aXcde"),
        ("abcde", "aXcde", "aYcde", None),
        ("abcde", "aXcde", "abYde", None),  # no unchanged line between
        ("abcde", "abcdeX", "abcdeY", None),  # both at the end
        ("abcde", "Xabcde", "abcdeY", "XabcdeY"),
        ("abcde", "acde", "abcYe", "acYe"),
        ("abcde", "acde", "aYcde", None),
        ("abcde", "acde", "acde", "acde"),
        ("abcde", "", "abcde", ""),
        ("abcde", "", "abcdY", None),
        ("", "X", "Y", None),
        ("", "X", "X", "X"),
        ("ab", "aXb", "aYb", None),
        ("aaaa", "aaaaa", "aaaa", "aaaaa"),
    ],
)
def test_what_becomes_of_two_edits(base: str, theirs: str, ours: str, expected: str | None) -> None:
    assert merged(base, theirs, ours) == expected


@given(TEXTS, TEXTS, TEXTS)
def test_the_regions_are_all_three_texts_and_say_who_changed_what(base: bytes, theirs: bytes, ours: bytes) -> None:
    found = parts(base, theirs, ours)
    for text, side in ((base, "base"), (theirs, "theirs"), (ours, "ours")):
        lines = split_lines(text)
        spans = [getattr(part, side) for part in found]
        assert [i for span in spans for i in span] == list(range(len(lines)))
    for part in found:
        was, left, right = (
            split_lines(text)[span.start : span.stop]
            for text, span in ((base, part.base), (theirs, part.theirs), (ours, part.ours))
        )
        agreed = {
            "nobody": was == left == right,
            "theirs": was == right != left,
            "ours": was == left != right,
            "both": was != left == right,
            "conflict": was != left != right != was,
        }
        assert agreed[part.who]


@given(TEXTS, TEXTS)
def test_an_edit_of_one_side_is_taken_whole(base: bytes, edited: bytes) -> None:
    assert b"".join(split_lines(edited)) == edited
    for theirs, ours, who in ((edited, base, "theirs"), (base, edited, "ours")):
        found = parts(base, theirs, ours)
        assert {part.who for part in found} <= {"nobody", who}


@given(TEXTS, TEXTS, TEXTS)
def test_conflicts_do_not_depend_on_the_side(base: bytes, one: bytes, other: bytes) -> None:
    def conflicts(theirs: bytes, ours: bytes) -> list[range]:
        return [part.base for part in parts(base, theirs, ours) if part.who == "conflict"]

    assert conflicts(one, other) == conflicts(other, one)


def test_only_what_ends_everywhere_as_on_windows_is_plain_afterwards() -> None:
    assert plain(b"a\r\nb\r\n") == b"a\nb\n"
    assert plain(b"a\r\nb") == b"a\nb"
    assert plain(b"a\r\nb\n") == b"a\r\nb\n"
    assert plain(b"a\rb") == b"a\rb"
    assert plain(b"") == b""


@pytest.mark.skipif(shutil.which("git") is None, reason="compares with git merge-file")
@settings(derandomize=True, max_examples=60)  # repeated lines may be matched in two ways: no surprises
@given(base=TEXTS, theirs=TEXTS, ours=TEXTS)
def test_what_git_merges_otherwise_is_no_clean_merge_of_ours(
    tmp_path_factory: pytest.TempPathFactory, base: bytes, theirs: bytes, ours: bytes
) -> None:
    folder = tmp_path_factory.mktemp("git")
    for name, text in (("base", base), ("theirs", theirs), ("ours", ours)):
        (folder / name).write_bytes(text)
    found = parts(base, theirs, ours)
    if any(part.who == "conflict" for part in found):
        return
    mine = b"".join(
        b"".join(split_lines(ours)[p.ours.start : p.ours.stop])
        if p.who == "ours"
        else b"".join(split_lines(theirs)[p.theirs.start : p.theirs.stop])
        for p in found
    )
    git = merge_file(folder)
    assert git is None or git == mine


def merge_file(folder: Path) -> bytes | None:
    """What Git makes of it; None for a conflict."""
    command = ["git", "merge-file", "-p", "theirs", "base", "ours"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


@pytest.mark.parametrize("repeated", [False, True])
def test_a_long_file_is_merged_too(repeated: bool) -> None:
    lines = [f"line {i % 7 if repeated else i}" for i in range(5000)]
    theirs, ours = [*lines], [*lines]
    theirs[10], ours[20] = "theirs", "ours"
    found = parts(*("\n".join(text).encode() for text in (lines, theirs, ours)))
    assert {part.who for part in found if part.who != "nobody"} == {"theirs", "ours"}
