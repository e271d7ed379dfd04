"""The keys of an endpoint: read from the environment when it starts, compared in constant time, kept as digests."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections import OrderedDict
from collections.abc import Mapping

from mvops.core.config.auth import Auth, check_reach
from mvops.errors import ServingError
from mvops.serving.settings import ServiceSettings

PUBLIC = frozenset({"/health/live", "/health/ready"})  # what no key is asked for
_SHORTEST = 16  # characters of a key
_DISTINCT = 6  # of them
_WRONG, _WITHIN = 20, 60.0  # wrong keys from one address, and in how many seconds, until it is told to wait
_ADDRESSES = 1024  # remembered


def check_access(settings: ServiceSettings, host: str) -> None:
    """Raise ServingError where what listens on `host` would answer anybody, or a key cannot be used."""
    try:
        check_reach(host, settings.auth)
    except ValueError as error:
        hint = (
            f"Write it under `endpoint:` of {settings.model}, then: mvops apply. Where what publishes the port "
            "decides who comes in, as for a container: MVOPS_BEHIND_PROXY=1"
        )
        raise ServingError(str(error), hint=hint) from None
    if settings.auth is not None and settings.auth.keys:
        Keys(settings.auth)


class Keys:
    """Those that an endpoint takes. Raises ServingError for one that is not set or could be guessed."""

    def __init__(self, auth: Auth, environment: Mapping[str, str] = os.environ) -> None:
        self._digests = [(name, _digest(_checked(name, environment).encode())) for name in auth.names]

    def name_of(self, given: bytes) -> str | None:
        """The name of the key that this is; every one is looked at, so that the time says nothing."""
        digest = _digest(given)
        found = [name for name, known in self._digests if hmac.compare_digest(known, digest)]
        return found[0] if found else None


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()


def _checked(name: str, environment: Mapping[str, str]) -> str:
    key = environment.get(name, "")
    make = f"Make one: export {name}=$(python -c 'import secrets; print(secrets.token_urlsafe(32))')"
    if not key:
        raise ServingError(f"the environment variable {name}, a key of the endpoint, is not set", hint=make)
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ServingError(f"{name} is no key: it must be printable ASCII without spaces", hint=make)
    if len(key) < _SHORTEST or len(set(key)) < _DISTINCT:
        raise ServingError(f"{name} is a key that can be guessed: {_SHORTEST} characters at least", hint=make)
    return key


class WrongKeys:
    """Counts wrong keys by address, for the newest thousand of those."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def wait(self, address: str, now: float) -> int:
        """Note one more; for how many seconds the address is to leave it, 0 while it may go on."""
        since, count = self._seen.pop(address, (now, 0))
        if now - since > _WITHIN:
            since, count = now, 0
        self._seen[address] = since, count + 1
        if len(self._seen) > _ADDRESSES:
            self._seen.popitem(last=False)
        return max(1, round(since + _WITHIN - now)) if count >= _WRONG else 0
