"""Three-way merge by lines, as diff3 does it: what only one side changed is taken, what both changed is a conflict."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Literal

_LONG = 1000  # lines; beyond, those that come again and again are no landmarks, as looking at each takes its time
Who = Literal["nobody", "theirs", "ours", "both", "conflict"]


@dataclass(frozen=True)
class Region:
    """A stretch of the three texts, in lines from 0; `who` has changed it since the base. `both` agree."""

    who: Who
    base: range
    theirs: range
    ours: range


def split_lines(content: bytes) -> list[bytes]:
    """Lines with their ends, of which only the line feed ends one; joined they are the content again."""
    lines = content.split(b"\n")
    return [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def plain(content: bytes) -> bytes:
    """With line feeds only, where every line ends as on Windows: that is Git's doing, and no edit."""
    ends = content.count(b"\n")
    return content.replace(b"\r\n", b"\n") if ends and content.count(b"\r\n") == ends else content


def renamed_regions(
    base: Sequence[bytes], theirs: Sequence[bytes], ours: Sequence[bytes], old: str, new: str
) -> tuple[list[bytes], list[Region]]:
    """The regions where a name has changed since the base, and theirs by the new name.

    No change to merge is a line of ours that differs from the base's by the name alone. A line that they edited gets
    the new name where it stands in it as in the base's line. What any other line of theirs with the old name is to say
    is theirs to decide: such lines are in conflict where they would be if no name was looked at.
    """
    named = re.compile(rb"(?<![^\W_])%b(?![^\W_])" % re.escape(old.encode()))
    again = {line: named.sub(lambda _: new.encode(), line) for line in base if named.search(line)}
    known = {line: now for line, now in again.items() if now in set(ours)}
    now = [known.get(line, line) for line in theirs]
    for edit in regions(base, theirs, base):
        places = {tuple(_places(line, named)) for line in base[edit.base.start : edit.base.stop] if line in known}
        for i in edit.theirs:
            if tuple(_places(theirs[i], named)) in places:
                now[i] = named.sub(lambda _: new.encode(), theirs[i])
    undecided = {i for i, line in enumerate(now) if named.search(line) and line not in again}
    found = list(regions([known.get(line, line) for line in base], now, ours))
    if undecided:
        unnamed = [region.theirs for region in regions(base, theirs, ours) if region.who == "conflict"]
        undecided = {i for span in unnamed for i in span if i in undecided}
    return now, [replace(each, who="conflict") if undecided & {*each.theirs} else each for each in found]


def _places(line: bytes, named: re.Pattern[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Each word of a line with the name in it, and the word before."""
    words = [b"", *line.split()]
    return ((words[i - 1], word) for i, word in enumerate(words) if named.search(word))


def regions(base: Sequence[bytes], theirs: Sequence[bytes], ours: Sequence[bytes]) -> Iterator[Region]:
    """The texts from beginning to end; what is changed by both without an unchanged line between is one region."""
    in_theirs, in_ours = _matches(base, theirs), _matches(base, ours)
    kept = sorted(in_theirs.keys() & in_ours.keys())
    at = (0, 0, 0)
    for begin, length in _runs(kept, in_theirs, in_ours):
        here = (begin, in_theirs[begin], in_ours[begin])
        yield from _changed((base, theirs, ours), at, here)
        at = (here[0] + length, here[1] + length, here[2] + length)
        spans = [range(start, end) for start, end in zip(here, at, strict=True)]
        yield Region("nobody", *spans)
    yield from _changed((base, theirs, ours), at, (len(base), len(theirs), len(ours)))


def _matches(base: Sequence[bytes], other: Sequence[bytes]) -> dict[int, int]:
    """Which line of `base` is which of `other`. What is the same at both ends is not searched for."""
    head, tail, most = 0, 0, min(len(base), len(other))
    while head < most and base[head] == other[head]:
        head += 1
    while tail < most - head and base[-1 - tail] == other[-1 - tail]:
        tail += 1
    old, new = base[head : len(base) - tail], other[head : len(other) - tail]
    blocks = SequenceMatcher(None, old, new, autojunk=len(old) > _LONG).get_matching_blocks()
    found = {head + a + i: head + b + i for a, b, size in blocks for i in range(size)}
    found |= {i: i for i in range(head)}
    return found | {len(base) - 1 - i: len(other) - 1 - i for i in range(tail)}


def _runs(kept: Sequence[int], in_theirs: dict[int, int], in_ours: dict[int, int]) -> Iterator[tuple[int, int]]:
    """Begin and length of the stretches that are the same in all three."""
    start = 0
    for i in range(1, len(kept) + 1):
        before = kept[i - 1]
        goes_on = (
            i < len(kept)
            and kept[i] == before + 1
            and in_theirs[kept[i]] == in_theirs[before] + 1
            and in_ours[kept[i]] == in_ours[before] + 1
        )
        if not goes_on:
            yield kept[start], i - start
            start = i


def _changed(
    texts: tuple[Sequence[bytes], Sequence[bytes], Sequence[bytes]],
    begin: tuple[int, int, int],
    end: tuple[int, int, int],
) -> Iterator[Region]:
    spans = [range(start, stop) for start, stop in zip(begin, end, strict=True)]
    was, theirs, ours = (list(text[span.start : span.stop]) for text, span in zip(texts, spans, strict=True))
    if any(spans):
        yield Region(_who(was, theirs, ours), *spans)


def _who(was: list[bytes], theirs: list[bytes], ours: list[bytes]) -> Who:
    if theirs == ours:
        return "nobody" if theirs == was else "both"
    return "ours" if theirs == was else "theirs" if ours == was else "conflict"
