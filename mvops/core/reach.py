"""Where an endpoint that listens on a host is reached from its own machine."""

from __future__ import annotations

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- compared, not bound


def url_at(host: str, port: int) -> str:
    """The URL, with IPv6 addresses in brackets; who listens everywhere is reached by loopback."""
    return f"http://{host_and_port(_EVERYWHERE.get(host, host), port)}"


def host_and_port(host: str, port: int) -> str:
    """As a URL has them: IPv6 addresses in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
