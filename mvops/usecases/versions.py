"""Versions: list, show, compare, make champion, go back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from mvops.core.version import Version
from mvops.errors import GateRefusedError, UsageError
from mvops.features.missing import check_lookups
from mvops.performing.traffic import end_rollout, make_champion, version_of
from mvops.registry import rollouts
from mvops.registry import versions as registered
from mvops.registry.events import events
from mvops.registry.lock import hold_lock
from mvops.usecases.fates import NONE, WAY_BACK, Fate, fates
from mvops.usecases.in_charge import in_charge
from mvops.usecases.left_to_install import remark_on_files
from mvops.usecases.tracking import bring_along
from mvops.workspace import Workspace

if TYPE_CHECKING:
    from mvops.usecases.loaded_model import LoadedModel


@dataclass(frozen=True)
class VersionLine:
    """A version and what it does now: champion, challenger (with its share of the traffic), shadow, or nothing.

    `fate` says what became of one that does nothing.
    """

    listed: registered.Listed
    role: str
    share: int
    fate: Fate = NONE

    @cached_property
    def version(self) -> Version:
        """The version whole; read when it is asked for, as a list of thousands asks for none."""
        return self.listed.whole()


def list_versions(workspace: Workspace, model: str) -> list[VersionLine]:
    """All versions of a model, newest first."""
    workspace.model(model)
    serving = in_charge(workspace, model)
    running = rollouts.current(workspace.registry, model)
    share = running.share if running else 0
    became = fates(workspace.registry, model)
    lines = []
    for listed in reversed(registered.versions(workspace.registry, model)):
        if serving is not None and listed.number == serving.number:
            lines.append(VersionLine(listed, "champion", 100 - share))
        elif running is not None and listed.number == running.challenger:
            lines.append(VersionLine(listed, "challenger" if share else "shadow", share))
        else:
            lines.append(VersionLine(listed, "", 0, became.get(listed.number, NONE)))
    return lines


def show_version(workspace: Workspace, model: str, number: int) -> Version:
    """One version. Raises RegistryError if there is none."""
    workspace.model(model)
    return version_of(workspace, model, number)


def load_version(workspace: Workspace, model: str, number: int | None = None) -> LoadedModel:
    """The model of a version, else of the champion. Raises UsageError where there is none, ArtifactError."""
    from mvops.artifacts.elsewhere import load_version as load  # noqa: PLC0415 -- scikit-learn
    from mvops.usecases.loaded_model import LoadedModel  # noqa: PLC0415 -- pandas

    workspace.model(model)
    serving = in_charge(workspace, model)
    if number is None and serving is None:
        raise UsageError(f"{model} has no champion", hint="Make one: mvops apply")
    version = serving if number is None and serving is not None else version_of(workspace, model, number or 0)
    return LoadedModel(load(workspace.store, version, workspace.root), version)


@dataclass(frozen=True)
class Comparison:
    """Two versions side by side: field -> (first, second), only where they differ."""

    first: Version
    second: Version
    differences: dict[str, tuple[object, object]]


def compare_versions(workspace: Workspace, model: str, first: int, second: int) -> Comparison:
    """What differs between two versions: metrics, data, code, parameters, packages."""
    one, two = (show_version(workspace, model, number) for number in (first, second))
    found: dict[str, tuple[object, object]] = {}
    for part in ("metrics", "parameters", "data"):
        found |= _differences(part, getattr(one, part), getattr(two, part))
    found |= _differences("code", one.code.cells, two.code.cells)
    found |= _differences("package", one.environment.packages, two.environment.packages)
    return Comparison(one, two, found)


def promote_version(workspace: Workspace, model: str, number: int, reason: str) -> Version:
    """Make a version champion by hand: all traffic at once, past the gate, and on record as such.

    With governance on there is no way past: raises GateRefusedError unless the gate let it pass. Raises ConflictError
    for a version that looks up what the feature store no longer has.
    """
    version = show_version(workspace, model, number)
    if workspace.project.capabilities.governance and not _passed(workspace, version):
        raise GateRefusedError(
            f"{model}: version {number} did not pass its gate, and governance allows no way past it",
            hint=f"What the gate said: mvops versions show {model} {number}. To have one that passes, change data, "
            f"notebook or models.{model}.gate, then: mvops apply (or mvops retrain {model} --force)",
        )
    with hold_lock(workspace.registry, f"versions promote {model}", wait=10):
        check_lookups(workspace, version)
        end_rollout(workspace, model, f"version {number} was promoted by hand")
        make_champion(workspace, model, number, reason)
    bring_along(workspace, model)
    remark_on_files(workspace, model)
    return version


def _passed(workspace: Workspace, version: Version) -> bool:
    """The newest verdict on record for the version."""
    for event in events(workspace.registry, limit=None, subject=version.model, kind="gate"):
        if event.details.get("version") == version.number:
            return bool(event.details.get("passed") and event.details.get("checks"))
    return False


@dataclass(frozen=True)
class WentBack:
    """Which version `serves` now, instead of which; `stayed` says that it was champion all along, of a rollout.

    Both are the same where it was champion already, and nothing was done. `forward` says that it is a newer one,
    which an earlier way back had led away from.
    """

    instead_of: Version
    serves: Version
    stayed: bool = False
    forward: bool = False


def rollback(workspace: Workspace, model: str, to: int | None = None) -> WentBack:
    """Go back to the champion before this one, or to version `to`, also forward again.

    A rollout that runs is aborted, which alone is the way back while the old champion still is champion. Raises
    UsageError when there is nothing to go back to, ConflictError for a version that looks up what the feature store no
    longer has.
    """
    workspace.model(model)
    moved = _go_back(workspace, model, to)
    if moved.instead_of == moved.serves:
        return moved
    bring_along(workspace, model)
    remark_on_files(workspace, model)
    return moved


def _go_back(workspace: Workspace, model: str, to: int | None) -> WentBack:
    with hold_lock(workspace.registry, f"rollback {model}", wait=10):
        serving = registered.champion(workspace.registry, model)
        if serving is None:
            raise UsageError(f"{model} has no version that serves", hint="Make one: mvops apply")
        running = rollouts.current(workspace.registry, model)
        if running is not None and to in {None, serving.number}:
            end_rollout(workspace, model, "rolled back by hand")
            return WentBack(version_of(workspace, model, running.challenger), serving, stayed=True)
        if to == serving.number:
            return WentBack(serving, serving)
        target = _before(workspace, serving) if to is None else _served_before(workspace, serving, to)
        check_lookups(workspace, target)
        line = _line(registered.champions(workspace.registry, model))
        forward = target.number > serving.number and target.number not in line
        now = f"version {target.number}"
        end_rollout(workspace, model, f"{now} took over again" if forward else f"rolled back to {now}")
        way = "went forward again" if forward else "rolled back"
        make_champion(workspace, model, target.number, f"{way} from version {serving.number}")
    return WentBack(serving, target, forward=forward)


def _before(workspace: Workspace, serving: Version) -> Version:
    earlier = before_last(registered.champions(workspace.registry, serving.model))
    if earlier is not None:
        return version_of(workspace, serving.model, earlier)
    one = "one that passed its gate" if workspace.project.capabilities.governance else "one"
    raise UsageError(
        f"{serving.model}: no champion came before version {serving.number}",
        hint=f"Which versions there are: mvops versions list {serving.model}. To put {one} in charge by hand:"
        f" mvops versions promote {serving.model} NUMBER --reason WHY",
    )


def before_last(reigns: Iterable[registered.Reign]) -> int | None:
    """The champion that served before the present one in time, whatever its number."""
    line = _line(reigns)
    return line[-2] if len(line) > 1 else None


def _line(reigns: Iterable[registered.Reign]) -> list[int]:
    """The champions that one goes back through, the present one last.

    A way back undoes what came after its target, so that going back twice goes back two, and never forward again.
    """
    line: list[int] = []
    for reign in reigns:
        if WAY_BACK.match(reign.reason) and reign.number in line:
            while line[-1] != reign.number:
                line.pop()
        else:
            line.append(reign.number)
    return line


def _served_before(workspace: Workspace, serving: Version, number: int) -> Version:
    target = version_of(workspace, serving.model, number)
    if number not in {reign.number for reign in registered.champions(workspace.registry, serving.model)}:
        raise UsageError(
            f"{serving.model}: version {number} never was champion, so there is no going back to it",
            hint=_by_hand(workspace, target),
        )
    return target


def _by_hand(workspace: Workspace, version: Version) -> str:
    """How a version that never was champion is put in charge, where that is allowed."""
    model, number = version.model, version.number
    if _passed(workspace, version):
        return f"It passed its gate; to put it in charge: mvops versions promote {model} {number} --reason WHY"
    if workspace.project.capabilities.governance:
        return (
            "It did not pass its gate, and governance allows no way past it: "
            f"mvops versions show {model} {number} says why. Make a better one, then: mvops apply"
        )
    return f"To put it in charge past the gate: mvops versions promote {model} {number} --reason WHY"


def _differences(part: str, one: Mapping[str, object], two: Mapping[str, object]) -> dict[str, tuple[object, object]]:
    return {
        f"{part}.{key}": (one.get(key), two.get(key))
        for key in sorted(one.keys() | two.keys())
        if one.get(key) != two.get(key)
    }
