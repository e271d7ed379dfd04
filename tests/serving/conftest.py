"""Endpoints for the tests; what they are made of is in serving_support.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from serving_support import CLASSIFICATION, REGRESSION, Local, Project, Server, classifier, doubler

from mvops.artifacts.models import dump_model
from mvops.core.signature import Signature


@pytest.fixture(scope="session")
def dumped() -> Callable[[str], bytes]:
    made = {"classifier": dump_model(classifier())[0], "doubler": dump_model(doubler())[0]}
    made["strict"] = dump_model(classifier(unknown="error"))[0]
    made["tripler"] = dump_model(doubler(3.0))[0]
    return made.__getitem__


@pytest.fixture
def project(tmp_path: Path, dumped: Callable[[str], bytes]) -> Project:
    made = Project(tmp_path, dumped)
    made.version(1)
    made.route(1, champion=1)
    return made


@pytest.fixture
def regression(tmp_path: Path, dumped: Callable[[str], bytes]) -> Project:
    """Version 1 doubles, version 2 triples."""
    made = Project(tmp_path, dumped, REGRESSION)
    made.version(1, "doubler")
    made.version(2, "tripler")
    made.route(1, champion=1)
    return made


@pytest.fixture
def start() -> Iterator[Callable[..., Server]]:
    """Starts servers and stops those that still run at the end."""
    running: list[Server] = []

    def begin(project: Project, **options: Any) -> Server:
        running.append(Server(project.service(), **options))
        return running[-1]

    yield begin
    for server in running:
        server.stop()


@pytest.fixture
def local() -> Iterator[Callable[[Project], Local]]:
    """Starts endpoints in threads and stops them at the end."""
    running: list[Local] = []

    def begin(project: Project) -> Local:
        running.append(Local(project))
        return running[-1]

    yield begin
    for one in running:
        one.stop()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, dumped: Callable[[str], bytes]) -> Iterator[tuple[Local, Project]]:
    """One running endpoint for the tests that leave it as they find it."""
    project = Project(tmp_path_factory.mktemp("shared"), dumped, settings={"max_body": 200_000, "body_timeout": 1})
    project.version(1)
    project.route(1, champion=1)
    running = Local(project)
    yield running, project
    running.stop()


@pytest.fixture
def shared_signatures() -> tuple[Signature, Signature]:
    return CLASSIFICATION, REGRESSION
