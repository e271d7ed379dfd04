"""What a load test counts, against endpoints that answer, refuse, hang up, or speak no HTTP."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from serving_support import Local, Project, wait_for

from mvops.core.prediction import LOAD_TEST
from mvops.errors import ServingError
from mvops.serving.loadtest import example_of, load_test


def test_the_example_is_asked_and_every_answer_is_in_the_log(
    regression: Project, local: Callable[[Project], Local]
) -> None:
    url = local(regression).url
    body = example_of(url)
    assert body == {"rows": [{"x": 1.0}]}
    report = load_test(url, [{"rows": body["rows"] * 3}], seconds=0.5, clients=4)
    assert report.errors == {}
    assert report.rows == 3 * report.requests
    assert report.seconds >= 0.5
    with regression.log() as log:
        assert wait_for(lambda: log.count("delay") == report.rows + 3)  # and the first, which was not measured
        assert {prediction.arm for _, prediction in log.read("delay", 0, 100_000)} == {LOAD_TEST}


def test_a_load_test_says_nothing_about_the_arm(regression: Project, local: Callable[[Project], Local]) -> None:
    endpoint = local(regression)
    load_test(endpoint.url, [example_of(endpoint.url)], seconds=0.2, clients=1)
    endpoint.client.predict([{"x": 1.0}])
    (arm,) = endpoint.client.rollout().arms
    assert (arm.requests, arm.rows) == (1, 1)
    assert b'mvops_predictions_total{arm="champion",version="1"} 1.0' in endpoint.runtime.metrics.text()


def test_refusals_are_counted_by_status(regression: Project, local: Callable[[Project], Local]) -> None:
    regression.settings["max_waiting"] = 1
    url = local(regression).url
    alone = load_test(url, [example_of(url), {"rows": [{"x": "1"}]}], seconds=0.5, clients=1)
    crowded = load_test(url, [example_of(url)], seconds=0.5, clients=6)
    assert alone.errors["422"] > 0
    assert crowded.errors["503"] > 0
    for report in (alone, crowded):
        assert report.requests == report.rows + sum(report.errors.values())
        assert report.error_rate == sum(report.errors.values()) / report.requests


def test_an_endpoint_that_refuses_the_first_request_is_not_asked_again(
    regression: Project, local: Callable[[Project], Local]
) -> None:
    with pytest.raises(ServingError, match='422: row 0, column "x"'):
        load_test(local(regression).url, [{"rows": [{"x": "1"}]}], seconds=60, clients=1)


GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture
def answering() -> Iterator[Callable[[bytes], str]]:
    """A server whose first connection is answered well, and all others with these bytes, after which it hangs up."""
    listening = socket.create_server(("127.0.0.1", 0))

    def start(others: bytes) -> str:
        def serve() -> None:
            answer = GOOD
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)
                answer = others

        threading.Thread(target=serve, daemon=True).start()
        return f"http://127.0.0.1:{listening.getsockname()[1]}"

    yield start
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()


@pytest.mark.parametrize("others", [b"", b"SSH-2.0-OpenSSH\r\n", GOOD[:30]], ids=["nothing", "no HTTP", "half"])
def test_what_is_no_answer_is_counted_as_none(answering: Callable[[bytes], str], others: bytes) -> None:
    report = load_test(answering(others), [{"rows": [{"x": 1.0}]}], seconds=0.3, clients=2)
    assert report.errors == {"no answer": report.requests}
    assert (report.p99_ms, report.per_second, report.error_rate) == (None, 0, 1)
    assert report.requests < 20  # it does not hammer


def test_whoever_hangs_up_after_each_answer_is_asked_anew(answering: Callable[[bytes], str]) -> None:
    report = load_test(answering(GOOD), [{"rows": [{"x": 1.0}]}], seconds=0.3, clients=1)
    assert report.requests - sum(report.errors.values()) > 0


@pytest.mark.parametrize(("seconds", "clients"), [(0, 1), (601, 1), (1, 0), (1, 257), (float("nan"), 1)])
def test_it_is_bounded(seconds: float, clients: int) -> None:
    with pytest.raises(ServingError, match="1 to 256 clients and takes at most 600 seconds"):
        load_test("http://127.0.0.1:9", [{"rows": []}], seconds=seconds, clients=clients)
