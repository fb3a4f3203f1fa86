"""Choosing pairs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking import bradley_terry, pairs
from ranking.bradley_terry import Counts
from ranking.pairs import Focus


def nobody_met(n):
    return np.zeros((n, n), dtype=np.int64)


def choose(strengths, covariance=None, met=None, skipped=None, **options):
    n = len(strengths)
    return pairs.choose(
        np.asarray(strengths, dtype=float),
        np.eye(n) if covariance is None else covariance,
        nobody_met(n) if met is None else met,
        nobody_met(n) if skipped is None else skipped,
        **{"seed": 1, **options},
    )


def play(n, answers, *, mode="standard", seed=1, outcome=None):
    """A session as it goes: the pairs that were asked, each with the posterior of all answers before."""
    wins, met, last, asked = np.zeros((n, n)), nobody_met(n), None, []
    truth = np.random.default_rng(seed).normal(0, 3, n)
    for k in range(answers):
        fit = bradley_terry.fit(Counts.of_matrix(wins))
        aim = pairs.focus(mode, answered=k, n=n)
        pair = choose(fit.strengths, fit.covariance, met, last=last, seed=seed * 1000 + k, aim=aim)
        last = (pair.left, pair.right)
        winner, loser = last if truth[pair.left] > truth[pair.right] else last[::-1]
        wins[winner, loser] += 1
        met[winner, loser] += 1
        met[loser, winner] += 1
        asked.append((last, fit))
    return asked


@given(st.integers(0, 2), st.integers(0, 1000))
def test_there_is_no_pair_of_less_than_two(n, seed):
    assert (choose(np.zeros(n), seed=seed) is None) == (n < 2)


def test_everybody_is_asked_about_before_anybody_twice():
    first = [song for (pair, _) in play(9, 4) for song in pair]
    assert len(set(first)) == 8
    assert len({song for (pair, _) in play(9, 5) for song in pair}) == 9


def test_information_is_what_numerical_integration_finds():
    """I(answer; strengths) = H(E p) - E H(p), with the logistic curve: the closed form is near it."""
    grid = np.linspace(-8, 8, 4001)
    for mean, sd in ((0, 0.3), (0, 2.5), (1, 1), (3, 2), (-2, 0.7)):
        weight = np.exp(-(grid**2) / 2)
        p = 1 / (1 + np.exp(-(mean + sd * grid)))

        def entropy(q):
            return -(q * np.log2(q) + (1 - q) * np.log2(1 - q))

        exact = entropy((weight * p).sum() / weight.sum()) - (weight * entropy(p)).sum() / weight.sum()
        covariance = np.diag([sd**2 / 2, sd**2 / 2])
        found = pairs.information(np.array([mean, 0.0]), covariance, np.array([0]), np.array([1]))[0]
        assert found == pytest.approx(exact, abs=0.012)


def test_the_least_certain_pair_comes_next():
    """Near in strength, and little known."""
    covariance = np.diag([0.1, 0.1, 0.1, 2.0, 2.0])
    pair = choose([3.0, 2.9, 0.0, -2.0, -2.1], covariance, met=np.ones((5, 5), dtype=np.int64))
    assert {pair.left, pair.right} == {3, 4}


def test_no_song_twice_running_where_that_can_be_avoided():
    for seed in range(50):
        pair = choose(np.zeros(4), seed=seed, last=(0, 1))
        assert {pair.left, pair.right} == {2, 3}
    assert choose(np.zeros(3), last=(0, 1)) is not None
    asked = [set(pair) for pair, _ in play(30, 120)]
    assert all(not now & before for now, before in zip(asked[1:], asked, strict=False))


def test_a_pair_is_repeated_only_where_no_other_tells_more():
    asked = play(20, 80)
    seen, first, second = {}, *np.triu_indices(20, 1)
    for at, (pair, fit) in enumerate(asked):
        key = tuple(sorted(pair))
        if key in seen:
            worth = pairs.information(fit.strengths, fit.covariance, first, second)
            before = set(asked[at - 1][0])
            free = [k for k in range(len(first)) if not {int(first[k]), int(second[k])} & before]
            best = max(worth[k] for k in free)
            mine = pairs.information(fit.strengths, fit.covariance, np.array([key[0]]), np.array([key[1]]))[0]
            assert mine == pytest.approx(best)
        seen[key] = True
    assert len(seen) >= 70


def test_what_was_skipped_is_asked_again_only_when_nothing_else_is_left():
    skipped = nobody_met(4)
    skipped[0, 1] = skipped[1, 0] = 1
    for seed in range(30):
        pair = choose(np.zeros(4), skipped=skipped, seed=seed)
        assert {pair.left, pair.right} != {0, 1}
    assert choose(np.zeros(2), skipped=np.ones((2, 2), dtype=np.int64)) is not None


def test_sides_are_mixed_and_a_seed_decides():
    sides = [choose(np.zeros(2), seed=seed).left for seed in range(200)]
    assert 70 < sum(sides) < 130
    assert choose(np.zeros(9), seed=7) == choose(np.zeros(9), seed=7)


@pytest.mark.parametrize("top", [2, 3, 10])
def test_only_the_top(top):
    for seed in range(30):
        pair = choose(np.arange(20.0), seed=seed, aim=Focus(best=top))
        assert min(pair.left, pair.right) >= 20 - top


def test_quick_leans_to_the_top_then_asks_about_nothing_else():
    assert pairs.focus("quick", answered=0, n=50) == Focus(top_weight=1.0)
    assert pairs.focus("quick", answered=100, n=50) == Focus(best=12)
    assert pairs.focus("standard", answered=100, n=50) == pairs.focus("quick", answered=0, n=12) == Focus()
    last_phase = play(20, 60, mode="quick")[40:]
    for pair, fit in last_phase:
        assert set(pair) <= set(np.argsort(-fit.strengths)[:12].tolist())


def test_thousands_of_songs_are_no_trouble():
    pair = choose(np.zeros(3000), np.eye(3000))
    assert pair.left != pair.right
