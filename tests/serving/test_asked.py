"""What a request says beside its rows: how long it waits, how it is called; and what is said of it (XJ5, XO2)."""

from __future__ import annotations

import json
import logging
import re
import threading
import time

import pytest
from hostile_requests import HEAD, raw, rows
from serving_support import LATE, POISON, send

from mvops.serving.journal import JsonLines

ONE = '{"rows": [{"x": 1.0}]}'
HOSTILE = (
    "a\nb",
    "a\r\nX: 1",
    "\x1b[2J\x1b]0;title\x07",
    "a\u2028b\u2029c\x85d",
    "%s%n%d",
    "{0.__class__}",
    "\0",
    "\ud800",
)


class Slow:
    """A model whose every batch takes a while; it says how many rows it was asked for."""

    def __init__(self, endpoint, seconds):
        self.asked = []
        (served,) = endpoint.runtime.router.table.served.values()
        inner = served.batcher._predict

        def predict(columns):
            self.asked.append(len(columns[0]))
            time.sleep(seconds)
            return inner(columns)

        served.batcher._predict = predict


def test_who_waits_no_longer_is_told_and_is_not_predicted_if_still_in_the_queue(regression, local):
    endpoint = local(regression)
    model = Slow(endpoint, 0.8)
    first = threading.Thread(target=endpoint.client.predict, args=([{"x": 1.0}] * 7,))
    first.start()
    time.sleep(0.2)
    started = time.monotonic()
    response, text = send(endpoint.port, "POST", "/predict", ONE, {"X-Request-Timeout": "0.1"})
    assert time.monotonic() - started < 0.5
    assert response.status == 504
    assert "not answered within 0.1 s" in json.loads(text)["detail"]
    first.join()
    assert endpoint.runtime._working == 0
    assert send(endpoint.port, "POST", "/predict", ONE, {"X-Request-Timeout": "9"})[0].status == 200
    assert model.asked == [7, 1]  # the one that was given up is not among them
    # nor is it held against the model
    assert [(arm.requests, arm.errors) for arm in endpoint.client.rollout().arms] == [(2, 0)]


def test_nobody_waits_longer_than_the_endpoint_lets(regression, local):
    regression.settings["predict_timeout"] = 0.2
    endpoint = local(regression)
    Slow(endpoint, 0.6)
    response, text = send(endpoint.port, "POST", "/predict", ONE, {"X-Request-Timeout": "1000"})
    assert (response.status, json.loads(text)["detail"]) == (504, "the model took too long")


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "soon", "", "1,5"])
def test_a_time_to_wait_that_is_none_is_refused(shared, seconds):
    assert send(shared[0].port, "POST", "/predict", rows(LATE), {"X-Request-Timeout": seconds})[0].status == 400


def test_xj5_a_sane_request_id_is_taken_and_is_in_the_answer_and_in_a_problem(shared):
    server, _ = shared
    for name in ("abc", "00-4bf92f3577b34da6a3ce929d0e0e4736-01", "a/b:c.d_e+f=g@h", "x" * 128):
        response, _ = send(server.port, "POST", "/predict", rows(LATE), {"X-Request-ID": name})
        assert response.headers.get_all("x-request-id") == [name]
        response, text = send(server.port, "POST", "/predict", "{", {"X-Request-ID": name})
        assert (response.headers["x-request-id"], json.loads(text)["request_id"]) == (name, name)
    assert send(server.port, "GET", "/nowhere", None, {"X-Request-ID": "lost"})[0].headers["x-request-id"] == "lost"


@pytest.mark.parametrize(
    "name", ["", "x" * 129, "x" * 10_000, "a b", "a;b", "<script>", "-", "\xe9", "a\tb", '"', "%0d%0a"]
)
def test_xj5_any_other_request_id_is_replaced_by_ours(shared, name):
    response, _ = send(shared[0].port, "POST", "/predict", rows(LATE), {"X-Request-ID": name})
    assert response.status == 200
    assert re.fullmatch("[0-9a-f]{32}", response.headers["x-request-id"])


def test_xj5_two_ids_and_one_with_a_line_break_are_none(shared):
    port = shared[0].port
    rest = b"Content-Length: 2\r\nConnection: close\r\n\r\n{}"
    status, answer = raw(port, HEAD + b"X-Request-ID: a\r\nX-Request-ID: b\r\n" + rest)
    assert status == 422
    assert re.search(rb"x-request-id: [0-9a-f]{32}\r\n", answer)
    status, answer = raw(port, HEAD + b"X-Request-ID: a\rb\r\n" + rest)
    assert status == 400 or re.search(rb"x-request-id: [0-9a-f]{32}\r\n", answer)


def test_each_request_has_an_id_of_its_own(shared):
    names = {send(shared[0].port, "GET", "/health/live")[0].headers["x-request-id"] for _ in range(50)}
    assert len(names) == 50


def test_xo2_each_event_is_one_line_of_json_whatever_is_in_it(project, start, tmp_path):
    """A server's own standard error: a model that fails, with a trace of many lines."""
    said = tmp_path / "said"
    server = start(project, stderr=said)
    asked = [send(server.port, "POST", "/predict", rows(POISON), {"X-Request-ID": f"n{number}"}) for number in (0, 1)]
    told = [json.loads(text) for _, text in asked]
    server.stop()
    lines = said.read_bytes().decode("ascii").splitlines()
    events = [json.loads(line) for line in lines]
    assert len(lines) == len(said.read_bytes().splitlines())
    failed = [event for event in events if "error_id" in event]
    assert [(event["error_id"], event["request_id"]) for event in failed] == [
        (problem["error_id"], f"n{n}") for n, problem in enumerate(told)
    ]
    assert all({"time", "level", "event"} <= event.keys() for event in events)
    assert "contains NaN" in failed[0]["exception"]
    assert max(map(len, lines)) < 30_000


@pytest.mark.parametrize("text", [*HOSTILE, "y" * 1_000_000])
def test_xo2_no_text_ends_a_line_or_speaks_to_a_terminal(text):
    record = logging.LogRecord("mvops.serving", logging.ERROR, __file__, 1, "got %s", (text,), None)
    record.told = {"value": text}
    line = JsonLines().format(record)
    assert line.isascii()
    assert line.isprintable()
    assert len(line) < 30_000
    found = json.loads(line)
    assert len(text) > 2000 or (found["event"], found["value"]) == (f"got {text}", text)
