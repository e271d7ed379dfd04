"""Wanted, recorded, really there: the table of verbs, and what a plan's line says."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mvops.core.action import SYMBOLS, Action, Change, Verb, differences
from mvops.core.address import Address
from mvops.core.compare import Asked, compare, verb
from mvops.core.spec import UNKNOWN, Spec, has_unknown
from mvops.core.state import Observed, Record

Fields = dict[str, Any]

A = {"size": 1, "text": "a"}
B = {"size": 2, "text": "a"}


class BoxSpec(Spec):
    """A resource for these tests."""

    kind: ClassVar[str] = "box"
    replace_on: ClassVar[frozenset[str]] = frozenset({"shape"})
    size: Any = 1
    text: str = "a"
    shape: str = "square"


@pytest.mark.parametrize(
    ("want", "did", "real", "expected"),
    [
        (A, None, None, Verb.CREATE),
        (A, A, None, Verb.CREATE),
        (A, B, None, Verb.CREATE),
        (A, None, B, Verb.CONFLICT),
        (A, None, {}, Verb.CONFLICT),  # there, but nothing of it is visible: it may be anything
        (A, None, {"text": "a"}, Verb.CONFLICT),
        (A, None, A, Verb.ADOPT),
        (A, B, A, Verb.ADOPT),
        (A, B, {"size": 1}, Verb.ADOPT),  # the one field that changed is visible and so already
        (A, B, {"text": "a"}, Verb.UPDATE),  # what is visible agrees, what changed is not visible
        (A, B, {}, Verb.UPDATE),
        (A, A, A, Verb.KEEP),
        (A, A, {}, Verb.KEEP),
        (A, A, {"text": "a"}, Verb.KEEP),
        (A, A, B, Verb.REPAIR),
        (A, A, {"other": 1}, Verb.REPAIR),
        (A, B, B, Verb.UPDATE),
        (A, B, {"size": 3}, Verb.UPDATE),
        (None, A, A, Verb.DELETE),
        (None, A, {}, Verb.DELETE),
        (None, A, None, Verb.FORGET),
        (None, None, A, None),
        (None, None, None, None),
        ({"size": UNKNOWN}, {"size": 1}, {"size": 1}, Verb.UPDATE),
        ({"size": UNKNOWN}, None, {"size": 1}, Verb.CONFLICT),
        ({"size": {"deep": [UNKNOWN]}}, {"size": 1}, {"size": 1}, Verb.UPDATE),
        ({"size": UNKNOWN}, {"size": UNKNOWN}, {"size": 1}, Verb.KEEP),
    ],
)
def test_p5_the_table(want: Fields | None, did: Fields | None, real: Fields | None, expected: Verb | None) -> None:
    assert verb(want, did, real) == expected


def test_what_cannot_change_in_place_is_replaced() -> None:
    assert verb(A, B, B, frozenset({"size"})) == Verb.REPLACE
    assert verb(A, B, B, frozenset({"text"})) == Verb.UPDATE
    assert verb(A, A, B, frozenset({"size"})) == Verb.REPAIR


_VALUES = st.sampled_from([1, 2, "x", None, [1], {"deep": 1}])
_FIELDS = st.dictionaries(st.sampled_from("abc"), _VALUES, min_size=1)
_WANTED = st.dictionaries(st.sampled_from("abc"), _VALUES | st.just(UNKNOWN) | st.just({"deep": UNKNOWN}), min_size=1)


def _settled(fields: Fields) -> Fields:
    """What the fields are once the earlier actions are done."""
    return {name: f"known {name}" if has_unknown(value) else value for name, value in fields.items()}


@given(
    want=_WANTED | st.none(),
    did=_FIELDS | st.none(),
    real=_FIELDS | st.just({}) | st.none(),
    visible=st.sets(st.sampled_from("abc")),
    replace_on=st.frozensets(st.sampled_from("abc")),
)
def test_doing_what_the_table_says_leaves_nothing_to_do(
    want: Fields | None, did: Fields | None, real: Fields | None, visible: set[str], replace_on: frozenset[str]
) -> None:
    chosen = verb(want, did, real, replace_on)
    assume(chosen is not Verb.CONFLICT)
    after = None if want is None else _settled(want)
    match chosen:
        case Verb.CREATE | Verb.UPDATE | Verb.REPLACE | Verb.REPAIR:
            assert after is not None
            did, real = after, {name: value for name, value in after.items() if name in visible}
        case Verb.ADOPT:
            assert want == after, "what is not known yet cannot be so already"
            did = after
        case Verb.DELETE:
            did, real = None, None
        case Verb.FORGET:
            did = None
    assert verb(after, did, real, replace_on) == (None if want is None else Verb.KEEP)


@given(want=_WANTED | st.none(), did=_FIELDS | st.none(), real=_FIELDS | st.just({}) | st.none())
def test_nothing_that_is_not_ours_is_ever_touched(want: Fields | None, did: Fields | None, real: Fields | None) -> None:
    chosen = verb(want, did, real)
    if did is None and real is not None:
        assert chosen in {None, Verb.CONFLICT, Verb.ADOPT}
    if want is not None:
        assert chosen is not None
    if chosen in {Verb.DELETE, Verb.FORGET}:
        assert want is None
        assert did is not None


def box(name: str = "one", **fields: Any) -> dict[Address, Spec]:
    spec = BoxSpec(name=name, **fields)
    return {spec.address: spec}


def recorded(name: str = "one", **fields: Any) -> dict[Address, Record]:
    spec = BoxSpec(name=name, **fields)
    return {spec.address: Record(address=spec.address, spec=spec.fields(), outputs={})}


def seen(name: str = "one", **facts: Any) -> dict[Address, Observed]:
    return {Address(f"box.{name}"): Observed(facts=facts)}


def only(*inputs: Any) -> Action:
    (action,) = compare(*inputs)
    return action


def test_a_new_resource_is_told_without_its_fields() -> None:
    action = only(box(), {}, {})
    assert (action.verb, action.reason, action.because, action.changes) == (Verb.CREATE, "new", "new", ())
    assert action.after == {"size": 1, "text": "a", "shape": "square"}
    assert action.before is None


def test_a_resource_that_is_gone_is_told_apart_from_a_new_one() -> None:
    action = only(box(size=2), recorded(), {})
    assert (action.verb, action.reason, action.because) == (Verb.CREATE, "gone", "gone from the world")
    assert action.changes == (Change(field="size", before=1, after=2),)


def test_a_change_names_its_fields() -> None:
    action = only(box(size=2, text="b"), recorded(), seen(size=1))
    assert (action.verb, action.reason, action.because) == (Verb.UPDATE, "changed", "size, text changed")
    replaced = only(box(shape="round"), recorded(), seen())
    assert (replaced.verb, replaced.because) == (Verb.REPLACE, "shape changed")


def test_many_changes_are_counted() -> None:
    action = only(box(size={"a": 1, "b": 2, "c": 3, "d": 4}), recorded(size={}), seen())
    assert action.because == "size.a, size.b, size.c and 1 more changed"


def test_p11_drift_says_what_is_and_what_should_be() -> None:
    action = only(box(), recorded(), seen(size=7, text="x" * 99))
    assert (action.verb, action.reason) == (Verb.REPAIR, "drift")
    assert action.because == "changed outside mvops: size is 7, should be 1; text is xxxxxxxxxxxx…, should be a"
    assert only(box(), recorded(), seen(size="1")).because == "changed outside mvops: size is '1', should be 1"


def test_what_is_in_the_way_is_told() -> None:
    action = only(box(), {}, seen(size=7))
    assert (action.verb, action.because) == (Verb.CONFLICT, "exists and is not ours")
    assert action.changes == (Change(field="size", before=7, after=1),)


def test_what_is_already_so_is_adopted() -> None:
    whole = {"size": 1, "text": "a", "shape": "square"}
    assert only(box(), {}, seen(**whole)).because == "already so"
    adopted = only(box(), recorded(size=3), seen(**whole))
    assert (adopted.verb, adopted.because) == (Verb.ADOPT, "size changed")
    assert not adopted.changes_the_world


def test_what_is_no_longer_wanted() -> None:
    assert only({}, recorded(), seen()).because == "no longer in the spec"
    gone = only({}, recorded(), {})
    assert (gone.verb, gone.because) == (Verb.FORGET, "already gone")
    assert list(compare({}, {}, seen())) == []


def test_lines_come_sorted_by_address_and_carry_their_needs() -> None:
    wanted = box("b", needs=(Address("box.a"),)) | box("a")
    first, second, third = compare(wanted, recorded("c"), {})
    assert [first.address, second.address, third.address] == ["box.a", "box.b", "box.c"]
    assert second.needs == ("box.a",)


def test_what_is_asked_for_is_done_again() -> None:
    asked = Asked(again={Address("box.one"): "by hand"})
    kept = only(box(), recorded(), seen())
    assert (kept.verb, kept.reason, kept.changes_the_world) == (Verb.KEEP, "unchanged", False)
    again = only(box(), recorded(), seen(), asked)
    assert (again.verb, again.reason, again.because) == (Verb.UPDATE, "requested", "requested: by hand")
    both = only(box(size=2), recorded(), seen(), asked)
    assert (both.verb, both.because) == (Verb.UPDATE, "requested: by hand; size changed")
    assert only(box(), {}, seen(size=7), asked).verb == Verb.CONFLICT


def test_p27_what_is_asked_for_anew_is_replaced() -> None:
    asked = Asked(anew={Address("box.one")})
    again = only(box(), recorded(), seen(), asked)
    assert (again.verb, again.reason, again.because) == (Verb.REPLACE, "requested", "requested")
    assert only(box(size=2), recorded(), seen(), asked).because == "requested; size changed"
    assert only(box(), {}, {}, asked).verb == Verb.CREATE
    assert only(box(), {}, seen(size=7), asked).verb == Verb.CONFLICT


def test_differences_are_leaves_sorted_by_field() -> None:
    before = {"a": {"x": 1, "y": [1, 2]}, "b": 1, "gone": 0}
    after = {"b": 1, "a": {"y": [1, 3], "x": 1, "z": {"deep": None}}, "new": "n"}
    assert differences(before, after) == (
        Change(field="a.y", before=[1, 2], after=[1, 3]),
        Change(field="a.z", before=None, after={"deep": None}),
        Change(field="gone", before=0, after=None),
        Change(field="new", before=None, after="n"),
    )
    assert differences(before, before) == ()
    assert differences(1, 2, "n") == (Change(field="n", before=1, after=2),)


@given(_FIELDS, _FIELDS)
def test_differences_are_the_same_seen_from_the_other_side(before: Fields, after: Fields) -> None:
    there = [(c.field, c.before, c.after) for c in differences(before, after)]
    back = [(c.field, c.after, c.before) for c in differences(after, before)]
    assert there == back


def test_unknown_is_found_wherever_it_is() -> None:
    assert has_unknown({"a": [{"b": UNKNOWN}]})
    assert not has_unknown({"a": [{"b": "known"}], "c": (1, None)})


def test_every_verb_has_its_own_symbol() -> None:
    assert set(SYMBOLS) == set(Verb)
    assert len(set(SYMBOLS.values())) == len(Verb)
