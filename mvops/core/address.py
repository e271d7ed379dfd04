"""Addresses: `endpoint.churn` is the resource `churn` of the kind `endpoint`, unique in a project."""

from __future__ import annotations

from typing import NewType

Address = NewType("Address", str)


def address(kind: str, name: str) -> Address:
    """The address of a resource."""
    return Address(f"{kind}.{name}")


def kind_of(where: Address) -> str:
    """The kind in an address."""
    return where.partition(".")[0]


def name_of(where: Address) -> str:
    """The name in an address."""
    return where.partition(".")[2]
