"""How many repeats: numbers worked by hand."""

from __future__ import annotations

import pytest

from wva_parse.measures.repeats import Needed, needed, runs_needed, spread_factors, variation


@pytest.mark.parametrize(
    ("coefficient", "difference", "runs"),
    [
        # 2 · (1.95996 + 0.84162)² = 15.698 times (c / d)², and 1.95996² / 4 = 0.960 more
        (0.1, 0.1, 17),  # 16.66
        (0.1, 0.2, 5),  # 4.88
        (0.2, 0.1, 64),  # 63.75
        (0.13, 0.1, 28),  # 27.49
        (0.0, 0.1, 2),  # a spread of two runs is the least there is
    ],
)
def test_runs_needed(coefficient, difference, runs):
    assert runs_needed(coefficient, difference) == runs


def test_the_variation_is_that_of_a_sample():
    assert variation([9, 10, 11]) == pytest.approx(0.1)  # deviation 1 of mean 10
    assert variation([10]) is None and variation([]) is None
    assert variation([-1, 1]) is None and variation([0, 0]) is None


def test_of_few_runs_the_spread_is_hardly_known():
    # Tables of chi-square: of 4 degrees of freedom 0.4844 and 11.1433, of one 0.000982 and 5.0239.
    assert spread_factors(5) == pytest.approx((4 / 11.1433, 4 / 0.4844), rel=1e-3)
    assert spread_factors(2) == pytest.approx((1 / 5.0239, 1 / 0.000982), rel=1e-3)
    # 15.698 · 2 / 7.3778 + 0.96 = 5.2 and 15.698 · 2 / 0.050636 + 0.96 = 620.98
    assert needed([9, 10, 11], 0.1) == Needed(17, 6, 621)
    assert needed([10], 0.1) is None
