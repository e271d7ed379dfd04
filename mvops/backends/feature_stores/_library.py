"""Everything that needs Feast itself; importing this takes seconds."""

from __future__ import annotations

import contextlib
import fcntl
import io
import math
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd

from mvops.backends.feature_stores import _repository
from mvops.backends.feature_stores._as_of import Sides, as_of
from mvops.backends.feature_stores._definitions import entities_of, facts_of_service, facts_of_view, service_of, view_of
from mvops.backends.feature_stores._importing import quietly
from mvops.contracts.feature_stores import Catalog, Known
from mvops.core.environment import in_environment
from mvops.core.lookup import Lookup
from mvops.errors import BackendError, DataError, MissingExtraError, MvopsError
from mvops.notebook.digests import input_files

with quietly():
    from feast import FeatureService, FeatureStore, FeatureView, RepoConfig
    from feast.errors import FeastObjectNotFoundException
    from feast.feature_view_projection import FeatureViewProjection
    from feast.protos.feast.serving.ServingService_pb2 import FieldStatus
    from feast.type_map import feast_value_type_to_python_type

try:
    from redis import Redis
except ImportError:  # without the extra `redis`
    Redis = None  # type: ignore[assignment, misc]

_OVERLAP = timedelta(days=1)  # values may arrive this late, without a time to live
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = "mvops_event_time"
_ALONE = threading.Lock()  # where readers of several versions are hushed: sys.stdout is everybody's
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
        _reach(catalog)
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
    with _opened(root, catalog) as store:
        found = store.get_feature_service(service)
        if catalog.settings.offline.store != "file":
            return _asked_of_feast(store, found, rows, timestamp)
        parts = [
            as_of(rows, timestamp, _values(root, view := store.get_feature_view(part.name)), _sides(view, part))
            for part in found.feature_view_projections
        ]
        return pd.concat(parts, axis="columns")


def _values(root: Path, view: FeatureView) -> pd.DataFrame:
    pattern = str(facts_of_view(view)["source"]["path"])
    return pd.concat([pd.read_parquet(file) for file in input_files(root, pattern)], ignore_index=True)


def _sides(view: FeatureView, part: FeatureViewProjection) -> Sides:
    source = facts_of_view(view)["source"]
    return Sides(
        keys=[column.name for column in view.entity_columns],
        time=source["timestamp"],
        created=source["created"],
        fields=[field.name for field in part.features],
        ttl=view.ttl or None,
    )


def _asked_of_feast(store: FeatureStore, service: FeatureService, rows: pd.DataFrame, timestamp: str) -> pd.DataFrame:
    keys = [column for column in rows.columns if column != timestamp]
    asked = rows.rename(columns={timestamp: _TIME}).reset_index(drop=True)
    found = store.get_historical_features(entity_df=asked, features=service).to_df()
    found[_TIME] = pd.to_datetime(found[_TIME], utc=True).dt.as_unit("ns")
    asked[_TIME] = asked[_TIME].dt.as_unit("ns")
    joined = asked.merge(found, on=[*keys, _TIME], how="left", validate="one_to_one")
    fields = [field.name for part in service.feature_view_projections for field in part.features]
    return joined[fields].set_axis(rows.index)


def materialize(root: Path, catalog: Catalog, views: Sequence[str], until: datetime) -> None:
    with _opened(root, catalog, writing=True) as store:
        _reach(catalog)
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
        self._catalog = catalog
        self._file = root / _repository.registry_of(catalog)
        self._seen: tuple[tuple[int, ...] | None, tuple[str, ...]] = (None, ())  # the file, and what was gone then
        with _explained(self._catalog):
            self._store = FeatureStore(config=_config(root, catalog))

    def read(self, keys: Sequence[Mapping[str, Any]]) -> list[dict[str, tuple[Any, datetime]]]:
        asked = {key: [row[key] for row in keys] for key in self._keys}
        try:
            with _explained(self._catalog):
                found = self._store.get_online_features(self._asked, asked)
        except BackendError:
            if gone := self._gone():  # Feast says of a view that was taken away whatever its online store says first
                said = f"the feature store has no view {' and '.join(gone)}, which this version looks up"
                raise DataError(said) from None
            raise
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

    def gone(self) -> tuple[str, ...]:
        """Feast's registry is read again where its file is another one."""
        stamp = _stamp(self._file)
        if stamp != self._seen[0]:
            self._seen = (stamp, self._gone() if stamp else tuple(sorted(set(self._views.values()))))
        return self._seen[1]

    def _gone(self) -> tuple[str, ...]:
        with _ALONE, _explained(self._catalog), _hushed():
            self._store.registry.refresh(self._catalog.project)
            there = {view.name for view in self._store.list_feature_views()}
        return tuple(sorted(set(self._views.values()) - there))


def _stamp(path: Path) -> tuple[int, ...]:
    """Another one where the file is; empty where there is none."""
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_ino, found.st_size


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
    """As feature_store.yaml says, but that Feast looks for its files from the working directory."""
    settings = _repository.resolved(_repository.settings(catalog))
    settings["registry"]["path"] = str(root / _repository.registry_of(catalog))
    if settings["online_store"]["type"] == "sqlite":
        settings["online_store"]["path"] = str(root / _repository.online_of(catalog))
    return RepoConfig(**settings, repo_path=root / in_environment(_repository.FOLDER, catalog.environment))


@contextlib.contextmanager
def _opened(root: Path, catalog: Catalog, *, writing: bool = False) -> Iterator[FeatureStore]:
    """The store, for one at a time where it writes: Feast itself reads its registry's file, changes and writes it."""
    folder = (root / _repository.registry_of(catalog)).parent
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        if writing:
            lock = stack.enter_context((folder / "lock").open("a"))
            fcntl.flock(lock, fcntl.LOCK_EX)
        stack.enter_context(_explained(catalog))
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
def _explained(catalog: Catalog) -> Iterator[None]:
    try:
        yield
    except MvopsError:
        raise
    except Exception as error:  # Feast and its drivers raise what they like
        first = (str(error).strip().splitlines() or [""])[0]
        for library, store in (("redis", "online"), ("psycopg", "offline")):
            if any(type(cause).__module__.partition(".")[0] == library for cause in _causes(error)):
                place = urlsplit(getattr(catalog.settings, store).url or "").netloc.rpartition("@")[2]
                raise BackendError(
                    f"the {store} store at {place} does not answer: {first}",
                    hint="See that it runs, and that url and password_env are right; then: mvops apply",
                ) from error
        raise BackendError(f"the feature store failed: {type(error).__name__}: {first}") from error


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _reach(catalog: Catalog) -> None:
    """Feast makes a view without asking Redis; then its values could not be written."""
    online = catalog.settings.online
    if online.store != "redis" or online.url is None:
        return
    if Redis is None:
        raise MissingExtraError("The online store 'redis'", "redis")
    password = _repository.resolved(f"${{{online.password_env}}}") if online.password_env else None
    with Redis.from_url(online.url, password=password, socket_timeout=3, socket_connect_timeout=3) as server:
        server.ping()
