"""One generated file in a plan's line."""

from __future__ import annotations

from typing import Literal

from mvops.core.frozen import Frozen

FileVerb = Literal["create", "replace", "merge", "leave", "conflict", "remove", "later"]

FILE_SYMBOLS: dict[FileVerb, str] = {
    "create": "+",
    "replace": "~",
    "merge": "~",
    "leave": " ",
    "conflict": "x",
    "remove": "-",
    "later": "~",
}


class FileChange(Frozen):
    """What becomes of the file at `path`, below the project.

    `because` is for people, `lines` how many it has afterwards. `diff` is a unified diff of the file as it is and as it
    will be; in a conflict, of the lines that both sides changed. `found` and `result` are digests of the file as it was
    when the plan was made and as it is afterwards, None for no file, `result` also for a text that is not known yet.
    `base` is the digest of the text that an edited file descends from, `waiting` says that it is in conflict since
    before, `over` that it is so no longer afterwards. `origin` is the path that the file, edited by hand, has had until
    the model was renamed.
    """

    path: str
    verb: FileVerb
    because: str
    lines: int = 0
    diff: str | None = None
    found: str | None = None
    result: str | None = None
    base: str | None = None
    waiting: bool = False
    over: bool = False
    origin: str | None = None
