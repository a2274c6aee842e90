"""WVA's saturation analysis, by numbers worked by hand and by its laws."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wva_parse.optimizer.saturation import Limits, Pod, analyze, is_free, is_masked

LIMITS = Limits(kv_threshold=0.8, queue_threshold=5, kv_trigger=0.1, queue_trigger=3)


def test_the_spare_is_the_mean_over_those_that_are_not_saturated():
    found = analyze([Pod(0.2, 1), Pod(0.6, 0), Pod(0.9, 0), Pod(0.1, 40)], LIMITS)
    assert (found.replicas, found.free) == (4, 2)
    assert found.spare_kv == pytest.approx((0.6 + 0.2) / 2)
    assert found.spare_queue == pytest.approx((4 + 5) / 2)
    # one of the two would have 0.8 of a cache and one request: nothing of the cache is left
    assert found.remaining == pytest.approx((0.0, 4.0))
    assert (found.up, found.down_safe) == (False, False)


@pytest.mark.parametrize(
    ("pods", "up", "down_safe"),
    [
        ([], False, False),
        ([(0.2, 0)], False, False),  # the last one is never given back
        ([(0.72, 0)], True, False),  # 0.08 spare
        ([(0.2, 3)], True, False),  # 2 requests spare
        ([(0.8, 0)], True, False),  # at the threshold it is saturated: nothing spare at all
        ([(0.2, 5)], True, False),
        ([(0.1, 0), (0.1, 0)], False, True),  # one would have 0.2, and 0.6 to spare
        ([(0.3, 1), (0.3, 1)], False, True),  # 0.2 and 3 to spare: at the triggers is enough
        ([(0.1, 1), (0.1, 2)], False, False),  # 3 requests would wait, 2 be spare
        ([(0.1, 0), (0.1, 0), (1.0, 300)], False, True),  # two fresh ones hide it
    ],
)
def test_what_follows(pods, up, down_safe):
    found = analyze([Pod(*pod) for pod in pods], LIMITS)
    assert (found.up, found.down_safe) == (up, down_safe)


@pytest.mark.parametrize(
    ("pods", "up", "masked"),
    [
        ([(1.0, 300), (0.0, 0)], False, True),
        ([(0.2, 5), (0.0, 0)], False, True),  # a queue at the threshold
        ([(0.9, 0), (0.0, 0)], False, True),
        ([(0.85, 0), (0.0, 0)], False, False),  # saturated, and not full
        ([(1.0, 300), (0.0, 0)], True, False),  # it was answered
        ([(1.0, 300), (0.9, 9)], False, False),  # there is nothing that hides it
        ([(0.1, 0)], False, False),
        ([], False, False),
    ],
)
def test_masked(pods, up, masked):
    assert is_masked([Pod(*pod) for pod in pods], up, LIMITS) is masked


def test_a_full_pod_below_a_high_threshold_does_not_hide_itself():
    high = LIMITS._replace(kv_threshold=0.95)
    assert not is_masked([Pod(0.92, 0)], False, high)
    assert is_masked([Pod(0.92, 0), Pod(0.1, 0)], False, high)


PODS = st.lists(st.builds(Pod, st.floats(0, 1), st.integers(0, 50)), max_size=8)
ANY = st.builds(Limits, st.floats(0.1, 1), st.integers(1, 20), st.floats(0, 0.5), st.floats(0, 10))


@given(PODS, ANY)
def test_what_is_free_has_something_to_spare(pods, limits):
    found = analyze(pods, limits)
    assert found.free == sum(is_free(pod, limits) for pod in pods) <= found.replicas == len(pods)
    assert (found.spare_kv, found.spare_queue) == (0, 0) if not found.free else found.spare_queue > 0
    assert -1e-12 <= found.spare_kv <= limits.kv_threshold


@given(PODS, ANY)
def test_never_up_and_down_at_once(pods, limits):
    found = analyze(pods, limits)
    assert not (found.up and found.down_safe)


@given(PODS, ANY, st.floats(0, 0.5), st.floats(0, 10))
def test_higher_triggers_ask_for_more(pods, limits, kv, queue):
    before = analyze(pods, limits)
    after = analyze(
        pods, limits._replace(kv_trigger=limits.kv_trigger + kv, queue_trigger=limits.queue_trigger + queue)
    )
    assert before.up <= after.up and after.down_safe <= before.down_safe


@given(PODS, ANY, st.randoms(use_true_random=False))
def test_the_order_of_pods_says_nothing(pods, limits, random):
    one, other = analyze(pods, limits), analyze(random.sample(pods, len(pods)), limits)
    assert one.free == other.free
    assert (one.spare_kv, one.spare_queue) == pytest.approx((other.spare_kv, other.spare_queue))
