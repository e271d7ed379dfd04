"""Micro-batches: hardening S5, XM5."""

from __future__ import annotations

import asyncio
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mvops.serving.answers import Answers
from mvops.serving.batching import Batcher, ModelError


def double(columns):
    """Twice the column; anything negative poisons the whole batch."""
    (values,) = columns
    if any(value == -1 for value in values):
        raise ValueError("poison")
    if any(value == -2 for value in values):
        sys.exit("a model may do that")
    return Answers([2 * value for value in values], [[value] for value in values])


class OneByOne(Batcher):
    """The negative control: the batch's failure is everybody's."""

    def _answer(self, batch):
        try:
            super()._answer(batch) if len(batch) == 1 else self._all(batch)
        except ValueError as error:
            for item in batch:
                item.answer = error

    def _all(self, batch):
        double([[value for item in batch for value in item.columns[0]]])
        super()._answer(batch)


def ask(requests, kind=Batcher, max_rows=64, sizes=None):
    async def run():
        with ThreadPoolExecutor(2) as pool:
            batcher = kind(double, pool, max_rows, (sizes if sizes is not None else []).append)
            futures = [batcher.submit([list(request)]) for request in requests]
            return await asyncio.gather(*futures, return_exceptions=True)

    return asyncio.run(run())


def good(answer):
    return isinstance(answer, Answers)


def test_one_bad_row_in_sixteen_requests_fails_alone():
    requests = [[n] for n in range(15)] + [[-1]]
    answers = ask(requests)
    assert [answer.predictions for answer in answers[:15]] == [[2 * n] for n in range(15)]
    assert isinstance(answers[15], ModelError)
    assert isinstance(answers[15].__cause__, ValueError)
    assert not any(good(answer) for answer in ask(requests, OneByOne))  # so the test would notice


def test_a_model_that_exits_takes_nobody_with_it():
    answers = ask([[1], [-2], [3]])
    assert [good(answer) for answer in answers] == [True, False, True]


@settings(max_examples=40)
@given(st.lists(st.lists(st.integers(-2, 50), min_size=1, max_size=5), min_size=1, max_size=20), st.integers(1, 20))
def test_each_request_gets_its_own_answers(requests, max_rows):
    for request, answer in zip(requests, ask(requests, max_rows=max_rows), strict=True):
        if min(request) < 0:
            assert isinstance(answer, ModelError)
        else:
            assert answer.predictions == [2 * value for value in request]
            assert answer.probabilities == [[value] for value in request]


def test_concurrent_requests_are_gathered_up_to_the_limit():
    sizes = []
    ask([[1, 1]] * 20, max_rows=10, sizes=sizes)
    assert sizes == [10, 10, 10, 10]
    sizes = []
    ask([[1] * 30, [1]], max_rows=10, sizes=sizes)
    assert sizes == [30, 1]


def test_who_gave_up_is_left_out_and_the_others_keep_their_answers():
    hold = threading.Event()

    def slow(columns):
        hold.wait(10)
        return double(columns)

    async def run():
        with ThreadPoolExecutor(1) as pool:
            sizes = []
            batcher = Batcher(slow, pool, 10, sizes.append)
            first = batcher.submit([[1]])
            await asyncio.sleep(0.01)
            given_up, second = batcher.submit([[2]]), batcher.submit([[3]])
            given_up.cancel()
            first.cancel()
            hold.set()
            assert (await second).predictions == [6]
            return sizes

    assert asyncio.run(run()) == [1, 1]


def test_bad_rows_are_renumbered_in_each_part():
    answers = Answers([1, 2, 3, 4], None, frozenset({0, 3}))
    assert answers.part(2, 4) == Answers([3, 4], None, frozenset({1}))
    with pytest.raises(AttributeError):
        answers.bad = frozenset()
