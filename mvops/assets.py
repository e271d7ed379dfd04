"""Where templates, configs and notebooks are: in the wheel or beside the code, and in packages that bring backends.

A package that has an entry point in a group `mvops.<family>` may have folders `templates` and `configs` of its own,
laid out like ours. It is found without being imported.
"""

from __future__ import annotations

import importlib.util
import os
import pkgutil
import sys
from contextlib import suppress
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

_PACKAGE = Path(__file__).parent


def _folder(name: str) -> Path:
    installed = _PACKAGE / f"_{name}"
    return installed if installed.is_dir() else _PACKAGE.parent / name


def templates() -> Path:
    """The folder of Jinja templates."""
    return _folder("templates")


def configs() -> Path:
    """The folder of Hydra configs: presets and the backends' defaults."""
    return _folder("configs")


def notebooks() -> Path:
    """The folder of example notebooks."""
    return _folder("notebooks")


@cache  # looking through what is installed takes 20 ms
def entries() -> tuple[EntryPoint, ...]:
    """The entry points by which third parties' backends enter, in groups `mvops.<family>`."""
    if not _may_bring_backends():
        return ()
    from importlib.metadata import entry_points  # noqa: PLC0415 -- slow to import, and rarely needed

    found = entry_points()
    return tuple(
        point for group in sorted(found.groups) if group.startswith("mvops.") for point in found.select(group=group)
    )


def _may_bring_backends() -> bool:
    """Does a package's list of entry points hold our word; yes for what is no folder, such as a zip file."""
    for place in sys.path:
        folder = Path(place or ".")
        try:
            names = os.listdir(folder)  # noqa: PTH208 -- a Path for each takes longer than to look
        except NotADirectoryError:
            return True
        except OSError:
            continue
        if any(name.endswith(".egg") or name == "EGG-INFO" for name in names):
            return True
        for name in names:
            if name.endswith((".dist-info", ".egg-info")):
                with suppress(OSError):
                    if b"[mvops." in (folder / name / "entry_points.txt").read_bytes():
                        return True
    return False


@cache  # asked for every backend that is loaded
def own_backend_names(family: str) -> tuple[str, ...]:
    """The names of a family's backends that come with mvops, sorted. Imports nothing."""
    found = pkgutil.iter_modules([str(_PACKAGE / "backends" / family)])
    return tuple(sorted(module.name for module in found if not module.name.startswith("_")))


def backend_names(family: str) -> tuple[str, ...]:
    """The names of a family's backends, ours and third parties', sorted. Imports nothing."""
    theirs = {point.name for point in entries() if point.group == f"mvops.{family}"}
    return tuple(sorted({*own_backend_names(family), *theirs}))


@cache
def packages() -> dict[str, Path]:
    """The folders of the packages that bring backends, by their names; a lone module has none."""
    return {
        name: Path(spec.submodule_search_locations[0])
        for name, spec in _specs().items()
        if spec is not None and spec.submodule_search_locations
    }


def lone_modules() -> list[Path]:
    """The files of modules that bring backends and are no packages."""
    specs = filter(None, _specs().values())
    return [Path(spec.origin) for spec in specs if spec.origin and not spec.submodule_search_locations]


def _specs() -> dict[str, ModuleSpec | None]:
    names = sorted({point.module.partition(".")[0] for point in entries()})
    return {name: importlib.util.find_spec(name) for name in names}
