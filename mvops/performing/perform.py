"""Doing a step, whichever it is."""

from __future__ import annotations

from typing import assert_never

from mvops.artifacts.models import foresee_skops
from mvops.core.progress import Tell
from mvops.core.steps import (
    GoBack,
    KeepData,
    KeepTexts,
    LogRun,
    LogVersion,
    MaterializeFeatures,
    PutFeature,
    RegisterVersion,
    RemoveFeature,
    RemoveFiles,
    RemoveRoute,
    RenameModel,
    RestoreRoute,
    RollOut,
    RunPipeline,
    SetAliases,
    Step,
    WriteFiles,
)
from mvops.performing.data import keep_data
from mvops.performing.features import materialize_features, put_feature, remove_feature
from mvops.performing.files import keep_generated, remove_files, write_files
from mvops.performing.pipeline_run import perform_run
from mvops.performing.renaming import rename_everywhere
from mvops.performing.track import log_run, log_version, set_aliases
from mvops.performing.traffic import go_back, remove_route, restore_route, roll_out
from mvops.workspace import Workspace

Outputs = dict[str, str]


def perform(step: Step, outputs: Outputs, workspace: Workspace, tell: Tell) -> Outputs:  # noqa: C901, PLR0911, PLR0912 -- a closed list
    """Do one step; `outputs` is what the action's earlier steps have left. Doing it twice is doing it once."""
    match step:
        case KeepTexts():
            return keep_generated(step, workspace.registry)
        case WriteFiles():
            return write_files(step, workspace.root, workspace.registry)
        case RemoveFiles():
            return remove_files(step, workspace.root, workspace.registry)
        case KeepData():
            return keep_data(step, outputs, workspace)
        case RunPipeline():
            return perform_run(step, workspace, tell)
        case RegisterVersion():
            foresee_skops()
            from mvops.performing.register import perform_register  # noqa: PLC0415 -- scikit-learn; `status` waits

            return perform_register(step, workspace, tell)
        case RollOut():
            return roll_out(step, outputs, workspace)
        case RestoreRoute():
            return restore_route(step, workspace)
        case RemoveRoute():
            return remove_route(step, workspace)
        case GoBack():
            return go_back(step, workspace)
        case RenameModel():
            return rename_everywhere(step, workspace)
        case LogRun():
            return log_run(step, workspace, workspace.backend("trackers", step.backend))
        case LogVersion():
            return log_version(step, workspace, workspace.backend("trackers", step.backend))
        case SetAliases():
            return set_aliases(step, workspace, workspace.backend("trackers", step.backend))
        case PutFeature():
            return put_feature(step, workspace, tell)
        case RemoveFeature():
            return remove_feature(step, workspace)
        case MaterializeFeatures():
            return materialize_features(step, workspace, tell)
        case _:
            assert_never(step)
