"""S7: with any byte changed, or gone, an artefact is never loaded: at a start, a swap, a rollback."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from serving_support import Project, wait_for

from mvops.artifacts import store as artifacts
from mvops.core.version import Version
from mvops.errors import MvopsError, ServingError
from mvops.serving.app import create_app
from mvops.serving.settings import ServiceSettings

SAMPLED = 64


def artifact_of(project: Project, number: int) -> Path:
    sha = Version.model_validate_json((project.state / f"v{number}.json").read_text()).artifact.sha256
    return project.root / ".mvops/artifacts" / sha[:2] / sha[2:]


def flipped(data: bytes, place: int) -> bytes:
    made = bytearray(data)
    made[place * (len(data) - 1) // (SAMPLED - 1)] ^= 1 << place % 8
    return bytes(made)


def let_through(project: Project) -> list[int]:
    """Which of 64 flipped bytes of version 2 are given to whoever loads it."""
    path = artifact_of(project, 2)
    version = Version.model_validate_json((project.state / "v2.json").read_text())
    whole, found = path.read_bytes(), []
    for place in range(SAMPLED):
        path.write_bytes(flipped(whole, place))
        try:
            project.store.read_bytes(version.artifact)
        except MvopsError:
            continue
        found.append(place)
    path.write_bytes(whole)
    return found


def test_s7_not_one_flipped_byte_is_let_through(regression):
    assert let_through(regression) == []


def test_s7_without_the_check_of_the_hash_it_is_caught(regression, monkeypatch):
    version = Version.model_validate_json((regression.state / "v2.json").read_text())

    wanted = SimpleNamespace(hexdigest=lambda: version.artifact.sha256)
    monkeypatch.setattr(artifacts, "hashlib", SimpleNamespace(sha256=lambda *_: wanted))
    assert len(let_through(regression)) == SAMPLED


@pytest.mark.parametrize("fault", ["flipped", "gone"])
def test_s7_a_swap_and_a_rollback_keep_what_answers_and_a_start_refuses(regression, local, fault):
    endpoint = local(regression)
    path = artifact_of(regression, 2)
    whole = path.read_bytes()

    def spoil() -> None:
        path.write_bytes(flipped(whole, 20)) if fault == "flipped" else path.unlink()

    def told() -> bool:
        return bool(endpoint.client.ready()["route"]["trouble"])

    def answered() -> int:
        return endpoint.client.predict([{"x": 2.0}]).model_version

    spoil()
    regression.route(2, champion=2)  # a swap
    assert wait_for(told)
    assert answered() == 1
    path.write_bytes(whole)
    regression.route(3, champion=2)
    assert wait_for(lambda: answered() == 2)
    regression.route(4, champion=1)
    assert wait_for(lambda: answered() == 1)
    spoil()
    regression.route(5, champion=2)  # a rollback to it
    assert wait_for(told)
    assert {answered() for _ in range(20)} == {1}

    runtime = create_app(ServiceSettings.load(regression.service())).state.runtime
    with pytest.raises(ServingError, match="cannot be served"):
        runtime.start()
