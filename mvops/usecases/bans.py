"""Policies that could never say anything, as they name a kind of resource that there is not."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from mvops.core.config.policy import Policy, parse_ban
from mvops.core.nearest import did_you_mean
from mvops.errors import SpecError
from mvops.kinds.kind import kinds


def check_bans(policies: Mapping[str, Policy]) -> None:
    """Raise SpecError for a `forbid` that no address of any kind could match."""
    for name, policy in policies.items():
        for index, text in enumerate(policy.forbid):
            wanted = parse_ban(text).pattern.partition(".")[0]
            if not any(fnmatchcase(kind, wanted) for kind in kinds()):
                raise SpecError(
                    f"{text!r} forbids nothing: there is no kind of resource {wanted!r}{did_you_mean(wanted, kinds())}",
                    hint=f"Kinds: {', '.join(sorted(kinds()))}",
                ).named_by("policies", name, "forbid", index)
