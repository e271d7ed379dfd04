"""The defaults list, carried out by Hydra. It gets values that were read and checked before, never a folder.

Hydra's own reader takes `on` for a boolean and expands aliases without bound, so the files are put into its config
store as values. Its process-wide state is put back as it was: a notebook that calls us may use Hydra itself.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from hydra import compose, initialize
from hydra import version as hydra_version
from hydra.conf import HydraConf
from hydra.core.config_store import ConfigNode, ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.errors import HydraException, MissingConfigException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

PROJECT = "project"
_LOCK = threading.Lock()


@dataclass(frozen=True)
class Option:
    """One file that a defaults list can name: its values and the package below which they are put."""

    values: Mapping[str, Any]
    package: str | None


class DefaultsError(Exception):
    """Hydra could not carry out a defaults list: that of `option`; `missing` is the option that does not exist."""

    def __init__(self, error: BaseException, missing: str | None = None) -> None:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        found = re.match(r"In '([^']*)': ", lines[0]) if lines else None
        told = lines[1:] if lines and lines[0].endswith("raised while composing config:") else lines
        super().__init__(told[0] if told else "the defaults list cannot be carried out")
        self.option = found[1] if found else ""
        self.missing = missing


def compose_defaults(options: Mapping[str, Option], choices: Sequence[str], start: str = PROJECT) -> dict[str, Any]:
    """Compose the option `start` and what its defaults list names; references stay as they are.

    `choices` are overrides that choose options, such as preset=small/day_60. Raises DefaultsError.
    """
    with _hydra_with(options):
        values = OmegaConf.to_container(compose(start, overrides=list(choices)), resolve=False)
    return {str(key): value for key, value in values.items()} if isinstance(values, dict) else {}


def defaults_order(
    options: Mapping[str, Option], choices: Sequence[str], start: str = PROJECT
) -> list[tuple[str, str]]:
    """The options that take part and the package that each is put below, the strongest last."""
    with _hydra_with(options):
        loader = GlobalHydra.instance().config_loader()
        found = loader.compute_defaults_list(start, list(choices), RunMode.RUN).defaults
    order = [(default.config_path or "", default.package or "") for default in found]
    return [(name, package) for name, package in order if not name.startswith("hydra/")]


@contextmanager
def _hydra_with(options: Mapping[str, Option]) -> Iterator[None]:
    with _LOCK:
        Plugins.instance()  # they register themselves in Hydra's own store, and only once
        store, hydra = ConfigStore.instance(), GlobalHydra.instance()
        base = hydra_version.VersionBase.instance()
        before = store.repo, hydra.hydra, base.version_base
        store.repo = _Repository(options)
        hydra.clear()
        try:
            with initialize(version_base="1.3", config_path=None, job_name="mvops"):
                yield
        except MissingConfigException as error:
            raise DefaultsError(error, error.missing_cfg_file) from None
        except (HydraException, OmegaConfBaseException, RecursionError, ValueError) as error:
            raise DefaultsError(error) from None
        finally:
            store.repo, hydra.hydra, base.version_base = before
            GlobalHydra.set_instance(hydra)


class _Repository(dict[str, Any]):
    """Hydra's config store with the options, and of Hydra's own no more than a composition needs.

    Hydra copies all of its store for each composition, and then again what it takes from it.
    """

    def __init__(self, options: Mapping[str, Option]) -> None:
        super().__init__()
        self._put("hydra/config", _hydras_own(), "hydra")
        self._put("_dummy_empty_config_", _Unmade({}), None)
        for name, option in options.items():
            self._put(name, _Unmade(_with_self(option.values)), option.package)

    def _put(self, name: str, node: Any, package: str | None) -> None:
        *groups, last = f"{name}.yaml".split("/")
        folder: dict[str, Any] = self
        for group in groups:
            folder = folder.setdefault(group, {})
        folder[last] = ConfigNode(last, node, "/".join(groups) or None, package, None)

    def __deepcopy__(self, _memo: Mapping[int, Any]) -> _Repository:
        return self


@dataclass(frozen=True)
class _Unmade:
    """What Hydra takes its copy of: made of the values only then, as most options are never taken."""

    values: Any

    def __deepcopy__(self, _memo: Mapping[int, Any]) -> Any:
        return OmegaConf.structured(self.values)


@cache
def _hydras_own() -> DictConfig:
    """Its own configuration, without the logging, help and sweeps of a program that it starts."""
    made: DictConfig = OmegaConf.structured(HydraConf(defaults=[]))
    return made


def _with_self(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without `_self_` in its defaults list, a file's own values come last, and Hydra says so in a warning."""
    defaults = values.get("defaults")
    if isinstance(defaults, list) and "_self_" not in defaults:
        last = [item for item in defaults if isinstance(item, dict) and next(iter(item)).startswith("override ")]
        first = [item for item in defaults if item not in last]
        return {**values, "defaults": [*first, "_self_", *last]}
    return dict(values)
