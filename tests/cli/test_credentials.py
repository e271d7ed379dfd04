"""Wrong credentials: one clear message with the remedy, nothing half-applied, and on it goes when they are right."""

from __future__ import annotations

from pathlib import Path

import pytest
from closed_doors import refusing
from databases import postgresql
from toy_project import cached, edit, mvops, snapshot

PROJECT = "configs/project.yaml"
NO_SUCH_KEY = (
    b"<?xml version='1.0' encoding='UTF-8'?><Error><Code>InvalidAccessKeyId</Code>"
    b"<Message>The key does not exist in our records.</Message></Error>"
)


@pytest.mark.real("registry", "postgresql", "a server that asks for a password, given a wrong one and the right one")
def test_a_wrong_password_of_postgresql(applied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = cached(applied, tmp_path / "toy")
    with postgresql() as server:
        url = server.guarded("visitor", "right")
        edit(root / PROJECT, "sqlite:///.mvops/registry.db", f'"{url}"')
        before = snapshot(root)
        monkeypatch.setenv("PGPASSWORD", "wrong")
        for command in (("plan",), ("apply", "--yes")):
            said = mvops(root, *command).refused("password authentication failed", "user and password right?")
            assert "wrong" not in said.out + said.err
        assert snapshot(root) == before
        monkeypatch.setenv("PGPASSWORD", "right")
        mvops(root, "apply", "--yes").ok()
        mvops(root, "plan", "--detailed-exitcode").ok(0)


@pytest.mark.parametrize("status", [401, 403])
def test_credentials_that_mlflow_does_not_take(project: Path, monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    pytest.importorskip("mlflow", reason="needs mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ann")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "s3cr3t")
    with refusing(status) as uri:
        with (project / PROJECT).open("a") as file:
            file.write(f"\ncapabilities: {{tracking: true}}\ntracker: {{backend: mlflow, options: {{uri: '{uri}'}}}}\n")
        edit(project / "configs/models/toy.yaml", "every: 1d, false_alarms", "every: 2d, false_alarms")
        said = mvops(project, "apply", "--yes").refused("tracker.toy", str(status), "MLFLOW_TRACKING_PASSWORD")
        assert "ok      update monitor.toy" in said.out
        assert "s3cr3t" not in said.out + said.err


def test_a_key_that_s3_does_not_know(applied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("s3fs", reason="needs s3fs")
    root = cached(applied, tmp_path / "toy")
    edit(root / PROJECT, "artifacts: .mvops/artifacts", "artifacts: s3://bucket/toy")
    with refusing(403, NO_SUCH_KEY) as url:
        for key, value in (("AWS_ENDPOINT_URL", url), ("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s3cr3t")):
            monkeypatch.setenv(key, value)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        said = mvops(root, "apply", "--yes").refused("s3://bucket/toy", "AWS_ACCESS_KEY_ID")
    assert "s3cr3t" not in said.out + said.err
    assert not (root / "deploy").exists()
