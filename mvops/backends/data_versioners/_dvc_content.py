"""Hashes as DVC makes them, so that a plan can compare without starting DVC."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from mvops.backends.data_versioners._dvc_files import Out
from mvops.notebook.digests import file_md5s

_LOOK = 512  # bytes in which DVC looks for a NUL to tell text from other content


def unchanged(outs: Iterable[Out], cache: Path) -> set[Path]:
    """The paths of those whose content on the disk is what DVC has written down for it.

    A folder in which a .dvcignore hides files may seem to differ; DVC itself knows better when it is asked.
    """
    there = {out.path: (out, _files(out)) for out in outs if _is_there(out)}
    md5s = file_md5s([file for _, files in there.values() for file in files], cache)
    return {path for path, (out, files) in there.items() if _agrees(out, {file: md5s[file] for file in files})}


def _is_there(out: Out) -> bool:
    return bool(out.hash) and out.path.exists() and out.is_folder == out.path.is_dir()


def _files(out: Out) -> list[Path]:
    return sorted(path for path in out.path.rglob("*") if path.is_file()) if out.is_folder else [out.path]


def _agrees(out: Out, plain: Mapping[Path, str]) -> bool:
    if _hash(out, plain) == out.hash:
        return True
    # DVC before release 3 read text files with Unix line ends
    return "hash" not in out.document and _hash(out, {file: _unix_md5(file) for file in plain}) == out.hash


def _hash(out: Out, hashes: Mapping[Path, str]) -> str:
    if not out.is_folder:
        return hashes[out.path]
    entries = [{"md5": md5, "relpath": path.relative_to(out.path).as_posix()} for path, md5 in hashes.items()]
    listed = json.dumps(sorted(entries, key=lambda entry: entry["relpath"].split("/")), sort_keys=True)
    return hashlib.md5(listed.encode(), usedforsecurity=False).hexdigest() + ".dir"


def _unix_md5(path: Path) -> str:
    content = path.read_bytes()
    text = b"\0" not in content[:_LOOK]
    return hashlib.md5(content.replace(b"\r\n", b"\n") if text else content, usedforsecurity=False).hexdigest()
