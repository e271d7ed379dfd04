"""A model's YAML as a person would have written it: sections in their order, a comment on each, short things short."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from mvops.atomic import write_atomically
from mvops.errors import SpecError, UsageError
from mvops.loading.interpolation import refused
from mvops.loading.problems import KeyPath
from mvops.loading.sections import keys_at
from mvops.loading.strict_yaml import parse, scalar

_WIDTH = 110
_BLOCKS = frozenset({"pipeline", "gate"})  # never on one line, as people change them often

_COMMENTS = {
    "pipeline": "How the model is made: the promoted notebook, what it reads, what may be changed, what comes out.",
    "evaluate": "What the model is, and the numbers by which it is judged; the first one leads.",
    "gate": "What a new version must reach before it may serve; champion is the version that serves now.",
    "endpoint": "Where it answers: POST /predict, GET /health/ready, GET /metrics.",
    "rollout": "How a new version gets the traffic, and what sends it back.",
    "monitor": "What is watched: how often, how many false alarms are bearable, when the truth is known, who is told.",
    "retrain": "When a new version is trained: by the clock (minute hour day month weekday) and on alerts.",
}


def write_model_yaml(path: Path, config: dict[str, Any], *, overwrite: bool = False) -> None:
    """Write `config`, with the keys of a Model, so that it loads back equal; whole or not at all.

    Raises UsageError when `path` exists and `overwrite` is not set, SpecError for what YAML or a spec cannot hold.
    """
    if path.exists() and not overwrite:
        raise UsageError(f"{path} exists already", hint="Choose another name, or say that it may be overwritten.")
    write_atomically(path, model_yaml(config).encode())


def model_yaml(config: dict[str, Any]) -> str:
    """The text that `write_model_yaml` writes."""
    try:
        plain = json.loads(json.dumps(config, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise SpecError(f"this cannot be written as YAML: {error}") from None
    text = "\n".join(_sections(plain)).strip("\n") + "\n"
    try:
        same = parse(text.encode(), Path("model.yaml")).values == plain and not _holds_reference(plain)
    except (SpecError, UnicodeEncodeError) as error:
        raise SpecError(f"this cannot be written as YAML: {error}") from None
    if not same:
        raise SpecError("this cannot be written as YAML: it would not be read back the same", hint=text[:2000])
    return text


def _holds_reference(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_reference(child) for child in value.values())
    if isinstance(value, list):
        return any(_holds_reference(child) for child in value)
    return isinstance(value, str) and refused(value) is not None


def _sections(config: dict[str, Any]) -> Iterator[str]:
    for key, value in _ordered(config, ()).items():
        if key in _COMMENTS:
            yield ""
            yield f"# {_COMMENTS[key]}"
        yield from _entry(key, value, "", (key,))


def _ordered(mapping: dict[str, Any], path: KeyPath) -> dict[str, Any]:
    known = keys_at(("models", "any", *path))
    return {key: mapping[key] for key in [*(k for k in known if k in mapping), *(k for k in mapping if k not in known)]}


def _entry(key: str, value: Any, indent: str, path: KeyPath) -> Iterator[str]:
    """`key: value` on one line where it fits, else the value below, two spaces in."""
    if isinstance(value, dict):
        value = _ordered(value, path)
    short = f"{indent}{flow(key)}: {flow(value)}"
    if not value or not isinstance(value, (dict, list)) or (len(short) <= _WIDTH and not _is_block(value, path)):
        yield short
        return
    yield f"{indent}{flow(key)}:"
    if isinstance(value, dict):
        for name, child in value.items():
            yield from _entry(name, child, f"{indent}  ", (*path, name))
    else:
        yield from (f"{indent}  - {flow(child)}" for child in value)


def _is_block(value: Any, path: KeyPath) -> bool:
    return len(path) == 1 and path[0] in _BLOCKS and bool(value)


def flow(value: Any) -> str:
    """A value of YAML on one line."""
    text = yaml.dump(value, Dumper=_Dumper, default_flow_style=True, width=1 << 30, sort_keys=False, allow_unicode=True)
    return text.removesuffix("...\n").rstrip("\n")


class _Dumper(yaml.SafeDumper):
    """Quotes what YAML 1.1 takes for something else, as other readers may, but never the key `on`."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


_Dumper.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not (first in "oO" and tag.endswith(":bool"))]
    for first, resolvers in yaml.SafeDumper.yaml_implicit_resolvers.items()
}


def _text(dumper: yaml.SafeDumper, data: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", data, style=_style(data))


def _style(data: str) -> str | None:
    timed = len(data.split()) == 5 and data[:1] in {*"*0123456789"}  # a cron schedule
    odd = not data.isprintable() or data.lower() == "off" or _is_taken_for_other(data)
    return '"' if timed or odd else None


def _is_taken_for_other(data: str) -> bool:
    try:
        return not isinstance(scalar(data), str)
    except ValueError:
        return True


_Dumper.add_representer(str, _text)
