"""The id of a request: the caller's own, if it is sane, else one of ours; in the answer, in problems and in the log."""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar

HEADER = b"x-request-id"
_SANE = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:/+=@-]{0,127}")

current: ContextVar[str] = ContextVar("current", default="")  # of the request that is answered, else empty


def request_id(given: list[bytes]) -> str:
    """That of a request which names these."""
    if len(given) == 1 and _SANE.fullmatch(given[0]):
        return given[0].decode("ascii")
    return secrets.token_hex(16)
