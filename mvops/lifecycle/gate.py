"""May this challenger become champion? Anything that is not a finite, good enough number is a no."""

from __future__ import annotations

import math
from typing import Literal

from mvops.core.config.gate import ROWS, Condition, parse_condition
from mvops.core.frozen import Frozen
from mvops.errors import SpecError
from mvops.lifecycle.compare import Comparison

_FEWEST = 10  # held-out rows; of fewer, no number says anything
_WORDS = {
    ">=": ("at least", "below"),
    "<=": ("at most", "above"),
    ">": ("above", "not above"),
    "<": ("below", "not below"),
}


class Check(Frozen):
    """One condition, judged; `value` and `limit` are None where there is no finite number."""

    text: str
    metric: str
    value: float | None
    limit: float | None
    passed: bool
    sentence: str


class GateReport(Frozen):
    """What the gate said; `sentence` is the whole in one line."""

    passed: bool
    checks: tuple[Check, ...]
    sentence: str


def judge(
    conditions: tuple[str, ...],
    challenger: dict[str, float],
    champion: dict[str, float] | None,
    comparison: Comparison | None,
    rows: int | None = None,
) -> GateReport:
    """Hold `challenger`'s metrics, of so many held-out `rows`, against every condition.

    A gate that has conditions, and none on `rows`, asks for at least 10 rows.
    A condition relative to the champion reads the champion's metrics from `comparison` (the same rows for both) and
    from `champion` only if there is no comparison. It passes when there is neither ("no champion yet") and when the
    champion is lost, and fails when there is a champion that could not be scored on these rows. A metric that is
    missing, NaN or infinite, on either side, fails. Raises SpecError for a text that is no condition.
    """
    if not conditions:
        return GateReport(passed=True, checks=(), sentence="The gate has no conditions, so every challenger passes.")
    asked = [_read(text) for text in conditions]
    if rows is not None:
        challenger = {**challenger, ROWS: float(rows)}
        if rows < _FEWEST and not any(condition.metric == ROWS for condition in asked):
            asked.insert(0, _read(f"{ROWS} >= {_FEWEST}"))
    checks = tuple(_check(condition, challenger, champion, comparison) for condition in asked)
    failed = [check for check in checks if not check.passed]
    if failed:
        sentence = f"{len(failed)} of {len(checks)} conditions failed: {'; '.join(check.text for check in failed)}."
    else:
        sentence = "The condition holds." if len(checks) == 1 else f"All {len(checks)} conditions hold."
    return GateReport(passed=not failed, checks=checks, sentence=sentence)


def _read(text: str) -> Condition:
    try:
        return parse_condition(text)
    except ValueError as error:
        raise SpecError(str(error)) from error


def _check(
    condition: Condition,
    challenger: dict[str, float],
    champion: dict[str, float] | None,
    comparison: Comparison | None,
) -> Check:
    metric = condition.metric
    value = challenger.get(metric)
    if metric == ROWS and value is not None:
        return _counted(condition, value)
    if value is None:
        return _no(condition, None, f"{metric} was not measured; add it to evaluate.metrics.")
    if not math.isfinite(value):
        return _no(condition, None, f"{metric} is {value}, which is no number to judge by.")
    if not condition.relative:
        return _compared(condition, value, condition.bound, "")
    return _against_champion(condition, value, champion, comparison)


def _against_champion(
    condition: Condition, value: float, champion: dict[str, float] | None, comparison: Comparison | None
) -> Check:
    if comparison is not None and comparison.lost:
        return _verdict(condition, value, None, (True, f"{condition.metric} is {value:.4g}; {comparison.reason}."))
    if comparison is not None and not comparison.comparable:
        return _no(condition, value, comparison.reason)
    before = comparison.champion if comparison is not None else champion
    if before is None:
        return _verdict(condition, value, None, (True, f"{condition.metric} is {value:.4g}; no champion yet."))
    if comparison is not None:
        value = comparison.challenger.get(condition.metric, math.nan)
        if not math.isfinite(value):
            return _no(
                condition, value, f"{condition.metric} is {value} on the rows that the champion did not learn from."
            )
    rival = before.get(condition.metric)
    if rival is None or not math.isfinite(rival):
        return _no(condition, value, f"the champion's {condition.metric} is {'not known' if rival is None else rival}.")
    check = _compared(condition, value, condition.limit(rival), _origin(condition, rival, comparison))
    return check if comparison is None else _perhaps_by_chance(check, rival, comparison)


def _perhaps_by_chance(check: Check, rival: float, comparison: Comparison) -> Check:
    """Says of a refusal that these rows cannot tell the limit from what was found."""
    found = comparison.differences[check.metric]
    if check.passed or check.limit is None or found.low is None or found.high is None:
        return check
    asked = check.limit - rival
    if not found.low <= asked <= found.high:
        return check
    chance = f"That may be chance: {comparison.rows:,} rows cannot tell it from {asked:+.4g}, which the gate asks for."
    if not asked:
        chance = f"That may be chance: {comparison.rows:,} rows cannot tell which of the two is better."
    if found.low == found.high:
        chance = f"Both are equally good on these {comparison.rows:,} rows, and the gate asks for a better one."
    return check.model_copy(update={"sentence": f"{check.sentence} {chance}"})


def _compared(condition: Condition, value: float, limit: float | None, origin: str) -> Check:
    if limit is None or not math.isfinite(limit):
        return _no(condition, value, f"the limit for {condition.metric} is {limit}.")
    # champion - 0.005 is rarely exact in binary; equal in print is equal here
    equal = math.isclose(value, limit, rel_tol=1e-12, abs_tol=1e-12)
    above = value > limit and not equal
    passed = {">=": above or equal, ">": above, "<=": not above, "<": not above and not equal}[condition.comparison]
    word = _WORDS[condition.comparison][0 if passed else 1]
    ours, theirs = _told_apart(value, limit)
    return _verdict(condition, value, limit, (passed, f"{condition.metric} is {ours}, {word} {theirs}{origin}."))


def _origin(condition: Condition, rival: float, comparison: Comparison | None) -> str:
    margin = f" {condition.sign} {condition.bound:g}" if condition.bound or condition.sign == "*" else ""
    if comparison is None:
        return f" (champion {rival:.4g}{margin}, on its own held-out rows)"
    found = comparison.differences[condition.metric]
    interval = "no interval"
    if found.low is not None and found.high is not None:
        interval = f"95 % interval {found.low:+.4f} to {found.high:+.4f}"
    rows = _rows(comparison)
    return f" (champion {rival:.4g}{margin}, on {rows}; difference {found.difference:+.4f}, {interval})"


def _rows(comparison: Comparison) -> str:
    if comparison.rows < comparison.held_out:
        return f"the {comparison.rows:,} of {comparison.held_out:,} held-out rows that it did not learn from"
    if comparison.learnt:
        return (
            f"the same rows, {comparison.learnt:,} of {comparison.rows:,} of which it learnt from, so that it looks "
            "better than it is: hold out later rows, or the same ones each time"
        )
    return "the same rows"


def _counted(condition: Condition, rows: float) -> Check:
    found = _compared(condition, rows, condition.bound, "")
    if found.passed:
        return found
    sentence = (
        f"{rows:.0f} held-out rows are too few to judge by: hold out more, or say with how few, such as rows >= 2."
    )
    return found.model_copy(update={"sentence": sentence})


def _told_apart(value: float, limit: float) -> tuple[str, str]:
    """Both numbers with as many digits as it takes to see which is greater."""
    digits: Literal[4, 6, 9, 17]
    for digits in (4, 6, 9, 17):
        ours, theirs = f"{value:.{digits}g}", f"{limit:.{digits}g}"
        if ours != theirs or math.isclose(value, limit, rel_tol=1e-12, abs_tol=1e-12):
            break
    return ours, theirs


def _no(condition: Condition, value: float | None, sentence: str) -> Check:
    return _verdict(condition, value, None, (False, sentence))


def _verdict(condition: Condition, value: float | None, limit: float | None, said: tuple[bool, str]) -> Check:
    passed, sentence = said
    return Check(
        text=condition.text, metric=condition.metric, value=value, limit=limit, passed=passed, sentence=sentence
    )
