"""What is not documented fails here; docs/command-line.md is written by this file from the command line itself.

After a change of the command line, of a preset or of a backend:

    MVOPS_UPDATE_DOCS=1 pytest tests/test_documents.py
"""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import pkgutil
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from mvops import assets, backends
from mvops.cli.app import app
from mvops.usecases.init import presets

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "command-line.md"
TEST_COMMAND = "python3 -m venv .venv && .venv/bin/pip install -q nox uv && .venv/bin/nox"

_HEAD = """\
# The command line

*This page is written from the program by `tests/test_documents.py`; a test fails when the two differ.*

Every command works on the project in the current folder or above it. `mvops COMMAND --help` says the same as this
page. With `--json`, standard output is one JSON document that carries `format_version`; a key may be added to it
without a new version, none is renamed or removed. Progress, errors and alerts go to standard error; there are colours
only on a terminal. Without a terminal, a command that would ask needs `--yes`.
"""
_KINDS = {"path": "PATH", "file": "PATH", "datetime": "TIME", "str": "TEXT", "text": "TEXT"}


def commands(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with the words that name it, in the order of `mvops --help`."""
    for name, command in (group or typer.main.get_command(app)).commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


def exit_codes() -> dict[str, str]:
    """As the epilog of `mvops --help` says them."""
    found = dict(re.findall(r"(\d+) ([^,.]+)", str(app.info.epilog)))
    return {**found, "130": "interrupted; the same command goes on from there"}


def reference() -> str:
    """The whole page."""
    parts = [_HEAD, "## Exit codes\n", _table(("code", "means"), [(f"`{c}`", m) for c, m in exit_codes().items()])]
    parts += [
        "## Options of every command\n",
        "`-C`, `--env`, `-q` and `--debug` may stand before or after the command's name.\n",
    ]
    parts.append(_options(typer.main.get_command(app)))
    for path, command in commands():
        parts += [f"## `mvops {' '.join([*path, *_arguments(command)])}`\n", f"{_text(command.help)}\n"]
        parts += [made for made in (_described_arguments(command), _options(command)) if made]
    parts += ["## Presets\n", "For `mvops init --team TEAM --phase PHASE`, and for the defaults list of a project.\n"]
    parts.append(_table(("preset", "is for"), [(f"`{name}`", _first_comment(name)) for name in presets()]))
    parts += ["## Backends\n", "Named in the YAML; their defaults are in `configs/<family>/<name>.yaml`.\n"]
    parts.append(_table(("family", "backend", ""), _backends()))
    return "\n".join(parts)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:], ""])


def _text(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")


def _parameters(command: Any, kind: str) -> list[Any]:
    return [p for p in command.params if p.param_type_name == kind and p.name != "help"]


def _metavar(argument: Any) -> str:
    plain: str = argument.metavar or str(argument.name).upper()
    return plain if argument.required or plain.startswith("[") else f"[{plain}]"


def _arguments(command: Any) -> list[str]:
    return [_metavar(argument) for argument in _parameters(command, "argument")]


def _described_arguments(command: Any) -> str:
    rows = [(f"`{_metavar(a)}`".replace("|", "\\|"), _text(a.help)) for a in _parameters(command, "argument")]
    return _table(("argument", ""), rows) if rows else ""


def _options(command: Any) -> str:
    rows = [(_option(o), _text(o.help) + _default(o)) for o in _parameters(command, "option")]
    return _table(("option", ""), rows) if rows else ""


def _option(option: Any) -> str:
    names = ", ".join([*sorted(option.opts, key=len), *option.secondary_opts])
    value = "" if option.is_flag else f" {option.metavar or _KINDS.get(option.type.name, 'NUMBER')}"
    return f"`{names}{value}`" + (", required" if option.required else "")


def _default(option: Any) -> str:
    silent = option.is_flag or option.default in (None, (), []) or option.show_default is False
    return "" if silent else f" Default: `{option.default}`."


def _first_comment(preset: str) -> str:
    lines = (assets.configs() / "preset" / f"{preset}.yaml").read_text(encoding="utf-8").splitlines()
    return _text(next(line for line in lines if re.match(r"# \w", line)).removeprefix("# "))


def _backends() -> list[tuple[str, str, str]]:
    rows = []
    for family in backends.families():
        for _, name, _ in sorted(pkgutil.iter_modules([str(Path(backends.__file__).parent / family)])):
            if name.startswith("_"):
                continue
            module = importlib.import_module(f"mvops.backends.{family}.{name}")
            rows.append((family, f"`{name}`", _text((inspect.getdoc(module) or "").split("\n\n")[0])))
    return rows


ALL = list(commands())


@pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) for path, _ in ALL])
def test_every_command_says_what_it_does(path: tuple[str, ...], command: Any) -> None:
    assert command.help, f"mvops {' '.join(path)} has no help"
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"mvops {' '.join(path)}: {parameter.name} has no help"


def test_the_reference_is_the_program() -> None:
    made = reference()
    if os.environ.get("MVOPS_UPDATE_DOCS"):
        REFERENCE.write_text(made, encoding="utf-8")
    assert REFERENCE.read_text(encoding="utf-8") == made, "MVOPS_UPDATE_DOCS=1 pytest tests/test_documents.py"


def test_the_reference_names_every_command_and_code() -> None:
    told = REFERENCE.read_text(encoding="utf-8")
    assert [" ".join(path) for path, _ in ALL if f"`mvops {' '.join(path)}" not in told] == []
    assert set(exit_codes()) == {"0", "1", "2", "3", "4", "130"}


def test_every_preset_and_backend_is_named_in_the_documents() -> None:
    told = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md")))
    named = {name for family in backends.families() for name in backends.own_names(family)} | set(presets())
    assert {name for name in named if f"`{name}`" not in told} == set()


def test_the_readme_tells_the_command_that_ci_runs() -> None:
    assert TEST_COMMAND in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert TEST_COMMAND in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_names_the_extras_that_there_are() -> None:
    """Those that `mvops doctor` looks for, and `mvops plan` asks for."""
    there = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    table = (ROOT / "README.md").read_text().partition("| extra | for |")[2].partition("\n\n")[0]
    named = re.findall(r"`(\w+)`", " ".join(re.findall(r"^\|([^|]+)\|", table, re.MULTILINE)))
    assert sorted(named) == sorted(there)


def test_every_floor_is_in_the_architecture() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    told = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    floors = {floor.strip() for layer in layers for floor in layer.split("|")}
    assert {floor for floor in floors if f"`{floor}`" not in told} == set()


@pytest.mark.parametrize("page", sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")]), ids=lambda p: p.name)
def test_links_between_documents_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    broken = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert broken == []


def test_no_message_sends_a_user_to_a_page_that_their_project_does_not_have() -> None:
    for path in sorted((ROOT / "mvops").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
                assert not re.search(r"\bdocs/\S+\.md", node.value), f"{path}:{node.lineno}"
