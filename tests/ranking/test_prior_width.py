"""The prior's width from the answers themselves, and what it is for: confidence that is true."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranking import bradley_terry, prior_width, progress
from ranking.bradley_terry import Counts


def answers(n, count, sd, seed):
    """(truth, counts): a person with strengths of this spread, asked about random pairs."""
    random = np.random.default_rng(seed)
    truth = random.normal(0, sd, n)
    a = random.integers(0, n, count)
    b = (a + random.integers(1, n, count)) % n
    won = random.random(count) < 1 / (1 + np.exp(truth[b] - truth[a]))
    return truth, Counts.of_games(n, np.where(won, a, b), np.where(won, b, a))


def test_the_correction_is_what_numerical_integration_finds():
    """Two songs: one difference d with variance 2 s^2, so the evidence is an integral in one dimension."""
    counts = Counts.of_matrix(np.array([[0.0, 4.0], [2.0, 0.0]]))
    for width in (0.5, 1.0, 1.5):
        fit = bradley_terry.fit(counts, prior_sd=width)
        d = np.linspace(-15, 15, 20_001)
        density = np.exp(-(d**2) / (4 * width**2)) / np.sqrt(4 * np.pi * width**2)
        p = 1 / (1 + np.exp(-d))
        exact = np.log((p**4 * (1 - p) ** 2 * density).sum() * (d[1] - d[0]))
        at = bradley_terry.evaluate(fit.strengths, counts, width)
        laplace = at.value - 2 * np.log(width) - fit.precision.log_determinant / 2
        corrected = laplace + prior_width.next_term(fit, counts)
        assert abs(corrected - exact) < abs(laplace - exact) / 3


def test_decisive_people_get_a_wide_prior_and_noisy_ones_a_narrow_one():
    widths = {
        sd: np.mean([prior_width.prior_sd(answers(40, 240, sd, seed)[1]) for seed in range(6)]) for sd in (0.7, 2, 5)
    }
    assert widths[0.7] < widths[2] < widths[5]
    assert widths[0.7] < 1.3
    assert widths[5] > 2.5


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 8), st.integers(1, 30), st.integers(0, 10_000))
def test_it_is_a_number_within_the_grid_for_any_answers(n, count, seed):
    width = prior_width.prior_sd(answers(n, count, 3.0, seed)[1])
    assert prior_width.GRID[0] <= width <= prior_width.GRID[-1]


def test_without_answers_and_with_very_many_songs_it_is_the_default():
    assert prior_width.prior_sd(Counts.of_matrix(np.zeros((5, 5)))) == bradley_terry.DEFAULT_PRIOR_SD
    assert prior_width.prior_sd(answers(800, 2000, 2.0, 1)[1]) == bradley_terry.DEFAULT_PRIOR_SD


@pytest.mark.parametrize("sd", [1.5, 3.0])
def test_confidence_and_intervals_are_what_is_found(sd):
    """200 answers about 50 songs. The simulation of people as they are asked is benchmarks/pairs.py."""
    claimed, found, covered = [], [], []
    for seed in range(60):
        truth, counts = answers(50, 200, sd, seed)
        fit = bradley_terry.fit(counts, prior_sd=prior_width.prior_sd(counts))
        first, second = np.triu_indices(50, 1)
        right = (truth[first] - truth[second]) * (fit.strengths[first] - fit.strengths[second]) > 0
        claimed.append(progress.confidence(fit))
        found.append(right.mean())
        low, high = progress.rank_intervals(fit)
        rank = np.argsort(np.argsort(-truth)) + 1
        covered.append(((low <= rank) & (rank <= high)).mean())
    assert np.mean(claimed) == pytest.approx(np.mean(found), abs=0.03)
    assert 0.92 < np.mean(covered) < 0.985
