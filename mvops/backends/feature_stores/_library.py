"""Everything that needs Feast itself; importing this takes seconds."""

from __future__ import annotations

import contextlib
import fcntl
import io
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from mvops.backends.feature_stores import _repository
from mvops.backends.feature_stores._definitions import entities_of, facts_of_service, facts_of_view, service_of, view_of
from mvops.contracts.feature_stores import Catalog, Known
from mvops.core.lookup import Lookup
from mvops.errors import BackendError, MvopsError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from feast import FeatureStore, RepoConfig
    from feast.errors import FeastObjectNotFoundException
    from feast.protos.feast.serving.ServingService_pb2 import FieldStatus
    from feast.type_map import feast_value_type_to_python_type

_OVERLAP = timedelta(days=1)  # values may arrive this late, without a time to live
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = "mvops_event_time"
_KNOWN = {FieldStatus.PRESENT, FieldStatus.NULL_VALUE}


def known(root: Path, catalog: Catalog) -> Known:
    """All views and services of the registry, and until when each view is materialised."""
    with _opened(root, catalog) as store:
        views = store.list_feature_views()
        until = {view.name: view.most_recent_end_time for view in views}
        return Known(
            views={view.name: facts_of_view(view) for view in views},
            services={service.name: facts_of_service(service) for service in store.list_feature_services()},
            materialized={name: time.astimezone(UTC) for name, time in until.items() if time},
        )


def put_view(root: Path, catalog: Catalog, name: str) -> None:
    view = view_of(catalog, name)
    with _opened(root, catalog, writing=True) as store:
        store.apply([*entities_of(catalog.views[name]), view], skip_feature_view_validation=True)


def put_service(root: Path, catalog: Catalog, name: str) -> None:
    with _opened(root, catalog, writing=True) as store:
        store.apply([service_of(catalog, name)], skip_feature_view_validation=True)


def remove_view(root: Path, catalog: Catalog, name: str) -> None:
    with _opened(root, catalog, writing=True) as store, contextlib.suppress(FeastObjectNotFoundException):
        view = store.get_feature_view(name)
        used = {entity for other in store.list_feature_views() if other.name != name for entity in other.entities}
        alone = [store.get_entity(entity) for entity in view.entities if entity not in used]
        sources = [view.batch_source] if view.batch_source else []
        store.apply([], objects_to_delete=[view, *sources, *alone], partial=False)


def remove_service(root: Path, catalog: Catalog, name: str) -> None:
    with _opened(root, catalog, writing=True) as store, contextlib.suppress(FeastObjectNotFoundException):
        store.delete_feature_service(name)


def join(root: Path, catalog: Catalog, service: str, rows: pd.DataFrame, timestamp: str) -> pd.DataFrame:
    fields = [field for view in catalog.services[service].values() for field in view]
    keys = [column for column in rows.columns if column != timestamp]
    asked = rows.rename(columns={timestamp: _TIME}).reset_index(drop=True)
    with _opened(root, catalog) as store:
        job = store.get_historical_features(entity_df=asked, features=store.get_feature_service(service))
        found = job.to_df()
    found[_TIME] = pd.to_datetime(found[_TIME], utc=True).dt.as_unit("ns")
    asked[_TIME] = asked[_TIME].dt.as_unit("ns")
    joined = asked.merge(found, on=[*keys, _TIME], how="left", validate="one_to_one")
    return joined[fields].set_axis(rows.index)


def materialize(root: Path, catalog: Catalog, views: Sequence[str], until: datetime) -> None:
    with _opened(root, catalog, writing=True) as store:
        for name in views:
            view = store.get_feature_view(name)
            last = view.most_recent_end_time
            since = _EPOCH if last is None else last.astimezone(UTC) - (view.ttl or _OVERLAP)
            if since < until:
                store.materialize(since, until, feature_views=[name])


class Reader:
    """See OnlineReader."""

    def __init__(self, root: Path, catalog: Catalog, lookup: Lookup) -> None:
        self._views = lookup.fields
        self._asked = [f"{view}:{field}" for field, view in self._views.items()]
        self._keys = tuple(lookup.keys)
        with _explained():
            self._store = FeatureStore(config=_config(root, catalog))

    def read(self, keys: Sequence[Mapping[str, Any]]) -> list[dict[str, tuple[Any, datetime]]]:
        with _explained():
            found = self._store.get_online_features(self._asked, {k: [row[k] for row in keys] for k in self._keys})
        rows: list[dict[str, tuple[Any, datetime]]] = [{} for _ in keys]
        for name, result in zip(found.proto.metadata.feature_names.val, found.proto.results, strict=True):
            if name not in self._views:
                continue
            for row, value, status, time in zip(
                rows, result.values, result.statuses, result.event_timestamps, strict=True
            ):
                if status in _KNOWN:
                    row[name] = (_plain(value), datetime.fromtimestamp(time.seconds, UTC))
        return rows


def _plain(value: Any) -> Any:
    """What a request could have said: no NaN, and times as text."""
    found = feast_value_type_to_python_type(value)
    if isinstance(found, float) and math.isnan(found):
        return None
    if value.WhichOneof("val") == "unix_timestamp_val":
        moment = found if isinstance(found, datetime) else datetime.fromtimestamp(found, UTC)
        return moment.astimezone(UTC).isoformat()
    return found


def _config(root: Path, catalog: Catalog) -> RepoConfig:
    """As feature_store.yaml says, but that Feast looks for the registry from the working directory."""
    settings = _repository.resolved(_repository.settings(catalog))
    settings["registry"]["path"] = str(root / _repository.REGISTRY)
    return RepoConfig(**settings, repo_path=root / _repository.FOLDER)


@contextlib.contextmanager
def _opened(root: Path, catalog: Catalog, *, writing: bool = False) -> Iterator[FeatureStore]:
    """The store, for one at a time where it writes: Feast itself reads its registry's file, changes and writes it."""
    folder = (root / _repository.REGISTRY).parent
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        if writing:
            lock = stack.enter_context((folder / "lock").open("a"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        stack.enter_context(_explained())
        stack.enter_context(_hushed())
        yield FeatureStore(config=_config(root, catalog))


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Feast prints what it does, warns of what it will do in other versions, and logs what is no news."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except MvopsError:
        raise
    except Exception as error:  # Feast and its drivers raise what they like
        first = str(error).strip().splitlines()
        raise BackendError(
            f"the feature store did not do what was asked: {type(error).__name__}: {first[0] if first else ''}",
        ) from error
