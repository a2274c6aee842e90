"""WVA's analyzers of demand; the numbers are those of a captured log of the newest release."""

from __future__ import annotations

import pytest

from wva_parse.optimizer.demand import Demand, balance, expected_supply

ONE_READY = Demand(329011, 974024, 0.85, 0.7, 329011)
THREE_MORE_WANTED = Demand(329011, 1882870, 0.85, 0.7, 329011)
TO_SPARE = Demand(11379.850550980771, 7159.858774859014, 0.85, 0.7, 3793.28351699359)


def test_what_is_required():
    found = balance(ONE_READY)
    assert found.required == pytest.approx(974024 / 0.85 - 329011) == pytest.approx(816899.5882352942)
    assert (found.utilisation, found.spare) == (pytest.approx(2.9604602885617806), 0)


def test_what_is_to_spare():
    found = balance(TO_SPARE)
    assert (found.required, found.spare) == (0, pytest.approx(1151.4808726107494))


def test_replicas_on_their_way_count_as_supply():
    assert expected_supply(THREE_MORE_WANTED, 899097.1764705884) == pytest.approx(4 * 329011)
    assert expected_supply(ONE_READY, 816899.5882352942) == 329011
    assert expected_supply(TO_SPARE, 0) == TO_SPARE.supply


def test_nothing_required_means_that_enough_are_on_their_way():
    assert expected_supply(Demand(100, 170, 0.85, 0.7, 40), 0) == 220  # 200 are needed: three more of 40


def test_what_no_number_of_replicas_gives_is_not_known():
    assert expected_supply(THREE_MORE_WANTED, 900000) is None
    assert expected_supply(THREE_MORE_WANTED, 2000000) is None
    assert expected_supply(THREE_MORE_WANTED._replace(per_replica=None), 899097.1764705884) is None


def test_without_supply_there_is_no_utilisation():
    assert balance(Demand(0, 10, 0.5, 0.5, None)) == (None, 20, 0)
