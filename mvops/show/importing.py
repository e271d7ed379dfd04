"""What `mvops import` took over, as text."""

from __future__ import annotations

from collections.abc import Iterator

from mvops.usecases.importing import Imported


def imported_lines(done: Imported) -> Iterator[str]:
    """What was found, what was written, what is to be known, and what comes next."""
    taken = done.taken
    if taken.already:
        yield f"{taken.said}: nothing to do"
        yield from (f"note: {note}" for note in taken.notes)
        return
    yield taken.said + (f": {', '.join(done.files)}" if done.files else "")
    for each in done.written:
        before = "" if each.before is None else f"{each.before} -> "
        yield f"{each.file}:{each.line}: {'.'.join(map(str, each.path))}: {before}{each.after}"
    yield from (f"note: {note}" for note in taken.notes)
    yield from (f"MISSING {key}: write it into configs/models/{taken.model}.yaml" for key in taken.missing)
    yield from (f"{'Next' if number == 0 else 'Then'}: {step}" for number, step in enumerate(taken.after))
