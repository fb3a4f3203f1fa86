"""The solver: against finite differences, published tables, and what must hold for any data."""

import csv
from pathlib import Path

import choix
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ranking import bradley_terry as bt
from ranking import comparison_files, precision, progress

DATA = Path(__file__).parent / "data"

small_counts = st.integers(2, 7).flatmap(
    lambda n: arrays(np.float64, (n, n), elements=st.integers(0, 30)).map(lambda m: m - np.diag(np.diag(m)))
)


def fit(wins, **options):
    return bt.fit(bt.Counts.of_matrix(np.array(wins, dtype=float)), **options)


@pytest.mark.parametrize("prior_sd", [2.0, None])
@pytest.mark.parametrize("scale", [0.01, 1.0, 10.0])
def test_gradient_and_hessian_against_finite_differences(scale, prior_sd):
    random = np.random.default_rng(3)
    wins = random.integers(0, 9, (6, 6)) * 1.0
    np.fill_diagonal(wins, 0)
    counts = bt.Counts.of_matrix(wins)
    at = random.normal(0, scale, 6)
    step = 1e-5

    def value(t):
        return bt.evaluate(t, counts, prior_sd).value

    def gradient(t):
        return bt.evaluate(t, counts, prior_sd).gradient

    unit = np.eye(6) * step
    slope = [(value(at + u) - value(at - u)) / (2 * step) for u in unit]
    assert gradient(at) == pytest.approx(slope, rel=1e-5, abs=1e-6)
    curve = [(gradient(at + u) - gradient(at - u)) / (2 * step) for u in unit]
    hessian = bt.negative_hessian(bt.evaluate(at, counts, prior_sd).curvature, counts, prior_sd)
    assert -np.array(curve) == pytest.approx(hessian, rel=1e-5, abs=1e-6)


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
    """Maximum likelihood, to the printed digits."""
    found = fit(wins, prior_sd=None)
    assert found.converged
    assert found.strengths == pytest.approx(np.array(strengths) - np.mean(strengths), abs=10**-digits)


def test_against_a_slow_obvious_reference():
    """Gradient ascent in small steps finds the same mode; the covariance is the inverse of a numerical Hessian."""
    random = np.random.default_rng(5)
    wins = random.integers(0, 6, (5, 5)) * 1.0
    np.fill_diagonal(wins, 0)
    slow, counts = np.zeros(5), bt.Counts.of_matrix(wins)
    for _ in range(20_000):
        slow += 0.01 * bt.evaluate(slow, counts, 2.0).gradient
    found = bt.fit(counts, prior_sd=2.0)
    assert found.strengths == pytest.approx(slow - slow.mean(), abs=1e-7)
    centre = np.eye(5) - 1 / 5
    inverse = np.linalg.inv(bt.negative_hessian(bt.evaluate(slow, counts, 2.0).curvature, counts, 2.0))
    assert found.covariance == pytest.approx(centre @ inverse @ centre, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(small_counts)
def test_it_converges_with_mean_zero_on_any_data(wins):
    found = fit(wins)
    assert found.converged
    assert abs(found.strengths.mean()) < 1e-9
    assert np.isfinite(found.std_errors).all()
    assert (found.std_errors < bt.DEFAULT_PRIOR_SD).all()


@settings(max_examples=40, deadline=None)
@given(small_counts, st.randoms(use_true_random=False))
def test_relabelling_songs_permutes_the_answer(wins, random):
    order = list(range(len(wins)))
    random.shuffle(order)
    assert fit(wins[np.ix_(order, order)]).strengths == pytest.approx(fit(wins).strengths[order], abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(small_counts)
def test_swapping_every_winner_negates_it(wins):
    assert fit(wins.T).strengths == pytest.approx(-fit(wins).strengths, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(small_counts)
def test_one_more_win_never_lowers_the_winner(wins):
    more = wins.copy()
    more[0, 1] += 1
    assert fit(more).strengths[0] >= fit(wins).strengths[0] - 1e-9


@pytest.mark.parametrize("count", [1e-6, 1.0, 1e6, 1e9])
def test_tiny_and_huge_counts(count):
    wins = np.array([[0, 3, 1], [1, 0, 2], [2, 1, 0]]) * count
    found = fit(wins)
    assert found.converged
    assert np.isfinite(found.strengths).all()


def test_nothing_compared_and_one_song_and_none():
    assert fit(np.zeros((4, 4))).strengths == pytest.approx([0] * 4)
    assert fit(np.zeros((1, 1))).std_errors == pytest.approx([0])
    assert len(fit(np.zeros((0, 0))).strengths) == 0


def test_an_unbeaten_song_has_a_finite_strength():
    wins = np.array([[0.0, 9, 9], [0, 0, 5], [0, 4, 0]])
    assert 0 < fit(wins).strengths[0] < 10


@pytest.mark.parametrize("bad", [np.ones((2, 3)), -np.ones((2, 2)), np.eye(2), np.full((2, 2), np.nan)])
def test_nonsense_is_refused(bad):
    with pytest.raises(ValueError, match="wins"):
        fit(bad)


# Agresti (2002), p. 438, and Turner & Firth (2012), J. Stat. Softw. 48(9): standard errors against Baltimore.
BASEBALL = np.array(
    [
        [0, 7, 9, 7, 7, 9, 11], [6, 0, 7, 5, 11, 9, 9], [4, 6, 0, 7, 7, 8, 12], [6, 8, 6, 0, 6, 7, 10],
        [6, 2, 6, 7, 0, 7, 12], [4, 4, 5, 6, 6, 0, 6], [2, 4, 1, 3, 1, 7, 0],
    ],
    dtype=float,
)  # fmt: skip


def test_published_standard_errors():
    """Of the differences from Baltimore: Milwaukee, Detroit, Boston, Cleveland."""
    found = fit(BASEBALL, prior_sd=None)
    which = np.array([0, 1, 4, 5])
    errors = np.sqrt(found.difference_variances(which, np.full(4, 6)))
    assert errors == pytest.approx([0.3433, 0.3396, 0.3339, 0.3319], abs=5e-5)


@pytest.mark.parametrize("name", ["food", "simple"])
def test_evalicas_golden_scores(name):
    """evalica's own Bradley-Terry scores for its two examples with ties: strengths that add up to 1."""
    read = comparison_files.read(str(DATA / f"{name}.csv"))
    found = bt.fit(read.counts, prior_sd=None, tolerance=1e-12)
    scores = np.exp(found.strengths) / np.exp(found.strengths).sum()
    with (DATA / f"{name}_golden.csv").open() as lines:
        golden = {
            row["item"]: float(row["score"]) for row in csv.DictReader(lines) if row["algorithm"] == "bradley_terry"
        }
    assert dict(zip(read.items, scores, strict=True)) == pytest.approx(golden, abs=1e-9)


def test_choix_agrees():
    """The same maximum, with the penalty (alpha is one over twice the variance) and without, from random results."""
    random = np.random.default_rng(8)
    truth = random.normal(0, 1, 40)
    pairs = []
    for _ in range(1500):
        a, b = random.choice(40, 2, replace=False)
        pairs.append((a, b) if random.random() < 1 / (1 + np.exp(truth[b] - truth[a])) else (b, a))
    counts = bt.Counts.of_games(40, *np.array(pairs).T)
    for prior_sd, alpha in ((None, 0.0), (2.0, 1 / 8)):
        theirs = choix.opt_pairwise(40, pairs, alpha=alpha, tol=1e-12)
        assert bt.fit(counts, prior_sd=prior_sd).strengths == pytest.approx(theirs - theirs.mean(), abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(small_counts, st.integers(2, 50))
def test_scaling_all_counts_leaves_the_likeliest_strengths(wins, factor):
    wins = wins + 0.5 * (1 - np.eye(len(wins)))  # strongly connected
    assert fit(wins * factor, prior_sd=None).strengths == pytest.approx(fit(wins, prior_sd=None).strengths, abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(small_counts)
def test_one_more_tie_brings_two_items_nearer(wins):
    before, more = fit(wins).strengths, wins.copy()
    more[0, 1] += 0.5
    more[1, 0] += 0.5
    after = fit(more).strengths
    assert abs(after[0] - after[1]) <= abs(before[0] - before[1]) + 1e-9


def test_without_a_finite_estimate_it_is_said():
    """Both: two groups that never met, and one that only ever lost."""
    apart = np.zeros((4, 4))
    apart[0, 1] = apart[1, 0] = apart[2, 3] = apart[3, 2] = 1
    counts = bt.Counts.of_matrix(apart)
    assert (counts.components(strong=False)[0], counts.components(strong=True)[0]) == (2, 2)
    chain = bt.Counts.of_matrix(np.array([[0, 1, 1], [0, 0, 1], [0, 0, 0]], dtype=float))
    assert (chain.components(strong=False)[0], chain.components(strong=True)[0]) == (1, 3)
    for one in (counts, chain):
        with pytest.raises(bt.NoFiniteEstimate):
            bt.fit(one, prior_sd=None)
        assert bt.fit(one).converged


def test_a_tie_connects_both_ways():
    assert bt.Counts.of_matrix(np.array([[0, 0.5], [0.5, 0]])).components(strong=True)[0] == 1


def league(n, games, seed=1):
    """Random results between n players of whom some play far more than others."""
    random = np.random.default_rng(seed)
    truth, plays = random.normal(0, 1, n), random.lognormal(0, 1, n)
    a, b = random.choice(n, (2, games), p=plays / plays.sum())
    a, b = a[a != b], b[a != b]
    won = random.random(len(a)) < 1 / (1 + np.exp(truth[b] - truth[a]))
    return bt.Counts.of_games(n, np.where(won, a, b), np.where(won, b, a))


class TestSparse:
    @pytest.mark.parametrize("prior_sd", [2.0, 0.7])
    def test_it_finds_what_the_dense_one_finds(self, monkeypatch, prior_sd):
        counts = league(300, 4000)
        dense = bt.fit(counts, prior_sd=prior_sd)
        monkeypatch.setattr(bt, "DENSE_ITEMS", 0)
        sparse = bt.fit(counts, prior_sd=prior_sd)
        assert type(sparse.precision) is not type(dense.precision)
        assert sparse.strengths == pytest.approx(dense.strengths, abs=1e-7)
        assert sparse.std_errors == pytest.approx(dense.std_errors, abs=1e-7)
        first, second = np.array([0, 5, 17]), np.array([1, 9, 200])
        assert sparse.difference_variances(first, second) == pytest.approx(
            dense.difference_variances(first, second), abs=1e-6
        )

    def test_without_a_prior(self, monkeypatch):
        counts = bt.Counts.of_matrix(np.random.default_rng(2).integers(0, 2, (60, 60)) * (1.0 - np.eye(60)))
        dense = bt.fit(counts, prior_sd=None)
        monkeypatch.setattr(bt, "DENSE_ITEMS", 0)
        sparse = bt.fit(counts, prior_sd=None)
        assert sparse.strengths == pytest.approx(dense.strengths, abs=1e-7)
        assert sparse.std_errors == pytest.approx(dense.std_errors, abs=1e-7)

    def test_probed_standard_errors_are_near_the_exact_ones(self, monkeypatch):
        counts = league(2000, 20_000)
        exact = bt.fit(counts).std_errors
        monkeypatch.setattr(precision, "EXACT_ITEMS", 0)
        off = np.abs(bt.fit(counts).std_errors / exact - 1)
        assert np.median(off) < 0.01
        assert np.quantile(off, 0.99) < 0.08

    def test_all_pairs_of_many_items_cost_one_inverse(self):
        """A session of a thousand songs: one right-hand side for each of half a million pairs would be 4 GB."""
        counts = league(1000, 4000)
        found = bt.fit(counts)
        first, second = np.triu_indices(1000, 1)
        few = np.array([0, 77, 40_000, 499_499])
        every = found.difference_variances(first, second)
        assert every[few] == pytest.approx(found.difference_variances(first[few], second[few]), abs=1e-6)
        assert 0.5 < progress.confidence(found) < 1

    def test_confidence_of_many_items_is_that_of_a_sample(self, monkeypatch):
        found = bt.fit(league(1200, 9000))
        sampled = progress.confidence(found)
        monkeypatch.setattr(progress, "MOST_PAIRS", 1200 * 1200)
        of_all = progress.confidence(found)
        assert sampled != of_all
        assert sampled == pytest.approx(of_all, abs=0.002)

    def test_a_warm_start_is_where_it_ends(self):
        counts = league(1000, 9000)
        cold = bt.fit(counts)
        warm = bt.fit(counts, start=cold.strengths)
        assert warm.iterations <= 1
        assert warm.strengths == pytest.approx(cold.strengths, abs=1e-7)


def test_elo():
    assert bt.elo(np.array([0.0, np.log(10)])) == pytest.approx([1500, 1900])


class TestProgress:
    def person(self, n=12, rounds=6, sd=3.0, seed=1):
        random = np.random.default_rng(seed)
        truth = random.normal(0, sd, n)
        wins = np.zeros((n, n))
        for i in range(n):
            for j in range(i):
                won = random.binomial(rounds, 1 / (1 + np.exp(truth[j] - truth[i])))
                wins[i, j], wins[j, i] = won, rounds - won
        return truth, fit(wins)

    def test_confidence_starts_at_a_coin_and_grows(self):
        assert progress.confidence(fit(np.zeros((5, 5)))) == pytest.approx(0.5)
        few, many = progress.confidence(self.person(rounds=1)[1]), progress.confidence(self.person(rounds=30)[1])
        assert 0.5 < few < many < 1

    def test_confidence_is_what_is_found(self):
        claimed, found = [], []
        for seed in range(40):
            truth, fit = self.person(rounds=2, sd=2.0, seed=seed)
            right = (
                np.sign(np.subtract.outer(truth, truth)) == np.sign(np.subtract.outer(fit.strengths, fit.strengths))
            ).mean()
            claimed.append(progress.confidence(fit))
            found.append((right - 1 / 12) / (1 - 1 / 12))  # without the diagonal
        assert np.mean(claimed) == pytest.approx(np.mean(found), abs=0.04)

    def test_rank_intervals_hold_the_rank_and_shrink(self):
        _, few = self.person(rounds=1)
        _, many = self.person(rounds=50)
        rank = np.argsort(np.argsort(-many.strengths)) + 1
        low, high = progress.rank_intervals(many)
        assert ((low <= rank) & (rank <= high)).all()
        assert (np.subtract(*progress.rank_intervals(few)[::-1])).sum() > (high - low).sum()

    def test_budgets(self):
        assert [progress.budget(mode, 50) for mode in ("quick", "standard", "thorough")] == [150, 200, 283]
        assert progress.budget("standard", 3) == 3  # never more than there are pairs
        assert progress.budget("standard", 1) == 0

    def test_the_end(self):
        _, fit = self.person()
        assert progress.progress(fit, answered=47, mode="standard").complete is False
        assert progress.progress(fit, answered=48, mode="standard").complete is True
        assert progress.progress(fit, answered=99, mode="standard").remaining_high == 0
