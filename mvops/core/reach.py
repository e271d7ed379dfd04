"""Where an endpoint that listens on a host is reached from its own machine."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- compared, not bound


def url_at(host: str, port: int) -> str:
    """The URL, with IPv6 addresses in brackets; who listens everywhere is reached by loopback."""
    return f"http://{host_and_port(_EVERYWHERE.get(host, host), port)}"


def host_and_port(host: str, port: int) -> str:
    """As a URL has them: IPv6 addresses in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@lru_cache(256)
def is_loopback(host: str) -> bool:
    """Whether only its own machine reaches what listens there; a name other than localhost may be anything."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        found = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback
