"""The texts of generated files as they were written, by digest: the base of a merge when one was edited by hand.

They are kept with the records that name their digests: whoever can plan can merge, on whichever machine.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from mvops.core.regeneration import merge_mark, sha256
from mvops.registry.database import Registry

_AT_ONCE = 500  # fewer than any database takes in one statement


def keep_texts(registry: Registry, texts: Iterable[str]) -> None:
    """Keep each text; one that is there already stays."""
    from mvops.registry.statements import insert_missing  # noqa: PLC0415 -- SQLModel, which finding a text does without
    from mvops.registry.tables import Base  # noqa: PLC0415 -- the same

    rows = [{"sha256": sha256(text.encode()), "text": text} for text in texts]
    if rows:
        with registry.session() as session:
            session.connection().execute(insert_missing(registry.dialect, Base.metadata.tables["mvops_texts"]), rows)


def find_text(registry: Registry, digest: str) -> bytes | None:
    """The text with this digest; None if it is not kept."""
    found = registry.rows("SELECT text FROM mvops_texts WHERE sha256 = :digest", digest=digest)
    content = next((str(text).encode() for (text,) in found), None)
    return content if content is not None and sha256(content) == digest else None  # a database may not hold all text


def is_merged(registry: Registry, base: bytes, new: bytes, there: bytes) -> bool:
    """Is this the merge that an apply was about to write when it marked it."""
    return find_text(registry, sha256(merge_mark(sha256(base), new, there).encode())) is not None


def drop_texts(registry: Registry, *, but: Collection[str]) -> None:
    """Forget the texts that no record names any more."""
    from sqlmodel import col, delete, select  # noqa: PLC0415 -- as above

    from mvops.registry.tables import TextRow  # noqa: PLC0415 -- the same

    with registry.reading() as session:
        unused = sorted(set(session.exec(select(TextRow.sha256))) - set(but))
    if unused:
        with registry.session() as session:
            for start in range(0, len(unused), _AT_ONCE):
                some = unused[start : start + _AT_ONCE]
                session.exec(delete(TextRow).where(col(TextRow.sha256).in_(some)))
