"""Secrets are named in the YAML, never written: `{secret: NAME}` is looked up where it is needed, and shown nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from toy_project import mvops
from webhook import Hook

pytestmark = pytest.mark.xdist_group("cli-toy")
CANARY = "canary-7f3a"


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.close()


def with_notifier(root: Path, options: str) -> Path:
    path = root / "configs" / "project.yaml"
    path.write_text(path.read_text() + f"notifiers: {{ops: {{backend: apprise, options: {options}}}}}\n")
    return root


@pytest.mark.parametrize("options", ["{url: {secret: OPS_URL}}", "{url: [{secret: OPS_URL}]}"])
def test_a_secret_is_looked_up_when_it_is_needed_and_is_nowhere_else(
    project: Path, hook: Hook, monkeypatch: pytest.MonkeyPatch, options: str
) -> None:
    pytest.importorskip("apprise", reason="needs mvops[alerts]")
    with_notifier(project, options)
    monkeypatch.setenv("OPS_URL", f"http://user:{CANARY}@{hook.address}/{CANARY}")
    shown = [mvops(project, *command).ok().out for command in (
        ("config", "show", "--explain"), ("plan", "--json"), ("apply", "--yes"), ("alerts", "test", "toy"), ("status",),
    )]  # fmt: skip
    assert "secret: OPS_URL" in shown[0]
    assert [path for path, _ in hook.got] == [f"/{CANARY}"]
    assert not any(CANARY in said for said in shown)
    files = [path for path in project.rglob("*") if path.is_file()]
    assert not [path for path in files if CANARY.encode() in path.read_bytes()]


def test_a_secret_that_is_not_set_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("apprise", reason="needs mvops[alerts]")
    monkeypatch.delenv("OPS_URL", raising=False)
    with_notifier(project, "{url: {secret: OPS_URL}}")
    mvops(project, "plan").ok()
    said = mvops(project, "alerts", "test", "toy")
    assert said.code == 1
    assert "the environment variable OPS_URL, which notifiers.ops takes as a secret, is not set" in said.out


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (f"{{url: 'mailto://me:{CANARY}@example.org'}}", "write {secret: NAME}"),
        (f"{{url: ['json://:{CANARY}@host/x']}}", "write {secret: NAME}"),
        (f"{{url: {{secret: '{CANARY}'}}}}", "not the name of an environment variable"),
        ("{url: {secret: OPS_URL, else: x}}", "with nothing beside it"),
    ],
)
def test_xs5_a_secret_itself_is_refused(project: Path, options: str, why: str) -> None:
    with_notifier(project, options)
    refused = mvops(project, "plan").refused("configs/project.yaml:", "notifiers.ops.options: ", why)
    assert ":***@" in refused.err or "://" not in options


@pytest.mark.parametrize("key", ["registry", "predictions"])
def test_xs5_a_password_of_a_database_is_refused(project: Path, key: str) -> None:
    url = f"postgresql+psycopg://ml:{CANARY}@127.0.0.1:9/mvops"
    for said in (mvops(project, "plan", f"{key}={url}"), mvops(project, "config", "show", f"{key}={url}")):
        said.refused(f"{key}: a password has no place in YAML", "PGPASSWORD")
        assert CANARY not in said.err
