"""mvops' own registry: `mvops runs list|show|compare|notebook` and `mvops versions` read it."""

from __future__ import annotations

from collections.abc import Mapping

from mvops.contracts.trackers import Books, RunReport, Seen, VersionReport
from mvops.errors import SpecError


class Local:
    """Takes no options and keeps nothing: the registry has every run and version already."""

    external = False

    def look(self, books: Books, model: str) -> Seen:
        """There is nothing beside the registry."""
        del model
        _no_options(books)
        return Seen()

    def log_run(self, books: Books, report: RunReport) -> None:
        """It is in the registry."""
        del report
        _no_options(books)

    def log_version(self, books: Books, report: VersionReport) -> None:
        """It is in the registry."""
        del report
        _no_options(books)

    def set_aliases(self, books: Books, model: str, aliases: Mapping[str, int]) -> None:
        """They are in the registry."""
        del model, aliases
        _no_options(books)


def _no_options(books: Books) -> None:
    if books.options:
        raise SpecError(f"the tracker 'local' takes no options, not {', '.join(sorted(books.options))}")
