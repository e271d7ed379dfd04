"""A new project from a preset."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from mvops import assets, backends
from mvops.atomic import write_atomically
from mvops.contracts.examples import Example
from mvops.core.cells import PHASES, WORDS
from mvops.core.naming import suggest_name
from mvops.errors import ConflictError, UsageError
from mvops.loading.load import load_project
from mvops.rendering import render_folder


@dataclass(frozen=True)
class Created:
    """The project's folder, its name, and the files made in it, relative to the folder.

    `on` are the capabilities that the preset switches on, `later` the others with the phase of this team that does.
    """

    root: Path
    name: str
    preset: str
    files: tuple[str, ...]
    on: tuple[str, ...] = ()
    later: tuple[tuple[str, str], ...] = ()


def presets() -> tuple[str, ...]:
    """Every preset that comes with mvops: `small/day_30` and so on."""
    folder = assets.configs() / "preset"
    return tuple(sorted(p.relative_to(folder).with_suffix("").as_posix() for p in folder.rglob("*.yaml")))


def init(
    root: Path,
    *,
    team: str,
    phase: str,
    name: str | None = None,
    example: str | None = None,
    port: int = 8000,
) -> Created:
    """Make a project in `root` (made if missing); files of the user's that are there stay.

    Raises UsageError for an unknown preset or example, ConflictError where a project is already.
    """
    preset = f"{team}/{phase}"
    if preset not in presets():
        raise UsageError(f"there is no preset {preset!r}", hint=f"Presets: {', '.join(presets())}")
    if (root / "configs" / "project.yaml").exists():
        raise ConflictError(f"{root.resolve()} is already a project", hint="See what it would do: mvops plan")
    example = example.replace("-", "_") if example else None  # it is typed flights-features
    chosen: Example | None = backends.load("examples", example) if example else None
    project = name or suggest_name(root.resolve().name)
    context = {"project": project, "preset": preset, "team": team, "phase": phase, "example": example, "port": port}
    texts = {_real_name(path): text for path, text in render_folder("project", context).items()}
    if example and (assets.templates() / "examples" / example).is_dir():
        rendered = render_folder(f"examples/{example}", context).items()
        texts |= {path: text.replace("127.0.0.1:8000", f"127.0.0.1:{port}") for path, text in rendered}
    made = [path for path, text in sorted(texts.items()) if _write(root / path, text)]
    for folder in ("configs/models", "notebooks", "pipelines", "data"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    if chosen is not None:
        notebook = root / "notebooks" / chosen.notebook
        if not notebook.exists():
            shutil.copyfile(assets.notebooks() / chosen.notebook, notebook)
            made.append(f"notebooks/{chosen.notebook}")
        chosen.write_data(root)
        made.append("data/")
    on, later = _switched(root, team, phase)
    return Created(root, project, preset, tuple(made), on, later)


def _switched(root: Path, team: str, phase: str) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """What is on, and what comes with which later phase of the same team, in the order in which they are best met."""
    on: list[str] = []
    later: dict[str, str] = {}
    for cell in PHASES[PHASES.index(phase) :]:
        capabilities = load_project(root, [f"preset={team}/{cell}"]).capabilities
        switched = [name for name in WORDS if getattr(capabilities, name, False)]
        if cell == phase:
            on = switched
        later |= {name: cell for name in switched if name not in on and name not in later}
    return tuple(on), tuple(later.items())


def _real_name(path: str) -> str:
    """Hatchling and Git would act on a `.gitignore` among the templates, so it is called `gitignore` there."""
    return {"gitignore": ".gitignore", "project.yaml": "configs/project.yaml"}.get(path, path)


def _write(path: Path, text: str) -> bool:
    if path.exists():
        return False
    write_atomically(path, text.encode())
    return True
