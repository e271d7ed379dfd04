"""The steps under a plan's line: a closed list of data, so that a plan can be printed, saved and tested."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from mvops.core.file_change import FileChange
from mvops.core.frozen import Frozen


class KeepTexts(Frozen):
    """Keep the texts of generated files, for merges to come, and remember the digests of their templates."""

    step: Literal["keep-texts"] = "keep-texts"
    texts: tuple[str, ...]
    templates: dict[str, str]


class WriteFiles(Frozen):
    """Write `files` (path below the project -> text), each atomically; what was edited by hand is merged or stays.

    `ours` are the digests of what was generated last, `plan` says what becomes of the files: none of them may have
    another end than the one that was planned. `name` is that of the resource.
    """

    step: Literal["write-files"] = "write-files"
    files: dict[str, str]
    ours: dict[str, str]
    plan: dict[str, FileChange] = Field(default_factory=dict)
    name: str = ""


class RemoveFiles(Frozen):
    """Remove the files that still have the digests in `files`; what was edited by hand stays."""

    step: Literal["remove-files"] = "remove-files"
    files: dict[str, str]


class KeepData(Frozen):
    """Have a data versioner keep the content of a dataset, and leave its revision."""

    step: Literal["keep-data"] = "keep-data"
    pattern: str
    digest: str


class RunPipeline(Frozen):
    """Run a model's pipeline, taking from the cache what has not changed; all of it `anew` where that is asked for."""

    step: Literal["run-pipeline"] = "run-pipeline"
    model: str
    reason: str
    anew: bool = False


class RegisterVersion(Frozen):
    """Evaluate what the last run made, register it as a version, judge it at the gate.

    A champion whose artefact is `lost` is not compared with.
    """

    step: Literal["register-version"] = "register-version"
    model: str
    reason: str
    lost: bool = False


class RollOut(Frozen):
    """Give the newest version that passed its gate the traffic: by the model's strategy, or all of it `at_once`.

    A champion whose artefact is `lost` keeps no share of it.
    """

    step: Literal["roll-out"] = "roll-out"
    model: str
    at_once: bool = False
    lost: bool = False


class RestoreRoute(Frozen):
    """Write again which version answers, from the registry."""

    step: Literal["restore-route"] = "restore-route"
    model: str


class RemoveRoute(Frozen):
    """Take a model's versions from the traffic; they stay in the registry."""

    step: Literal["remove-route"] = "remove-route"
    model: str


class GoBack(Frozen):
    """Leave again what a former apply has left; with a `champion`, that version gets all traffic, at once."""

    step: Literal["go-back"] = "go-back"
    model: str
    outputs: dict[str, str]
    champion: int | None
    reason: str


class RenameModel(Frozen):
    """Call a model by `name`, with all that is known of it and the records of these `kinds`."""

    step: Literal["rename-model"] = "rename-model"
    model: str
    name: str
    kinds: tuple[str, ...]


class TrackerStep(Frozen):
    """What is told to a tracker; `backend` and `options` say to which."""

    backend: str
    options: dict[str, JsonValue]
    model: str


class LogRun(TrackerStep):
    """Tell the tracker of a run that has ended."""

    step: Literal["log-run"] = "log-run"
    run: str


class LogVersion(TrackerStep):
    """Tell the tracker of a registered version."""

    step: Literal["log-version"] = "log-version"
    number: int


class SetAliases(TrackerStep):
    """Point the tracker's champion and challenger at these versions; what is not in `aliases` is taken away."""

    step: Literal["set-aliases"] = "set-aliases"
    aliases: dict[str, int]


class PutFeature(Frozen):
    """Make a view or a service in the feature store as the YAML says."""

    step: Literal["put-feature"] = "put-feature"
    part: Literal["view", "service"]
    name: str


class RemoveFeature(Frozen):
    """Take a view or a service out of the feature store, or what the empty store keeps in the project."""

    step: Literal["remove-feature"] = "remove-feature"
    part: Literal["view", "service", "store"]
    name: str


class MaterializeFeatures(Frozen):
    """Bring what is new in these views into the online store."""

    step: Literal["materialize-features"] = "materialize-features"
    views: tuple[str, ...]


Step = (
    KeepTexts
    | WriteFiles
    | RemoveFiles
    | KeepData
    | RunPipeline
    | RegisterVersion
    | RollOut
    | RestoreRoute
    | RemoveRoute
    | RenameModel
    | GoBack
    | LogRun
    | LogVersion
    | SetAliases
    | PutFeature
    | RemoveFeature
    | MaterializeFeatures
)
