"""Adding up votes, and ranks that admit ties."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.tallies import SESSION_WEIGHT, tally, tied_ranks

votes = st.lists(
    st.tuples(
        st.sampled_from("xyz"), st.sampled_from("abcd"), st.sampled_from("abcd"), st.sampled_from(["a", "b", "tie"])
    ).filter(lambda vote: vote[1] != vote[2]),
    max_size=60,
)


@given(votes)
def test_every_vote_is_counted_once(given_votes):
    added = tally(given_votes)
    assert added.total_votes == len(given_votes)
    assert added.wins.sum() == pytest.approx(len(given_votes))
    assert added.votes.sum() == 2 * len(given_votes)
    assert added.total_sessions == len({vote[0] for vote in given_votes})


@given(votes, st.randoms(use_true_random=False))
def test_the_order_does_not_matter(given_votes, random):
    shuffled = list(given_votes)
    random.shuffle(shuffled)
    assert np.allclose(tally(shuffled).wins, tally(given_votes).wins)


def test_one_tireless_fan_has_a_bounded_weight():
    fan = [("fan", "a", "b", "a")] * 5000
    others = [(f"person {i}", "a", "b", "b") for i in range(150)]
    added = tally(fan + others)
    assert added.wins[0, 1] == pytest.approx(SESSION_WEIGHT)
    assert added.wins[1, 0] == 150
    assert added.total_votes == 5150


def test_ranks_admit_ties():
    low, high = tied_ranks(np.array([2.0, 1.9, -3.0]), np.array([0.2, 0.2, 0.2]))
    assert list(low) == [1, 1, 3]
    assert list(high) == [2, 2, 3]


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(0.01, 3)), min_size=1, max_size=20))
def test_ranks_against_the_obvious_count(places):
    strengths, errors = np.array(places).T
    low, high = tied_ranks(strengths, errors)
    bottom, top = strengths - 1.959963984540054 * errors, strengths + 1.959963984540054 * errors
    assert list(low) == [1 + sum(bottom > t) for t in top]
    assert list(high) == [len(places) - sum(top < b) for b in bottom]
