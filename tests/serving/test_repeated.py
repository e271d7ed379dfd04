"""XJ6: a request that is asked again under its key is answered as before and logged once, whatever happened between."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import signal
import sqlite3
import threading
import time

import pytest
from hostile_requests import rows
from serving_support import LATE, ON_TIME, send, wait_for

from mvops.serving.problems import Problem
from mvops.serving.repeated import Made, Repeated


def once(key):
    return {"Idempotency-Key": key}


def ask(port, key, *given, **headers):
    response, text = send(port, "POST", "/predict", rows(*given), once(key) | headers)
    return response.status, text, response.headers.get("idempotency-replayed")


def test_xj6_the_same_key_and_body_get_the_same_answer_and_one_record(shared):
    server, project = shared
    first = ask(server.port, "a", LATE, ON_TIME)
    before = server.client.rollout()
    assert ask(server.port, "a", LATE, ON_TIME) == (200, first[1], "true")
    assert (first[0], first[2]) == (200, None)
    assert server.client.rollout() == before  # the model was not asked again
    ids = json.loads(first[1])["prediction_ids"]
    other = json.loads(ask(server.port, "b", LATE, ON_TIME)[1])["prediction_ids"]
    assert set(ids).isdisjoint(other)
    assert wait_for(lambda: set(ids + other) <= set(project.logged_ids()))
    logged = project.logged_ids()
    assert [logged.count(name) for name in ids] == [1, 1]


def test_xj6_another_body_under_the_same_key_is_a_conflict(shared):
    server, _ = shared
    first = ask(server.port, "conflict", LATE)
    status, text, _ = ask(server.port, "conflict", ON_TIME)
    assert (status, json.loads(text)["status"]) == (409, 409)
    assert ask(server.port, "conflict", LATE)[1] == first[1]


@pytest.mark.parametrize("key", ["", "x" * 201, "a\tb", "schl\xfcssel"])
def test_xj6_what_is_no_key_is_refused(shared, key):
    assert ask(shared[0].port, key, LATE)[0] == 400


def test_xj6_what_was_refused_may_be_asked_again(shared):
    server, _ = shared
    assert ask(server.port, "again", {})[0] == 422
    assert ask(server.port, "again", LATE)[0] == 200


def test_xj6_many_at_once_under_one_key_are_one(regression, local):
    endpoint = local(regression)
    got = []

    def one():
        got.append(send(endpoint.port, "POST", "/predict", '{"rows": [{"x": 1.0}]}', once("all")))

    threads = [threading.Thread(target=one) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {response.status for response, _ in got} == {200}
    assert len({text for _, text in got}) == 1
    assert endpoint.client.rollout().arms[0].requests == 1
    assert wait_for(regression.logged_ids) == json.loads(got[0][1])["prediction_ids"]


def test_xj6_after_kill_9_the_answer_is_the_one_that_is_logged(regression, start):
    """Killed while requests come in: each is asked again under its key, and all that were answered are as before."""
    body = '{"rows": [{"x": 1.0}]}'
    answers: dict[str, bytes] = {}
    for life in range(3):
        server = start(regression)
        stopping = threading.Event()

        def work(worker, port=server.port, life=life, stopping=stopping):
            for number in range(10_000):
                key = f"{life}-{worker}-{number}"
                with contextlib.suppress(OSError, http.client.HTTPException):
                    response, text = send(port, "POST", "/predict", body, once(key))
                    assert response.status == 200
                    answers[key] = text
                    continue
                answers.setdefault(key, b"")  # unknown: it may have been logged
                return

        workers = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for worker in workers:
            worker.start()
        time.sleep(1)
        os.kill(server.pid, signal.SIGKILL)
        for worker in workers:
            worker.join()
        server.ended()
    assert len(answers) > 30
    assert sum(not text for text in answers.values()) >= 3
    server = start(regression)
    again = {key: send(server.port, "POST", "/predict", body, once(key)) for key in answers}
    assert {response.status for response, _ in again.values()} == {200}
    assert not [key for key, text in answers.items() if text and again[key][1] != text]
    assert server.stop() == 0
    ids = [json.loads(text)["prediction_ids"][0] for _, text in again.values()]
    assert sorted(regression.logged_ids()) == sorted(ids)


def test_xj6_what_is_too_old_or_too_much_is_forgotten(regression, local):
    regression.settings |= {"keep_answers": 1.0, "max_answers": 8000}
    endpoint = local(regression)
    first = send(endpoint.port, "POST", "/predict", '{"rows": [{"x": 1.0}]}', once("old"))[1]
    time.sleep(1.1)
    assert send(endpoint.port, "POST", "/predict", '{"rows": [{"x": 1.0}]}', once("old"))[1] != first
    for number in range(120):
        assert send(endpoint.port, "POST", "/predict", '{"rows": [{"x": 1.0}]}', once(f"{number}"))[0].status == 200
    with contextlib.closing(sqlite3.connect(regression.state / "answers.db")) as database:
        kept = database.execute("SELECT count(*), sum(length(reply)), max(length(record)) FROM answers").fetchone()
    assert 0 < kept[1] < 16_000
    assert kept[2] == 0  # no row of a caller stays


def test_xj6_without_a_place_for_answers_a_request_under_a_key_is_told_to_come_back(regression, local):
    endpoint = local(regression)
    (regression.state / "answers.db").mkdir()
    response, _ = send(endpoint.port, "POST", "/predict", '{"rows": [{"x": 1.0}]}', once("k"))
    assert (response.status, response.headers["retry-after"]) == (503, "1")
    assert endpoint.client.predict([{"x": 1.0}]).predictions[0] == pytest.approx(2)
    (regression.state / "answers.db").rmdir()
    assert send(endpoint.port, "POST", "/predict", '{"rows": [{"x": 1.0}]}', once("k"))[0].status == 200


def test_xj6_two_processes_that_answer_at_once_give_the_answer_that_was_kept_first(tmp_path):
    logged: list[bytes] = []

    async def log(record: bytes) -> None:
        logged.append(record)

    async def both() -> list[tuple[bytes, bool]]:
        one, other = Repeated(tmp_path, 60, 1000), Repeated(tmp_path, 60, 1000)

        async def slow() -> Made:
            first.append(await other.answer(b"k", b"body", quick, log))
            return Made(b"late", b"late record")

        async def quick() -> Made:
            return Made(b"early", b"early record")

        first: list[tuple[bytes, bool]] = []
        second = await one.answer(b"k", b"body", slow, log)
        with pytest.raises(Problem, match="another body"):
            await one.answer(b"k", b"else", quick, log)
        one.close()
        other.close()
        return [*first, second]

    assert asyncio.run(both()) == [(b"early", False), (b"early", False)]
    assert logged == [b"early record"]
