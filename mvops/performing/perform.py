"""Doing a step, whichever it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, assert_never

from mvops.core.progress import Tell
from mvops.core.steps import (
    LogRun,
    LogVersion,
    RegisterVersion,
    RemoveFiles,
    RemoveRoute,
    RestoreRoute,
    RollOut,
    RunPipeline,
    SetAliases,
    Step,
    WriteFiles,
)
from mvops.performing.files import remove_files, write_files
from mvops.performing.pipeline_run import perform_run
from mvops.performing.register import perform_register
from mvops.performing.track import log_run, log_version, set_aliases
from mvops.performing.traffic import remove_route, restore_route, roll_out
from mvops.workspace import Workspace

Outputs = dict[str, str]


def perform(  # noqa: C901, PLR0911 -- a closed list
    step: Step, outputs: Outputs, workspace: Workspace, tell: Tell, backend: Callable[[str, str], Any]
) -> Outputs:
    """Do one step; `outputs` is what the action's earlier steps have left. Doing it twice is doing it once.

    `backend` makes a backend by family and name.
    """
    match step:
        case WriteFiles():
            return write_files(step, workspace.root)
        case RemoveFiles():
            return remove_files(step, workspace.root)
        case RunPipeline():
            return perform_run(step, workspace, tell)
        case RegisterVersion():
            return perform_register(step, workspace, tell)
        case RollOut():
            return roll_out(step, outputs, workspace)
        case RestoreRoute():
            return restore_route(step, workspace)
        case RemoveRoute():
            return remove_route(step, workspace)
        case LogRun():
            return log_run(step, workspace, backend("trackers", step.backend))
        case LogVersion():
            return log_version(step, workspace, backend("trackers", step.backend))
        case SetAliases():
            return set_aliases(step, workspace, backend("trackers", step.backend))
        case _:
            assert_never(step)
