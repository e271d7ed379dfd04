"""A gate's conditions: `roc_auc >= 0.68`, `roc_auc >= champion - 0.005`, `log_loss <= champion * 1.02`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator

from mvops.core.frozen import Frozen

Comparison = Literal[">=", "<=", ">", "<"]

_CONDITION = re.compile(
    r"\s*(?P<metric>[a-z][a-z0-9_]*)\s*(?P<comparison>>=|<=|>|<)\s*"
    r"(?:(?P<champion>champion)\s*(?:(?P<sign>[+*-])\s*(?P<margin>\d+(?:\.\d+)?))?|(?P<bound>-?\d+(?:\.\d+)?))\s*"
)


ROWS = "rows"  # may be asked for like a metric: how many rows were held out


class Condition(Frozen):
    """`metric comparison bound`, where the bound may be relative to the champion on the same held-out rows."""

    text: str
    metric: str
    comparison: Comparison
    relative: bool
    sign: Literal["+", "-", "*"] = "+"
    bound: float

    def limit(self, champion: float | None) -> float | None:
        """The number that the metric is compared with; None if it is relative and there is no champion."""
        if not self.relative:
            return self.bound
        if champion is None:
            return None
        if self.sign == "*":
            return champion * self.bound
        return champion + self.bound if self.sign == "+" else champion - self.bound


def parse_condition(text: str) -> Condition:
    """Read one condition; raise ValueError that shows what one looks like."""
    found = _CONDITION.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is not a condition: write 'roc_auc >= 0.68' or 'roc_auc >= champion - 0.005'")
    relative = found["champion"] is not None
    if found["metric"] == ROWS and (relative or not found["comparison"].startswith(">")):
        raise ValueError(f"{text!r} is not a condition: held-out rows are asked for as in 'rows >= 100'")
    bound = float(found["margin"] or 0) if relative else float(found["bound"])
    return Condition.model_validate(
        {
            "text": text.strip(),
            "metric": found["metric"],
            "comparison": found["comparison"],
            "relative": relative,
            "sign": found["sign"] or "+",
            "bound": bound,
        }
    )


def is_relative(conditions: Iterable[str]) -> bool:
    """Is something of it asked in comparison with the champion."""
    return any(parse_condition(text).relative for text in conditions)


def instead(model: str, conditions: Iterable[str], champion: Mapping[str, float]) -> str:
    """The YAML of the same gate with numbers in place of the champion, which are those of its own held-out rows."""
    return f"models.{model}.gate: [{', '.join(_with_numbers(conditions, champion))}]"


def uncompared(champion: int, missing: Iterable[str]) -> str:
    """Why no such version passes a gate that asks for a comparison."""
    reads = f"Version {champion}, the champion, reads {', '.join(missing)}"
    return f"{reads}, which the new one does without: the two cannot be compared."


def _with_numbers(conditions: Iterable[str], champion: Mapping[str, float]) -> Iterator[str]:
    for condition in map(parse_condition, conditions):
        limit = condition.limit(champion.get(condition.metric))
        if limit is not None and math.isfinite(limit):
            number = f"{limit:.4g}" if condition.relative else f"{limit:g}"
            yield f"{condition.metric} {condition.comparison} {number}"


def _check(text: str) -> str:
    parse_condition(text)
    return text


ConditionText = Annotated[str, AfterValidator(_check)]
