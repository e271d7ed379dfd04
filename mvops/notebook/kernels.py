"""Which kernel runs a notebook, and what is installed beside it; without importing Jupyter's libraries."""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_path

from mvops.atomic import content_at
from mvops.core.canonical import digest
from mvops.errors import NotebookError, Where
from mvops.notebook.interpreters import distributions_of, installed, plain, release_of
from mvops.witness import is_file, is_folder, spoil

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
_ALWAYS = ("numpy", "pandas", "scikit-learn", "scipy", "skops")  # decide numbers and formats, imported or not


@dataclass(frozen=True)
class Asked:
    """What a model's YAML says: an installed kernel by its name, or an interpreter; nothing: what the notebook says."""

    kernel: str | None = None
    python: Path | None = None

    def __bool__(self) -> bool:
        return self.kernel is not None or self.python is not None

    @classmethod
    def of(cls, root: Path, kernel: str | None, python: str | None) -> Asked:
        """A path is relative to the project; links on it are not followed: that of a virtual environment is one."""
        if python is None:
            return cls(kernel)
        return cls(python=Path(os.path.abspath(root / Path(python).expanduser())))  # noqa: PTH100  links stay


OWN = Asked()


@dataclass(frozen=True)
class Kernel:
    """A kernel by name; `python` is its interpreter if that is not ours.

    `ipython`: its arguments are those of IPython's kernels; `setup` is the digest of what is set for it besides
    (arguments, variables), empty for nothing; `listed`: Jupyter knows it by its name, not only we by its interpreter.
    """

    name: str
    python: Path | None
    ipython: bool = True
    setup: str = ""
    listed: bool = True

    @property
    def ordinary(self) -> bool:
        """It starts as IPython's kernels do, with nothing set for it."""
        return self.ipython and not self.setup

    @property
    def interpreter(self) -> Path | None:
        """The Python that runs it, if that is not ours; None also where something else starts it that hides which."""
        known = (
            self.python is not None and self.python.is_absolute() and self.python.name.startswith(("python", "pypy"))
        )
        return self.python if known else None

    def command(self) -> list[str]:
        """What starts it, where Jupyter does not know."""
        return [str(self.python), *_ORDINARY[1:]]


def choose_kernel(notebook: dict[str, Any], path: Path, asked: Asked = OWN) -> Kernel:
    """The kernel that is asked for, else the installed one that the notebook's metadata names, else `python3`.

    Another language is a NotebookError, and so is a kernel or an interpreter that is asked for and cannot be used.
    """
    spec = notebook.get("kernelspec", {})
    name = str(spec.get("name", NATIVE))
    language = str(spec.get("language") or notebook.get("language_info", {}).get("name") or "python").lower()
    if language != "python" or name.lower() in _OTHER_LANGUAGES:
        said = _OTHER_LANGUAGES.get(name.lower()) or _OTHER_LANGUAGES.get(language) or language
        raise NotebookError(f"The notebook is written in {said}; mvops runs Python notebooks.", where=Where(path))
    if asked.python is not None:
        return _by_interpreter(asked.python, path)
    for wanted in (asked.kernel,) if asked.kernel else (name, NATIVE):
        found = _spec(wanted)
        if found is not None:
            return _checked(_kernel(wanted, found), path, "kernel" if asked else "notebook")
    if asked.kernel not in {None, NATIVE}:
        raise NotebookError(
            f"there is no Python kernel {asked.kernel!r} here", hint=_instead(), where=Where(path)
        ).named_by("kernel")
    return Kernel(NATIVE, None)


def environment(kernel: Kernel, imports: frozenset[str]) -> tuple[str, dict[str, str]]:
    """The Python of the kernel, and the releases of the packages that `imports` (top-level names) come from.

    An interpreter that is not ours is not started to be asked: what is installed beside it is read. There, what
    decides numbers and formats is named also where the code imports it through others only.
    """
    if kernel.python is None:
        found = (pair for name in sorted(imports - sys.stdlib_module_names) for pair in _releases(name))
        return platform.python_version(), dict(found)
    there = installed(kernel.python)
    names = {name for name in _ALWAYS if name in there}
    for module in imports - sys.stdlib_module_names:
        name = plain(_KNOWN.get(module, module))
        names.update([name] if name in there else distributions_of(module, there))
    return release_of(kernel.python) or str(kernel.python), {name: there[name][0] for name in sorted(names)}


def releases_in(kernel: Kernel, names: Iterable[str]) -> dict[str, str]:
    """The releases of these distributions, of those that are installed beside the kernel."""
    if kernel.python is not None:
        there = installed(kernel.python)
        return {name: there[plain(name)][0] for name in names if plain(name) in there}
    found = {}
    for name in names:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def told(kernel: Kernel, asked: Asked, python: str, packages: dict[str, str], root: Path) -> dict[str, str]:
    """What a plan says of the environment: nothing where it is ours and nobody asked."""
    if kernel.python is None:
        return {"kernel": asked.kernel} if asked.kernel else {}
    name = kernel.name
    if not kernel.listed:
        name = kernel.python.relative_to(root).as_posix() if kernel.python.is_relative_to(root) else name
    setup = {"setup": kernel.setup} if kernel.setup else {}
    return {"kernel": name, "python": python, **setup, **packages}


def missing_here(kernel: Kernel) -> str:
    """What keeps another machine from starting the kernel that was chosen elsewhere; empty if nothing does."""
    if kernel.listed and kernel.name != NATIVE:
        found = _spec(kernel.name)
        if found is None:
            return f"it has no kernel {kernel.name!r}; it has {', '.join(kernel_names())}"
        if _kernel(kernel.name, found) != kernel:
            return f"its kernel {kernel.name!r} is another"
    if kernel.python is not None and kernel.python.is_absolute() and not is_file(kernel.python):
        return f"it has no interpreter {kernel.python}"
    return ""


def kernel_names() -> list[str]:
    """The Python kernels that Jupyter knows here."""
    folders = (path for folder in jupyter_path("kernels") for path in Path(folder).glob("*/kernel.json"))
    return sorted({path.parent.name for path in folders if _spec(path.parent.name) is not None} | {NATIVE})


def interpreter_at(python: Path) -> Path | None:
    """The interpreter if it is not ours."""
    ours = os.path.abspath(sys.executable)  # noqa: PTH100  links stay
    return None if str(python) == ours else python


def _by_interpreter(python: Path, path: Path) -> Kernel:
    inside = [found for name in ("bin/python", "Scripts/python.exe", "python.exe") if is_file(found := python / name)]
    if is_folder(python) and inside:
        hint = f"Name the interpreter: python: {inside[0]}"
        raise NotebookError(f"{python} is a folder", hint=hint, where=Where(path)).named_by("python")
    if not is_file(python):
        raise NotebookError(f"there is no interpreter {python}", hint=_instead(), where=Where(path)).named_by("python")
    if interpreter_at(python) is None:
        return Kernel(NATIVE, None)
    return _checked(Kernel(str(python), python, listed=False), path, "python")


def _kernel(name: str, spec: dict[str, Any]) -> Kernel:
    argv = [str(each) for each in spec.get("argv", _ORDINARY)]
    ipython = argv[1:] in _ORDINARY_ARGUMENTS
    special = [] if ipython else argv[1:]
    setup = digest([special, spec.get("env")]) if special or spec.get("env") else ""
    return Kernel(name, _foreign(argv), ipython, setup)


def _checked(kernel: Kernel, path: Path, key: str) -> Kernel:
    """The kernel, if its interpreter can start it. Nothing is started unless the files say that it cannot."""
    python = kernel.python
    if python is None or not python.is_absolute():
        return kernel
    if not is_file(python):
        raise NotebookError(
            f"the kernel {kernel.name!r} starts {python}, which is not there",
            hint=f"Make that environment again, or name another kernel in pipeline: {{kernel: NAME}}. {_instead()}",
            where=Where(path),
        ).named_by(key)
    if kernel.ipython and "ipykernel" not in installed(python) and not _starts(python):
        raise NotebookError(
            f"{python} has no ipykernel, so no notebook can run in it",
            hint=f"Install it: '{python}' -m pip install ipykernel (or: uv pip install --python '{python}' ipykernel)",
            where=Where(path),
        ).named_by(key)
    return kernel


def _starts(python: Path) -> bool:
    """Asks the interpreter itself: packages may be where only it finds them."""
    import subprocess  # noqa: PLC0415  a plan seldom needs it

    spoil(f"{python} was started")
    try:
        asked = [str(python), "-c", "import ipykernel"]
        return subprocess.run(asked, capture_output=True, timeout=60, check=False).returncode == 0  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return False


def _instead() -> str:
    return f"Kernels here: {', '.join(kernel_names())}. Or name an interpreter: pipeline: {{python: PATH}}"


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


def _foreign(argv: list[str]) -> Path | None:
    command = argv[0] if argv else "python"
    if "nb_conda_kernels.runner" in argv[:-2]:  # it is ours that starts, and activates the environment of another
        folder = Path(argv[argv.index("nb_conda_kernels.runner") + 2])
        return folder / ("python.exe" if os.name == "nt" else "bin/python")
    ours = {"python", f"python{sys.version_info.major}", f"python{sys.version_info.major}.{sys.version_info.minor}"}
    if command in ours or os.path.abspath(command) == os.path.abspath(sys.executable):  # noqa: PTH100  links stay
        return None
    return Path(command)


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
