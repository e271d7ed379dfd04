"""Steps in this process, each in a kernel of its own."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from pydantic import Field

from mvops.backends.options import checked
from mvops.contracts.executors import Hands
from mvops.core.frozen import Frozen
from mvops.notebook.threads import threads


class _Options(Frozen):
    workers: int = Field(default=1, ge=1, le=256)


class Local:
    """Options: `workers`, how many steps run at a time (1)."""

    def open(self, options: Mapping[str, Any]) -> AbstractContextManager[Hands]:
        """A thread for each; they wait for kernels."""
        return threads(checked(_Options, "executor.options", "local", options).workers)
