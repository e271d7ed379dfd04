"""What a policy has against a plan."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mvops.core.action import Action, Verb
from mvops.core.address import Address
from mvops.core.config.policy import Policy
from mvops.core.policies import objections

SPEC: dict[str, Any] = {
    "models": {
        "churn": {"owner": "", "gate": ["roc_auc >= 0.7"], "monitor": None, "rollout": {"hold": "30m", "first": 0.05}},
        "fraud": {"owner": "risk", "gate": [], "monitor": {"every": "1d"}, "rollout": {"hold": "2h", "first": 0.5}},
    },
    "tracker": {"backend": "local"},
}


def require(*lines: str, **more: Any) -> list[str]:
    return [said.sentence for said in objections({"p": Policy(require=lines, **more)}, SPEC, [])]


@pytest.mark.parametrize(
    ("line", "subjects"),
    [
        ("models.*.owner != ''", ["models.churn.owner"]),
        ("models.*.gate != []", ["models.fraud.gate"]),
        ("models.f*.gate != []", ["models.fraud.gate"]),
        ("models.*.monitor != null", ["models.churn.monitor"]),
        ("models.*.monitor.every <= 24h", ["models.churn.monitor.every"]),  # where there is none, it is not kept to
        ("models.*.rollout.hold >= 60m", ["models.churn.rollout.hold"]),  # durations, not texts
        ("models.*.rollout.first <= 0.1", ["models.fraud.rollout.first"]),
        ("models.*.rollout.first in [0.05, 'a, b', null, 3]", ["models.fraud.rollout.first"]),
        ("models.*.rollout.first < many", ["models.churn.rollout.first", "models.fraud.rollout.first"]),
        ("tracker.backend in [mlflow, wandb]", ["tracker.backend"]),
        ("tracker.backend == local", []),
        ("models.*.gate contains 'roc_auc >= 0.7'", ["models.fraud.gate"]),
    ],
)
def test_what_must_stand_in_the_yaml(line: str, subjects: list[str]) -> None:
    assert [said.subject for said in objections({"p": Policy(require=(line,))}, SPEC, [])] == subjects


def test_a_sentence_says_what_is_there_what_should_be_and_why() -> None:
    assert require("models.*.owner != ''", because="somebody must be asked") == [
        "models.churn.owner is ''; required is models.*.owner != '' (somebody must be asked)"
    ]
    assert require("models.churn.ownr != ''") == [
        "models.churn.ownr is not there, and required is models.churn.ownr != ''; did you mean 'owner'?"
    ]


def test_what_no_plan_may_do() -> None:
    actions = [
        Action(verb=verb, address=Address(where), reason="r", because="b")
        for verb, where in ((Verb.DELETE, "model.churn"), (Verb.UPDATE, "endpoint.churn"), (Verb.KEEP, "model.fraud"))
    ]
    policies = {
        "stay": Policy(forbid=("delete model.*", "replace *")),
        "calm": Policy(forbid=("change *",), level="warn"),
    }
    assert [(said.policy, said.level, said.subject) for said in objections(policies, None, actions)] == [
        ("calm", "warn", "model.churn"),
        ("calm", "warn", "endpoint.churn"),
        ("stay", "fail", "model.churn"),
    ]


@pytest.mark.parametrize(
    ("key", "line", "says"),
    [
        ("require", "every model needs an owner", "is not a requirement"),
        ("require", "a.b == [", "is no value"),
        ("require", "a.b in c", "comes a list"),
        ("forbid", "destroy model.*", "write a verb"),
        ("forbid", "delete", "write a verb"),
    ],
)
def test_what_is_no_policy_is_told(key: str, line: str, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Policy.model_validate({key: [line]})
    with pytest.raises(ValidationError, match="at least one line"):
        Policy()
