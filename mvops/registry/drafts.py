"""The registry as it will be: a draft in memory, to be changed and looked at while the real one stays as it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mvops.registry.database import Registry
from mvops.registry.engines import in_memory
from mvops.registry.places import Place
from mvops.registry.tables import Base

_LEFT_OUT = frozenset({"mvops_summaries", "mvops_events"})  # long, and no plan is made of them
_AT_ONCE = 500


@contextmanager
def copied(registry: Registry) -> Iterator[Registry]:
    """A copy of all that a plan is made of, of the same lineage and serial; gone at the end."""
    engine = in_memory()
    place = Place("sqlite://", None, f"a copy of {registry.url}")
    with Registry(place, registry.lineage, engine=engine) as copy:
        with copy.session() as there, registry.reading() as here:
            Base.metadata.create_all(there.connection())
            for table in Base.metadata.sorted_tables:
                if table.name not in _LEFT_OUT:
                    found = here.connection().execute(table.select()).mappings()
                    for rows in found.partitions(_AT_ONCE):
                        there.connection().execute(table.insert(), [dict(row) for row in rows])
        yield copy
