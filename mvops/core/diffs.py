"""Unified diffs for people: as `diff -u` writes them, without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import unified_diff

from mvops.core.merge import Region, plain, split_lines

_NO_END = "\\ No newline at end of file"
SENSITIVE = "(sensitive value)"
_KEY = r"[\w.-]*(?:passw(?:or)?d|passwd|secret|token(?!s)|(?:api|access|private)[_-]?key|credential)[\w.-]*(?<!_env)"
_VALUE = r"""(?![\s$({\[]|os\.|\w+\()[^\s"',;#}]+"""  # what refers to a secret, such as $NAME, is none
_ASSIGNED = re.compile(rf"""(?i)(\b{_KEY}["']?\s*[:=]\s*["']?|\bENV\s+{_KEY}\s+){_VALUE}""")
_IN_URL = re.compile(r"(://[^\s:/@]*:)(?![$({])[^\s@/]+(@)")

_KNOWN = re.compile(  # keys of AWS, tokens of GitHub, GitLab and Slack, signed web tokens, and what a PEM file holds
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\b(?:gh[pousr]_|github_pat_|glpat-|xox[abprs]-)[\w-]{10,}"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|(?<![\w+/])(?![0-9a-f]{64})[A-Za-z0-9+/]{64}(?![\w+/])"
)


def file_diff(path: str, before: bytes, after: bytes) -> str:
    """From one content to the other; empty where they are equal."""
    lines = unified_diff(_shown(plain(before)), _shown(plain(after)), f"a/{path}", f"b/{path}", lineterm="")
    return masked("\n".join(_visible(line) for line in lines))


def conflict_diff(path: str, theirs: bytes, ours: bytes, changed: Iterable[Region]) -> str:
    """The lines of the file as it is that stand against lines of the new text; all of them without `changed`."""
    found = [region for region in changed if region.who == "conflict"]
    if not found:
        return file_diff(path, theirs, ours)
    mine, new = _shown(plain(theirs)), _shown(ours)
    lines = [f"--- a/{path}", f"+++ b/{path}"]
    for region in found:
        lines.append(f"@@ -{_span(region.theirs)} +{_span(region.ours)} @@")
        lines += [f"-{mine[i]}" for i in region.theirs]
        lines += [f"+{new[i]}" for i in region.ours]
    return masked("\n".join(_visible(line) for line in lines))


def masked(text: str) -> str:
    """Without what looks like a secret: people may have written one into a file that they edited."""
    hidden = _IN_URL.sub(rf"\1{SENSITIVE}\2", _ASSIGNED.sub(rf"\1{SENSITIVE}", text))
    return _KNOWN.sub(SENSITIVE, hidden)


def counted(diff: str) -> str:
    """How many lines come and go, such as `+3 -1`."""
    lines = diff.splitlines()
    came = sum(line.startswith("+") and not line.startswith("+++ ") for line in lines)
    went = sum(line.startswith("-") and not line.startswith("--- ") for line in lines)
    return f"+{came} -{went}"


def line_spans(spans: Iterable[range]) -> str:
    """Lines from 1, such as `line 3`, `lines 3-5 and 9`."""
    parts = [f"{span.start + 1}" if len(span) == 1 else f"{span.start + 1}-{span.stop}" for span in spans if span]
    if not parts:
        return ""
    text = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    return f"line{'' if text.isdigit() else 's'} {text}"


def _shown(content: bytes) -> Sequence[str]:
    """Lines without their ends; the last one says so where it has none."""
    lines = [line.decode("utf-8", "replace") for line in split_lines(content)]
    return [line.removesuffix("\n") if line.endswith("\n") else f"{line}\n{_NO_END}" for line in lines]


def _visible(line: str) -> str:
    return line.replace("\r", "␍")


def _span(span: range) -> str:
    start = span.start + 1 if span else span.start
    return f"{start}" if len(span) == 1 else f"{start},{len(span)}"
