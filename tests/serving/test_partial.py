"""XJ4: where an endpoint skips bad rows, the others of a request are answered, in their places, and logged alone."""

from __future__ import annotations

import json

import jsonschema
import pytest
from hostile_requests import rows
from serving_support import LATE, ON_TIME, Local, Project, send, wait_for

from mvops.serving.client import EndpointClient


@pytest.fixture(scope="module")
def skipping(tmp_path_factory, dumped):
    project = Project(tmp_path_factory.mktemp("skipping"), dumped, settings={"bad_rows": "skip"})
    project.version(1)
    project.route(1, champion=1)
    running = Local(project)
    yield running
    running.stop()


BAD = [
    (LATE | {"temp": "warm"}, "temp", "must be a finite number"),
    (LATE | {"hour": None}, "hour", "must not be null"),
    ({name: value for name, value in LATE.items() if name != "wind"}, "wind", "is missing"),
    (LATE | {"x": 1}, "x", "is not a column of this model"),
    ([1], None, "must be an object"),
    (7, None, "must be an object"),
]


def test_xj4_bad_rows_have_null_in_their_places_and_the_others_are_answered(skipping):
    given = [LATE, *(row for row, _, _ in BAD), ON_TIME, LATE]
    response, text = send(skipping.port, "POST", "/predict", rows(*given))
    assert response.status == 200, text
    answer = json.loads(text)
    bad = range(1, len(BAD) + 1)
    assert answer["predictions"] == [1, *[None] * len(BAD), 0, 1]
    for name in ("prediction_ids", "probabilities"):
        assert [index for index, value in enumerate(answer[name]) if value is None] == list(bad)
    assert [(each["row"], each["column"], each["message"]) for each in answer["errors"]] == [
        (index, column, message) for index, (_, column, message) in zip(bad, BAD, strict=True)
    ]
    kept = [name for name in answer["prediction_ids"] if name]
    assert wait_for(lambda: set(kept) <= set(skipping.project.logged_ids()))
    with skipping.project.log() as log:
        logged = [log.find(name)[0] for name in kept]
    assert [(each.inputs, each.prediction) for each in logged] == [(LATE, 1), (ON_TIME, 0), (LATE, 1)]
    reply = EndpointClient(skipping.url).predict([LATE, LATE | {"temp": None}])
    assert (reply.predictions, reply.errors[0].column) == ((1, None), "temp")


def test_xj4_the_document_says_so_and_the_answer_fits_it(skipping):
    document = skipping.client.document()
    schema = document["components"]["schemas"]["Reply"]
    for given in ([LATE], [LATE, [1]]):
        jsonschema.validate(json.loads(send(skipping.port, "POST", "/predict", rows(*given))[1]), schema)
    assert "errors" in schema["required"]


def test_xj4_times_stay_with_their_rows(skipping):
    body = {"rows": [{}, LATE, {}, ON_TIME], "time": [f"2026-01-0{day}" for day in (1, 2, 3, 4)]}
    answer = json.loads(send(skipping.port, "POST", "/predict", json.dumps(body))[1])
    ids = answer["prediction_ids"]
    assert ids[0] is ids[2] is None
    with skipping.project.log() as log:
        assert wait_for(lambda: log.find(ids[3]))
        assert [log.find(ids[row])[0].time.day for row in (1, 3)] == [2, 4]


@pytest.mark.parametrize("body", [rows(*[row for row, _, _ in BAD]), rows(), rows(*[LATE] * 101), '{"rows": {}}'])
def test_xj4_where_no_row_can_be_answered_the_request_is_refused(skipping, body):
    before = skipping.client.rollout()
    response, text = send(skipping.port, "POST", "/predict", body)
    assert (response.status, response.headers["content-type"]) == (422, "application/problem+json")
    assert len(text) <= 1024
    assert skipping.client.rollout() == before


def test_xj4_a_hundred_bad_rows_are_all_named(skipping):
    answer = json.loads(send(skipping.port, "POST", "/predict", rows(*[{"a": 1, "b": 2}] * 99, LATE))[1])
    assert (len(answer["errors"]), answer["predictions"][99]) == (99, 1)


def test_xj4_what_only_the_model_cannot_take_is_skipped_too(tmp_path, dumped, local):
    project = Project(tmp_path, dumped, settings={"bad_rows": "skip"})
    project.version(1, "strict")
    project.route(1, champion=1)
    answer = json.loads(send(local(project).port, "POST", "/predict", rows(LATE, LATE | {"carrier": "ZZ"}))[1])
    assert (answer["predictions"], answer["errors"][0]["row"]) == ([1, None], 1)


def test_xj4_the_same_rows_are_refused_where_nobody_said_to_skip_them(shared):
    assert send(shared[0].port, "POST", "/predict", rows(LATE, {}))[0].status == 422
