"""Choosing pairs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.pairs import choose


def nobody_met(n):
    return np.zeros((n, n), dtype=np.int64)


@given(st.integers(0, 2), st.integers(0, 1000))
def test_there_is_no_pair_of_less_than_two(n, seed):
    assert (choose(np.zeros(n), nobody_met(n), seed=seed) is None) == (n < 2)


def test_everybody_is_asked_about_before_anybody_twice():
    n = 9
    met = nobody_met(n)
    for step in range(5):
        pair = choose(np.zeros(n), met, seed=step)
        met[pair.left, pair.right] += 1
        met[pair.right, pair.left] += 1
    assert (met.sum(axis=1) >= 1).all()


def test_the_nearest_in_strength_comes_next():
    strengths = np.array([3.0, 2.9, 0.0, -2.0, -2.1])
    met = nobody_met(5)
    met[2, 3] = met[3, 2] = met[4, 2] = met[2, 4] = met[1, 2] = met[2, 1] = met[3, 1] = met[1, 3] = 1
    pair = choose(strengths, met, seed=1)
    assert {pair.left, pair.right} == {0, 1}


def test_no_song_twice_running_where_that_can_be_avoided():
    for seed in range(50):
        pair = choose(np.zeros(4), nobody_met(4), seed=seed, last=(0, 1))
        assert {pair.left, pair.right} == {2, 3}
    assert choose(np.zeros(3), nobody_met(3), seed=1, last=(0, 1)) is not None


def test_a_pair_is_not_repeated_while_another_is_left():
    met = nobody_met(4)
    for i, j in ((0, 1), (0, 2), (1, 2), (1, 3), (2, 3)):
        met[i, j] = met[j, i] = 1
    pair = choose(np.array([0.0, 0.0, 0.0, 9.0]), met, seed=1)
    assert {pair.left, pair.right} == {0, 3}


def test_sides_are_mixed_and_a_seed_decides():
    sides = [choose(np.zeros(2), nobody_met(2), seed=seed).left for seed in range(200)]
    assert 70 < sum(sides) < 130
    assert choose(np.zeros(9), nobody_met(9), seed=7) == choose(np.zeros(9), nobody_met(9), seed=7)


@pytest.mark.parametrize("top", [2, 3, 10])
def test_only_the_top(top):
    strengths = np.arange(20.0)
    for seed in range(30):
        pair = choose(strengths, nobody_met(20), seed=seed, top=top)
        assert min(pair.left, pair.right) >= 20 - top
