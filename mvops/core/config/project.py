"""What a user writes in `configs/project.yaml`, with the models beside it: the whole spec."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mvops.core.config.backend import Family
from mvops.core.config.ci import Ci
from mvops.core.config.dashboard import Dashboard
from mvops.core.config.data import Data
from mvops.core.config.executor import Executor
from mvops.core.config.features import FeatureStore, FeatureView
from mvops.core.config.model import Model
from mvops.core.config.moves import Moved
from mvops.core.config.places import Artifacts
from mvops.core.config.plans import Plans
from mvops.core.config.policy import Policy
from mvops.core.config.scheduler import Scheduler
from mvops.core.config.secrets import Database, Options
from mvops.core.config.tracker import Tracker
from mvops.core.frozen import Flag, Frozen
from mvops.core.naming import Name

PRODUCTION = frozenset({"production", "prod"})  # environments that ask for more than a yes


class Capabilities(Frozen):
    """What the preset has switched on. A model's section whose capability is off is kept but not acted upon.

    `monitoring` is the prediction log, daily statistics and alerts; `versioning` that each version keeps the digests
    of its data and cells and the Git commit; `data_versioning` that the content of its inputs is kept too, so that
    `mvops reproduce` can bring it back; `serving` the HTTP endpoint; `retraining` schedules and alerts that train a
    challenger; `canary` that a challenger gets the traffic in steps, else it replaces the champion at once;
    `tracking` that runs and versions are told to the tracker; `governance` that every model has a gate, and that no
    version becomes champion past it; `dashboards` that every model has a dashboard. `load_testing`, `orchestration`
    and `feature_store` switch nothing: they say what `mvops maturity` asks evidence of.
    """

    monitoring: Flag = True
    versioning: Flag = True
    dashboards: Flag = False
    data_versioning: Flag = False
    serving: Flag = True
    load_testing: Flag = False
    retraining: Flag = True
    orchestration: Flag = False
    feature_store: Flag = False
    tracking: Flag = True
    canary: Flag = True
    governance: Flag = False


class Notifier(Frozen):
    """A channel for alerts: a backend's name and its options.

    An option that is a secret is named: `url: {secret: NAME}` takes the environment variable when a message is sent.
    """

    backend: Annotated[Name, Family("notifiers")] = "console"
    options: Options = Field(default_factory=dict)


class Project(Frozen):
    """The composed, validated YAML."""

    project: Name
    environment: Name | None = None  # chosen on the command line, never written
    preset: str
    registry: Database = "sqlite:///.mvops/registry.db"
    predictions: Database = "sqlite:///.mvops/predictions.db"
    artifacts: Artifacts = ".mvops/artifacts"
    capabilities: Capabilities = Capabilities()
    data: Data = Data()
    notifiers: dict[Name, Notifier] = Field(default_factory=dict)
    scheduler: Scheduler = Scheduler()
    tracker: Tracker = Tracker()
    executor: Executor = Executor()
    dashboard: Dashboard = Dashboard()
    ci: Ci | None = None
    feature_store: FeatureStore = FeatureStore()
    features: dict[Name, FeatureView] = Field(default_factory=dict)
    models: dict[Name, Model] = Field(default_factory=dict)
    moved: tuple[Moved, ...] = ()
    policies: dict[Name, Policy] = Field(default_factory=dict)
    plan: Plans = Plans()
    confirm: Literal["simple", "typed"] | None = None  # None: typed in production, else simple

    @property
    def confirms_by_name(self) -> bool:
        """Has whoever takes away what serves to type the project's name."""
        return self.confirm == "typed" or (self.confirm is None and self.environment in PRODUCTION)

    def by_canary(self, model: str) -> bool:
        """Does a version that would replace another one start with a share of the traffic, or in the shadow."""
        spec, on = self.models[model], self.capabilities
        return spec.rollout.strategy != "replace" and spec.endpoint is not None and on.canary and on.serving
