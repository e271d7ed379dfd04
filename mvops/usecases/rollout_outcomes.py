"""What the outcomes that came in during a rollout say of both versions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from mvops.core.prediction import LOAD_TEST, SHADOW, Prediction, shadow_id
from mvops.core.rollout import RolloutState
from mvops.core.signature import Signature
from mvops.lifecycle.evidence import Loss
from mvops.lifecycle.losses import Losses, loss_of
from mvops.performing.traffic import version_of
from mvops.registry.predictions import PredictionLog
from mvops.workspace import Workspace

_CHUNK = 500


@dataclass
class RolloutOutcomes:
    """Reads each outcome once; made for one rollout, and asked as often as one likes."""

    workspace: Workspace
    state: RolloutState
    _after: int | None = None  # the outcome that was read last
    _since: datetime | None = None  # when the challenger was asked first
    _sums: dict[int, Losses] = field(default_factory=dict)

    def read(self) -> dict[int, Loss]:
        """By version, of what was asked since the challenger is; those without an outcome are left out."""
        model, state = self.state.model, self.state
        with self.workspace.predictions() as log:
            if self._after is None:
                self._after = log.outcomes_before(state.started)
            self._since = self._since or log.first_time(model, state.challenger)
            while self._since is not None:
                pairs = log.read_outcomes(model, self._after, _CHUNK)
                if not pairs:
                    break
                outcomes = {prediction.id: outcome.outcome for _, prediction, outcome in pairs}
                for prediction, name in self._both(log, [prediction for _, prediction, _ in pairs]):
                    loss = loss_of(prediction, outcomes[name], self._signature(prediction.version))
                    self._sums.setdefault(prediction.version, Losses()).add(loss)
                self._after = pairs[-1][0]
        return {version: losses.told() for version, losses in self._sums.items()}

    def _both(self, log: PredictionLog, given: list[Prediction]) -> Iterator[tuple[Prediction, str]]:
        """Predictions of both versions, each with the id that its outcome has."""
        mine = [
            prediction
            for prediction in given
            if prediction.version in {self.state.champion, self.state.challenger}
            and prediction.arm not in {LOAD_TEST, SHADOW}
            and self._since is not None
            and prediction.time >= self._since
        ]
        yield from ((prediction, prediction.id) for prediction in mine)
        if not self.state.share:
            names = {shadow_id(prediction.id): prediction.id for prediction in mine}
            yield from ((shadow, names[shadow.id]) for shadow in log.find_all(list(names)))

    def _signature(self, version: int) -> Signature:
        return version_of(self.workspace, self.state.model, version).signature
