"""What DVC tracks, read off its own files (`*.dvc`, `dvc.lock`, `config`): importing DVC takes seconds."""

from __future__ import annotations

import configparser
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mvops.atomic import content_at
from mvops.errors import BackendError, Where
from mvops.witness import is_file, is_folder, matching, note_content, what_is

_LOCK = "dvc.lock"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # there may be hundreds of files


@dataclass(frozen=True)
class Out:
    """A file or folder that DVC tracks: `document` is its entry as DVC wrote it in `file`.

    `made` says that a stage of dvc.yaml or an import makes it, so that only DVC itself may say it has changed.
    """

    path: Path
    file: Path
    document: dict[str, Any]
    made: bool

    @property
    def hash(self) -> str:
        """The md5 of its content, that of a folder ending in `.dir`; empty where DVC has none yet."""
        return str(self.document.get("md5") or "")

    @property
    def is_folder(self) -> bool:
        """Tracked as a whole."""
        return self.hash.endswith(".dir")


def find_repository(root: Path) -> Path:
    """The DVC repository that the project is in. Raises BackendError with the command that makes one."""
    for folder in (root.absolute(), *root.absolute().parents):
        if is_folder(folder / ".dvc"):
            return folder
    in_git = any(what_is(folder / ".git") for folder in (root.absolute(), *root.absolute().parents))
    raise BackendError(
        f"{root} is not in a DVC repository",
        hint="Make it one: dvc init"
        if in_git
        else "Make it one: git init && dvc init, or without Git: dvc init --no-scm",
    )


def tracked(repository: Path, files: Iterable[Path]) -> dict[Path, Out | None]:
    """What DVC tracks for each file: the entry of the file itself, or of the nearest folder around it."""
    folders: dict[Path, dict[Path, Out]] = {}
    made = {out.path: out for lock in _locks(repository) for out in _lock_outs(lock)}
    found: dict[Path, Out | None] = {}
    for file in files:
        around = [file, *(folder for folder in file.parents if folder.is_relative_to(repository))]
        for folder in around[1:]:
            if folder not in folders:
                folders[folder] = {out.path: out for path in _dvc_files(folder) for out in _dvc_outs(path)}
        known = {path: out for folder in around[1:] for path, out in folders[folder].items()} | made
        found[file] = next((known[path] for path in around if path in known), None)
    return found


def remotes(repository: Path) -> tuple[str | None, dict[str, str]]:
    """The default remote's name, and each remote's URL; a local one as an absolute path."""
    home = os.environ.get("DVC_GLOBAL_CONFIG_DIR") or Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config", "dvc")
    default: str | None = None
    urls: dict[str, str] = {}
    for path in (Path(home).expanduser() / "config", repository / ".dvc/config", repository / ".dvc/config.local"):
        parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
        try:
            content = content_at(path)
            if content is None:
                continue
            parser.read_string(content.decode())
        except (OSError, ValueError, configparser.Error) as error:
            raise BackendError(f"DVC's configuration cannot be read: {error}", where=Where(path)) from error
        default = parser.get("core", "remote", fallback=default)
        for section in parser.sections():
            kind, _, name = section.strip("'").partition(" ")
            url = parser.get(section, "url", fallback=None)
            if kind == "remote" and url:
                urls[name.strip('"')] = url if "://" in url else str((path.parent / url).resolve())
    return default, urls


def _locks(repository: Path) -> Iterator[Path]:
    """Pipelines are usually described at the top, or in a folder just below it."""
    yield from sorted({*matching(repository, _LOCK), *matching(repository, f"*/{_LOCK}")})


def _dvc_files(folder: Path) -> list[Path]:
    return [path for path in matching(folder, "*.dvc") if is_file(path)]  # .dvc itself is a folder


def _dvc_outs(path: Path) -> Iterator[Out]:
    document = _read(path)
    folder = path.parent / str(document.get("wdir") or ".")
    for out in document.get("outs") or ():
        yield Out(_absolute(folder, str(out["path"])), path, dict(out), made=bool(document.get("deps")))


def _lock_outs(path: Path) -> Iterator[Out]:
    stages = _read(path.with_name("dvc.yaml")).get("stages") or {}
    for name, stage in (_read(path).get("stages") or {}).items():
        wanted = stages.get(name) or {}
        folder = path.parent / str(wanted.get("wdir") or ".")
        for out in (stage or {}).get("outs") or ():
            yield Out(_absolute(folder, str(out["path"])), path, dict(out), made=True)


def _absolute(folder: Path, name: str) -> Path:
    return Path(os.path.abspath(folder / name))  # noqa: PTH100  a link keeps its own name, as in DVC


def _read(path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
        note_content(path, content)
        found = yaml.load(content.decode(), Loader=_LOADER)  # noqa: S506  a safe loader
    except FileNotFoundError:
        note_content(path, None)
        return {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = getattr(error, "problem", None) or getattr(error, "strerror", None) or "it is not YAML"
        raise BackendError(
            f"DVC's file cannot be read: {reason}", where=Where(path), hint="A merge conflict often does this."
        ) from error
    return found if isinstance(found, dict) else {}
