"""Repeats: medians, their intervals, and effect sizes, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wva_parse.measures import groups
from wva_parse.measures.groups import effect, ratio, spread

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8)


def test_five_runs_have_a_range_and_no_interval():
    found = spread([5, 1, 4, 2, 3])
    assert found[:4] == (5, 3, 1, 5)
    assert found.interval is None
    assert found.reason == "n = 5, an interval needs 6 runs"


@pytest.mark.parametrize(
    ("n", "interval"),
    [
        (6, (1, 6)),  # 1 - 2 / 64 = 96.9 %
        (8, (1, 8)),  # the second lowest: 1 - 2 * 9 / 256 = 93.0 % is too little
        (9, (2, 8)),  # 1 - 2 * 10 / 512 = 96.1 %
        (20, (6, 15)),  # 1 - 2 * 21700 / 2 ** 20 = 95.9 %
    ],
)
def test_intervals_of_a_median_as_in_tables_of_order_statistics(n, interval):
    assert spread(range(1, n + 1)).interval == interval


def test_few_runs_have_an_effect_without_interval():
    found = effect([3, 4], [1, 2, 3])
    # Of six pairs five are above, one is equal.
    assert found.delta == pytest.approx(5 / 6)
    assert found.difference == 1.5
    assert found.delta_interval is None and found.difference_interval is None
    assert found.reason == "n = 2 and 3, an interval needs 5 runs of each"


def test_one_run_against_one_is_a_difference_and_no_effect():
    found = effect([3], [1])
    assert (found.delta, found.delta_interval, found.difference, found.difference_interval) == (None, None, 2, None)
    assert found.reason == "one run of each, a difference of two runs is no effect"


def test_groups_apart_have_an_effect_of_one_whatever_is_drawn():
    found = effect([10, 11, 12, 13, 14], [1, 2, 3, 4, 5])
    assert (found.delta, found.delta_interval) == (1, (1, 1))
    low, high = found.difference_interval
    assert 6 <= low < found.difference == 9 < high <= 13


@given(VALUES, VALUES)
def test_an_effect_changes_its_sign_with_the_order_of_the_groups(first, second):
    one, other = effect(first[:4], second[:4]), effect(second[:4], first[:4])
    assert one.difference == pytest.approx(-other.difference)
    if one.delta is None:
        assert len(first[:4]) == len(second[:4]) == 1 and other.delta is None
        return
    assert one.delta == pytest.approx(-other.delta)
    assert -1 <= one.delta <= 1


@given(VALUES, st.randoms())
def test_the_order_of_the_runs_does_not_matter(values, random):
    shuffled = list(values)
    random.shuffle(shuffled)
    assert spread(shuffled) == spread(values)


def test_a_ratio_is_of_medians_and_of_few_runs_a_range_over_all_pairs():
    assert ratio([2.0, 3.0, 6.0], [1.0, 2.0]) == (2.0, 1.0, 6.0, None)  # 3 / 1.5; 2 / 2 to 6 / 1
    assert ratio([2.0], [0.0]) is None and ratio([0.0], [2.0]) is None
    several = ratio([20.0, 21.0, 22.0, 23.0, 24.0], [10.0, 10.0, 10.0, 10.0, 10.0])
    assert several.median == 2.2
    low, high = several.interval
    assert 2.0 <= low < 2.2 < high <= 2.4


@given(VALUES.filter(lambda each: len(each) >= 5), VALUES.filter(lambda each: len(each) >= 5))
def test_the_interval_of_cliffs_delta_is_that_of_all_pairs_of_each_sample(first, second):
    a, b = np.array(first), np.array(second)
    random = np.random.default_rng(groups.SEED)
    ours, theirs = (random.choice(each, (groups.RESAMPLES, len(each))) for each in (a, b))
    deltas = np.sign(ours[:, :, None] - theirs[:, None, :]).mean(axis=(1, 2))
    expected = np.quantile(deltas, [(1 - groups.COVERAGE) / 2, (1 + groups.COVERAGE) / 2])
    assert effect(first, second).delta_interval == tuple(expected)


def test_groups_of_hundreds_of_runs_need_no_matrix_for_each_sample():
    found = effect([float(n % 50) for n in range(400)], [float(n % 40) for n in range(400)])
    assert found.delta_interval is not None and 0.1 < found.delta_interval[0] < found.delta < found.delta_interval[1]
