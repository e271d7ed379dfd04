"""What becomes of a generated file whose text is made anew, by what is there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvops.core.regeneration import Found, Outcome, regenerate, sha256

BASE = b"one\ntwo\nthree\nfour\nfive\n"
NEW = b"one\ntwo\nthree\nfour\nFIVE\n"
MINE = b"ONE\ntwo\nthree\nfour\nfive\n"
BOTH = b"ONE\ntwo\nthree\nfour\nFIVE\n"
AGAINST = b"one\ntwo\nthree\nfour\nmine\n"
TEXTS = st.lists(st.sampled_from([b"a", b"b", b"c", b"\xff", b"d\r"]), max_size=6).map(b"\n".join)


def test_a_rename_changes_no_line_that_differs_by_the_name_alone() -> None:
    base, new = b"# of churn\n5 0 * * * retrain churn\n", b"# of loss\n7 0 * * * retrain loss\n"
    known = {"recorded": sha256(base), "base": base, "renamed": ("churn", "loss")}
    assert after(b"# mine\n" + base, new, **known).content == b"# mine\n" + new
    assert after(base.replace(b"#", b"# all", 1), new, **known).what == "conflict", "beside a line with another time"
    only = base.replace(b"churn", b"loss")
    assert after(base.replace(b"#", b"# all", 1), only, **known).content == only.replace(b"#", b"# all", 1)
    assert after(base.replace(b"of", b"on", 1), only, **known).what == "conflict", "another line that says the old name"
    assert after(base + b"# last\n", only, **known).content == only + b"# last\n"
    assert after(base + b"# last\n", only, **(known | {"renamed": None})).what == "conflict"
    assert after(base + b"# churns\n", only, **known).content == only + b"# churns\n"
    assert after(base + b"# churn_2\n", only, **known).what == "conflict"


def test_after_a_rename_only_the_lines_that_are_theirs_are_in_conflict() -> None:
    base, new = (b"".join(b"a %d %s\n" % (n, name) for n in range(9)) for name in (b"churn", b"loss"))
    known = {"recorded": sha256(base), "base": base, "renamed": ("churn", "loss")}
    theirs = base.replace(b"a 2 churn", b"a 2 churn  # fast").replace(b"a 6 churn", b"like churn.csv")
    found = after(theirs, new, **known)
    assert (found.what, found.content) == ("conflict", theirs)
    assert found.beside == new.replace(b"a 2 loss", b"a 2 loss  # fast")
    assert [[*each.theirs] for each in found.changed if each.who == "conflict"] == [[6]]


def after(there: bytes | None, new: bytes = NEW, *, name: str = "x", **known: object) -> Outcome:
    found = {"there": there, "recorded": sha256(BASE), "base": BASE, **known}
    return regenerate(name, new, Found(**found))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("there", "what", "content"),
    [
        (None, "create", NEW),
        (NEW, "same", NEW),
        (BASE, "replace", NEW),
        (MINE, "merge", BOTH),
        (BOTH, "merge", BOTH),
        (AGAINST, "conflict", AGAINST),
        (b"", "conflict", b""),
        (b"one\ntwo\nthree\nfour\nfive", "conflict", b"one\ntwo\nthree\nfour\nfive"),  # the end of the last line too
        (b"ONE\ntwo\nthree\nfour\nfive\nsix", "conflict", b"ONE\ntwo\nthree\nfour\nfive\nsix"),
        (b"\x00\x01binary", "conflict", b"\x00\x01binary"),
        (b"\xff\xfe\ntwo\nthree\nfour\nfive\n", "merge", b"\xff\xfe\ntwo\nthree\nfour\nFIVE\n"),
        (BASE.replace(b"\n", b"\r\n"), "replace", NEW.replace(b"\n", b"\r\n")),
        (NEW.replace(b"\n", b"\r\n"), "same", NEW.replace(b"\n", b"\r\n")),
        (MINE.replace(b"\n", b"\r\n"), "merge", BOTH.replace(b"\n", b"\r\n")),
        (b"one\r\ntwo\nthree\nfour\nfive\n", "merge", b"one\r\ntwo\nthree\nfour\nFIVE\n"),
    ],
)
def test_p35_by_what_is_there(there: bytes | None, what: str, content: bytes) -> None:
    found = after(there)
    assert (found.what, found.content) == (what, content)
    assert (found.beside is not None) == (what == "conflict")
    assert found.waiting == (what == "conflict")


@pytest.mark.parametrize(
    ("there", "proposed"),
    [
        (AGAINST, NEW),
        (AGAINST.replace(b"one", b"ONE"), BOTH),
        (AGAINST.replace(b"one", b"ONE").replace(b"\n", b"\r\n"), BOTH.replace(b"\n", b"\r\n")),
        (AGAINST.replace(b"one", b"\xff"), NEW),  # what the registry could not keep
        (b"\x00", NEW),
    ],
)
def test_p35_beside_a_file_in_conflict_is_what_it_would_be_with_the_new_lines(there: bytes, proposed: bytes) -> None:
    assert after(there).beside == proposed


def test_an_edited_file_whose_text_is_not_made_otherwise_stays() -> None:
    for there in (MINE, AGAINST, b"", b"\x00"):
        assert after(there, BASE) == Outcome("leave", there, None)


def test_without_a_base_nothing_is_merged() -> None:
    assert after(MINE, base=None).what == "conflict"
    assert after(MINE, base=None, recorded=None).what == "conflict"


def test_a_merge_that_no_program_reads_is_a_conflict() -> None:
    base = b"if a:\n    x = 1\n    y = 2\nelse:\n    z = 3\n"
    mine = base.replace(b"if a:", b"for a in b:")
    new = base.replace(b"else:", b"elif c:\n    y = 4\nelse:")
    known = {"recorded": sha256(base), "base": base}
    assert after(mine, new, name="x.txt", **known).what == "merge"
    refused = after(mine, new, name="app.py", **known)
    assert (refused.what, refused.content, refused.beside) == ("conflict", mine, new)
    assert after(b"((\n" + mine, new, name="app.py", **known).what == "merge", "it could not be read before either"
    base = b'{\n"a": [\n1\n],\n"b": 2\n}\n'
    mine, new = base.replace(b"2", b"3"), base.replace(b"1", b"4")
    assert after(mine, new, name="x.json", recorded=sha256(base), base=base).what == "merge"


def test_a_conflict_waits_until_the_new_text_is_taken_away() -> None:
    first = after(AGAINST)
    assert (first.what, first.beside, first.waiting) == ("conflict", NEW, True)
    known = {"recorded": sha256(NEW), "base": BASE, "waiting": True, "beside": NEW}
    assert after(AGAINST, NEW, **known) == Outcome("leave", AGAINST, NEW, waiting=True)
    back = after(AGAINST, BASE, **known)
    assert (back.what, back.content, back.beside, back.waiting) == ("leave", AGAINST, None, False)
    other = after(AGAINST, NEW.replace(b"FIVE", b"5"), **known)
    assert (other.what, other.beside) == ("conflict", NEW.replace(b"FIVE", b"5"))
    elsewhere = after(AGAINST, BASE.replace(b"one", b"ONE"), **known)
    assert (elsewhere.what, elsewhere.beside) == ("merge", None)
    taken = after(NEW, NEW.replace(b"one", b"ONE"), **known)
    assert (taken.what, taken.content, taken.beside) == ("replace", BOTH, None)


def test_p35_what_somebody_wrote_into_the_new_text_is_never_lost() -> None:
    theirs = b"half way through\n"
    found = after(AGAINST, beside=theirs)
    assert found.blocked
    for there in (BASE, MINE, NEW, None):
        found = after(there, beside=theirs)
        assert (found.blocked, found.beside) == (False, theirs)
    assert not after(AGAINST, beside=theirs, beside_known=True).blocked


@given(there=TEXTS, base=TEXTS, new=TEXTS)
def test_p35_no_edit_is_ever_lost_and_twice_is_once(there: bytes, base: bytes, new: bytes) -> None:
    first = regenerate("x", new, Found(there, recorded=sha256(base), base=base))
    merged = first.what == "merge"  # marked before it is written
    again = regenerate("x", new, Found(first.content, first.beside, sha256(base), base, merged=merged))
    assert again.content == first.content
    assert again.beside == first.beside
    if first.what == "conflict":
        assert first.content == there
    if new == base:
        assert first.content == there
    recorded = Found(first.content, first.beside, sha256(new), base if first.waiting else new, waiting=first.waiting)
    assert regenerate("x", new, recorded).content == first.content, "quiet afterwards"
