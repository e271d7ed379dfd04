"""What the prediction log keeps of a model's inputs."""

from __future__ import annotations

from pydantic import ValidationInfo, field_validator

from mvops.core.frozen import Frozen


class LogRules(Frozen):
    """Columns that the prediction log does not keep as they are.

    Those that `exclude` names are not written at all; of those that `hash` names, a digest by the project's key is:
    equal values stay equal, and nobody without the key can try which value it is.
    """

    exclude: tuple[str, ...] = ()
    hash: tuple[str, ...] = ()

    @field_validator("hash")
    @classmethod
    def _in_one_of_both(cls, names: tuple[str, ...], others: ValidationInfo) -> tuple[str, ...]:
        for name in names:
            if name in others.data.get("exclude", ()):
                raise ValueError(f"{name!r} is excluded, so there is nothing to hash")
        return names

    @property
    def columns(self) -> tuple[str, ...]:
        """All that are named."""
        return (*self.exclude, *self.hash)
