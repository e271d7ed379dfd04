"""The texts of generated files as they were written, by digest: the base of a merge when one was edited by hand.

They are kept with the records that name their digests: whoever can plan can merge, on whichever machine.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlmodel import col, delete, select

from mvops.core.regeneration import sha256
from mvops.registry.database import Registry
from mvops.registry.statements import insert_missing
from mvops.registry.tables import Base, TextRow

_AT_ONCE = 500  # fewer than any database takes in one statement


def keep_texts(registry: Registry, texts: Iterable[str]) -> None:
    """Keep each text; one that is there already stays."""
    rows = [{"sha256": sha256(text.encode()), "text": text} for text in texts]
    if rows:
        with registry.session() as session:
            session.connection().execute(insert_missing(registry.dialect, Base.metadata.tables["mvops_texts"]), rows)


def find_text(registry: Registry, digest: str) -> bytes | None:
    """The text with this digest; None if it is not kept."""
    with registry.reading() as session:
        text = session.exec(select(TextRow.text).where(col(TextRow.sha256) == digest)).first()
    content = None if text is None else text.encode()
    return content if content is not None and sha256(content) == digest else None  # a database may not hold all text


def drop_texts(registry: Registry, *, but: Collection[str]) -> None:
    """Forget the texts that no record names any more."""
    with registry.reading() as session:
        unused = sorted(set(session.exec(select(TextRow.sha256))) - set(but))
    if unused:
        with registry.session() as session:
            for start in range(0, len(unused), _AT_ONCE):
                some = unused[start : start + _AT_ONCE]
                session.exec(delete(TextRow).where(col(TextRow.sha256).in_(some)))
