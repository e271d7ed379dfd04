"""The Feast repository as text and as settings: pure, and without Feast."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from mvops.contracts.feature_stores import Catalog
from mvops.core.config.features import FeatureView, OfflineStore, OnlineStore
from mvops.core.environment import hidden_folder, wording
from mvops.errors import BackendError
from mvops.rendering import render_folder

FOLDER = "deploy/features"
UP = "../.."  # from the folder to the project

TYPES = {
    "string": "String",
    "int64": "Int64",
    "int32": "Int32",
    "float64": "Float64",
    "float32": "Float32",
    "bool": "Bool",
    "timestamp": "UnixTimestamp",
}
VALUE_TYPES = {"string": "STRING", "int64": "INT64", "int32": "INT32"}  # of entities
_VARIABLE = re.compile(r"\$\{(\w+)\}")


def registry_of(catalog: Catalog) -> str:
    """The file of Feast's registry, below the project's root."""
    return f"{hidden_folder(catalog.environment)}/features/registry.db"


def online_of(catalog: Catalog) -> str:
    """The file of the online values, where they are in SQLite."""
    return f"{hidden_folder(catalog.environment)}/features/online.db"


def files(catalog: Catalog) -> dict[str, str]:
    """Path below the folder -> text."""
    made = _rendered("repository", catalog, entities=entities(catalog), store=settings(catalog))
    for name, view in sorted(catalog.views.items()):
        imports = sorted({TYPES[kind] for _, kind in columns_of(view)})
        (text,) = _rendered("view", catalog, name=name, view=view, imports=imports, columns=columns_of(view)).values()
        made[f"views/{name}.py"] = text
    for name, fields in sorted(catalog.services.items()):
        (text,) = _rendered("service", catalog, name=name, fields=dict(sorted(fields.items()))).values()
        made[f"services/{name}.py"] = text
    return made


def entities(catalog: Catalog) -> dict[str, str]:
    """Entity -> type, of all views, also of those that stay for a while."""
    wanted = {name: kind for view in catalog.views.values() for name, kind in view.entities.items()}
    return dict(sorted({**catalog.staying, **wanted}.items()))


def columns_of(view: FeatureView) -> list[tuple[str, str]]:
    """Entities and fields with their types, in an order that does not depend on how the YAML was read."""
    return [*sorted(view.entities.items()), *sorted(view.fields.items())]


def settings(catalog: Catalog) -> dict[str, Any]:
    """What feature_store.yaml says. Passwords are `${NAME}`, which Feast replaces from the environment."""
    return {
        "project": catalog.project,
        "provider": "local",
        "registry": {"registry_type": "file", "path": f"{UP}/{registry_of(catalog)}", "cache_ttl_seconds": 60},
        "offline_store": _offline(catalog.settings.offline),
        "online_store": _online(catalog.settings.online, online_of(catalog)),
        "entity_key_serialization_version": 3,
    }


def resolved(value: Any) -> Any:
    """The same with the environment's values; raise BackendError that names a variable that is not set."""
    if isinstance(value, dict):
        return {key: resolved(child) for key, child in value.items()}
    return _VARIABLE.sub(lambda found: _from_environment(found[1]), value) if isinstance(value, str) else value


def remove(root: Path, catalog: Catalog) -> None:
    """Remove what Feast keeps in files."""
    folder = (root / registry_of(catalog)).parent
    for path in folder.glob("*"):
        if path.is_file():
            path.unlink(missing_ok=True)
    with suppress(OSError):  # not empty, or not there
        folder.rmdir()


def _rendered(part: str, catalog: Catalog, **more: Any) -> dict[str, str]:
    context = {"catalog": catalog, "types": TYPES, "value_types": VALUE_TYPES, "up": UP, **more}
    context |= wording(catalog.environment)
    return render_folder(f"feature_stores/feast/{part}", context)


def _offline(store: OfflineStore) -> dict[str, Any]:
    if store.url is None:
        return {"type": "file"}
    parts = urlsplit(store.url)
    made: dict[str, Any] = {
        "type": "postgres",
        "host": parts.hostname or "127.0.0.1",
        "port": parts.port or 5432,
        "database": parts.path.strip("/") or "postgres",
        "user": unquote(parts.username or "postgres"),
        "password": f"${{{store.password_env}}}" if store.password_env else "",
        "sslmode": "prefer",
    }
    return made | _options(parts.query)


def _online(store: OnlineStore, file: str) -> dict[str, Any]:
    if store.url is None:
        return {"type": "sqlite", "path": f"{UP}/{file}"}
    parts = urlsplit(store.url)
    address = [f"{parts.hostname or '127.0.0.1'}:{parts.port or 6379}", f"db={parts.path.strip('/') or 0}"]
    address += ["ssl=true"] if parts.scheme == "rediss" else []
    address += [f"username={unquote(parts.username)}"] if parts.username else []
    address += [f"{key}={value}" for key, value in _options(parts.query).items()]
    address += ["socket_connect_timeout=3", "socket_timeout=3"]
    address += [f"password=${{{store.password_env}}}"] if store.password_env else []
    return {"type": "redis", "connection_string": ",".join(address)}


def _options(query: str) -> dict[str, str]:
    return dict(parse_qsl(query))


def _from_environment(name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise BackendError(
            f"the environment variable {name}, which holds the feature store's password, is not set",
            hint=f"Set it where mvops runs: export {name}=...",
        )
    return value
