"""A DAG is read as Python, without Airflow; Airflow itself reads and runs one in tests/backends."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest


def set_up(_folder: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    yield lambda files: list(_jobs(files, request.module.Found))


def _jobs(files: Mapping[str, str], found: Any) -> Iterator[Any]:
    (text,) = files.values()
    body = ast.parse(text).body
    zone, retries, timeout = _settings(text)
    tasks: dict[str, list[tuple[str, tuple[str, ...], list[str]]]] = {}
    schedules: dict[str, str] = {}
    for node in body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and "DAG" in ast.unparse(node.value.func):
            given = {word.arg: word.value for word in node.value.keywords}
            schedules[ast.unparse(node.targets[0])] = ast.literal_eval(given["schedule"])
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            dag, name, *words = node.value.args
            after = [ast.literal_eval(word.value) for word in node.value.keywords if word.arg == "after"]
            told = (ast.literal_eval(name), tuple(map(ast.literal_eval, words)), after[0] if after else [])
            tasks.setdefault(ast.unparse(dag), []).append(told)
    for dag, schedule in schedules.items():
        yield found(
            schedule=schedule,
            commands=tuple(arguments for _, arguments, _ in tasks[dag]),
            after=_all_before(tasks[dag]),
            timezone=zone,
            retries=retries,
            timeout=timeout,
        )


def _settings(text: str) -> tuple[str, int, float | None]:
    found: dict[str, Any] = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and "pendulum.datetime" in ast.unparse(node.func):
            found["zone"] = ast.literal_eval(node.keywords[0].value)
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if key is not None and ast.unparse(key) == "'retries'":
                    found["retries"] = ast.literal_eval(value)
                if key is not None and ast.unparse(key) == "'execution_timeout'":
                    assert isinstance(value, ast.Call)
                    found["timeout"] = ast.literal_eval(value.keywords[0].value)
    return found["zone"], found["retries"], found.get("timeout")


def _all_before(tasks: list[tuple[str, tuple[str, ...], list[str]]]) -> dict[tuple[str, ...], frozenset[Any]]:
    named = {name: arguments for name, arguments, _ in tasks}
    before: dict[str, frozenset[Any]] = {}
    for name, _, after in tasks:
        before[name] = frozenset().union(*({named[one]} | before[one] for one in after))
    return {named[name]: found for name, found in before.items()}
