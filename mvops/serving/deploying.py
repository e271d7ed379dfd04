"""What is generated beside an endpoint to run it elsewhere: for Docker, Compose, systemd and Kubernetes."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterator
from typing import Any

from mvops.contracts.servers import Service
from mvops.core.environment import wording
from mvops.rendering import render_folder
from mvops.serving.settings import MEBIBYTE, ServiceSettings

_BY_IMAGE = ("compose", "kubernetes")  # they run what the Dockerfile makes
_LEAVES = 5  # seconds until nobody sends requests to a pod any more that is to end
_SPARE = 5  # seconds more than an orderly end takes
_LONGEST_LABEL = 50  # Kubernetes takes 63, and adds to it
_EXTRAS = {"postgres": ("PGPASSWORD",), "s3": ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}


def generated_files(service: Service, server: str, more: dict[str, Any]) -> dict[str, str]:
    """All files of an endpoint: those that every server has, and those in the templates of `server`.

    Of `more`, `start` is what Python is told to run, in the generated folder.
    """
    context = service.model_dump(mode="json") | wording(service.environment) | _told(service) | more
    return render_folder("serving", context) | render_folder(f"servers/{server}", context)


def _told(service: Service) -> dict[str, Any]:
    targets = set(service.targets)
    if targets & set(_BY_IMAGE):
        targets.add("docker")
    stops = sum(_seconds(name) for name in ("drain_delay", "drain_timeout", "flush_timeout"))
    return {
        "root": "../../..",
        "url": service.url,
        "targets": sorted(targets),
        "address": address_of(service.host),
        "label": label_of(service.model, service.environment),
        "variables": list(dict.fromkeys(_variables(service))),
        "alone": not service.predictions.startswith("postgresql"),  # SQLite is one machine's
        "leaves": _LEAVES,
        "stops": round(stops + _SPARE),
        "spool_mib": ServiceSettings.model_fields["max_spool"].default // MEBIBYTE,
    }


def address_of(host: str) -> str:
    """Where to listen, for what takes no names: of a host that is named, this machine answers only itself."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return "127.0.0.1"


def label_of(model: str, environment: str | None) -> str:
    """A name as containers and Kubernetes have them: no `_`, not too long, and no two endpoints have the same."""
    parts = [part.replace("_", "-") for part in (model, environment) if part]
    label = "--".join(parts)
    if len(label) <= _LONGEST_LABEL and not any("--" in part or part.endswith("-") for part in parts):
        return label
    digest = hashlib.sha256(f"{model}\n{environment or ''}".encode()).hexdigest()[:8]
    return f"{label[:_LONGEST_LABEL].rstrip('-')}-{digest}"


def _variables(service: Service) -> Iterator[str]:
    """The environment variables that hold the endpoint's secrets."""
    yield from service.auth.names if service.auth else ()
    for extra in service.extras:
        yield from _EXTRAS.get(extra, ())
    if service.features is not None and service.features.settings.online.password_env:
        yield service.features.settings.online.password_env


def _seconds(name: str) -> float:
    return float(ServiceSettings.model_fields[name].default)
