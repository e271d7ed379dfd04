"""Which kernel runs a notebook, and what is installed beside it; without importing Jupyter's libraries."""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_path

from mvops.atomic import content_at
from mvops.errors import NotebookError, Where
from mvops.witness import spoil

NATIVE = "python3"
_OTHER_LANGUAGES = {"ir": "R", "r": "R", "julia": "Julia", "scala": "Scala", "javascript": "JavaScript"}
_ORDINARY = ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
_ORDINARY_ARGUMENTS = (_ORDINARY[1:], ["-Xfrozen_modules=off", *_ORDINARY[1:]])
_KNOWN = {  # import name -> distribution, where the two differ; anything else is looked up in what is installed
    "sklearn": "scikit-learn",
    "cv2": "opencv-python",
    "PIL": "pillow",
    "yaml": "PyYAML",
    "skimage": "scikit-image",
    "bs4": "beautifulsoup4",
    "dateutil": "python-dateutil",
}


@dataclass(frozen=True)
class Kernel:
    """A kernel by name; `python` is its interpreter if that is not ours.

    `ordinary`: it starts as IPython's kernels do, with nothing set for it.
    """

    name: str
    python: Path | None
    ordinary: bool = True


def choose_kernel(notebook: dict[str, Any], path: Path) -> Kernel:
    """The installed kernel that the notebook's metadata names, else `python3`; another language is a NotebookError."""
    spec = notebook.get("kernelspec", {})
    name = str(spec.get("name", NATIVE))
    language = str(spec.get("language") or notebook.get("language_info", {}).get("name") or "python").lower()
    if language != "python" or name.lower() in _OTHER_LANGUAGES:
        said = _OTHER_LANGUAGES.get(name.lower()) or _OTHER_LANGUAGES.get(language) or language
        raise NotebookError(f"The notebook is written in {said}; mvops runs Python notebooks.", where=Where(path))
    for wanted in (name, NATIVE):
        found = _spec(wanted)
        if found is not None:
            ordinary = found.get("argv", _ORDINARY)[1:] in _ORDINARY_ARGUMENTS and not found.get("env")
            return Kernel(wanted, _foreign(found), ordinary)
    return Kernel(NATIVE, None)


def environment(kernel: Kernel, imports: frozenset[str]) -> tuple[str, dict[str, str]]:
    """The Python of the kernel, and the releases of the packages that `imports` (top-level names) come from.

    For an interpreter that is not ours, all that is installed beside it is listed: nothing is started to ask.
    """
    if kernel.python is not None:
        spoil(f"{kernel.python} was looked at")
        return str(kernel.python), _installed_beside(kernel.python)
    found = (pair for name in sorted(imports - sys.stdlib_module_names) for pair in _releases(name))
    return platform.python_version(), dict(found)


def _spec(name: str) -> dict[str, Any] | None:
    if not re.fullmatch(r"[A-Za-z0-9._-]+", name):
        return None
    for folder in jupyter_path("kernels"):
        try:
            spec = json.loads((content_at(Path(folder) / name / "kernel.json") or b"").decode())
        except (OSError, ValueError):
            continue
        if isinstance(spec, dict) and str(spec.get("language", "python")).lower() == "python":
            return spec
    return None


def _foreign(spec: dict[str, Any]) -> Path | None:
    command = str((spec.get("argv") or ["python"])[0])
    ours = {"python", f"python{sys.version_info.major}", f"python{sys.version_info.major}.{sys.version_info.minor}"}
    if command in ours or os.path.abspath(command) == os.path.abspath(sys.executable):  # noqa: PTH100  links stay
        return None
    return Path(command)


def _installed_beside(python: Path) -> dict[str, str]:
    home = python.parent.parent
    folders = [*home.glob("lib/python*/site-packages"), *home.glob("Lib/site-packages")]
    names = (item.name.removesuffix(".dist-info") for folder in folders for item in folder.glob("*.dist-info"))
    return {name: version for name, _, version in (each.partition("-") for each in sorted(names))}


def _releases(module: str) -> tuple[tuple[str, str], ...]:
    """Distribution and release that a top-level module comes from; several for a namespace, none for local code."""
    return _releases_then(module, tuple(_changed(folder) for folder in sys.path))


def _changed(folder: str) -> int:
    """When something was last installed there, or removed."""
    try:
        return os.stat(folder or ".").st_mtime_ns  # noqa: PTH116 -- a Path for each takes longer than to ask
    except OSError:
        return 0


@lru_cache(maxsize=1024)  # reading a release takes milliseconds, and every notebook imports the same packages
def _releases_then(module: str, _installed: tuple[int, ...]) -> tuple[tuple[str, str], ...]:
    name = _KNOWN.get(module, module)
    try:
        return ((name, metadata.version(name)),)
    except metadata.PackageNotFoundError:
        return tuple((each, metadata.version(each)) for each in sorted(set(_distributions().get(module, []))))


@lru_cache(maxsize=1)
def _distributions() -> dict[str, list[str]]:
    return dict(metadata.packages_distributions())
