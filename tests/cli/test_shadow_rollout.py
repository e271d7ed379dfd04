"""A challenger in the shadow, from YAML to its end: planned, compared, told, decided."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from toy_project import edit, mvops, port_of, spawn, until

from mvops.registry.predictions import PredictionLog
from mvops.serving.client import EndpointClient, Reply

pytestmark = pytest.mark.xdist_group("cli-toy")
ROW = {"age": 40.0, "income": 20000.0, "region": "a"}
YAML = "configs/models/toy.yaml"


@pytest.fixture
def shadowed(project: Path) -> Iterator[tuple[Path, EndpointClient]]:
    """Version 2, another model, answers beside version 1; a person is to decide."""
    edit(project / YAML, "rollout: {hold: 1s", "rollout: {strategy: shadow, then: wait, hold: 1s")
    assert "    the gate's yes makes it a shadow, asked 100 % of the requests for 1s; then what you decide" in (
        mvops(project, "plan", "models.toy.pipeline.parameters.C=0.01").ok(0).out
    )
    process = spawn(project, "serve", "toy")
    client = EndpointClient(f"http://127.0.0.1:{port_of(project)}", timeout=30)
    try:
        client.ready(timeout=60)
        edit(project / YAML, "C: 1.0", "C: 0.01")
        mvops(project, "apply", "--yes").ok()
        until(lambda: (client.predict([ROW]), client.rollout().shadow)[1], timeout=60)
        until(lambda: (client.predict([ROW]), client.rollout().shadow.requests)[1], timeout=120)
        yield project, client
    finally:
        process.terminate()
        process.communicate(timeout=60)


def ask(client: EndpointClient, rows: int = 40) -> None:
    before = client.rollout().shadow.rows
    for age in range(20, 20 + rows):
        assert client.predict([ROW | {"age": float(age)}]).model_version == 1, "nobody gets the shadow's answers"
    until(lambda: client.rollout().shadow.rows >= before + rows)


def test_a_shadow_is_compared_and_a_person_decides(shadowed: tuple[Path, EndpointClient]) -> None:
    project, client = shadowed
    ask(client)
    said = until(lambda: (o := mvops(project, "rollout", "status", "toy").ok().out).count("waits for you") and o)
    assert said.startswith("shadow of version 2 waits for you: Version 2 has ")
    assert "you decide: mvops versions promote toy 2 --reason WHY, or mvops rollout abort toy" in said
    found = mvops(project, "rollout", "status", "toy", "--json").ok().json()["rollout"]
    shadow = found["shadow"]
    assert (found["decision"], shadow["errors"]) == ("wait", 0)
    assert 0 < shadow["mean_difference"] < 0.5
    assert 0 <= shadow["disagreement"] < 0.5
    assert f"disagrees  {shadow['disagreement']:.2%} of the rows have another class" in said
    assert "rows), 0 failed, " in said  # what came before it was loaded may have been dropped
    followed = mvops(project, "rollout", "status", "toy", "--follow").ok()
    assert "waits for you" in followed.out + followed.err, "it is not followed for ever"

    assert "version 2 answers in the shadow" in mvops(project, "status").ok().out
    listed = mvops(project, "versions", "list", "toy", "--json").ok().json()["versions"]
    assert [(line["role"], line["share"]) for line in listed] == [("shadow", 0), ("champion", 100)]
    assert "toy: version 2 is a shadow; how it goes: mvops rollout status toy" in mvops(project, "plan").ok().out
    with PredictionLog.open("sqlite:///.mvops/predictions.db", project) as log:
        arms = {(p.arm, p.version) for _, p in log.read("toy", 0, 10_000)}
    assert arms == {("champion", 1), ("shadow", 2)}
    assert mvops(project, "monitor", "toy", "--json").ok().json()["models"][0]["rollout"]["decision"] == "wait"

    mvops(project, "versions", "promote", "toy", "2", "--reason", "no difference that matters").ok()
    until(lambda: client.predict([ROW]).model_version == 2)
    assert mvops(project, "rollout", "status", "toy", "--json").ok().json()["rollout"] is None


@pytest.mark.system
def test_a_shadow_becomes_a_canary_or_is_aborted(shadowed: tuple[Path, EndpointClient]) -> None:
    project, client = shadowed
    ask(client)
    edit(project / YAML, "then: wait", "then: canary")
    said = until(lambda: (o := mvops(project, "rollout", "status", "toy").ok().out).count("goes on") and o)
    assert "canary of version 2 (5 %) goes on: Version 2 goes from the shadow to 5 % of the traffic" in said
    until(lambda: client.predict([ROW]).model_version == 2)
    assert "version 2 has 5 % of the traffic" in mvops(project, "status").ok().out
    mvops(project, "rollout", "abort", "toy").ok()

    edit(project / YAML, "then: canary", "then: replace")
    mvops(project, "retrain", "toy", "--force", "--no-wait").ok()
    until(lambda: client.rollout().shadow is not None)
    until(lambda: (client.predict([ROW]), client.rollout().shadow.requests)[1], timeout=120)
    ask(client)
    until(lambda: "Version 3 becomes champion" in mvops(project, "rollout", "status", "toy").ok().out)
    until(lambda: client.predict([ROW]).model_version == 3)


@pytest.mark.system
def test_outcomes_that_the_shadow_did_not_foresee_end_it(shadowed: tuple[Path, EndpointClient]) -> None:
    project, client = shadowed
    edit(project / YAML, "then: wait, hold: 1s", "then: wait, hold: 1h")
    edit(project / YAML, "error_rate: 0.2", "error_rate: 0.2, prediction_drift: 0.9, quality: 0.05")
    replies: list[Reply] = []

    def asked() -> bool:
        found = client.rollout().shadow
        return found.requests + found.dropped >= len(replies)

    while client.rollout().shadow.rows < 3000:  # while it loads, requests are dropped
        replies += [client.predict([ROW | {"age": 20.0 + number}] * 10) for number in range(50)]
        until(asked)  # no faster than it answers
    assert mvops(project, "rollout", "status", "toy", "--json").ok().json()["rollout"]["decision"] == "hold"
    given = [pair for reply in replies for pair in zip(reply.prediction_ids, reply.predictions, strict=True)]
    for begin in range(0, len(given), 1000):
        client.outcomes(given[begin : begin + 1000])  # the champion was right every time
    said = until(lambda: (o := mvops(project, "rollout", "status", "toy").ok().out).count("aborted") and o)
    assert "outcomes the mean loss of version 2 is" in said
    assert "5% more are allowed." in said
    assert until(lambda: client.rollout().shadow is None, timeout=30)
    assert "rolled back" in mvops(project, "versions", "list", "toy").ok().out
