"""What a user writes in `configs/models/<name>.yaml`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from mvops.core.config.endpoint import Endpoint
from mvops.core.config.features import PipelineFeatures
from mvops.core.config.gate import ConditionText
from mvops.core.config.log import LogRules
from mvops.core.config.rates import AlarmRate, Ratio, none_if_off
from mvops.core.cron import CronText
from mvops.core.durations import Duration, Period
from mvops.core.frozen import Flag, Frozen
from mvops.core.naming import Name
from mvops.core.sizes import Size

Metric = Literal[
    "roc_auc",
    "log_loss",
    "brier",
    "accuracy",
    "balanced_accuracy",
    "f1",
    "precision",
    "recall",
    "rmse",
    "mae",
    "r2",
]
CLASSIFICATION = frozenset(
    {"roc_auc", "log_loss", "brier", "accuracy", "balanced_accuracy", "f1", "precision", "recall"}
)
REGRESSION = frozenset({"rmse", "mae", "r2"})


class Outputs(Frozen):
    """Names of notebook variables: the fitted estimator and the rows it was held out on.

    `train_features` (the rows it was fitted on) makes the baseline richer; `times` is an array with one timestamp
    for each held-out row, so that the baseline knows its own day-to-day variation.
    """

    model: str
    features: str
    target: str
    train_features: str | None = None
    times: str | None = None


class Pipeline(Frozen):
    """How the model is made.

    `notebook` is the promoted notebook; `notebooks` are several in its place, of which each goes on where the one
    before it ended. `inputs` maps a parameter of the notebook to the file, folder or glob that it names, relative to
    the project; `features` names one more, which mvops makes from the feature store. It runs in the Jupyter kernel that
    `kernel` names, or in the interpreter at `python` (relative to the project, or not); without either, in the kernel
    that the notebook names. `requirements` is a file of the project that pins what an endpoint installs for the model.
    `timeout` is for the whole run; a step whose processes together take more than `memory` is stopped.
    """

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["notebook"]}, {"required": ["notebooks"]}]})

    notebooks: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    notebook: Annotated[str | None, Field(validate_default=True)] = None
    kernel: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,128}$")] | None = None
    python: Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]+$")] | None = None
    requirements: Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]+$")] | None = None
    inputs: dict[str, str] = Field(default_factory=dict)
    features: PipelineFeatures | None = None
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    outputs: Outputs
    timeout: Period = Field(default="1h", validate_default=True)
    memory: Size | None = None

    @property
    def books(self) -> tuple[str, ...]:
        """The notebook, or all of them in their order."""
        return self.notebooks or (self.notebook or "",)

    @field_validator("notebooks")
    @classmethod
    def _each_once(cls, notebooks: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for notebook in notebooks or ():
            if (notebooks or ()).count(notebook) > 1:
                raise ValueError(f"{notebook!r} stands there twice")
        return notebooks

    @field_validator("notebook")
    @classmethod
    def _one_or_several(cls, notebook: str | None, others: ValidationInfo) -> str | None:
        if "notebooks" not in others.data:
            return notebook  # told already
        if notebook is None and others.data["notebooks"] is None:
            raise PydanticCustomError("missing", "Field required")
        if notebook is not None and others.data["notebooks"] is not None:
            raise ValueError("give `notebook` or `notebooks`, not both")
        return notebook

    @field_validator("python")
    @classmethod
    def _one_of_both(cls, python: str | None, others: ValidationInfo) -> str | None:
        if python is not None and others.data.get("kernel") is not None:
            raise ValueError("give `kernel` or `python`, not both: each says by itself what runs the notebook")
        return python


class Evaluate(Frozen):
    """What the model is, and the numbers by which it is judged; the first metric leads."""

    task: Literal["classification", "regression"]
    metrics: tuple[Metric, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _fits(self) -> Evaluate:
        allowed = CLASSIFICATION if self.task == "classification" else REGRESSION
        for metric in self.metrics:
            if metric not in allowed:
                raise ValueError(f"{metric!r} is not a metric of {self.task}; choose from {', '.join(sorted(allowed))}")
        return self


_Off = BeforeValidator(none_if_off)


class Abort(Frozen):
    """What ends a canary or a shadow early; null or false switches a rule off.

    `error_rate` is a share of requests; `latency_p99` a factor over the champion's, written `2x`; `drift: alert`
    stops when an alert on drift opens for the challenger. `prediction_drift` is how far its predictions may be spread
    otherwise than the champion's (total variation: the share of predictions that would have to move); `quality` by
    which share its mean loss, as outcomes come in, may be above the champion's.
    """

    error_rate: Annotated[Annotated[float, Field(ge=0, le=1)] | None, _Off] = 0.01
    latency_p99: Annotated[Ratio | None, _Off] = None
    drift: Annotated[Literal["alert"] | None, _Off] = None
    prediction_drift: Annotated[Annotated[float, Field(gt=0, lt=1)] | None, _Off] = None
    quality: Annotated[Annotated[float, Field(ge=0)] | None, _Off] = None


class Rollout(Frozen):
    """How a challenger that passed its gate gets the traffic.

    `steps` are its shares in percent; each is held for `hold` and until it answered `min_predictions` rows. In the
    strategy `shadow` it is asked `share` percent of the requests too, for as long and as many, and nobody gets its
    answers; `then` it becomes a canary, replaces the champion, or waits for a person to promote it. The scheduler looks
    at it `every` so often, where that is said.
    """

    strategy: Literal["replace", "canary", "shadow"] = "replace"
    share: int = Field(default=100, ge=1, le=100)
    then: Literal["wait", "canary", "replace"] = "wait"
    every: Period | None = None
    steps: tuple[Annotated[int, Field(ge=1, le=100)], ...] = (5, 25, 100)
    hold: Duration = Field(default="30m", validate_default=True)
    min_predictions: int = Field(default=50, ge=0)
    abort: Abort = Abort()

    @field_validator("steps")
    @classmethod
    def _rising(cls, steps: tuple[int, ...]) -> tuple[int, ...]:
        if list(steps) != sorted(set(steps)) or steps[-1:] != (100,):
            raise ValueError("steps must rise and end at 100, such as [5, 25, 100]")
        return steps


class OutcomeRule(Frozen):
    """`delay`: how long after a prediction its outcome is usually known."""

    delay: Duration = Field(default="1d", validate_default=True)


class Monitor(Frozen):
    """What is watched, how often, and whom to tell."""

    every: Period = Field(default="1d", validate_default=True)
    false_alarms: AlarmRate = Field(default="1 per 30d", validate_default=True)
    min_rows: int = Field(default=100, ge=1)  # a window with fewer predictions is summarised but not judged
    # A change below this is not material, however certain: standard deviations of the baseline for numbers, the
    # equivalent for shares (Cohen's h) and distributions (the square root of the divergence; 0.1 is a PSI of 0.01).
    effect: float = Field(default=0.1, gt=0)
    tolerance: float = Field(default=0.05, ge=0)  # how far the leading metric may fall below the held-out value
    outcomes: OutcomeRule = OutcomeRule()
    alerts: tuple[Name, ...] = ()


class Retrain(Frozen):
    """When a new challenger is trained: on a cron schedule, and when an alert opens.

    By the schedule, it waits until the models that `after` names have been retrained.
    """

    schedule: CronText | None = None
    after: tuple[Name, ...] = ()
    on: tuple[Literal["drift", "performance"], ...] = ()
    cooldown: Duration = Field(default="24h", validate_default=True)


class Model(Frozen):
    """One model. With `prevent_destroy` no plan takes it from the traffic, nor its endpoint away."""

    description: str = ""
    owner: str = ""
    prevent_destroy: Flag = False
    pipeline: Pipeline
    evaluate: Evaluate
    gate: tuple[ConditionText, ...] = ()
    endpoint: Endpoint | None = None
    rollout: Rollout = Rollout()
    monitor: Monitor | None = None
    retrain: Retrain | None = None
    log: LogRules = LogRules()
