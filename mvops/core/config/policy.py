"""Rules of the team's own: what the YAML must say, and what no plan may do."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, model_validator

from mvops.core.frozen import Frozen
from mvops.core.nearest import did_you_mean

Operator = Literal["==", "!=", "<=", ">=", "<", ">", "in", "contains"]

_REQUIRED = re.compile(
    r"\s*(?P<path>[\w*-]+(?:\.[\w*-]+)*)\s*(?P<operator>==|!=|<=|>=|<|>|\bin\b|\bcontains\b)\s*(?P<value>.+)"
)
_VERBS = "create|update|replace|delete|repair|adopt|forget|move|change"
_ITEM = r"""(?:'[^']*'|"[^"]*"|[^\s\[\],'"][^\[\],'"]*)"""
_WORDS = {"null": None, "true": True, "false": False}
_FORBIDDEN = re.compile(rf"\s*(?P<verb>{_VERBS})\s+(?P<pattern>[\w.*?-]+)\s*")


class Requirement(Frozen):
    """`path operator value`: a place in the YAML (`*` is any name) and what must be true of what stands there."""

    text: str
    path: tuple[str, ...]
    operator: Operator
    value: Any


class Ban(Frozen):
    """`verb pattern`: what no plan may do to resources whose addresses match; `change` is whatever is done."""

    text: str
    verb: str
    pattern: str


def parse_requirement(text: str) -> Requirement:
    """Read one; raise ValueError that shows what one looks like."""
    found = _REQUIRED.fullmatch(text)
    if not found:
        raise ValueError(
            f"{text!r} is not a requirement: write such as \"models.*.owner != ''\" or 'models.*.gate != []'"
        )
    try:
        value = _value(found["value"].strip())
    except ValueError:
        raise ValueError(
            f"{text!r} is not a requirement: {found['value']!r} is no value as one writes it in YAML"
        ) from None
    if found["operator"] == "in" and not isinstance(value, list):
        raise ValueError(f"{text!r} is not a requirement: after `in` comes a list, such as [canary, shadow]")
    path = tuple(found["path"].split("."))
    return Requirement(text=text.strip(), path=path, operator=found["operator"], value=value)


def _value(text: str) -> Any:
    """A number, text, `null`, `true`, `false`, or a list of them; raise ValueError for anything else."""
    if found := re.fullmatch(rf"\[\s*(?:{_ITEM}\s*(?:,\s*{_ITEM}\s*)*)?\]", text):
        return [_value(item.strip()) for item in re.findall(_ITEM, found[0][1:-1])]
    if text in _WORDS:
        return _WORDS[text]
    if re.fullmatch(r"[+-]?\d+", text):
        return int(text)
    if re.fullmatch(r"[+-]?\d*\.\d+(?:e[+-]?\d+)?", text):
        return float(text)
    if not re.fullmatch(_ITEM, text):
        raise ValueError(text)
    return text[1:-1] if text[0] in "'\"" else text


def parse_ban(text: str) -> Ban:
    """Read one; raise ValueError that shows what one looks like."""
    found = _FORBIDDEN.fullmatch(text)
    if not found:
        verbs, words = _VERBS.split("|"), text.split()
        meant = did_you_mean(words[0], verbs) if words and words[0] not in verbs else ""
        said = f"write a verb ({', '.join(verbs)}) and addresses, such as 'delete model.*'"
        raise ValueError(f"{text!r} forbids nothing: {said}{meant}")
    return Ban(text=text.strip(), verb=found["verb"], pattern=found["pattern"])


def _check_requirement(text: str) -> str:
    parse_requirement(text)
    return text


def _check_ban(text: str) -> str:
    parse_ban(text)
    return text


class Policy(Frozen):
    """A plan that does not keep to it is refused, with `level: warn` only warned of. `because` is for people."""

    require: tuple[Annotated[str, AfterValidator(_check_requirement)], ...] = ()
    forbid: tuple[Annotated[str, AfterValidator(_check_ban)], ...] = ()
    level: Literal["fail", "warn"] = "fail"
    because: str = ""

    @model_validator(mode="after")
    def _says_something(self) -> Policy:
        if not self.require and not self.forbid:
            raise ValueError("a policy has at least one line in `require` or `forbid`")
        return self
