"""Who may ask an endpoint: whoever has one of its keys, or whom something in front of it lets through."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from mvops.core.config.secrets import check_secret
from mvops.core.frozen import Flag, Frozen
from mvops.core.reach import is_loopback

WRITE = "`auth: {keys: [{secret: NAME}]}` asks for a key, `auth: {behind_proxy: true}` leaves that to what is in front"


class SecretName(Frozen):
    """The environment variable that has the secret where it is needed."""

    secret: Annotated[str, AfterValidator(check_secret)]


class Auth(Frozen):
    """`keys` are those that are taken, any of them, so that one can follow another; `behind_proxy` asks for none."""

    keys: tuple[SecretName, ...] = Field(default=(), max_length=20)
    behind_proxy: Flag = False

    @property
    def names(self) -> tuple[str, ...]:
        """The environment variables that have the keys."""
        return tuple(dict.fromkeys(key.secret for key in self.keys))

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.keys) == self.behind_proxy:
            raise ValueError(f"write one of both: {WRITE}")
        return self


def check_reach(host: str, auth: Auth | None) -> None:
    """Raise ValueError where other machines reach an endpoint of which nobody said who may ask."""
    if auth is None and not is_loopback(host):
        raise ValueError(f"other machines reach {host}, and nothing says who may ask: {WRITE}")
