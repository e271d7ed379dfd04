"""The tags by which mvops finds again what it wrote in MLflow, and what it says when MLflow does not answer."""

from __future__ import annotations

from collections.abc import Mapping

from mvops.contracts.trackers import Seen
from mvops.errors import BackendError

OWNER = "mvops.owner"  # project and id of its registry, on the registered model
RUN = "mvops.run"
VERSION = "mvops.version"
ARTIFACT = "mvops.artifact"  # sha256
ALIASES = ("champion", "challenger")


def seen(
    model_tags: Mapping[str, str], aliases: Mapping[str, str], version_tags: Mapping[str, Mapping[str, str]]
) -> Seen:
    """What mvops made of it; `aliases` and `version_tags` go by MLflow's own version numbers."""
    ours = our_numbers(version_tags)
    return Seen(
        owner=model_tags.get(OWNER, "(nobody)"),
        versions={number: version_tags[theirs].get(ARTIFACT, "(unknown)") for theirs, number in ours.items()},
        aliases={
            alias: ours.get(str(theirs), f"MLflow's version {theirs}")
            for alias, theirs in aliases.items()
            if alias in ALIASES
        },
    )


def our_numbers(version_tags: Mapping[str, Mapping[str, str]]) -> dict[str, int]:
    """MLflow's version number -> mvops', of the versions that mvops made."""
    return {theirs: int(tags[VERSION]) for theirs, tags in version_tags.items() if tags.get(VERSION, "").isdigit()}


def no_answer(uri: str, why: str) -> BackendError:
    """A server that is down, or no server at all."""
    return BackendError(
        f"MLflow at {uri} does not answer ({why})",
        hint="Start it, or correct tracker.options.uri in configs/project.yaml; then: mvops apply",
    )


def refused(uri: str, why: str) -> BackendError:
    """Wrong or missing credentials."""
    return BackendError(
        f"MLflow at {uri} refuses these credentials ({why})",
        hint="Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN; then: mvops apply",
    )
