"""Dashboards for Grafana, and the scrape config by which Prometheus asks every endpoint for its numbers."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from mvops.backends.dashboards._panels import panels
from mvops.backends.options import checked
from mvops.contracts.dashboards import Board
from mvops.core.durations import Period
from mvops.core.environment import in_environment
from mvops.core.frozen import Frozen
from mvops.core.reach import url_at
from mvops.rendering import render_folder

_TIMEOUT = timedelta(seconds=10)  # Prometheus' own; it refuses one that is longer than the interval


def _check_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.password is not None:
        raise ValueError("write the URL of Prometheus such as http://localhost:9090, without a password")
    return url


def _check_host(host: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", host):
        raise ValueError("write the name of a machine, such as ml1.example.org")
    return host


def _check_path(path: str) -> str:
    if not path.startswith("/") or not path.isprintable():
        raise ValueError("write the whole path on the other machine, such as /var/lib/grafana/dashboards")
    return path


class _Options(Frozen):
    prometheus: Annotated[str, AfterValidator(_check_url)] = "http://localhost:9090"
    interval: Period = Field(default="15s", validate_default=True)
    host: Annotated[str, AfterValidator(_check_host)] | None = None
    path: Annotated[str, AfterValidator(_check_path)] = "/var/lib/grafana/dashboards"
    key_file: Annotated[str, AfterValidator(_check_path)] | None = None


class Grafana:
    """Generates `deploy/dashboards/grafana` and `deploy/dashboards/prometheus`. Needs neither of them here."""

    def folder(self) -> str:
        """One for all models: they share Prometheus."""
        return "deploy/dashboards"

    def files(self, board: Board, options: Mapping[str, Any]) -> Mapping[str, str]:
        """A dashboard, and where Prometheus finds the endpoint; a model without one has nothing to show there."""
        chosen = _options(options)
        if board.address is None:
            return {}
        context = {"board": board, "address": _address(board.address, chosen.host)}
        (targets,) = render_folder("dashboards/grafana/model", context).values()
        document = json.dumps(_document(board), indent=2, ensure_ascii=False) + "\n"
        return {
            f"grafana/dashboards/{board.model}.json": document,
            f"prometheus/targets/{board.model}.yml": targets,
        }

    def shared(self, project: str, options: Mapping[str, Any]) -> Mapping[str, str]:
        """Prometheus' scrape config, Grafana's provisioning, and what to do with them."""
        chosen = _options(options)
        context = {
            "project": project,
            "prometheus": chosen.prometheus,
            "interval": _duration(chosen.interval),
            "timeout": _duration(min(chosen.interval, _TIMEOUT)),
            "key_file": chosen.key_file,
            "path": f"{chosen.path.rstrip('/')}/{project}",
            "source": source_uid(project),
        }
        return render_folder("dashboards/grafana/shared", context)

    def limits(self, board: Board, options: Mapping[str, Any]) -> Iterator[str]:
        """What is to be done, and who cannot reach whom."""
        if board.address is None:
            yield "shows nothing of a model without an endpoint: `mvops dashboard` does"
            return
        folder = in_environment(self.folder(), board.environment)
        yield f"is seen once Prometheus and Grafana read the files: {folder}/README.md says where they go"
        if _options(options).host is None and re.match(r"127\.|localhost:|\[::1\]", board.address):
            yield (
                f"{board.address} answers this machine only: a Prometheus elsewhere needs endpoint.host and "
                "dashboard.options.host"
            )


def dashboard_uid(project: str, model: str) -> str:
    """The same for as long as project and model have their names, so that links to a dashboard last."""
    return f"mvops-{hashlib.sha256(f'{project}/{model}'.encode()).hexdigest()[:20]}"


def source_uid(project: str) -> str:
    """Of the data source; a project's own, as two projects may ask two servers."""
    return f"mvops-{hashlib.sha256(project.encode()).hexdigest()[:20]}"


def _options(options: Mapping[str, Any]) -> _Options:
    return checked(_Options, "dashboard.options", "grafana", options)


def _duration(value: timedelta) -> str:
    """As Prometheus reads it: whole numbers only."""
    return f"{max(1, round(value / timedelta(milliseconds=1)))}ms"


def _address(address: str, host: str | None) -> str:
    """Where Prometheus asks: who listens everywhere is asked on this machine, unless another is named."""
    there = urlsplit(f"//{address}")
    return url_at(host or there.hostname or "", there.port or 80).removeprefix("http://")


def _document(board: Board) -> dict[str, Any]:
    """The dashboard as Grafana imports it."""
    source = {"type": "prometheus", "uid": "${datasource}"}
    return {
        "uid": dashboard_uid(board.project, board.model),
        "title": f"{board.project} / {board.model}",
        "description": " ".join(
            filter(None, [board.description, f"Owner: {board.owner}." if board.owner else "", "Generated by mvops."])
        ),
        "tags": ["mvops", board.project],
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": []},
        "links": [],
        "templating": {
            "list": [
                {
                    "type": "datasource",
                    "name": "datasource",
                    "label": "Prometheus",
                    "query": "prometheus",
                    "current": {"text": f"mvops {board.project}", "value": source_uid(board.project)},
                    "hide": 0,
                    "includeAll": False,
                    "multi": False,
                    "options": [],
                    "refresh": 1,
                    "regex": "",
                },
            ]
        },
        "panels": [{"datasource": source, **panel} for panel in panels(board)],
    }
