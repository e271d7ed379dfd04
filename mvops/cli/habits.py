"""What hands are used to from Terraform, and how it is typed here."""

from __future__ import annotations

import re
from collections.abc import Sequence

_COMMANDS = {
    ("taint",): "mvops apply --replace ADDRESS",
    ("untaint",): "nothing: --replace is said to the command that makes it anew",
    ("validate",): "mvops config show",
    ("output",): "mvops status --json",
    ("workspace",): "--env NAME, with configs/env/NAME.yaml",
    ("providers",): "mvops doctor",
    ("state", "rm"): "mvops state forget ADDRESS",
}
_OPTIONS = {"-auto-approve": "--yes", "-refresh-only": "mvops refresh"}
_ONE_DASH = re.compile(r"(-[a-z][a-z-]{2,})(=.*)?")


def meant(words: Sequence[str]) -> str:
    """What somebody who typed these words, of which one is not known, is after; nothing where that is not known."""
    for many in (2, 1):
        if told := _COMMANDS.get(tuple(words[:many])):
            return told
    found = next((match for word in words if (match := _ONE_DASH.fullmatch(word))), None)
    return "" if found is None else _OPTIONS.get(found[1], f"-{found[1]}")
