from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from pydantic import ValidationError

from mvops.core.alert import Alert
from mvops.core.config.model import Rollout
from mvops.core.rollout import RolloutState
from mvops.lifecycle.evidence import ArmEvidence, Evidence
from mvops.lifecycle.rollout import Decision, after, decide, first_route, route_for, shares_of

START = datetime(2013, 4, 1, tzinfo=UTC)
LATER = START + timedelta(hours=1)


def canary(**abort) -> Rollout:
    return Rollout.model_validate({"strategy": "canary", "hold": "30m", "abort": abort})


def running(step: int = 0, shares: tuple[int, ...] = (5, 25, 100)) -> RolloutState:
    return RolloutState(
        id=1, model="m", champion=3, challenger=4, shares=shares, step=step, status="running", reason="retrained",
        started=START, step_started=START,
    )  # fmt: skip


def seen(requests=100, errors=0, rows=100, p99=None, **more) -> Evidence:
    champion = more.pop("champion", ArmEvidence(requests=1000, rows=1000))
    ours = ArmEvidence(requests=requests, errors=errors, rows=rows, latency_p99=p99)
    return Evidence(champion=champion, challenger=ours, **more)


def alert(**changes) -> Alert:
    base = {
        "id": 1, "model": "m", "version": 4, "kind": "drift", "key": "drift:temp", "status": "open",
        "severity": "warning", "opened": START, "last_seen": START, "windows": 1, "reason": "temp is 9 degrees higher.",
    }  # fmt: skip
    return Alert.model_validate(base | changes)


def weights(route) -> dict[str, tuple[int, int]]:
    return {arm.arm: (arm.version, arm.weight) for arm in route.arms}


def test_routes_follow_the_state(make_version):
    assert weights(first_route(make_version(7))) == {"champion": (7, 100)}
    assert first_route(make_version(7), serial=5).serial == 5
    assert weights(route_for(running(0), 2)) == {"champion": (3, 95), "challenger": (4, 5)}
    assert weights(route_for(running(2), 4)) == {"champion": (3, 0), "challenger": (4, 100)}
    done = after(running(2), Decision(action="done", sentence="x"), LATER)
    assert weights(route_for(done, 5)) == {"champion": (4, 100)}
    aborted = after(running(1), Decision(action="abort", sentence="x"), LATER)
    assert weights(route_for(aborted, 5)) == {"champion": (3, 100)}
    assert route_for(aborted, 5).serial == 5


def test_a_good_challenger_goes_all_the_way_and_every_share_is_held():
    state, said = running(), []
    for _ in range(3):
        early = decide(state, canary(), seen(), state.step_started + timedelta(minutes=29))
        assert early.action == "hold"
        assert early.sentence == "This step has lasted 1740 s of 30m."
        now = state.step_started + timedelta(minutes=30)
        decision = decide(state, canary(), seen(), now)
        said.append((decision.action, decision.sentence))
        state = after(state, decision, now)
    assert said == [
        ("advance", "Version 4 goes from 5 % to 25 % of the traffic: 100 predictions without objection."),
        ("advance", "Version 4 goes from 25 % to 100 % of the traffic: 100 predictions without objection."),
        ("done", "Version 4 becomes champion: 100 predictions without objection at 100 %."),
    ]
    assert (state.status, state.step, state.finished) == ("done", 2, START + timedelta(minutes=90))
    assert state.reason == said[-1][1]
    assert decide(state, canary(), seen(errors=100), LATER).action == "hold"
    assert after(state, Decision(action="abort", sentence="too late"), LATER) is state


def test_k3_silence_is_no_reason_to_go_on():
    quiet = decide(running(), canary(), Evidence(), LATER + timedelta(days=30))
    assert (quiet.action, quiet.sentence) == ("hold", "Version 4 has answered 0 of 50 predictions.")
    careless = Rollout.model_validate({"strategy": "canary", "hold": "0s", "min_predictions": 0})
    assert decide(running(), careless, Evidence(), LATER).action == "hold"
    assert decide(running(), careless, seen(requests=1, rows=1), LATER).action == "advance"


def test_a_challenger_that_gets_nothing_while_the_champion_works_is_pointed_out():
    asked = Evidence(champion=ArmEvidence(requests=500, rows=500))
    assert "has the endpoint loaded it?" in decide(running(), canary(), asked, LATER).sentence
    few = Evidence(champion=ArmEvidence(requests=100, rows=100))
    assert "loaded" not in decide(running(), canary(), few, LATER).sentence


def test_k1_failing_hard_aborts_after_ten_requests_without_waiting():
    nine, ten = (seen(requests=n, errors=n, rows=0) for n in (9, 10))
    assert decide(running(), canary(), nine, START).action == "hold"
    decision = decide(running(), canary(), ten, START)
    assert decision.action == "abort"
    assert decision.sentence == "Version 4 failed 10 of 10 requests (1); 0.01 is allowed."
    state = after(running(), decision, LATER)
    assert (state.status, state.finished, state.reason) == ("aborted", LATER, decision.sentence)


def test_one_error_in_twenty_holds_but_does_not_abort():
    decision = decide(running(), canary(), seen(requests=20, errors=1, rows=60), LATER)
    assert decision.action == "hold"
    assert "failed 1 of 20 requests (0.05); 0.01 is allowed; too few to tell chance from fault." in decision.sentence
    assert decide(running(), canary(), seen(requests=100, errors=1), LATER).action == "advance"


def test_a_champion_that_errs_as_well_raises_the_bar():
    rough = ArmEvidence(requests=1000, errors=100, rows=900)
    same = seen(requests=100, errors=10, rows=90)
    assert decide(running(), canary(), same, LATER).action == "abort"
    assert decide(running(), canary(), same.model_copy(update={"champion": rough}), LATER).action == "advance"
    worse = decide(running(), canary(), seen(requests=100, errors=60, rows=90, champion=rough), LATER)
    assert worse.action == "abort"
    assert worse.sentence.endswith("the champion failed 100 of 1,000 requests (0.1).")


def test_an_error_rate_of_nought_allows_none_and_a_rule_can_be_off():
    one = seen(requests=100, errors=1)
    assert decide(running(), canary(error_rate=0), one, LATER).action == "abort"
    assert decide(running(), canary(error_rate=0), seen(requests=9, errors=1), LATER).action == "hold"
    all_wrong = seen(requests=100, errors=99)
    assert decide(running(), canary(error_rate=None), all_wrong, LATER).action == "advance"
    assert decide(running(), canary(error_rate=1), all_wrong, LATER).action == "advance"


@pytest.mark.parametrize(
    ("p99", "requests", "champion_requests", "action"),
    [
        (19.0, 1000, 1000, "advance"),
        (21.0, 1000, 1000, "hold"),  # above 2x, within the margin
        (24.0, 1000, 1000, "abort"),
        (99.0, 199, 1000, "advance"),  # below the smallest sample
        (99.0, 1000, 199, "advance"),
        (99.0, 200, 200, "abort"),
        (None, 1000, 1000, "advance"),
    ],
)
def test_latency(p99, requests, champion_requests, action):
    champion = ArmEvidence(requests=champion_requests, rows=1, latency_p99=10.0)
    decision = decide(running(), canary(latency_p99="2x"), seen(requests=requests, p99=p99, champion=champion), LATER)
    assert decision.action == action
    assert decide(running(), canary(), seen(requests=requests, p99=p99, champion=champion), LATER).action == "advance"
    if action == "abort":
        assert f"is {p99:g} ms, the champion's 10 ms: {p99 / 10:.3g}x where 2x is allowed." in decision.sentence


def test_a_champion_that_answers_in_no_time_is_not_compared():
    champion = ArmEvidence(requests=1000, rows=1000, latency_p99=0.0)
    decision = decide(running(), canary(latency_p99="2x"), seen(requests=1000, p99=1.0, champion=champion), LATER)
    assert decision.action == "advance"


@pytest.mark.parametrize(
    ("changes", "action"),
    [
        ({}, "abort"),
        ({"kind": "prediction"}, "abort"),
        ({"kind": "performance"}, "advance"),
        ({"status": "resolved"}, "advance"),
        ({"version": 3}, "advance"),
        ({"model": "other"}, "advance"),
    ],
)
def test_drift(changes, action):
    evidence = seen(alerts=(alert(**changes),))
    decision = decide(running(), canary(drift="alert"), evidence, LATER)
    assert decision.action == action
    assert decide(running(), canary(), evidence, LATER).action == "advance"
    if action == "abort":
        assert decision.sentence == "An alert is open for version 4: temp is 9 degrees higher."


def test_all_reasons_are_given():
    evidence = seen(requests=20, errors=20, rows=0, alerts=(alert(),))
    sentence = decide(running(), canary(drift="alert"), evidence, LATER).sentence
    assert "An alert is open" in sentence
    assert "failed 20 of 20" in sentence


def test_c1_a_clock_that_jumps_back_holds_and_a_steady_one_is_preferred():
    back = decide(running(), canary(), seen(), START - timedelta(days=2))
    assert (back.action, back.sentence) == ("hold", "This step has lasted 0 s of 30m.")
    assert decide(running(), canary(), seen(seconds_in_step=1800.0), START - timedelta(days=2)).action == "advance"
    assert decide(running(), canary(), seen(seconds_in_step=1.0), START + timedelta(days=2)).action == "hold"


def test_replace_is_done_at_once_and_a_single_step_is_held():
    assert decide(running(shares=(100,)), Rollout(), Evidence(), START).action == "done"
    assert decide(running(shares=(100,)), canary(), Evidence(), LATER).action == "hold"
    assert decide(running(shares=(100,)), canary(), seen(), LATER).action == "done"


SEEN = "100 predictions without objection"
WAYS = "mvops versions promote m 4 --reason WHY, or mvops rollout abort m"


def shadow(then: str, **abort) -> Rollout:
    return Rollout.model_validate({"strategy": "shadow", "then": then, "hold": "30m", "abort": abort})


@pytest.mark.parametrize(
    ("then", "action", "sentence"),
    [
        ("canary", "advance", f"Version 4 goes from the shadow to 5 % of the traffic: {SEEN}."),
        ("replace", "done", f"Version 4 becomes champion: {SEEN} in the shadow."),
        ("wait", "wait", f"Version 4 has {SEEN} in the shadow; you decide: {WAYS}"),
    ],
)
def test_a_shadow_ends_as_it_was_said(then, action, sentence):
    settings = shadow(then)
    state = running(shares=shares_of(settings))
    assert (state.shares, state.words) == ((0, 5, 25, 100), "shadow")
    route = route_for(state, 2, 40)
    assert weights(route) == {"champion": (3, 100)}
    assert (route.shadow.version, route.shadow.weight) == (4, 40)
    assert decide(state, settings, seen(), START + timedelta(minutes=29)).action == "hold"
    assert decide(state, settings, seen(requests=49, rows=49), LATER).action == "hold"
    decision = decide(state, settings, seen(), LATER)
    assert (decision.action, decision.sentence) == (action, sentence)
    moved = after(state, decision, LATER)
    assert (moved is state) == (then == "wait")
    if then == "canary":
        assert weights(route_for(moved, 3)) == {"champion": (3, 95), "challenger": (4, 5)}
        assert route_for(moved, 3).shadow is None


def test_the_rules_hold_in_the_shadow():
    settings = shadow("wait", latency_p99="2x", drift="alert")
    state = running(shares=shares_of(settings))
    failing = decide(state, settings, seen(requests=10, errors=10, rows=0), START)
    assert failing.action == "abort"
    slow = ArmEvidence(requests=1000, rows=1000, latency_p99=10.0)
    assert decide(state, settings, seen(requests=1000, p99=30.0, champion=slow), LATER).action == "abort"
    assert decide(state, settings, seen(alerts=(alert(),)), LATER).action == "abort"
    told = decide(state, settings, Evidence(trouble="The endpoint cannot load it: see its log."), LATER)
    assert told.sentence.endswith("0 of 50 predictions. The endpoint cannot load it: see its log.")


@pytest.mark.parametrize(
    "broken", [{"requests": 1, "errors": 2}, {"requests": -1}, {"latency_p99": float("nan")}, {"latency_p99": -1}]
)
def test_evidence_that_cannot_be_is_refused(broken):
    with pytest.raises(ValidationError):
        ArmEvidence(**broken)


def drive(random: np.random.Generator, rate: float, champion_rate: float, patience: int) -> str:
    """One whole rollout through `decide`, looked at after every 10 requests; `stuck` when patience is over."""
    state, totals = running(), np.zeros(2, dtype=int)
    settings = Rollout.model_validate({"strategy": "canary", "hold": "0s"})
    while state.status == "running":
        requests = errors = 0
        step = state.step
        while state.step == step and state.status == "running":
            if requests >= patience:
                return "stuck"
            share = state.shares[step]
            other = 10 * (100 - share) // share
            requests, errors = requests + 10, errors + int(random.binomial(10, rate))
            totals += [other, random.binomial(other, champion_rate)]
            evidence = Evidence(
                champion=ArmEvidence(requests=int(totals[0]), errors=int(totals[1]), rows=int(totals[0] - totals[1])),
                challenger=ArmEvidence(requests=requests, errors=errors, rows=requests - errors),
            )
            state = after(state, decide(state, settings, evidence, LATER), LATER)
    return state.status


@pytest.mark.parametrize(
    ("rate", "champion_rate", "usual"),
    [(0.002, 0.002, "done"), (0.03, 0.03, "done"), (0.3, 0.0, "aborted"), (0.1, 0.0, "aborted")],
)
def test_whole_rollouts_end_as_they_should(rate, champion_rate, usual):
    random = np.random.default_rng(11)
    ends = [drive(random, rate, champion_rate, patience=3000) for _ in range(60)]
    assert ends.count(usual) >= 58
