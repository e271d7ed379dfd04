"""A model's YAML that is not there yet, checked as if it were."""

from __future__ import annotations

from pathlib import Path

from mvops.core.config.project import Project
from mvops.loading.files import SpecFile, own_files
from mvops.loading.find import PROJECT_FILE
from mvops.loading.load import load_files


def model_file(name: str) -> Path:
    """Where a model's YAML is, below the project's root."""
    return PROJECT_FILE.parent / "models" / f"{name}.yaml"


def project_with(root: Path, name: str, text: str, environment: str | None = None) -> Project:
    """The project as it would be with this YAML of the model `name`; nothing is written. Raises as `load_project`."""
    added = SpecFile(f"models/{name}", model_file(name), text.encode())
    others = [file for file in own_files(root) if file.option != added.option]
    return load_files([*others, added], (), environment)
