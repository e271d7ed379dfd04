from __future__ import annotations

import math

import pytest
from scipy import special, stats

from mvops.monitoring import tails


@pytest.mark.parametrize("dof", [0.7, 1, 3.5, 12, 49, 400, 19_000, 1e6])
@pytest.mark.parametrize("x", [-2.0, 0.0, 0.3, 1.9, 4.5, 12.0])
def test_t_is_scipys(x, dof):
    assert tails.t_sf(x, dof) == pytest.approx(stats.t.sf(x, dof), rel=5e-3 if dof > 20_000 else 1e-8)


@pytest.mark.parametrize("dof", [1, 2.5, 19, 300])
@pytest.mark.parametrize("x", [0.0, 0.1, 3.0, 19.0, 90.0, 500.0])
def test_chi_squared_is_scipys(x, dof):
    assert tails.chi2_sf(x, dof) == pytest.approx(stats.chi2.sf(x, dof), rel=1e-8, abs=1e-14)


@pytest.mark.parametrize(("d1", "d2"), [(1, 4), (19, 55), (7.3, 900), (19, 1e6)])
@pytest.mark.parametrize("x", [-1.0, 0.5, 1.0, 2.5, 8.0])
def test_f_is_scipys(x, d1, d2):
    assert tails.f_sf(x, d1, d2) == pytest.approx(stats.f.sf(x, d1, d2), rel=1e-2 if d2 > 20_000 else 1e-8, abs=1e-14)


@pytest.mark.parametrize(("x", "a", "b"), [(0.0, 2, 3), (1.0, 2, 3), (0.02, 12, 500.5), (0.5, 0.5, 0.5), (0.9, 3, 1)])
def test_incomplete_beta_is_scipys(x, a, b):
    assert tails.beta_cdf(x, a, b) == pytest.approx(special.betainc(a, b, x), rel=1e-9)


def test_inverses_undo_what_they_invert():
    assert tails.t_isf(1e-4, 30) == pytest.approx(stats.t.isf(1e-4, 30), rel=1e-5)
    assert tails.inverse(tails.normal_sf, 0.001) == pytest.approx(stats.norm.isf(0.001), rel=1e-5)


def test_a_function_that_never_comes_down_has_no_end():
    assert tails.inverse(lambda _: 1.0, 0.5) > 1e12
    assert math.isfinite(tails.inverse(lambda _: 1.0, 0.5))
