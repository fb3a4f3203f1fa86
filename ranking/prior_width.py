"""How widely a person's tastes are spread, which is also how consistently they answer: the prior's standard deviation.

Decisive people need a wide prior, noisy ones a narrow one, and only the right one makes `confidence` true. The width is
the mean of log s under its posterior: the evidence p(answers | s) by Laplace's method on a grid, times a log-normal
hyperprior. Laplace's evidence alone favours narrow priors, because the posterior of few answers is skewed; the next
term of the expansion (Shun & McCullagh 1995, J. R. Statist. Soc. B 57, 749-760, eq. 3) corrects most of that. It is a
series for many answers, so it may change log evidence by no more than a twentieth of their number.

Figures behind the constants: docs/ranking.md. Pure numpy.
"""

from functools import lru_cache

import numpy as np

from ranking import bradley_terry
from ranking.bradley_terry import Counts, Fit
from ranking.precision import DensePrecision, Floats

GRID = np.exp(np.linspace(np.log(0.5), np.log(8.0), 7))
CENTRE, SPREAD = 2.2, 1.0
CORRECTION_SHARE = 0.05
# The correction needs all covariances between pairs; with so many pairs it is small anyway.
CORRECTED_PAIRS = 1500
# More songs than that are ranked with the default: the grid would cost more than it brings.
MOST_SONGS = 700


def early_answers(answered: int, n: int) -> int:
    """How many of a session's answers the width is found from: it goes up in steps of a quarter of the songs."""
    return answered - answered % max(5, n // 4)


def prior_sd(counts: Counts) -> float:
    """The width for these comparisons, log units; the default where there are none, or very many songs."""
    if counts.n < 2 or counts.n > MOST_SONGS or not counts.totals.sum():
        return bradley_terry.DEFAULT_PRIOR_SD
    parts = (counts.first, counts.second, counts.first_wins, counts.second_wins)
    return _prior_sd(counts.n, *(part.tobytes() for part in parts))


@lru_cache(maxsize=256)
def _prior_sd(n: int, first: bytes, second: bytes, first_wins: bytes, second_wins: bytes) -> float:
    """Remembered, because a session asks with the same comparisons until some more have come (scores.py)."""
    counts = Counts(
        n,
        np.frombuffer(first, dtype=np.intp),
        np.frombuffer(second, dtype=np.intp),
        np.frombuffer(first_wins, dtype=np.float64),
        np.frombuffer(second_wins, dtype=np.float64),
    )
    strengths, evidence = np.zeros(n), []
    for width in GRID:
        fit = bradley_terry.fit(counts, prior_sd=float(width), start=strengths, tolerance=1e-5)
        strengths = fit.strengths
        evidence.append(log_evidence(fit, counts, float(width)))
    weights = np.array(evidence) - 0.5 * ((np.log(GRID) - np.log(CENTRE)) / SPREAD) ** 2
    weights = np.exp(weights - weights.max())
    return float(np.exp(weights @ np.log(GRID) / weights.sum()))


def log_evidence(fit: Fit, counts: Counts, width: float) -> float:
    """log p(comparisons | width), up to a constant: Laplace's, with the bounded next term."""
    assert isinstance(fit.precision, DensePrecision)  # noqa: S101  (MOST_SONGS is not above DENSE_ITEMS)
    at = bradley_terry.evaluate(fit.strengths, counts, width)
    laplace = at.value - counts.n * np.log(width) - fit.precision.log_determinant / 2
    if len(counts.first) > CORRECTED_PAIRS:
        return float(laplace)
    most = CORRECTION_SHARE * float(counts.totals.sum())
    return float(laplace + most * np.tanh(next_term(fit, counts) / most))


def next_term(fit: Fit, counts: Counts) -> float:
    """What Laplace's log evidence leaves out, from the third and fourth derivatives of the pairs' log-likelihoods.

    With v the variances and k the covariances of the pairs' differences at the mode:
    sum f4 v^2 / 8 + (f3 v)' k (f3 v) / 8 + f3' k^3 f3 / 12 (k^3 entry by entry).
    """
    p = bradley_terry.probability(fit.strengths[counts.first] - fit.strengths[counts.second])
    curve = counts.totals * p * (1 - p)
    third, fourth = -curve * (1 - 2 * p), -curve * (1 - 6 * p * (1 - p))
    towards: Floats = fit.covariance[:, counts.first] - fit.covariance[:, counts.second]
    between = towards[counts.first] - towards[counts.second]
    variances = np.diag(between)
    pulled = third * variances
    cubic = np.einsum("i,ij,j->", third, between**3, third, optimize=True)
    return float(fourth @ variances**2 / 8 + pulled @ between @ pulled / 8 + cubic / 12)
