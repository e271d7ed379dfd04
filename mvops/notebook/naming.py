"""New names that collide with nothing."""

from __future__ import annotations

import builtins
import itertools
import keyword
import re


class Namer:
    """Hands out names that are not `taken`, each only once."""

    def __init__(self, taken: set[str]) -> None:
        self._taken = (
            taken | set(dir(builtins)) | set(keyword.kwlist) | set(keyword.softkwlist) | {"get_ipython", "display"}
        )

    def fresh(self, *candidates: str) -> str:
        """The first free one of the candidates, else the last with a number."""
        numbered = (f"{candidates[-1]}_{n}" for n in itertools.count(2))
        name = next(name for name in itertools.chain(candidates, numbered) if self._is_free(name))
        self._taken.add(name)
        return name

    def _is_free(self, name: str) -> bool:
        return name not in self._taken and name.isidentifier() and not name.startswith("mvops")


def snake(name: str) -> str:
    """`random_forest_classifier` for RandomForestClassifier, `xgb_classifier` for XGBClassifier."""
    spaced = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", spaced).lower()
