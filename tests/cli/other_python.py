"""Another Python that runs notebooks, made in a moment: it has what we have, and says of itself what it is told to."""

from __future__ import annotations

import sys
import venv
from importlib import metadata
from pathlib import Path

PACKAGES = ("ipykernel", "numpy", "pandas", "scikit-learn", "scipy", "skops")


def make_other(folder: Path) -> Path:
    """An environment in `folder`; its interpreter. Our packages are found there, as if they had been installed."""
    venv.EnvBuilder(symlinks=True, with_pip=False).create(folder)
    site = site_of(folder)
    (site / "ours.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    for name in PACKAGES:
        pretend(folder, name, metadata.version(name))
    return folder / "bin" / "python"


def site_of(folder: Path) -> Path:
    return next(folder.glob("lib/python*/site-packages"))


def pretend(folder: Path, name: str, release: str) -> None:
    """From now on this release is installed there."""
    site, stem = site_of(folder), name.replace("-", "_")
    for before in site.glob(f"{stem}-*.dist-info"):
        (before / "METADATA").unlink()
        before.rmdir()
    made = site / f"{stem}-{release}.dist-info"
    made.mkdir()
    (made / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {release}\n")
