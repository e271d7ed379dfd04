"""What becomes of one generated file when its text is made anew: pure, and the same when planned and when done.

The base is the text that the file was last generated with. A file that differs from it was edited by hand: what changed
in the text since is merged into it. Where both changed the same lines the file stays. What it would be with the
new lines goes beside it, to `<file>.new`, until somebody has taken it over.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from mvops.core.merge import Region, plain, regions, renamed_regions, split_lines

What = Literal["create", "replace", "same", "merge", "leave", "conflict"]


def sha256(content: bytes) -> str:
    """In hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def is_text(content: bytes, digest: str | None) -> bool:
    """Is this the text with that digest, whatever Git has made of its line ends."""
    return digest is not None and (digest == sha256(content) or digest == sha256(plain(content)))


@dataclass(frozen=True)
class Found:
    """What is there: the file, the file `.new` beside it, and what the registry knows of the file.

    `recorded` is the digest of the text that was last generated, `base` the text that the file descends from: an
    older one while `waiting` says that a conflict is not resolved. None for what is not there or not known.
    `beside_known` says that what is in `.new` was generated once, `merged` that what is there is this very merge, done
    already: an apply was killed between the file and its record. No text shows that, where lines repeat.
    `renamed` is the name before and the name now, where the model was renamed since `base` was generated.
    """

    there: bytes | None
    beside: bytes | None = None
    recorded: str | None = None
    base: bytes | None = None
    waiting: bool = False
    beside_known: bool = False
    merged: bool = False
    renamed: tuple[str, str] | None = None

    def beside_ours(self) -> bool:
        """Is `.new` what we put there, or not there."""
        return self.beside is None or self.beside_known or is_text(self.beside, self.recorded)


@dataclass(frozen=True)
class Outcome:
    """`content` is what the file holds afterwards, `beside` what `.new` holds, None for no such file.

    `changed` are the regions of a merge that somebody changed; `waiting` says that the conflict is there afterwards.
    `blocked` says that `.new` holds something that is not ours to replace.
    """

    what: What
    content: bytes
    beside: bytes | None
    changed: tuple[Region, ...] = ()
    waiting: bool = False
    blocked: bool = False


def merge_mark(base: str, new: bytes, content: bytes) -> str:
    """What is kept before the merge of `new` into what descends from the text with the digest `base` is written."""
    return f"merge of {base} and {sha256(new)}: {sha256(content)}"


def beside(path: str) -> str:
    """Where the new text goes when the file stays."""
    return f"{path}.new"


def called_before(path: str, name: str, known: Collection[str]) -> str | None:
    """Which of the `known` paths is `path` as it was while what it was generated for had another name than `name`."""
    return next((other for other in sorted(known) if name_before(path, name, other)), None)


def name_before(path: str, name: str, other: str) -> str | None:
    """The name that what is called `name` in `path` has in `other`; None where more than that differs."""
    parts, theirs = path.split("/"), other.split("/")
    pairs = [pair for pair in zip(theirs, parts, strict=False) if pair[0] != pair[1]]
    before = {_part_before(*pair, name) for pair in pairs}
    return before.pop() if len(theirs) == len(parts) and len(before) == 1 else None


def _part_before(theirs: str, part: str, name: str) -> str | None:
    """What stands in `theirs` where `part` has the name; None where more than that differs."""
    head, _, tail = part.partition(name)
    fits = name in part and theirs.startswith(head) and theirs.endswith(tail) and len(theirs) > len(head) + len(tail)
    return theirs[len(head) : len(theirs) - len(tail)] if fits else None


def regenerate(name: str, new: bytes, found: Found) -> Outcome:  # noqa: PLR0911 -- one return for each case
    """What becomes of the file `name` when its text is `new`."""
    if found.there is None:
        return Outcome("create", new, _own_gone(found))
    there = found.there if b"\r\n" in new else plain(found.there)
    windows = there != found.there
    if there == new:
        return Outcome("same", found.there, _own_gone(found))
    if is_text(found.there, found.recorded):
        return Outcome("replace", _ends(new, windows=windows), _own_gone(found))
    if found.waiting and found.recorded == sha256(new):
        return Outcome("leave", found.there, found.beside, waiting=True)
    if found.recorded == sha256(new) or new == found.base:
        return Outcome("leave", found.there, _own_gone(found))
    if found.merged:
        return Outcome("merge", found.there, _own_gone(found))
    if found.base is None or b"\0" in there:
        return _conflict(new, found)
    return _merged(name, new, found, there, windows=windows)


def _merged(name: str, new: bytes, found: Found, there: bytes, *, windows: bool) -> Outcome:
    base, theirs, ours = split_lines(found.base or b""), split_lines(there), split_lines(new)
    if found.renamed:
        theirs, by_name = renamed_regions(base, theirs, ours, *found.renamed)
        found_regions = tuple(by_name)
    else:
        found_regions = tuple(regions(base, theirs, ours))
    changed = tuple(region for region in found_regions if region.who != "nobody")
    merged = b"".join(
        b"".join(
            ours[part.ours.start : part.ours.stop]
            if part.who in {"ours", "conflict"}
            else theirs[part.theirs.start : part.theirs.stop]
        )
        for part in found_regions
    )
    readable = _readable(name, merged) or not (_readable(name, there) and _readable(name, new))
    content = _ends(merged, windows=windows)
    if any(region.who == "conflict" for region in changed):
        return _conflict(content if readable and _is_utf8(content) else new, found, changed)
    if not readable:
        return _conflict(new, found, changed)
    kept = any(region.who == "theirs" for region in changed)
    return Outcome("merge" if kept else "replace", content, _own_gone(found), changed)


def _conflict(proposed: bytes, found: Found, changed: tuple[Region, ...] = ()) -> Outcome:
    assert found.there is not None
    blocked = not found.beside_ours() and found.beside != proposed
    return Outcome("conflict", found.there, proposed, changed, waiting=True, blocked=blocked)


def _own_gone(found: Found) -> bytes | None:
    """What `.new` holds once nothing waits: ours goes, somebody's own stays."""
    return None if found.beside_ours() else found.beside


def _ends(content: bytes, *, windows: bool) -> bytes:
    return content.replace(b"\n", b"\r\n") if windows else content


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _readable(name: str, content: bytes) -> bool:
    """Can it be parsed; True for what we have no parser for. Two good edits may add up to what no program reads."""
    try:
        if name.endswith(".json"):
            json.loads(content)
        elif name.endswith(".py"):
            ast.parse(content)
    except (ValueError, SyntaxError):
        return False
    return True
