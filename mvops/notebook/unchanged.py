"""Data that changes while a step reads it: what the step makes is of neither the old data nor the new."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mvops.errors import DataError
from mvops.notebook.digests import input_contents
from mvops.notebook.results import PipelineJob


@dataclass
class Unchanged:
    """The files of a job's inputs as they were when it began. What mvops makes itself for the run is not looked at."""

    job: PipelineJob
    cache_dir: Path
    before: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def note(self) -> None:
        """Now the run begins. Raises DataError for an input that is not there."""
        self.before = {name: self._contents(name) for name in self.job.inputs if name not in self.job.digests}

    def check(self, names: Iterable[str]) -> None:
        """Raise DataError if a file of these inputs is gone or another one; new ones in a folder were not read."""
        for name in names:
            before = self.before.get(name, {})
            try:
                now = self._contents(name) if before else {}
            except DataError:
                now = {}
            changed = next((file for file, sha256 in before.items() if now.get(file) != sha256), None)
            if changed is not None:
                raise DataError(
                    f"{changed} was changed while the pipeline read it ({self.job.yaml_key}.{name}); nothing of the "
                    "step is kept",
                    hint="Run the same command again once it is written. If the notebook writes this file itself, "
                    f"take {name} out of {self.job.yaml_key}.",
                )

    def _contents(self, name: str) -> dict[str, str]:
        return input_contents(self.job.root, self.job.inputs[name], self.cache_dir)
