"""Text from Jinja templates. A name that is missing is an error, and every language has its own escaping filter."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mvops import assets
from mvops.errors import BackendError

if TYPE_CHECKING:
    from jinja2 import Environment

_USED: ContextVar[dict[str, str] | None] = ContextVar("_USED", default=None)


def _cron(text: str) -> str:
    """A percent sign ends a cron command unless it is escaped; so would a line break."""
    return text.replace("%", "\\%").replace("\n", " ").replace("\r", " ")


def _line(text: str) -> str:
    """One line for a comment."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


@cache  # compiling the templates takes longer than rendering them
def _environment(folder: Path) -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 -- a plan renders only what is new

    environment = Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 -- what is generated is code, not HTML: each language has its filter
    )
    environment.filters.update(py=repr, json=_json, yaml=_yaml, shell=shlex.quote, cron=_cron, line=_line)
    return environment


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _yaml(value: Any) -> str:
    """A value of YAML in one line; every reader of YAML takes it, as nothing but printable ASCII is left."""
    return json.dumps(value).replace("\x7f", "\\u007f")


@contextmanager
def templates_used() -> Iterator[dict[str, str]]:
    """The templates that are rendered meanwhile, by their path below `templates`, with the digests of their text."""
    used: dict[str, str] = {}
    before = _USED.set(used)
    try:
        yield used
    finally:
        _USED.reset(before)


def render_folder(name: str, context: Mapping[str, Any]) -> dict[str, str]:
    """Every file of `templates/<name>/`, ours or a backend's package's, by path below it.

    `.j2` files are rendered and the ending dropped, others are taken as they are. What is rendered to nothing is no
    file. Filters: `py`, `json`, `yaml`, `shell`, `cron`, `line` (for a comment). Raises BackendError when the folder is
    missing or a template names something that `context` does not hold.
    """
    places = [assets.templates(), *(package / "templates" for package in assets.packages().values())]
    folder = next((place / name for place in places if (place / name).is_dir()), None)
    if folder is None:
        looked = ", ".join(map(str, places))
        raise BackendError(f"there is no template folder {name!r}", hint=f"Looked in {looked}")
    from jinja2 import UndefinedError  # noqa: PLC0415 -- as above

    environment = _environment(folder)
    used = _USED.get()
    rendered: dict[str, str] = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
        relative = path.relative_to(folder).as_posix()
        if used is not None:
            used[f"{name}/{relative}"] = hashlib.sha256(path.read_bytes()).hexdigest()
        if not relative.endswith(".j2"):
            rendered[relative] = path.read_text(encoding="utf-8")
            continue
        try:
            text = environment.get_template(relative).render(context)
        except UndefinedError as error:
            raise BackendError(f"template {name}/{relative}: {error}") from error
        if text:
            rendered[relative.removesuffix(".j2")] = text
    return rendered
