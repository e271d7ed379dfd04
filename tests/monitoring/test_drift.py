from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from mvops.monitoring import drift

A = [3, 14, 25, 40, 9, 0]
B = [10, 30, 60, 50, 20, 5]


def test_jensen_shannon_is_scipys():
    assert drift.jensen_shannon(A, B) == pytest.approx(jensenshannon(A, B))
    assert drift.jensen_shannon([1, 0], [0, 1]) == pytest.approx(np.sqrt(np.log(2)))


def test_ks_distance_is_scipys_on_binned_values():
    found = stats.ks_2samp(np.repeat(np.arange(6), A), np.repeat(np.arange(6), B))
    assert drift.ks_distance(A, B) == pytest.approx(found.statistic)


def test_wasserstein_is_scipys():
    positions = [-1.0, 0.0, 2.5, 3.0, 8.0, 9.0]
    assert drift.wasserstein(A, B, positions) == pytest.approx(
        stats.wasserstein_distance(positions, positions, np.array(A), np.array(B))
    )


def test_chi_squared_is_scipys():
    found = drift.chi_squared(A, B)
    expected = stats.chi2_contingency([A, B], correction=False)
    assert found is not None
    assert (found.statistic, found.dof) == pytest.approx((expected.statistic, expected.dof))
    assert found.p == pytest.approx(expected.pvalue)


def test_chi_squared_leaves_out_bins_that_nobody_uses():
    found = drift.chi_squared([*A, 0], [*B, 0])
    assert found == drift.chi_squared(A, B)


def test_psi_fills_empty_bins_as_evidently_does():
    p, q = np.array(A) / 91, np.array(B) / 175
    p[5] = 0.0001
    assert drift.psi(A, B) == pytest.approx(np.sum((p - q) * np.log(p / q)))


def test_psi_of_a_shifted_normal_is_its_square():
    edges = np.linspace(-6, 6, 400)
    at = np.diff(stats.norm.cdf(edges)) * 1e9
    moved = np.diff(stats.norm.cdf(edges - 0.5)) * 1e9
    assert drift.psi(moved, at, floor=1e-12) == pytest.approx(0.25, rel=0.01)
    assert drift.divergence(moved, at) == pytest.approx(0.25, rel=0.1)


@pytest.mark.parametrize(
    "distance", [drift.psi, drift.jensen_shannon, drift.ks_distance, drift.divergence, drift.chi_squared]
)
def test_nothing_to_compare_is_not_computable(distance):
    assert distance([0, 0], [1, 2]) is None
    assert distance([1, 2], [0, 0]) is None


def test_one_bin_has_no_chi_squared_test():
    assert drift.chi_squared([5, 0], [7, 0]) is None
    assert drift.wasserstein([0], [0], [1.0]) is None
