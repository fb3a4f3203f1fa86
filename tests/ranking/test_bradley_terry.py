"""The solver: against finite differences, published tables, and what must hold for any data."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ranking import bradley_terry as bt
from ranking import progress

small_counts = st.integers(2, 7).flatmap(
    lambda n: arrays(np.float64, (n, n), elements=st.integers(0, 30)).map(lambda m: m - np.diag(np.diag(m)))
)


@pytest.mark.parametrize("scale", [0.01, 1.0, 10.0])
def test_gradient_and_hessian_against_finite_differences(scale):
    random = np.random.default_rng(3)
    wins = random.integers(0, 9, (6, 6)) * 1.0
    np.fill_diagonal(wins, 0)
    at = random.normal(0, scale, 6)
    step = 1e-5
    unit = np.eye(6) * step
    slope = [(bt.log_posterior(at + u, wins, 2.0) - bt.log_posterior(at - u, wins, 2.0)) / (2 * step) for u in unit]
    assert bt.gradient(at, wins, 2.0) == pytest.approx(slope, rel=1e-5, abs=1e-6)
    curve = [(bt.gradient(at + u, wins, 2.0) - bt.gradient(at - u, wins, 2.0)) / (2 * step) for u in unit]
    assert -np.array(curve) == pytest.approx(bt.negative_hessian(at, wins, 2.0), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(
    ("wins", "strengths", "digits"),
    [
        # Wikipedia, "Bradley-Terry model", worked example (CC BY-SA): p = 0.640, 1.043, 0.660, 2.270.
        ([[0, 2, 0, 1], [3, 0, 5, 0], [0, 3, 0, 1], [4, 0, 3, 0]], np.log([0.640, 1.043, 0.660, 2.270]), 3),
        # choix (MIT), tests/data/testcase-*.json: a cycle, and a cycle with one more win.
        ([[0, 1, 0], [0, 0, 1], [1, 0, 0]], [0, 0, 0], 9),
        ([[0, 2, 0], [0, 0, 1], [1, 0, 0]], [0.419617624, -0.419617624, 0], 5),
        # Agresti (2002), p. 438: American League 1987, against Baltimore; home and away together.
        (
            [
                [0, 7, 9, 7, 7, 9, 11], [6, 0, 7, 5, 11, 9, 9], [4, 6, 0, 7, 7, 8, 12], [6, 8, 6, 0, 6, 7, 10],
                [6, 2, 6, 7, 0, 7, 12], [4, 4, 5, 6, 6, 0, 6], [2, 4, 1, 3, 1, 7, 0],
            ],
            np.array([1.5814, 1.4364, 1.2945, 1.2476, 1.1077, 0.6839, 0]) - np.mean([1.5814, 1.4364, 1.2945, 1.2476, 1.1077, 0.6839, 0]),
            3,
        ),
    ],
)  # fmt: skip
def test_published_tables(wins, strengths, digits):
    """With a prior so wide that it says nothing: maximum likelihood, to the printed digits."""
    fit = bt.fit(np.array(wins, dtype=float), prior_sd=1000)
    assert fit.converged
    assert fit.strengths == pytest.approx(np.array(strengths) - np.mean(strengths), abs=10**-digits)


def test_against_a_slow_obvious_reference():
    """Gradient ascent in small steps finds the same mode; the covariance is the inverse of a numerical Hessian."""
    random = np.random.default_rng(5)
    wins = random.integers(0, 6, (5, 5)) * 1.0
    np.fill_diagonal(wins, 0)
    slow = np.zeros(5)
    for _ in range(20_000):
        slow += 0.01 * bt.gradient(slow, wins, 2.0)
    fit = bt.fit(wins, prior_sd=2.0)
    assert fit.strengths == pytest.approx(slow - slow.mean(), abs=1e-7)
    centre = np.eye(5) - 1 / 5
    inverse = np.linalg.inv(bt.negative_hessian(slow, wins, 2.0))
    assert fit.covariance == pytest.approx(centre @ inverse @ centre, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(small_counts)
def test_it_converges_with_mean_zero_on_any_data(wins):
    fit = bt.fit(wins)
    assert fit.converged
    assert abs(fit.strengths.mean()) < 1e-9
    assert np.isfinite(fit.std_errors).all()
    assert (fit.std_errors < bt.DEFAULT_PRIOR_SD).all()


@settings(max_examples=40, deadline=None)
@given(small_counts, st.randoms(use_true_random=False))
def test_relabelling_songs_permutes_the_answer(wins, random):
    order = list(range(len(wins)))
    random.shuffle(order)
    assert bt.fit(wins[np.ix_(order, order)]).strengths == pytest.approx(bt.fit(wins).strengths[order], abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(small_counts)
def test_swapping_every_winner_negates_it(wins):
    assert bt.fit(wins.T).strengths == pytest.approx(-bt.fit(wins).strengths, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(small_counts)
def test_one_more_win_never_lowers_the_winner(wins):
    more = wins.copy()
    more[0, 1] += 1
    assert bt.fit(more).strengths[0] >= bt.fit(wins).strengths[0] - 1e-9


@pytest.mark.parametrize("count", [1e-6, 1.0, 1e6, 1e9])
def test_tiny_and_huge_counts(count):
    wins = np.array([[0, 3, 1], [1, 0, 2], [2, 1, 0]]) * count
    fit = bt.fit(wins)
    assert fit.converged
    assert np.isfinite(fit.strengths).all()


def test_nothing_compared_and_one_song_and_none():
    assert bt.fit(np.zeros((4, 4))).strengths == pytest.approx([0] * 4)
    assert bt.fit(np.zeros((1, 1))).std_errors == pytest.approx([0])
    assert len(bt.fit(np.zeros((0, 0))).strengths) == 0


def test_an_unbeaten_song_has_a_finite_strength():
    wins = np.array([[0.0, 9, 9], [0, 0, 5], [0, 4, 0]])
    assert 0 < bt.fit(wins).strengths[0] < 10


@pytest.mark.parametrize("bad", [np.ones((2, 3)), -np.ones((2, 2)), np.eye(2), np.full((2, 2), np.nan)])
def test_nonsense_is_refused(bad):
    with pytest.raises(ValueError, match="wins"):
        bt.fit(bad)


def test_elo():
    assert bt.elo(np.array([0.0, np.log(10)])) == pytest.approx([1500, 1900])


class TestProgress:
    def fit(self, n=12, rounds=6, sd=3.0, seed=1):
        random = np.random.default_rng(seed)
        truth = random.normal(0, sd, n)
        wins = np.zeros((n, n))
        for i in range(n):
            for j in range(i):
                won = random.binomial(rounds, 1 / (1 + np.exp(truth[j] - truth[i])))
                wins[i, j], wins[j, i] = won, rounds - won
        return truth, bt.fit(wins)

    def test_confidence_starts_at_a_coin_and_grows(self):
        assert progress.confidence(bt.fit(np.zeros((5, 5)))) == pytest.approx(0.5)
        few, many = progress.confidence(self.fit(rounds=1)[1]), progress.confidence(self.fit(rounds=30)[1])
        assert 0.5 < few < many < 1

    def test_confidence_is_what_is_found(self):
        claimed, found = [], []
        for seed in range(40):
            truth, fit = self.fit(rounds=2, sd=2.0, seed=seed)
            right = (
                np.sign(np.subtract.outer(truth, truth)) == np.sign(np.subtract.outer(fit.strengths, fit.strengths))
            ).mean()
            claimed.append(progress.confidence(fit))
            found.append((right - 1 / 12) / (1 - 1 / 12))  # without the diagonal
        assert np.mean(claimed) == pytest.approx(np.mean(found), abs=0.04)

    def test_rank_intervals_hold_the_rank_and_shrink(self):
        _, few = self.fit(rounds=1)
        _, many = self.fit(rounds=50)
        rank = np.argsort(np.argsort(-many.strengths)) + 1
        low, high = progress.rank_intervals(many)
        assert ((low <= rank) & (rank <= high)).all()
        assert (np.subtract(*progress.rank_intervals(few)[::-1])).sum() > (high - low).sum()

    def test_budgets(self):
        assert [progress.budget(mode, 50) for mode in ("quick", "standard", "thorough")] == [150, 200, 283]
        assert progress.budget("standard", 3) == 3  # never more than there are pairs
        assert progress.budget("standard", 1) == 0

    def test_the_end(self):
        _, fit = self.fit()
        assert progress.progress(fit, answered=47, mode="standard").complete is False
        assert progress.progress(fit, answered=48, mode="standard").complete is True
        assert progress.progress(fit, answered=99, mode="standard").remaining_high == 0
