"""The examination of every server: the same requests, the same answers, the same prediction log.

What is expected is what the runtime answers that all of them stand on, run in this process.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile_requests import BODIES, DISGUISED, HEAD, HEADERS, PATHS, raw, rows
from server_launcher import Launcher, Running
from serving_support import (
    CLASSIFICATION,
    LATE,
    ON_TIME,
    POISON,
    REGRESSION,
    Local,
    Project,
    classifier,
    doubler,
    send,
    wait_for,
)
from steady_clients import Clients, lost_and_doubled

from mvops.artifacts.models import dump_model
from mvops.core.prediction import LOAD_TEST
from mvops.errors import ServingError
from mvops.serving.client import EndpointClient
from mvops.serving.loadtest import load_test

pytestmark = [pytest.mark.slow, pytest.mark.long(minutes=2)]
SMALL = {"max_body": 200_000, "body_timeout": 1}


@pytest.fixture(scope="module")
def dumped() -> Callable[[str], bytes]:
    made = {"classifier": dump_model(classifier())[0], "doubler": dump_model(doubler())[0]}
    made["tripler"] = dump_model(doubler(3.0))[0]
    return made.__getitem__


def late_or_not(root: Path, dumped: Callable[[str], bytes]) -> Project:
    made = Project(root, dumped, CLASSIFICATION, dict(SMALL))
    made.version(1)
    made.route(1, champion=1)
    return made


@pytest.fixture(scope="module")
def running(shared: Launcher, tmp_path_factory: pytest.TempPathFactory, dumped: Callable[[str], bytes]) -> Running:
    """For the tests that leave it as they find it."""
    return shared.start(late_or_not(tmp_path_factory.mktemp("served"), dumped))


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, dumped: Callable[[str], bytes]) -> Iterator[Local]:
    """What all members are compared with."""
    local = Local(late_or_not(tmp_path_factory.mktemp("expected"), dumped))
    yield local
    local.stop()


@pytest.fixture
def regression(tmp_path: Path, dumped: Callable[[str], bytes]) -> Project:
    """Version 1 doubles, version 2 triples."""
    made = Project(tmp_path, dumped, REGRESSION)
    made.version(1, "doubler")
    made.version(2, "tripler")
    made.route(1, champion=1)
    return made


def told(port: int, method: str, path: str, body: Any = None, headers: Any = None) -> tuple[int, str | None, Any]:
    """Status, content type and body of an answer, without what is never the same twice."""
    response, text = send(port, method, path, body, headers)
    found = json.loads(text) if text.startswith(b"{") else text
    if isinstance(found, dict):
        found = {key: value for key, value in found.items() if key not in {"prediction_ids", "error_id", "request_id"}}
    return response.status, response.headers["content-type"], found


def same(running: Running, expected: Local, *request: Any) -> tuple[int, str | None, Any]:
    answer = told(running.port, *request)
    assert answer == told(expected.port, *request)
    return answer


@pytest.mark.parametrize(("body", "status"), [case[1:] for case in BODIES], ids=[case[0] for case in BODIES])
def test_bad_bodies_meet_the_same_refusal(running: Running, expected: Local, body: Any, status: int) -> None:
    found, kind, problem = same(running, expected, "POST", "/predict", body)
    assert (found, kind, problem["status"]) == (status, "application/problem+json", status)


@pytest.mark.parametrize("headers", HEADERS)
def test_other_content_types_meet_the_same_refusal(running: Running, expected: Local, headers: Any) -> None:
    assert same(running, expected, "POST", "/predict", rows(LATE), headers)[0] == 415


@pytest.mark.parametrize(("method", "path", "status"), PATHS)
def test_other_paths_and_methods_meet_the_same_refusal(
    running: Running, expected: Local, method: str, path: str, status: int
) -> None:
    assert same(running, expected, method, path, rows(LATE) if method == "POST" else None)[0] == status


@pytest.mark.parametrize("head", DISGUISED.values(), ids=DISGUISED)
def test_headers_in_disguise_are_refused(running: Running, head: bytes) -> None:
    assert raw(running.port, HEAD + head)[0] in {400, 431}


def test_bodies_that_are_too_large_or_never_come_are_given_up(running: Running, expected: Local) -> None:
    assert same(running, expected, "POST", "/predict", b" " * 200_001)[0] == 413
    assert raw(running.port, HEAD + b"Content-Length: 200001\r\n\r\n")[0] == 413
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    assert raw(running.port, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 4)[0] == 413
    assert raw(running.port, HEAD + b"Content-Length: 100\r\n\r\n", b"{")[0] == 408


def test_good_rows_get_the_same_predictions(running: Running, expected: Local) -> None:
    for given in ((LATE,), (LATE, ON_TIME), (LATE | {"carrier": "ZZ"},), (LATE,) * 100):
        status, kind, answer = same(running, expected, "POST", "/predict", rows(*given))
        assert (status, kind, len(answer["predictions"])) == (200, "application/json", len(given))
        assert (answer["model_version"], set(answer)) == (1, {"predictions", "model_version", "probabilities"})


def test_a_model_that_fails_gives_the_same_error(running: Running, expected: Local) -> None:
    assert same(running, expected, "POST", "/predict", rows(LATE, POISON))[0] == 500


def test_the_prediction_log_says_the_same(running: Running, expected: Local) -> None:
    body = json.dumps({"rows": [LATE, ON_TIME], "time": "2026-01-31T13:00:00+01:00"})
    logged = [logged_after(server, body) for server in (running, expected)]
    assert logged[0] == logged[1]
    assert logged[0][0][0]["inputs"] == LATE
    assert [entry[2] for entry in logged[0]] == [0, None]


def logged_after(server: Running | Local, body: str) -> list[tuple[Any, bool, Any]]:
    """What the log says of a request's predictions, with the first one's outcome."""
    ids = json.loads(send(server.port, "POST", "/predict", body)[1])["prediction_ids"]
    assert server.client.outcomes([(ids[0], 0)]) == 1
    with server.project.log() as log:
        assert wait_for(lambda: (log.find(ids[0]) or (None, None))[1], 30)
        found = [log.find(name) for name in ids]
    return [
        (
            prediction.model_dump(exclude={"id", "latency_ms"}),
            0 < prediction.latency_ms < 60_000,
            outcome and outcome.outcome,
        )
        for prediction, outcome in found
    ]


def test_a_load_tests_predictions_are_logged_and_count_for_no_arm(running: Running) -> None:
    before = running.client.rollout()
    report = load_test(running.url, [{"rows": [LATE, ON_TIME]}], seconds=0.3, clients=2)
    assert (report.errors, report.rows) == ({}, 2 * report.requests)
    assert running.client.rollout() == before

    def tested() -> int:
        with running.project.log() as log:
            return sum(prediction.arm == LOAD_TEST for _, prediction in log.read("delay", 0, 1_000_000))

    assert wait_for(lambda: tested() == report.rows + 2, 30)  # and the first request, which is not measured


def test_bad_outcomes_meet_the_same_refusal(running: Running, expected: Local) -> None:
    for outcomes in ([], [{"prediction_id": "x"}], [{"prediction_id": "x", "outcome": "late"}], {}):
        assert same(running, expected, "POST", "/outcomes", json.dumps({"outcomes": outcomes}))[0] == 422


def test_the_other_routes_say_the_same(running: Running, expected: Local) -> None:
    assert same(running, expected, "GET", "/health/live")[0] == 200
    assert same(running, expected, "GET", "/openapi.json")[0] == 200
    details = running.client.ready()
    assert details.keys() == expected.client.ready().keys()
    assert details["versions"] == expected.client.ready()["versions"]
    assert (details["ready"], [each["version"] for each in details["versions"]]) == (True, [1])
    assert names(running.port) == names(expected.port) >= {"mvops_requests_total", "mvops_predict_seconds_bucket"}
    assert [(arm.arm, arm.version) for arm in running.client.rollout().arms] == [("champion", 1)]


def names(port: int) -> set[str]:
    """The series in /metrics."""
    running_lines = send(port, "GET", "/metrics")[1].decode().splitlines()
    return {line.partition("{")[0].partition(" ")[0] for line in running_lines if not line.startswith("#")}


def test_versions_change_within_a_second_and_no_request_fails(shared: Launcher, regression: Project) -> None:
    running = shared.start(regression)
    versions: list[tuple[float, int]] = []
    failed: list[Exception] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            try:
                reply = running.client.predict([{"x": 1.0}])
            except ServingError as error:
                failed.append(error)
            else:
                assert reply.predictions[0] == pytest.approx(reply.model_version + 1)
                versions.append((time.monotonic(), reply.model_version))
            time.sleep(0.01)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        assert wait_for(lambda: len(versions) > 5)
        for serial, champion in enumerate((2, 1), start=2):
            regression.route(serial, champion=champion)
            changed = time.monotonic()
            assert wait_for(lambda wanted=champion: versions[-1][1] == wanted, 10)
            assert versions[-1][0] - changed < 1.5  # a second, and what a busy machine adds
    finally:
        done.set()
        asking.join(30)
    assert failed == []

    regression.route(4, champion=1, challenger=2, share=25)
    assert wait_for(lambda: running.client.rollout().serial == 4)
    split = Counter(running.client.predict([{"x": 1.0}]).model_version for _ in range(200))
    assert 20 <= split[2] <= 85  # 50 expected; outside once in a million runs
    keyed = [{running.client.predict([{"x": 1.0}], key=str(key)).model_version for _ in range(3)} for key in range(20)]
    assert all(len(found) == 1 for found in keyed)
    counts = {arm.arm: arm.requests for arm in running.client.rollout().arms}
    assert sum(counts.values()) == 260
    assert counts["challenger"] == split[2] + 3 * sum(found == {2} for found in keyed)


def test_kill_9_loses_nothing_acknowledged_and_sigterm_drains(shared: Launcher, regression: Project) -> None:
    regression.settings["drain_delay"] = 0.5
    running = shared.start(regression)
    clients = Clients(running.port, 4)
    assert wait_for(lambda: len(clients.acknowledged) > 40, 30)
    os.kill(running.process.process.pid, signal.SIGKILL)
    running.process.ended()
    clients.stop()
    acknowledged = list(clients.acknowledged)
    assert not [failure for failure in clients.failures if isinstance(failure, tuple)]

    running = shared.start(regression)
    clients = Clients(running.port, 4)
    assert wait_for(lambda: len(clients.acknowledged) > 40, 30)
    running.process.send(signal.SIGTERM)
    assert wait_for(lambda: unready(running.url), 5)
    assert running.process.ended() == 0, running.process.said
    clients.stop()
    assert not [failure for failure in clients.failures if isinstance(failure, tuple)]
    acknowledged += clients.acknowledged
    assert lost_and_doubled(regression, acknowledged) == (set(), [])
    assert list(regression.spool.iterdir()) == []


def test_xu1_keys_are_asked_for_alike(
    shared: Launcher, tmp_path: Path, dumped: Callable[[str], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On all paths, those of the server's own too."""
    key = "contract-key-0123456789"
    monkeypatch.setenv("DELAY_KEY", key)
    project = late_or_not(tmp_path, dumped)
    project.settings["auth"] = {"keys": [{"secret": "DELAY_KEY"}]}
    running = shared.start(project)
    paths = ("/", "/metrics", "/openapi.json", "/rollout", "/schema.json", "/docs.json", "/nowhere", "/health/live/x")
    asked = [("GET", path, None) for path in paths] + [("POST", "/predict", rows(LATE)), ("POST", "/livez", "{}")]
    for method, path, body in asked:
        for headers in ({}, {"X-API-Key": key + "x"}):
            assert told(running.port, method, path, body, headers)[0] == 401, path
        assert told(running.port, method, path, body, {"X-API-Key": key})[0] in {200, 403, 404, 405}, path
    assert told(running.port, "GET", "/health/live")[0] == 200
    assert told(running.port, "GET", "/health/ready")[2] == {"ready": True}
    assert EndpointClient(running.url, key=key).predict([LATE]).predictions == (1,)


def unready(url: str) -> bool:
    """Whether it still answers, and says no."""
    try:
        EndpointClient(url).ready()
    except ServingError as error:
        return "not ready" in str(error)
    return False


@pytest.mark.parametrize("workers", [1, 2])
def test_what_cannot_be_served_is_said_and_nothing_is_left(shared: Launcher, regression: Project, workers: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = shared.process(regression, workers, port)
        assert process.ended() == 1
    assert process.said[-2:] == [f"error: port {port} is taken", f"Choose another: --port {port + 1}"]
    (regression.state / "route.json").unlink()
    process = shared.process(regression, workers)
    assert process.ended() == 1
    assert process.said[-2:] == ["error: delay has no version to serve yet", "Make one with: mvops apply"]
    assert not regression.spool.exists()
