"""Where templates, configs and notebooks that come with mvops are: in the wheel, or beside the code."""

from __future__ import annotations

from pathlib import Path

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
