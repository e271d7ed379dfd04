"""A model's versions in a notebook."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from mvops.show.html.parts import bold, framed, number, table, toned
from mvops.show.lists import Versions
from mvops.show.versions import fate_words, role_words, version_lines

_TONES = {"champion": "good", "challenger": "link", "shadow": "link"}


def html(versions: Versions) -> Markup:
    """A row for each, a column for each metric."""
    told = [line.listed.document() for line in versions]
    names = list(dict.fromkeys(name for document in told for name in document["metrics"]))
    rows = [
        (
            line.listed.number,
            f"{line.listed.created:%Y-%m-%d %H:%M}",
            toned(role_words(line), _TONES[line.role]) if line.role else line.fate.state,
            *(number(document["metrics"].get(name)) for name in names),
            f"{document['reason']}{fate_words(line.fate)}",
        )
        for line, document in zip(versions, told, strict=True)
    ]
    said = f"{versions.model}: versions, newest first" if rows else f"{versions.model} has no version yet: mvops apply"
    return framed(bold(said), table(("version", "made (UTC)", "traffic", *names, "why"), rows))


def text(versions: Versions) -> Iterator[str]:
    """As on a terminal."""
    return version_lines(versions.model, versions)
