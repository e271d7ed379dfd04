from __future__ import annotations

import math
import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import text

from mvops.core.version import Version
from mvops.errors import RegistryError
from mvops.registry.versions import (
    champion,
    champions,
    count_versions,
    find_version,
    register,
    set_champion,
    version_of_run,
    versions,
)

pytestmark = [
    pytest.mark.real("registry", "sqlite", "versions, runs and rollouts"),
    pytest.mark.real("registry", "postgresql", "versions, runs and rollouts"),
]


def test_numbers_count_from_one_for_each_model(registry, make_draft):
    assert [register(registry, make_draft("delays")).number for _ in range(3)] == [1, 2, 3]
    assert register(registry, make_draft("churn")).number == 1
    assert [v.number for v in versions(registry, "delays")] == [1, 2, 3]


def test_a_version_comes_back_as_it_was_registered(registry, make_draft):
    draft = make_draft(metrics={"roc_auc": 0.1 + 0.2, "log_loss": float("inf")}, parameters={"a": [1, {"b": None}]})
    registered = register(registry, draft)
    found = find_version(registry, "delays", 1)
    assert found == registered
    assert found == Version.model_validate(draft.model_dump() | {"number": 1})
    assert [type(c) for c in found.signature.classes] == [bool, int, str, float]


def test_a_list_reads_a_document_when_it_is_asked_for_and_not_before(registry, make_draft):
    made = [register(registry, make_draft(run=f"run-{number}")) for number in (1, 2)]
    columns = [(version.number, version.created, version.run, version.fingerprint) for version in made]
    listed = versions(registry, "delays")
    assert [each.whole() for each in listed] == made
    assert [each.document()["metrics"] for each in listed] == [version.metrics for version in made]
    with registry.session() as session:
        session.connection().execute(text("UPDATE mvops_versions SET body = 'no JSON'"))
    assert [(each.number, each.created, each.run, each.fingerprint) for each in versions(registry, "delays")] == columns
    assert count_versions(registry, "delays") == 2


def test_nan_survives(registry, make_draft):
    register(registry, make_draft(metrics={"r2": float("nan")}))
    assert math.isnan(find_version(registry, "delays", 1).metrics["r2"])


def test_times_come_back_in_utc_whatever_zone_they_were_given_in(registry, make_draft):
    given = datetime(2026, 7, 1, 1, 30, 0, 123456, tzinfo=timezone(timedelta(hours=5)))
    assert register(registry, make_draft(created=given)).created.tzinfo is UTC
    created = find_version(registry, "delays", 1).created
    assert (created, created.utcoffset()) == (given, timedelta(0))


def test_a_naive_time_is_refused(registry, make_draft):
    with pytest.raises(ValueError, match="no time zone"):
        register(registry, make_draft(created=datetime(2026, 7, 1)))  # noqa: DTZ001
    assert versions(registry, "delays") == []


def test_what_is_not_there_is_none(registry):
    assert find_version(registry, "delays", 1) is None
    assert champion(registry, "delays") is None
    assert version_of_run(registry, "delays", "run-1") is None


def test_a_resumed_retraining_finds_its_version(registry, make_draft):
    register(registry, make_draft(run="run-1"))
    register(registry, make_draft(run="run-2"))
    assert version_of_run(registry, "delays", "run-2").number == 2


def test_the_champion_and_its_history(registry, make_draft):
    for _ in range(2):
        register(registry, make_draft())
    register(registry, make_draft("churn"))
    set_champion(registry, "delays", 1, "first")
    set_champion(registry, "churn", 1, "other model")
    set_champion(registry, "delays", 2, "gate passed")
    set_champion(registry, "delays", 2, "said twice")
    set_champion(registry, "delays", 1, "rollback")
    assert champion(registry, "delays").number == 1
    history = champions(registry, "delays")
    assert [(r.number, r.reason) for r in history] == [(1, "first"), (2, "gate passed"), (1, "rollback")]
    assert [r.until for r in history] == [history[1].since, history[2].since, None]


def test_only_a_registered_version_can_be_champion(registry, make_draft):
    register(registry, make_draft())
    with pytest.raises(RegistryError, match="no version 7") as caught:
        set_champion(registry, "delays", 7, "typo")
    assert "mvops versions list delays" in caught.value.hint
    assert champion(registry, "delays") is None


def test_concurrent_registrations_get_numbers_of_their_own(registry, make_draft):
    numbers: list[int] = []

    def several() -> None:
        numbers.extend(register(registry, make_draft()).number for _ in range(5))

    threads = [threading.Thread(target=several) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 21))


def test_several_changes_can_be_one_transaction(registry, make_draft):
    def both_then_fail() -> None:
        with registry.session():
            register(registry, make_draft())
            set_champion(registry, "delays", 1, "never seen")
            assert champion(registry, "delays").number == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        both_then_fail()
    assert versions(registry, "delays") == []
    with registry.session():
        register(registry, make_draft())
        set_champion(registry, "delays", 1, "together")
    assert champion(registry, "delays").number == 1
