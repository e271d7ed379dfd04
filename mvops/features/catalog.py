"""What the YAML keeps in the feature store, and the store."""

from __future__ import annotations

from mvops.contracts.feature_stores import Catalog, FeatureStore
from mvops.core.config.project import Project
from mvops.workspace import Workspace


def catalog_of(project: Project) -> Catalog:
    """All views, and one service for each model whose pipeline reads features."""
    services = {
        name: model.pipeline.features.fields for name, model in project.models.items() if model.pipeline.features
    }
    return Catalog(
        project=project.project,
        settings=project.feature_store,
        views=project.features,
        services=services,
        environment=project.environment,
    )


def store_of(workspace: Workspace) -> FeatureStore:
    """The backend that the YAML names. Raises MissingExtraError, and BackendError for an unknown one."""
    found: FeatureStore = workspace.backend("feature_stores", workspace.project.feature_store.backend)
    return found
