from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from mvops.core.signature import Column, Signature

START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
DAY = timedelta(days=1)


@dataclass
class Stream:
    """20 features, 15 numbers of four shapes and 5 categories, each with its own weekly rhythm; also of the volume."""

    seed: int
    per_day: int = 1000
    rhythm: float = 0.3
    rng: np.random.Generator = field(init=False)
    amplitude: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.amplitude = self.rng.normal(size=20)

    def days(self, first: int, count: int, shift: dict[int, float] | None = None) -> tuple[dict[str, Any], np.ndarray]:
        day = np.arange(first, first + count)
        rows = self.rng.poisson(np.where(day % 7 >= 5, 0.6, 1.15) * self.per_day)
        of_row = np.repeat(day, rows)
        wave = np.sin(2 * np.pi * of_row / 7) * self.rhythm
        size = len(of_row)
        shapes = (
            lambda: (self.rng.lognormal(0, 0.8, size) - 1.377) / 1.303,
            lambda: self.rng.exponential(1, size) - 1,
            lambda: self.rng.standard_t(4, size) / np.sqrt(2),
            lambda: self.rng.normal(size=size),
            lambda: self.rng.normal(size=size),
        )
        found: dict[str, Any] = {}
        for i in range(15):
            standard = shapes[i % 5]() + self.amplitude[i] * wave + (shift or {}).get(i, 0.0)
            found[f"n{i}"] = np.where(self.rng.random(size) < 0.05, np.nan, standard * 3 + 10) if i == 7 else standard
        for i in range(5):
            weights = np.tile(np.linspace(1, 3, 3 + 3 * i), (size, 1))
            weights[:, 0] += np.clip(wave * self.amplitude[15 + i], -0.9, None)
            edges = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)
            picked = (self.rng.random(size)[:, None] > edges).sum(axis=1)
            found[f"c{i}"] = np.array([f"v{j}" for j in range(3 + 3 * i)])[picked]
        within = (np.sort(self.rng.random(size)) * 86_400e6).astype("timedelta64[us]")
        times = np.datetime64("2026-01-05", "us") + of_row.astype("timedelta64[D]") + within
        return found, times


@pytest.fixture(scope="session")
def stream() -> Callable[..., Stream]:
    return Stream


@pytest.fixture(scope="session")
def stream_signature() -> Signature:
    names = [*(f"n{i}" for i in range(15)), *(f"c{i}" for i in range(5))]
    return signature_of({name: "number" if name[0] == "n" else "category" for name in names})


def signature_of(kinds: dict[str, str], **more: Any) -> Signature:
    columns = tuple(Column(name=name, kind=kind, nullable=True) for name, kind in kinds.items())
    return Signature(columns=columns, **{"task": "regression", **more})


@pytest.fixture(scope="session")
def signature() -> Callable[..., Signature]:
    return signature_of


@pytest.fixture(scope="session")
def daily() -> Callable[..., np.ndarray]:
    """`daily(days, per_day, first=0)`: evenly spaced times from Monday, 5 January 2026."""

    def make(days: int, per_day: int, first: int = 0) -> np.ndarray:
        step = np.timedelta64(86_400_000_000 // max(per_day, 1), "us")
        day = np.datetime64("2026-01-05", "us") + np.arange(first, first + days).astype("timedelta64[D]")
        return (day[:, None] + np.arange(per_day) * step).ravel()

    return make
