from __future__ import annotations

import pytest

from mvops.core.state import Journal, Record, StateStore
from mvops.errors import RegistryError
from mvops.registry.journal import SqlJournal
from mvops.registry.state import SqlState

pytestmark = [
    pytest.mark.real("registry", "sqlite", "state and journal"),
    pytest.mark.real("registry", "postgresql", "state and journal"),
]

MODEL = Record(address="model.delays", spec={"gate": ["roc_auc >= 0.68"], "owner": None}, outputs={"version": "3"})
ENDPOINT = Record(address="endpoint.delays", spec={"port": 8000}, outputs={})


def test_records_come_back_sorted_by_address(registry):
    state: StateStore = SqlState(registry)
    state.put(MODEL)
    state.put(ENDPOINT)
    assert list(state.records().items()) == [("endpoint.delays", ENDPOINT), ("model.delays", MODEL)]


def test_the_serial_grows_by_one_with_each_change_and_not_otherwise(registry):
    state = SqlState(registry)
    serials = [state.serial()]
    for change in (
        lambda: state.put(MODEL),
        lambda: state.put(MODEL),
        lambda: state.put(MODEL.model_copy(update={"outputs": {"version": "4"}})),
        lambda: state.forget("nothing.there"),
        lambda: state.forget("model.delays"),
    ):
        change()
        serials.append(state.serial())
    assert serials == [0, 1, 1, 2, 2, 3]
    assert state.records() == {}


def test_hostile_text_is_kept_as_far_as_a_database_can(registry):
    state = SqlState(registry)
    state.put(Record(address="a.b", spec={"nul": "\x00", "half": "\ud800", "nan": 1e400}, outputs={"é": "'; --"}))
    assert state.records()["a.b"].spec == {"nul": "\x00", "half": "\ud800", "nan": float("inf")}
    journal = SqlJournal(registry)
    journal.failed(journal.started("plan\x00", {}), "cell said \x00 and \ud800")
    assert journal.unfinished() == []


def test_an_action_is_unfinished_until_it_is_finished_or_failed(registry):
    journal: Journal = SqlJournal(registry)
    entries = [journal.started("p1", {"address": name}) for name in ("a.a", "b.b", "c.c")]
    journal.finished(entries[0], {"version": "1"})
    journal.failed(entries[1], "no such file")
    left = journal.unfinished()
    assert [(e["entry"], e["plan_id"], e["action"]) for e in left] == [(entries[2], "p1", {"address": "c.c"})]
    assert left[0]["started"].endswith("+00:00")


def test_p24_finishing_puts_the_record_in_the_same_transaction(registry):
    journal, state = SqlJournal(registry), SqlState(registry)
    journal.finished(journal.started("p", {}), {"version": "3"}, record=MODEL)
    assert state.records() == {MODEL.address: MODEL}
    journal.finished(journal.started("p", {}), {}, forget=MODEL.address)
    assert (state.records(), state.serial()) == ({}, 2)


def test_p24_what_cannot_be_finished_leaves_no_record(registry):
    journal, state = SqlJournal(registry), SqlState(registry)
    entry = journal.started("p", {})
    journal.failed(entry, "first")
    for attempt in (
        lambda: journal.finished(entry, {}, record=MODEL),
        lambda: journal.finished(4711, {}, record=MODEL),
        lambda: journal.failed(entry, "again"),
    ):
        with pytest.raises(RegistryError, match="not in progress"):
            attempt()
    assert (state.records(), state.serial()) == ({}, 0)


def test_a_record_that_cannot_be_written_leaves_the_action_unfinished(registry):
    journal = SqlJournal(registry)
    entry = journal.started("p", {})
    unwritable = Record(address="a.b", spec={"x": {1, 2}}, outputs={})
    with pytest.raises(Exception, match="cannot be kept as JSON"):
        journal.finished(entry, {}, record=unwritable)
    assert [e["entry"] for e in journal.unfinished()] == [entry]
