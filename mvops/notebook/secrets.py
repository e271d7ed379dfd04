"""Passwords, keys and tokens that stand in a text."""

from __future__ import annotations

import re
from collections.abc import Iterator

_ASSIGNED = re.compile(  # api_key = "...", {"password": "..."}, os.environ["X_TOKEN"] = "..."
    r"(?i)\b\w*(?:api_?key|secret|passw(?:or)?d|access_?key|(?:access|auth|bearer|api|refresh|hf|github|slack)_?token)"
    r"\w*[\"']?\]?\s*[:=]\s*[\"'](?P<value>[^\"'\s]{8,})[\"']"
)
_EXPORTED = re.compile(  # %env X_TOKEN=..., export PASSWORD=...
    r"(?i)(?:%(?:set_)?env|export)\s+\w*(?:key|token|secret|passw(?:or)?d)\w*[ =]+(?P<value>[^\s\"']{8,})"
)
_KNOWN = re.compile(
    r"(?P<value>AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|sk-[A-Za-z0-9_-]{20,}|hf_[A-Za-z0-9]{30,}"
    r"|xox[abprs]-[A-Za-z0-9-]{10,}|AIza[0-9A-Za-z_-]{35}|eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[\w-]+"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----)"
)
_IN_URL = re.compile(r"[a-z][\w+.-]*://[^\s:/@\"'{}<>$]+:(?P<value>[^\s:/@\"'{}<>$]{3,})@")
_IN_QUERY = re.compile(r"(?i)[?&](?:api_?key|(?:access_?|auth_?)?token|secret|key|sig)=(?P<value>[\w.-]{8,})")
_PLACEHOLDER = re.compile(
    r"(?i).*(?:your|xxx|\*\*\*|\.\.\.|[<>{}$]|example|change_?me|dummy|placeholder|todo|insert|enter).*"
    r"|(?:my_?|the_?)?(?:secret_?(?:key)?|password|api_?key|access_?token)"
)


def secrets_in(text: str, *, code: bool = True) -> Iterator[tuple[int, str]]:
    """(offset, value) of each secret; in prose, which is not `code`, only what can be nothing else."""
    patterns = (_KNOWN, _IN_URL, _IN_QUERY, *((_ASSIGNED, _EXPORTED) if code else ()))
    for pattern in patterns:
        for found in pattern.finditer(text):
            if pattern is _KNOWN or not _PLACEHOLDER.fullmatch(found["value"]):
                yield found.start("value"), found["value"]


def masked(text: str) -> str:
    """The text without its secrets."""
    for value in sorted({value for _, value in secrets_in(text)}, key=len, reverse=True):
        text = text.replace(value, "***")
    return text
