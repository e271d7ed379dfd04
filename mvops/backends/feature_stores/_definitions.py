"""From the catalog to Feast's objects, which are equal to those that the generated files define, and back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from mvops.backends.feature_stores._importing import quietly
from mvops.backends.feature_stores._repository import TYPES, UP, VALUE_TYPES, columns_of
from mvops.contracts.feature_stores import Catalog
from mvops.core.config.features import FeatureView as Spec
from mvops.core.durations import format_duration
from mvops.errors import MissingExtraError

with quietly():
    from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType, types
    from feast.data_source import DataSource

    try:
        from feast.infra.offline_stores.contrib.postgres_offline_store.postgres_source import PostgreSQLSource
    except ImportError:  # without the extra `postgres`
        PostgreSQLSource = None  # type: ignore[assignment, misc]

_NAMES = {feast: ours for ours, feast in TYPES.items()}


def entities_of(view: Spec) -> list[Entity]:
    """The entities of one view."""
    return [
        Entity(name=name, join_keys=[name], value_type=getattr(ValueType, VALUE_TYPES[kind]))
        for name, kind in sorted(view.entities.items())
    ]


def view_of(catalog: Catalog, name: str) -> FeatureView:
    """A view, with its source."""
    view = catalog.views[name]
    return FeatureView(
        name=name,
        description=view.description,
        owner=view.owner,
        entities=entities_of(view),
        ttl=view.ttl or timedelta(0),
        schema=[Field(name=column, dtype=getattr(types, TYPES[kind])) for column, kind in columns_of(view)],
        online=view.online,
        source=_source_of(name, view),
    )


def service_of(catalog: Catalog, name: str) -> FeatureService:
    """A service, of views as the catalog has them."""
    return FeatureService(
        name=name,
        features=[view_of(catalog, view)[list(fields)] for view, fields in sorted(catalog.services[name].items())],
    )


def facts_of_view(view: FeatureView) -> dict[str, Any]:
    """In the words of the YAML."""
    return {
        "description": view.description,
        "owner": view.owner,
        "entities": {column.name: _name(column) for column in view.entity_columns},
        "source": _facts_of_source(view.batch_source),
        "fields": {column.name: _name(column) for column in view.features},
        "ttl": format_duration(view.ttl) if view.ttl else None,
        "online": view.online,
    }


def facts_of_service(service: FeatureService) -> dict[str, list[str]]:
    """View -> fields."""
    return {part.name: [field.name for field in part.features] for part in service.feature_view_projections}


def _source_of(name: str, view: Spec) -> DataSource:
    shared: dict[str, Any] = {
        "name": f"{name}_source",
        "timestamp_field": view.source.timestamp,
        "created_timestamp_column": view.source.created or "",
    }
    if view.source.table is not None:
        if PostgreSQLSource is None:
            raise MissingExtraError("The offline store 'postgres'", "postgres")
        return PostgreSQLSource(table=view.source.table, **shared)
    return FileSource(path=f"{UP}/{view.source.path}", **shared)


def _facts_of_source(source: DataSource | None) -> dict[str, Any]:
    if source is None:
        return {}
    return {
        "path": source.path.removeprefix(f"{UP}/") if isinstance(source, FileSource) else None,
        "table": None if isinstance(source, FileSource) else source.get_table_query_string(),
        "timestamp": source.timestamp_field,
        "created": source.created_timestamp_column or None,
    }


def _name(column: Field) -> str:
    return _NAMES.get(str(column.dtype), str(column.dtype))
