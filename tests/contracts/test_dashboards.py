"""The examination of the family `dashboards`: what is generated is read back as its target reads it, and shows it all.

Whatever a team looks at, it sees of each model how much it predicts, what, how fast and with how many errors.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from mvops.contracts.dashboards import Board, Dashboard
from mvops.errors import SpecError

HOSTILE = 'x"}} {{ 7 * 7 }} ${HOME} </script><b>\n- evil: [1'
SUBJECTS = {"traffic", "predictions", "latency", "errors"}


@dataclass(frozen=True)
class Reader:
    """What a member's file makes ready.

    `shown` reads the generated files of a model as its target does, and gives the subjects that it shows. `options`
    are some that it takes, other than its defaults; `broken` are options that it must refuse, each with the word that
    the error must name.
    """

    shown: Callable[[Mapping[str, str]], set[str]]
    options: Mapping[str, Any] = field(default_factory=dict)
    broken: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def board(model: str = "delay", **changes: Any) -> Board:
    return Board.model_validate({"project": "flights", "model": model, "address": "127.0.0.1:8000"} | changes)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_all_that_was_promised_is_shown(backend: Dashboard, set_up: Reader, task: str) -> None:
    assert set_up.shown(backend.files(board(task=task), {})) >= SUBJECTS


def test_files_are_made_of_the_board_alone(backend: Dashboard, set_up: Reader) -> None:
    for options in ({}, set_up.options):
        files = backend.files(board(), options)
        shared = backend.shared("flights", options)
        assert files == backend.files(board(), options)
        assert shared == backend.shared("flights", options)
        for path, text in (files | shared).items():
            place = PurePosixPath(backend.folder(), path)
            assert place.is_relative_to("deploy/dashboards")
            assert ".." not in place.parts
            assert text.endswith("\n")
            assert str(Path.cwd()) not in text
            assert str(Path.home()) not in text


def test_options_change_something(backend: Dashboard, set_up: Reader) -> None:
    before, after = ({**backend.files(board(), o), **backend.shared("flights", o)} for o in ({}, set_up.options))
    assert before != after


def test_no_two_models_share_a_file(backend: Dashboard) -> None:
    sets = [set(backend.files(board(name), {})) for name in ("delay", "price")] + [set(backend.shared("flights", {}))]
    assert all(not one & other for one, other in itertools.combinations(sets, 2))


@pytest.mark.parametrize("key", ["description", "owner"])
def test_what_people_write_stays_text(backend: Dashboard, set_up: Reader, key: str) -> None:
    assert set_up.shown(backend.files(board(**{key: HOSTILE}), {})) >= SUBJECTS


def test_what_it_does_not_show_is_said(backend: Dashboard, set_up: Reader) -> None:
    bare = board(address=None)
    files = backend.files(bare, {})
    assert "without an endpoint" in " ".join(backend.limits(bare, {})) or set_up.shown(files) >= SUBJECTS - {"errors"}
    assert list(backend.limits(board(), {})), "says how it is seen"


def test_options_that_it_does_not_know_are_refused(backend: Dashboard, set_up: Reader) -> None:
    for word, options in {"colour": {"colour": "s3cr3t"}, **set_up.broken}.items():
        for ask in (lambda o: backend.files(board(), o), lambda o: backend.shared("flights", o)):
            with pytest.raises(SpecError) as refused:
                ask(options)
            assert f"dashboard.options.{word}" in refused.value.message
            assert "s3cr3t" not in str(refused.value)
