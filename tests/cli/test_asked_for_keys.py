"""An endpoint that asks for keys, as it is planned, served and asked by mvops' own commands; the keys are nowhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from serving_support import send
from toy_project import COMMAND, edit, finish, mvops, port_of, spawn

from mvops.serving.client import EndpointClient

pytestmark = pytest.mark.xdist_group("cli-toy")
KEY = "canary-key-0123456789"
AUTH = "auth: {keys: [{secret: OLD_KEY}, {secret: TOY_KEY}]}"
DEPLOYED = Path("deploy/serving/toy")


def says(project: Path, words: str) -> None:
    edit(project / "configs/project.yaml", "port: ", f"{words}, port: ")


def test_xu4_a_plan_refuses_an_endpoint_that_anybody_could_ask(project: Path) -> None:
    says(project, "host: 0.0.0.0")
    said = "other machines reach 0.0.0.0, and nothing says who may ask: `auth: {keys: [{secret: NAME}]}`"
    for command in (("plan",), ("apply", "--yes")):
        mvops(project, *command).refused(said, "configs/project.yaml:")
    edit(project / "configs/project.yaml", "host: 0.0.0.0", "host: 0.0.0.0, auth: {behind_proxy: true}")
    assert "endpoint.toy" in mvops(project, "plan").ok().out
    edit(project / "configs/project.yaml", "behind_proxy: true", "keys: []")
    mvops(project, "plan").refused("write one of both")
    edit(project / "configs/project.yaml", "keys: []", "keys: [hunter2-hunter2-hunter2]")
    mvops(project, "plan").refused("auth.keys")


def test_xu4_serve_refuses_to_listen_for_others_until_somebody_says_who_may_ask(project: Path) -> None:
    said = finish(spawn(project, "serve", "toy", "--host", "0.0.0.0"))
    assert said.code == 1
    assert "error: other machines reach 0.0.0.0, and nothing says who may ask" in said.err
    assert "MVOPS_BEHIND_PROXY=1" in said.err
    assert "MVOPS_BEHIND_PROXY=1" in (project / DEPLOYED / "Dockerfile").read_text()


@pytest.mark.slow
def test_keys_are_named_in_the_yaml_asked_for_over_http_and_found_by_every_command(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(project, AUTH)
    monkeypatch.delenv("OLD_KEY", raising=False)
    monkeypatch.delenv("TOY_KEY", raising=False)
    mvops(project, "apply", "--yes").ok()
    assert json.loads((project / DEPLOYED / "service.json").read_text())["auth"]["keys"][1] == {"secret": "TOY_KEY"}
    docker = (project / DEPLOYED / "Dockerfile").read_text()
    assert "-e OLD_KEY -e TOY_KEY" in docker
    assert "MVOPS_BEHIND_PROXY" not in docker
    lacking = finish(spawn(project, "serve", "toy"))
    assert lacking.code == 1
    assert "the environment variable OLD_KEY, a key of the endpoint, is not set" in lacking.err

    port = port_of(project)
    process = spawn(project, "serve", "toy", command=("env", "OLD_KEY=former-0123456789", f"TOY_KEY={KEY}", *COMMAND))
    try:
        assert EndpointClient(f"http://127.0.0.1:{port}").ready(timeout=60) == {"ready": True}
        assert send(port, "POST", "/predict", "{}")[0].status == 401
        shown = mvops(project, "status", "--json").ok().json()["models"][0]["endpoint"]
        assert shown["status"] == "up"
        assert "Set one of its keys here: OLD_KEY or TOY_KEY" in str(shown)
        mvops(project, "loadtest", "toy", "--seconds", 0.3).refused(
            "401", "Set one of its keys here: OLD_KEY or TOY_KEY"
        )
        monkeypatch.setenv("TOY_KEY", KEY)
        shown = mvops(project, "status", "--json").ok().json()["models"][0]["endpoint"]
        assert "Set one" not in str(shown)
        tested = mvops(project, "loadtest", "toy", "--seconds", 0.3, "--json").ok().json()
        assert tested["errors"] == {}
        alone = finish(
            spawn(project, DEPLOYED / "loadtest.py", "--seconds", 0.3, command=("env", f"OLD_KEY={KEY}", "python"))
        )
        assert alone.code == 0, alone
    finally:
        process.terminate()
        process.communicate(timeout=60)
    holding = [path for path in project.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert holding == []
