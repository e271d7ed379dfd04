"""The endpoint's HTTP contract, and what it refuses: hardening XJ1 to XJ5, XJ7."""

from __future__ import annotations

import json
import socket
import time
from select import select

import pytest
from hostile_requests import BODIES, DISGUISED, HEAD, HEADERS, PATHS, raw, rows
from serving_support import LATE, MODEL, ON_TIME, POISON, send, wait_for

from mvops.core.prediction import Outcome
from mvops.errors import ServingError
from mvops.serving.client import EndpointClient


def refused(answer, status):
    """Checks that an answer is a problem in the right form and returns it."""
    response, text = answer
    assert response.status == status, text
    assert response.headers["content-type"] == "application/problem+json"
    assert len(text) <= 1024
    told = json.loads(text)
    assert told["status"] == status
    assert "/" not in told["detail"].replace("application/json", "")
    assert "Traceback" not in told["detail"]
    return told


def test_a_prediction_is_answered_and_logged_with_all_that_was_asked(shared):
    server, project = shared
    reply = server.client.predict([LATE, ON_TIME], time="2026-01-31T13:00:00+01:00")
    assert reply.predictions == (1, 0)
    assert reply.model_version == 1
    assert reply.probabilities[0][1] > 0.99
    assert sum(reply.probabilities[1]) == pytest.approx(1)
    assert len(set(reply.prediction_ids)) == 2
    with project.log() as log:
        prediction, outcome = wait_for(lambda: log.find(reply.prediction_ids[1]))
    assert (prediction.inputs, prediction.prediction, prediction.version) == (ON_TIME, 0, 1)
    assert (prediction.arm, prediction.model, outcome) == ("champion", MODEL, None)
    assert prediction.time.isoformat() == "2026-01-31T12:00:00+00:00"
    assert prediction.probability == reply.probabilities[1]
    assert 0 < prediction.latency_ms < 10_000


def test_an_outcome_joins_its_prediction(shared):
    server, project = shared
    reply = server.client.predict([LATE])
    assert server.client.outcomes([(reply.prediction_ids[0], 0)]) == 1
    with project.log() as log:
        found = wait_for(lambda: (log.find(reply.prediction_ids[0]) or (None, None))[1])
    assert isinstance(found, Outcome)
    assert (found.prediction_id, found.outcome) == (reply.prediction_ids[0], 0)


def test_the_example_in_the_openapi_document_works(shared):
    server, _ = shared
    document = json.loads(send(server.port, "GET", "/openapi.json")[1])
    body = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    response, text = send(server.port, "POST", "/predict", json.dumps(body["example"]))
    assert response.status == 200, text
    row = document["components"]["schemas"]["Row"]
    assert row["required"] == ["temp", "hour", "wind", "holiday", "carrier"]
    assert row["properties"]["wind"]["type"] == ["number", "null"]
    assert row["properties"]["hour"]["type"] == "integer"
    assert row["additionalProperties"] is False
    assert document["components"]["schemas"]["Request"]["properties"]["rows"]["maxItems"] == 100


@pytest.mark.parametrize(("body", "status"), [case[1:] for case in BODIES], ids=[case[0] for case in BODIES])
def test_xj1_xj2_xj4_bad_input_is_refused_and_not_logged(shared, body, status):
    server, _ = shared
    before = server.client.rollout()
    refused(send(server.port, "POST", "/predict", body), status)
    assert server.client.rollout() == before


def test_xj4_a_bad_row_is_named(shared):
    server, _ = shared
    told = refused(send(server.port, "POST", "/predict", rows(LATE, LATE | {"temp": "1"})), 422)
    assert told["detail"] == 'row 1, column "temp": must be a finite number'
    assert told["errors"] == [{"row": 1, "column": "temp", "message": "must be a finite number"}]


def test_xj4_a_category_that_training_never_saw_is_answered(shared):
    server, _ = shared
    assert len(server.client.predict([LATE | {"carrier": "ZZ"}]).predictions) == 1


@pytest.mark.parametrize("headers", HEADERS)
def test_xj2_another_content_type_is_refused(shared, headers):
    refused(send(shared[0].port, "POST", "/predict", rows(LATE), headers), 415)


def test_a_charset_that_says_utf_8_is_fine(shared):
    headers = {"Content-Type": "Application/JSON; charset=UTF-8"}
    assert send(shared[0].port, "POST", "/predict", rows(LATE), headers)[0].status == 200


def test_xj3_a_body_over_the_limit_is_refused_with_and_without_its_length(shared):
    server, _ = shared
    assert raw(server.port, HEAD + b"Content-Length: 200001\r\n\r\n")[0] == 413
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    assert raw(server.port, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 4)[0] == 413
    refused(send(server.port, "POST", "/predict", b" " * 200_001), 413)


def test_xj3_a_body_that_never_comes_is_given_up(shared):
    status, answer = raw(shared[0].port, HEAD + b"Content-Length: 100\r\n\r\n", b"{")
    assert status == 408, answer


def test_xj3_a_body_that_trickles_or_never_ends_is_given_up_within_its_time(shared):
    port = shared[0].port
    for head, part in ((b"Content-Length: 9000\r\n\r\n", b" "), (b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n")):
        started = time.monotonic()
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(HEAD + head)
            while not select([connection], [], [], 0.05)[0]:
                connection.sendall(part)
            assert connection.recv(65536).split(b" ", 2)[1] == b"408"
        assert time.monotonic() - started < 3  # one second is what it has


@pytest.mark.parametrize("head", DISGUISED.values(), ids=DISGUISED)
def test_xj5_headers_in_disguise_are_refused(shared, head):
    assert raw(shared[0].port, HEAD + head)[0] in {400, 431}


def test_a_client_that_leaves_halfway_disturbs_nobody(shared):
    server, _ = shared
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(HEAD + b"Content-Length: 100\r\n\r\n{")
    assert server.client.predict([LATE]).predictions == (1,)


@pytest.mark.parametrize(("method", "path", "status"), PATHS)
def test_xj7_other_paths_and_methods_are_refused(shared, method, path, status):
    answer = send(shared[0].port, method, path, rows(LATE) if method == "POST" else None)
    if method == "HEAD":
        assert answer[0].status == status
    else:
        refused(answer, status)


def test_a_poisoned_request_fails_with_an_id_that_is_in_the_log(shared, caplog):
    server, _ = shared
    told = refused(send(server.port, "POST", "/predict", rows(LATE, POISON)), 500)
    assert told["error_id"] in caplog.text
    assert "contains NaN" in caplog.text
    assert "contains NaN" not in told["detail"]
    assert server.client.rollout().arms[0].errors >= 1


def test_health_says_what_serves(shared):
    server, _ = shared
    response, text = send(server.port, "GET", "/health/live")
    assert (response.status, json.loads(text)) == (200, {"live": True})
    details = server.client.ready()
    assert details["ready"] is True
    assert details["model"] == MODEL
    why = {"engine": "estimator", "reason": "the version was registered before there were ONNX graphs"}
    assert details["versions"] == [{"arm": "champion", "version": 1, "weight": 100} | why]
    assert details["spool"]["trouble"] is None
    assert details["log"]["trouble"] is None


def test_metrics_count_by_status_and_never_by_what_a_client_says(shared):
    server, _ = shared
    server.client.predict([LATE, LATE])
    send(server.port, "POST", "/predict", "{")
    send(server.port, "GET", "/nowhere/at/all")
    text = send(server.port, "GET", "/metrics")[1].decode()
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert float(values['mvops_requests_total{path="/predict",status="200"}']) >= 1
    assert float(values['mvops_requests_total{path="/predict",status="400"}']) >= 1
    assert float(values['mvops_predictions_total{arm="champion",version="1"}']) >= 2
    assert float(values["mvops_batch_rows_count"]) >= 1
    assert float(values["mvops_spool_bytes"]) >= 0
    assert "mvops_flush_lag_seconds" in values
    assert float(values["mvops_model_load_failures_total"]) == 0
    assert "nowhere" not in text


def test_the_client_tells_what_the_endpoint_said(shared):
    server, _ = shared
    with pytest.raises(ServingError, match='422: row 0, column "temp": is missing'):
        server.client.predict([{}])
    with pytest.raises(ServingError, match="did not answer"):
        EndpointClient("http://127.0.0.1:9").ready()
    with pytest.raises(ServingError, match="404"):
        EndpointClient(f"{server.url}/elsewhere").ready()
    for url in ("ftp://x", "127.0.0.1:8000", "http://"):
        with pytest.raises(ServingError, match="is not the URL"):
            EndpointClient(url)


def test_a_client_can_give_each_row_its_time(shared):
    server, project = shared
    reply = server.client.predict([LATE, LATE], time=["2026-01-01", "2026-01-02"], key="someone")
    with project.log() as log:
        prediction, _ = wait_for(lambda: log.find(reply.prediction_ids[1]))
    assert prediction.time.day == 2
