"""An interpreter that is not ours: its release and what is installed beside it, read from files: nothing is started."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from mvops.atomic import content_at
from mvops.witness import matching

_METADATA = ("*.dist-info", "*.egg-info")
_RELEASE = re.compile(r"\d+(?:\.\d+){1,2}")


def plain(distribution: str) -> str:
    """The one way to write a distribution's name, as PEP 503 has it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def release_of(python: Path) -> str:
    """Such as 3.9.18; 3.9 where no file says more, empty where none says anything."""
    settings = _settings(python)
    said = settings.get("version_info") or settings.get("version") or ""  # of a virtual environment
    for home in _homes(python):
        for record in matching(home / "conda-meta", "python-3*.json"):
            said = said or record.name.removeprefix("python-")
    found = _RELEASE.match(said) or _RELEASE.search(os.path.realpath(python).rpartition("python")[2])
    return found.group() if found else ""


def installed(python: Path) -> dict[str, tuple[str, Path]]:
    """Distribution, by its plain name -> its release, and where its metadata is. What is found first counts."""
    found: dict[str, tuple[str, Path]] = {}
    for folder in _folders(python):
        for pattern in _METADATA:
            for path in matching(folder, pattern):
                name, _, rest = path.name.rpartition(".")[0].partition("-")
                found.setdefault(plain(name), (rest.partition("-py")[0], path))
    return found


def distributions_of(module: str, there: dict[str, tuple[str, Path]]) -> list[str]:
    """The plain names of those of `there` that a top-level module comes from; none for the project's own."""
    return sorted(name for name, (_, path) in there.items() if module in _modules(path))


def _modules(metadata: Path) -> frozenset[str]:
    listed = content_at(metadata / "top_level.txt")
    if listed is not None:
        return frozenset(listed.decode("utf-8", "replace").split())
    files = (content_at(metadata / "RECORD") or b"").decode("utf-8", "replace").splitlines()
    return frozenset(line.partition(",")[0].partition("/")[0].removesuffix(".py") for line in files)


def _folders(python: Path) -> Iterator[Path]:
    """Where its packages are, in the order in which it looks for them."""
    release = ".".join(release_of(python).split(".")[:2])
    for home in _homes(python):
        for library in matching(home / "lib", f"python{release or '3*'}"):
            yield library / "site-packages"
        if release:
            yield home / "local" / "lib" / f"python{release}" / "dist-packages"  # Debian's
            yield home / "lib" / "python3" / "dist-packages"
        yield home / "Lib" / "site-packages"  # Windows'
    settings = _settings(python)
    if settings.get("include-system-site-packages", "").lower() == "true" and settings.get("home"):
        yield from _folders(Path(settings["home"]) / "python3")


def _homes(python: Path) -> tuple[Path, ...]:
    return (python.parent.parent, python.parent) if os.name == "nt" else (python.parent.parent,)


def _settings(python: Path) -> dict[str, str]:
    """What a virtual environment says of itself; a link to its base is not followed."""
    for home in _homes(python):
        text = content_at(home / "pyvenv.cfg")
        if text is not None:
            pairs = (line.partition("=") for line in text.decode("utf-8", "replace").splitlines())
            return {name.strip().lower(): value.strip() for name, _, value in pairs}
    return {}
