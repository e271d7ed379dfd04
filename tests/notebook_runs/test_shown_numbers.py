from __future__ import annotations

import math
from typing import Any

import pytest

from mvops.notebook.shown import equal, shown_numbers


def printed(text: str) -> dict[str, Any]:
    return {"outputs": [{"output_type": "stream", "name": "stdout", "text": text}]}


def displayed(**data: str) -> dict[str, Any]:
    data = {key.replace("_", "/"): value for key, value in data.items()}
    return {"outputs": [{"output_type": "execute_result", "data": data}]}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("accuracy: 0.93", [0.93]),
        ("[[10  2]\n [ 3 15]]", [10, 2, 3, 15]),
        ("1e-05 -2.5 .5 1_000", [1e-5, -2.5, 0.5, 1000]),
        ("x1 = 2, v1.2", [2]),
        ("Wall time: 1.2 s\nfit took 3 rounds 0.5", []),
        ("trained in 3.25 seconds, auc 0.7", [0.7]),
        ("12/12 [====] - 2s 15ms/step - loss: 0.25", [12, 12, 0.25]),
        ("at 2024-01-31 10:11:12.5 score 0.5", [0.5]),
        ("<object at 0x7f12> 3", [3]),
        ("\x1b[31m0.5\x1b[0m", [0.5]),
        ("-inf inf", [-math.inf, math.inf]),
        ("infinite nano 3 times", [3]),
    ],
)
def test_numbers_of_a_text(text: str, values: list[float]) -> None:
    assert [number.value for number in shown_numbers(printed(text))] == values


def test_an_endless_line_costs_no_endless_time() -> None:
    assert len(shown_numbers(printed("1" * 1_000_000 + "\n2"))) == 2
    assert len(shown_numbers(printed("1\n" * 100_000))) == 20_000


def test_nan_is_a_number_and_equals_itself() -> None:
    (number,) = shown_numbers(printed("mean nan"))
    assert math.isnan(number.value)
    assert equal(number.value, math.nan)
    assert not equal(number.value, 0.0)


def test_displayed_values_count_and_drawings_and_warnings_do_not() -> None:
    assert [n.value for n in shown_numbers(displayed(text_plain="0.5", text_html="<b>0.75</b>"))] == [0.5]
    assert shown_numbers(displayed(text_plain="<Figure size 640x480 with 1 Axes>")) == ()
    assert shown_numbers(displayed(image_png="xyz", text_plain="3")) == ()
    assert shown_numbers({"outputs": [{"output_type": "stream", "name": "stderr", "text": "line 3"}]}) == ()
    assert shown_numbers({}) == ()


def test_a_number_has_the_text_before_it_as_its_name() -> None:
    labels = [number.label for number in shown_numbers(printed("Test accuracy = 0.5; f1: 0.25 (n=7)\n0.75"))]
    assert labels == ["Test accuracy", "f1", "n", ""]


def test_pieces_of_printed_text_are_joined() -> None:
    cell = {"outputs": [{"output_type": "stream", "name": "stdout", "text": piece} for piece in ("0.", "25\n", ["3"])]}
    assert [number.value for number in shown_numbers(cell)] == [0.25, 3]


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (1.0, 1.0 + 1e-12, True),
        (1.0, 1.0 + 1e-8, False),
        (1e-17, -3e-16, True),
        (math.inf, math.inf, True),
        (0, 1e-3, False),
    ],
)
def test_equal_is_up_to_rounding(left: float, right: float, same: bool) -> None:
    assert equal(left, right) is same
