"""Which project are we in?"""

from __future__ import annotations

from pathlib import Path

from mvops.errors import UsageError

PROJECT_FILE = Path("configs") / "project.yaml"


def find_project(start: Path) -> Path:
    """The nearest folder, from `start` upwards, that holds configs/project.yaml; UsageError when there is none."""
    folder = start.expanduser().absolute()
    if not folder.is_dir():
        raise UsageError(f"there is no folder {start}", hint="`mvops init DIR` makes a project.")
    for candidate in (folder, *folder.parents):
        if (candidate / PROJECT_FILE).is_file():
            return candidate
        if (candidate / PROJECT_FILE).with_suffix(".yml").is_file():
            raise UsageError(
                f"{candidate} has configs/project.yml",
                hint="mvops reads files that end in .yaml: mv configs/project.yml configs/project.yaml",
            )
    raise UsageError(
        f"no mvops project here: neither {start} nor a folder above it has configs/project.yaml",
        hint="`mvops init` makes a project, `mvops -C DIR ...` names one elsewhere.",
    )
