"""The small words of the core: durations, rates, names, canonical JSON, addresses, routes."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from mvops.core.address import address, kind_of, name_of
from mvops.core.canonical import canonical_json, digest
from mvops.core.config.rates import AlarmRate, Ratio, parse_rate, parse_ratio
from mvops.core.cron import plain_cron
from mvops.core.durations import Duration, format_duration, parse_duration, parse_period
from mvops.core.naming import check_name, suggest_name
from mvops.core.progress import Progress, silent
from mvops.core.route import Arm, Route
from mvops.core.sizes import format_size, parse_size


class Timed(BaseModel):
    hold: Duration
    rate: AlarmRate
    factor: Ratio


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30m", 1800),
        ("24h", 86400),
        (" 90 s ", 90),
        ("1d", 86400),
        ("1.5h", 5400),
        ("2w", 1_209_600),
        (0, 0),
        ("0", 0),
        ("0s", 0),
    ],
)
def test_durations_are_read_as_people_write_them(text: object, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "soon", "30", 90, 0.5, "-1d", "1 y", "1d 2h", True, None, -5, math.nan, math.inf, "9999w"]
)
def test_what_is_no_duration_is_refused_with_what_was_written(text: object) -> None:
    with pytest.raises(ValueError, match="is not a duration: ") as refused:
        parse_duration(text)
    assert repr(text) in str(refused.value)


@pytest.mark.parametrize(
    ("text", "size", "written"),
    [
        ("300MB", 300_000_000, "300MB"),
        (" 1.5 gb ", 1_500_000_000, "1500MB"),
        ("4000MB", 4_000_000_000, "4GB"),
        ("2GiB", 2**31, "2GiB"),
        ("512Mi", 2**29, "512MiB"),
        ("1.0000015MB", 1_000_002, "1.000002MB"),
    ],
)
def test_amounts_of_memory_are_read_and_written(text: str, size: int, written: str) -> None:
    assert parse_size(text) == size
    assert format_size(size) == written
    assert parse_size(written) == size


@pytest.mark.parametrize("text", ["", "4", 4, 4 * 10**9, "-1GB", "4G", "4 lots", "1e3MB", "0GB", "2000TB", True, None])
def test_what_is_no_amount_of_memory_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="is not an amount of memory: ") as refused:
        parse_size(text)
    assert repr(text) in str(refused.value)


@pytest.mark.parametrize("text", ["0s", 0, "0.0w"])
def test_a_period_lasts(text: object) -> None:
    assert parse_period("1s") == timedelta(seconds=1)
    with pytest.raises(ValueError, match="is no time at all"):
        parse_period(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(5400, "90m"), (86400, "1d"), (604800, "1w"), (61, "61s"), (0, "0s"), (0.25, "0.25s"), (1_234_567, "1234567s")],
)
def test_durations_are_written_the_shortest_exact_way(seconds: float, text: str) -> None:
    assert format_duration(timedelta(seconds=seconds)) == text


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(weeks=5000)))
def test_a_written_duration_reads_back(value: timedelta) -> None:
    assert abs(parse_duration(format_duration(value)) - value) <= timedelta(microseconds=1)


def test_a_rate_expects_its_share_of_a_window() -> None:
    rate = parse_rate("1 per 30d")
    assert (rate.count, rate.period) == (1.0, timedelta(days=30))
    assert rate.per(timedelta(days=3)) == pytest.approx(0.1)
    assert parse_rate(rate) is rate


@pytest.mark.parametrize("text", ["often", "1 per", "0 per 1d", "-1 per 1d", "1per1d", "1 per 0d", "1 per 1y", 5, None])
def test_what_is_no_rate_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"is not a rate|is not a duration|is no time at all"):
        parse_rate(text)


@pytest.mark.parametrize(("text", "value"), [("2x", 2.0), (" 1.5 x", 1.5), (3, 3.0), (0.5, 0.5)])
def test_ratios_are_read(text: object, value: float) -> None:
    assert parse_ratio(text) == value


@pytest.mark.parametrize("text", ["2", "x", "0x", 0, -1, math.nan, math.inf, True, None, "double"])
def test_what_is_no_ratio_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="is not a ratio"):
        parse_ratio(text)


@given(
    st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(weeks=5000)),
    st.floats(0.001, 1e6),
    st.floats(0.001, 1e6),
)
def test_what_is_written_of_a_model_reads_back(hold: timedelta, count: float, factor: float) -> None:
    there = Timed.model_validate({"hold": hold, "rate": f"{count:f} per {format_duration(hold)}", "factor": factor})
    back = Timed.model_validate_json(there.model_dump_json())
    assert back.hold - there.hold <= timedelta(microseconds=1)
    assert back.rate.count == pytest.approx(there.rate.count)
    assert back.factor == pytest.approx(there.factor)


@pytest.mark.parametrize("name", ["a", "flight_delay", "v2", "a" * 63])
def test_names_that_may_be_used_everywhere(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "A", "1a", "_a", "a-b", "a b", "é", "class", "a" * 64, "a\n", "../x", "a.b"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not a name: a lower-case letter"):
        check_name(name)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Flight Delay", "flight_delay"),
        ("2013-flights", "model_2013_flights"),
        ("class", "class_model"),
        ("", "model"),
        ("été", "t"),
        ("__x__", "x"),
    ],
)
def test_a_name_is_suggested(text: str, name: str) -> None:
    assert suggest_name(text) == name


@given(st.text(max_size=200))
def test_what_is_suggested_is_a_name(text: str) -> None:
    assert check_name(suggest_name(text))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), _JSON, max_size=5))
def test_equal_values_have_equal_bytes_whatever_their_order(value: dict[str, object]) -> None:
    turned = dict(reversed(value.items()))
    assert canonical_json(turned) == canonical_json(value)
    assert digest(turned) == digest(value)


def test_canonical_json_is_one_text() -> None:
    assert canonical_json({"b": [1, "é"], "a": None}) == '{"a":null,"b":[1,"é"]}'
    assert digest({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(math.nan)


def test_an_address_is_kind_and_name() -> None:
    there = address("endpoint", "churn")
    assert there == "endpoint.churn"
    assert (kind_of(there), name_of(there)) == ("endpoint", "churn")


def test_a_route_adds_up() -> None:
    champion = Arm(arm="champion", version=1, weight=95)
    route = Route(model="churn", serial=1, arms=(champion, Arm(arm="challenger", version=2, weight=5)))
    assert Route.model_validate_json(route.model_dump_json()) == route


@pytest.mark.parametrize(
    "arms",
    [
        [],
        [("champion", 99)],
        [("champion", 50), ("champion", 50)],
        [("champion", 105), ("challenger", -5)],
    ],
)
def test_a_route_that_does_not_add_up_is_refused(arms: list[tuple[str, int]]) -> None:
    with pytest.raises(ValidationError):
        Route.model_validate(
            {
                "model": "churn",
                "serial": 1,
                "arms": [{"arm": arm, "version": 1, "weight": weight} for arm, weight in arms],
            }
        )


def test_nobody_is_told() -> None:
    silent(Progress(what="nothing"))


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("0  3 * *\t1", "0 3 * * 1"),
        ("@daily", "0 0 * * *"),
        ("@Weekly", "0 0 * * 0"),
        ("*/5 0 1 JAN,jul *", "*/5 0 1 1,7 *"),
        ("30 4 * * MON-FRI", "30 4 * * 1-5"),
        ("30 4 * * fri-sun,Wed", "30 4 * * 5-7,3"),
        ("30 4 * * Sun", "30 4 * * 0"),
    ],
)
def test_what_crons_write_is_five_plain_fields(text: str, plain: str) -> None:
    assert plain_cron(text) == plain


@pytest.mark.parametrize(
    "text",
    [
        *(
            "@reboot",
            "@daily 3",
            "@",
            "",
            "0 3 * *",
            "0 0 3 * * 1",
            "0 3 L * *",
            "0 3 * * 1#2",
            "0 3 ? * 1",
            "0 3 * * 5L",
        ),
        *("0 3 15W * *", "0~59 3 * * *", "0 3 * MON *", "0 3 * * sunday", "H H * * *", "61 * * * *", "0 3 31 feb *"),
    ],
)
def test_what_five_fields_cannot_say_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"cron|no time of the clock|never comes"):
        plain_cron(text)
