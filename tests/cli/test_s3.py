"""A project whose artefacts are on S3 and nowhere else, and what is said when S3 is not as it should be."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from s3 import S3, s3_server
from toy_project import Result, cached, copy, counted, edit, finish, mvops, port_of, query, rows, spawn, typed

from mvops.serving.client import EndpointClient

pytestmark = [
    pytest.mark.long(minutes=2),
    pytest.mark.system,
    pytest.mark.xdist_group("cli-s3"),
    pytest.mark.real("artifacts", "s3", "a project through the command line and its endpoint"),
]
SECRETS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@pytest.fixture(scope="module")
def server() -> Iterator[S3]:
    with s3_server() as started:
        yield started


@pytest.fixture(autouse=True)
def _environment(server: S3, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for key, value in server.environment.items():
        monkeypatch.setenv(key, value)
    yield
    server.door.shut()
    server.door.open()


def moved(root: Path, server: S3) -> Path:
    """Take the project's artefacts to S3, as docs/configuration.md says."""
    folder = root / ".mvops" / "artifacts"
    for path in folder.rglob("*"):
        if path.is_file():
            server.put(f"{root.name}/{path.relative_to(folder).as_posix()}", path.read_bytes())
    shutil.rmtree(folder)
    edit(root / "configs/project.yaml", "artifacts: .mvops/artifacts", f"artifacts: s3://{server.bucket}/{root.name}")
    return root


@pytest.fixture
def quick_s3(applied: Path, tmp_path: Path, server: S3, request: pytest.FixtureRequest) -> Path:
    """Before its first apply, with the cache on S3: it needs no kernel."""
    return moved(cached(applied, tmp_path / f"quick{abs(hash(request.node.name))}"), server)


@pytest.fixture
def project_s3(applied: Path, tmp_path: Path, server: S3, request: pytest.FixtureRequest) -> Path:
    """After an apply of everything but the change of the store, which is in the endpoint's files."""
    root = moved(copy(applied, tmp_path / f"done{abs(hash(request.node.name))}"), server)
    mvops(root, "apply", "--yes").ok()
    return root


def test_from_the_first_apply_to_an_answer_with_nothing_on_this_machine(fresh: Path, server: S3) -> None:
    edit(fresh / "configs/project.yaml", "artifacts: .mvops/artifacts", f"artifacts: s3://{server.bucket}/first")
    typed(fresh, "apply", "--yes").ok()
    before = server.door.requests
    assert "Nothing to do" in typed(fresh, "plan", "--detailed-exitcode").ok(0).out
    asked = server.door.requests - before
    assert not (fresh / ".mvops/artifacts").exists()
    version = mvops(fresh, "versions", "show", "toy", "1", "--json").ok().json()
    ((handed_over,),) = query(fresh, "SELECT body FROM mvops_runs ORDER BY started DESC LIMIT 1")
    needed = {each["sha256"] for each in json.loads(handed_over)["outputs"].values()}
    needed |= {version["artifact"]["sha256"], version["baseline"]["sha256"]}
    assert asked == len(needed) + 3  # and for the data and their manifest, which is read
    address = version["artifact"]["sha256"]
    assert f"first/{address[:2]}/{address[2:]}" in server.objects("first/")
    assert "its artefact is whole" in mvops(fresh, "doctor").out
    asked = (fresh / "deploy/serving/toy/requirements.txt").read_text()
    assert "mvops[serve,s3]==" in asked
    for path in (p for p in fresh.rglob("*") if p.is_file()):
        assert server.secret.encode() not in path.read_bytes(), path
    with serving(fresh) as client:
        assert client.predict(row()).model_version == 1
    mvops(fresh, "destroy", "--yes").ok()
    assert server.objects("first/")  # versions outlive a deployment


@contextmanager
def serving(root: Path) -> Iterator[EndpointClient]:
    process = spawn(root, "serve", "toy")
    try:
        client = EndpointClient(f"http://127.0.0.1:{port_of(root)}")
        client.ready(timeout=60)
        yield client
    finally:
        process.send_signal(signal.SIGINT)
        finish(process, 60)


def row() -> list[dict[str, Any]]:
    found = rows(range(1)).drop(columns=["day", "y"]).iloc[[0]].to_json(orient="records")
    return list(json.loads(found))


def break_bucket(root: Path, _server: S3, _patch: pytest.MonkeyPatch) -> None:
    edit(root / "configs/project.yaml", "s3://team-artifacts", "s3://no-such-bucket")


def mend_bucket(root: Path, _server: S3) -> None:
    edit(root / "configs/project.yaml", "s3://no-such-bucket", "s3://team-artifacts")


def break_key(_root: Path, _server: S3, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")


def break_keys(_root: Path, _server: S3, patch: pytest.MonkeyPatch) -> None:
    for name in SECRETS:
        patch.delenv(name)


def break_server(_root: Path, server: S3, _patch: pytest.MonkeyPatch) -> None:
    server.door.shut()


FAULTS = {
    "no bucket": (break_bucket, ("bucket no-such-bucket", "does not exist", "mvops makes no buckets")),
    "wrong key": (break_key, ("s3://team-artifacts/", "AWS_SECRET_ACCESS_KEY")),
    "no key": (break_keys, ("s3://team-artifacts/", "credentials", "AWS_ACCESS_KEY_ID")),
    "down": (break_server, ("s3://team-artifacts/", "Could not connect", "AWS_ENDPOINT_URL")),
}


def mend(what: str, root: Path, server: S3, patch: pytest.MonkeyPatch) -> None:
    if what == "no bucket":
        mend_bucket(root, server)
    elif what == "down":
        server.door.open()
    else:
        for key, value in server.environment.items():
            patch.setenv(key, value)


@pytest.mark.parametrize("what", FAULTS)
def test_a_first_apply_without_its_store_does_nothing_and_goes_on_when_it_is_there(
    quick_s3: Path, server: S3, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    fault, said = FAULTS[what]
    fault(quick_s3, server, monkeypatch)
    refused = mvops(quick_s3, "apply", "--yes").refused(*said)
    assert server.secret not in refused.err + refused.out
    assert counted(quick_s3)["mvops_versions"] == "[(0,)]"
    assert not (quick_s3 / "deploy/serving").exists()
    mend(what, quick_s3, server, monkeypatch)
    mvops(quick_s3, "apply", "--yes").ok()
    mvops(quick_s3, "plan", "--detailed-exitcode").ok(0)


@pytest.mark.parametrize("what", FAULTS)
def test_a_store_that_cannot_be_asked_has_lost_nothing(
    project_s3: Path, server: S3, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """A plan that took silence for absence would train everything again."""
    fault, said = FAULTS[what]
    fault(project_s3, server, monkeypatch)
    mvops(project_s3, "plan").refused(*said)
    mvops(project_s3, "apply", "--yes").refused(*said)
    told: Result = mvops(project_s3, "doctor")
    assert said[0] in told.out
    mend(what, project_s3, server, monkeypatch)
    mvops(project_s3, "plan", "--detailed-exitcode").ok(0)


def test_an_endpoint_does_not_start_without_its_model_and_does_not_mind_later(project_s3: Path, server: S3) -> None:
    server.door.shut()
    refused = typed(project_s3, "serve", "toy").refused("Could not connect", "AWS_ENDPOINT_URL")
    assert server.secret not in refused.err
    server.door.open()
    with serving(project_s3) as client:
        server.door.shut()
        assert client.predict(row()).model_version == 1


def test_an_artefact_that_somebody_changed_on_s3_is_not_served(project_s3: Path, server: S3) -> None:
    address = mvops(project_s3, "versions", "show", "toy", "1", "--json").ok().json()["artifact"]["sha256"]
    server.put(f"{project_s3.name}/{address[:2]}/{address[2:]}", b"another model")
    typed(project_s3, "serve", "toy").refused("is damaged")
    assert "is damaged" in mvops(project_s3, "doctor").out
