"""What a scope chooses: targets with what they need, exclusions with what needs them."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mvops.core.action import Action, Verb
from mvops.core.address import Address
from mvops.core.scope import Scope, notices, only_drift, select
from mvops.errors import UsageError

DATA, PIPELINE, MODEL, ENDPOINT, MONITOR = (
    Address(where) for where in ("dataset.d", "pipeline.m", "model.m", "endpoint.m", "monitor.m")
)
NEEDS = {PIPELINE: [DATA], MODEL: [PIPELINE], ENDPOINT: [MODEL], MONITOR: [MODEL]}
ALL = (DATA, PIPELINE, MODEL, ENDPOINT, MONITOR)


def test_p26_a_target_brings_what_it_needs_and_says_so() -> None:
    scope = Scope(targets=("model.m",))
    found = select(scope, ALL, NEEDS)
    assert found.chosen == {DATA, PIPELINE, MODEL}
    assert list(notices(scope, found, len(ALL))) == [
        "needed by the targets, so in this plan too: dataset.d, pipeline.m",
        "2 more resources were not selected: this plan is partial",
    ]


def test_p26_an_exclusion_takes_along_what_needs_it_and_says_so() -> None:
    scope = Scope(exclude=("model.m",))
    found = select(scope, ALL, NEEDS)
    assert found.chosen == {DATA, PIPELINE}
    assert list(notices(scope, found, len(ALL))) == [
        "endpoint.m is left out too: it needs model.m",
        "monitor.m is left out too: it needs model.m",
        "1 more resource was not selected: this plan is partial",
    ]


def test_both_together_and_patterns() -> None:
    assert select(Scope(targets=("*.m",), exclude=("endpoint.m",)), ALL, NEEDS).chosen == {*ALL} - {ENDPOINT}
    assert select(Scope(exclude=("*.m",)), ALL, NEEDS).chosen == {DATA}
    assert select(Scope(exclude=("endpoint.m", "monitor.m")), ALL, NEEDS).left == {}


def test_p26_what_leaves_nothing_of_the_targets_is_refused() -> None:
    for excluded, why in (("endpoint.m", ""), ("dataset.d", ": endpoint.m does not go without dataset.d")):
        with pytest.raises(UsageError, match=f"--exclude leaves out all that --target names{why}$"):
            select(Scope(targets=("endpoint.*",), exclude=(excluded,)), ALL, NEEDS)
    with pytest.raises(UsageError, match=r"--replace .*, --drift-only"):
        select(Scope(replace=("model.m",), drift_only=True), ALL, NEEDS)


def test_p26_what_goes_takes_along_what_needs_it_and_says_so() -> None:
    first = {DATA: [PIPELINE], PIPELINE: [MODEL], MODEL: [ENDPOINT, MONITOR]}  # must go before
    scope = Scope(targets=("model.m",))
    assert next(iter(notices(scope, select(scope, ALL, first), 5, ALL))) == (
        "needs what the targets take away, so it goes too: endpoint.m, monitor.m"
    )
    scope = Scope(exclude=("pipeline.m",))
    assert next(iter(notices(scope, select(scope, ALL, first), 5, ALL))) == "dataset.d stays too: pipeline.m needs it"


def test_what_is_replaced_must_be_chosen() -> None:
    assert select(Scope(replace=("pipeline.m",)), ALL, NEEDS).replaced == {PIPELINE}
    with pytest.raises(UsageError, match="left out by --target or --exclude"):
        select(Scope(replace=("endpoint.m",), exclude=("model.m",)), ALL, NEEDS)
    with pytest.raises(UsageError, match=r"--replace e\*: endpoint\.m: all of it is left out by --target or --exclude"):
        select(Scope(replace=("*.m", "e*"), targets=("monitor.m",)), ALL, NEEDS)
    assert select(Scope(replace=("mo*.m",), targets=("model.m",)), ALL, NEEDS).replaced == {MODEL}


@pytest.mark.parametrize("option", ["targets", "exclude", "replace"])
def test_an_address_that_there_is_not_is_refused_with_the_nearest(option: str) -> None:
    with pytest.raises(UsageError, match=r"model\.n: there is no such resource; did you mean 'model\.m'\?"):
        select(Scope(**{option: ("model.n",)}), ALL, NEEDS)


@given(st.data())
def test_what_is_chosen_never_lacks_what_it_needs(data: st.DataObject) -> None:
    some = st.lists(st.sampled_from(ALL), max_size=3).map(tuple)
    scope = Scope(targets=data.draw(some), exclude=data.draw(some))
    try:
        select(scope, ALL, NEEDS)
    except UsageError:
        assume(False)
    chosen = select(scope, ALL, NEEDS).chosen
    assert all(set(NEEDS.get(where, ())) <= chosen for where in chosen)
    assert not chosen & set(scope.exclude)


def test_only_drift_is_kept_and_the_rest_counted() -> None:
    def action(verb: Verb, reason: str = "r", before: dict[str, int] | None = None) -> Action:
        return Action(verb=verb, address=MODEL, reason=reason, because="b", before=before, after={"size": 1})

    repair, gone = action(Verb.REPAIR), action(Verb.CREATE, "gone", {"size": 1})
    changed = action(Verb.CREATE, "gone", {"size": 2})
    found = only_drift([repair, gone, changed, action(Verb.UPDATE), action(Verb.CREATE, "new"), action(Verb.KEEP)])
    assert found == ((repair, gone, action(Verb.KEEP)), 3)
