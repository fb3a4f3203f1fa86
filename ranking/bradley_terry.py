"""Bradley-Terry strengths from comparisons. Pure numpy and scipy; dense for a person's songs, sparse for large files.

Model: item i beats item j with probability p_ij = 1 / (1 + exp(-(t_i - t_j))). With w_ij wins of i over j (a tie counts
half a win each way, weights are allowed) and, unless the prior is None, a Gaussian prior of standard deviation s on each
strength, the objective is

    L(t) = sum_ij w_ij log p_ij - sum_i t_i^2 / (2 s^2)

With a prior it is strictly concave: its maximum (the posterior mode) exists and is unique for any data, unbeaten and never
compared items included. Without one it has a finite maximum only where the graph "beat or tied with" is strongly
connected (Ford 1957, American Mathematical Monthly 64, 28-33), and then up to a constant: strengths have mean 0.

The inverse of the negative Hessian at the mode is the Laplace approximation of the posterior's covariance, or, without a
prior, the inverse of Fisher's information. Sources: Bradley & Terry (1952), Biometrika 39, 324-345; Rue & Held (2005),
Gaussian Markov Random Fields, ch. 4.4.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ranking.precision import DensePrecision, Floats, Positions, Precision, SparsePattern

DEFAULT_PRIOR_SD = 2.0
ELO_MEAN = 1500.0
ELO_SCALE = 400.0 / np.log(10.0)
# Up to so many items one dense factorisation is faster than conjugate gradients.
DENSE_ITEMS = 700


class NoFiniteEstimate(ValueError):
    """Some items only won or only lost against the rest: without a prior their strengths run away."""


@dataclass(frozen=True)
class Counts:
    """Comparisons of n items, added up by pair.

    first, second: (m,) positions, first < second, each pair once. first_wins, second_wins: (m,) not negative, ties as
    half a win each.
    """

    n: int
    first: Positions
    second: Positions
    first_wins: Floats
    second_wins: Floats

    @classmethod
    def of_games(cls, n: int, winners: Positions, losers: Positions, weights: Floats | None = None) -> "Counts":
        """From single results; `weights` (m,) are counts, 1 where None. Raises ValueError for an item against itself."""
        winners, losers = np.asarray(winners, dtype=np.intp), np.asarray(losers, dtype=np.intp)
        weights = np.ones(len(winners)) if weights is None else np.asarray(weights, dtype=np.float64)
        if (winners == losers).any():
            raise ValueError("wins of an item over itself: it cannot be compared with itself")
        if not np.isfinite(weights).all() or (weights < 0).any():
            raise ValueError("wins must be finite and not negative")
        first, second = np.minimum(winners, losers), np.maximum(winners, losers)
        keys, where = np.unique(first * np.intp(max(n, 1)) + second, return_inverse=True)
        first_won = winners == first
        return cls(
            n,
            keys // max(n, 1),
            keys % max(n, 1),
            np.asarray(np.bincount(where, weights * first_won, len(keys)), dtype=np.float64),
            np.asarray(np.bincount(where, weights * ~first_won, len(keys)), dtype=np.float64),
        )

    @classmethod
    def of_matrix(cls, wins: Floats) -> "Counts":
        """From (n, n) wins of row over column. Raises ValueError unless square, finite, not negative, zero on the diagonal."""
        wins = np.asarray(wins, dtype=np.float64)
        n = len(wins)
        if wins.shape != (n, n):
            raise ValueError("wins must be square")
        winners, losers = np.nonzero(wins)  # of five thousand songs' 25 million pairs few were compared
        return cls.of_games(n, winners, losers, wins[winners, losers])

    @cached_property
    def totals(self) -> Floats:
        """(m,) comparisons of each pair."""
        return self.first_wins + self.second_wins

    @cached_property
    def won(self) -> Floats:
        """(n,) wins of each item."""
        return self.sum_at(self.first_wins, self.second_wins)

    def sum_at(self, at_first: Floats, at_second: Floats) -> Floats:
        """(n,) the sum of the pairs' values over each item."""
        sums = np.bincount(self.first, at_first, self.n) + np.bincount(self.second, at_second, self.n)
        return np.asarray(sums, dtype=np.float64)

    def components(self, *, strong: bool) -> tuple[int, NDArray[np.int32]]:
        """How many components the graph has, and (n,) each item's. `strong`: following "won or tied" one way only."""
        from scipy.sparse import coo_matrix
        from scipy.sparse.csgraph import connected_components

        won, lost = self.first_wins > 0, self.second_wins > 0
        rows = np.concatenate([self.first[won], self.second[lost]])
        columns = np.concatenate([self.second[won], self.first[lost]])
        graph = coo_matrix((np.ones(len(rows)), (rows, columns)), (self.n, self.n))
        count, labels = connected_components(graph, directed=strong, connection="strong" if strong else "weak")
        return int(count), labels


@dataclass(frozen=True)
class Fit:
    """A fitted ranking of n items.

    strengths: (n,) natural-log units, mean 0. precision: what is known about them (standard errors, covariance).
    gradient_norm: largest absolute component at the end. converged: whether that is within the tolerance.
    """

    strengths: Floats
    precision: Precision
    iterations: int
    gradient_norm: float
    converged: bool

    @cached_property
    def std_errors(self) -> Floats:
        """(n,) standard deviations of the strengths around their mean, log units."""
        return np.sqrt(self.precision.variances)

    @property
    def covariance(self) -> Floats:
        """(n, n) of the strengths around their mean."""
        return self.precision.covariance

    def difference_variances(self, first: Positions, second: Positions) -> Floats:
        """(k,) variances of t_first - t_second."""
        return self.precision.difference_variances(first, second)

    def draws(self, count: int, random: np.random.Generator) -> Floats:
        """(count, n) draws from the Gaussian approximation, without the strengths themselves."""
        return self.precision.draws(count, random)


def elo(strengths: Floats) -> Floats:
    """Strengths on the Elo scale: 400 points are odds of ten to one."""
    return ELO_MEAN + ELO_SCALE * strengths


# --- the objective, its slope, its curvature --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Point:
    """The objective at some strengths: its value, its gradient (n,), and its curvature by pair (m,).

    curvature: -d2 log-likelihood / d(t_first - t_second)2, the weights of the Hessian's graph Laplacian.
    """

    value: float
    gradient: Floats
    curvature: Floats


def evaluate(strengths: Floats, counts: Counts, prior_sd: float | None) -> Point:
    """All three at once: they share the one exponential of each pair, which is what costs. No prior: likelihood only."""
    difference = strengths[counts.first] - strengths[counts.second]
    small = np.exp(-np.abs(difference))  # never overflows
    # log p = -log(1 + exp(-d)), and log(1 - p) = log p - d.
    log_p = np.minimum(difference, 0.0) - np.log1p(small)
    p = np.where(difference >= 0, 1.0, small) / (1.0 + small)
    surplus = counts.first_wins - counts.totals * p
    penalty = _penalty(prior_sd)
    return Point(
        value=float(counts.totals @ log_p - counts.second_wins @ difference - penalty * (strengths @ strengths) / 2),
        gradient=counts.sum_at(surplus, -surplus) - penalty * strengths,
        curvature=counts.totals * (small / (1.0 + small) ** 2),
    )


def negative_hessian(curvature: Floats, counts: Counts, prior_sd: float | None) -> Floats:
    """(n, n) -d2L/dt2: positive definite with a prior, else with the constant vector as its null vector."""
    matrix = np.zeros((counts.n, counts.n))
    matrix[counts.first, counts.second] = matrix[counts.second, counts.first] = -curvature
    matrix[np.diag_indices(counts.n)] = counts.sum_at(curvature, curvature) + _penalty(prior_sd)
    return matrix


def probability(difference: Floats) -> Floats:
    """P(first beats second), from t_first - t_second; the logistic function without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(difference / 2)))


def _penalty(prior_sd: float | None) -> float:
    return 0.0 if prior_sd is None else 1 / prior_sd**2


# --- the fit ----------------------------------------------------------------------------------------------------------


def fit(
    counts: Counts,
    *,
    prior_sd: float | None = DEFAULT_PRIOR_SD,
    tolerance: float = 1e-8,
    max_iterations: int = 60,
    start: Floats | None = None,
) -> Fit:
    """The maximum of L by damped Newton; `start` (n,) are strengths to begin with.

    Each step solves with the Hessian: by Cholesky below DENSE_ITEMS items, above by conjugate gradients, only as exactly
    as the step deserves (Eisenstat & Walker 1996, SIAM J. Sci. Comput. 17, 16-32).
    Raises NoFiniteEstimate without a prior where there is none, ValueError for a prior that is not positive.
    """
    if prior_sd is not None and not prior_sd > 0:
        raise ValueError("prior_sd must be positive")
    if prior_sd is None and counts.n > 1 and counts.components(strong=True)[0] > 1:
        raise NoFiniteEstimate("without a prior there is no finite estimate: some items only won or only lost")
    n = counts.n
    # The gradient is a sum of counts: what rounding leaves of it grows with them.
    tolerance *= max(1.0, float(counts.won.max(initial=0.0)) * 1e-3)
    strengths = _first_guess(counts) if start is None else np.array(start, dtype=np.float64)
    pattern = None if n <= DENSE_ITEMS else SparsePattern(n, counts.first, counts.second)
    at = evaluate(strengths, counts, prior_sd)
    norm = before = _norm(at)
    iterations = 0
    while norm > tolerance and iterations < max_iterations:
        iterations += 1
        step = _precision(at, counts, prior_sd, pattern).solve(
            at.gradient, accuracy=min(0.1, norm / before, max(norm, tolerance) ** 0.5)
        )
        strengths, at = _line_search(strengths, step, at, counts, prior_sd)
        before, norm = norm, _norm(at)
    precision = _precision(at, counts, prior_sd, pattern)
    return Fit(strengths - (strengths.mean() if n else 0.0), precision, iterations, norm, norm <= tolerance)


def _first_guess(counts: Counts) -> Floats:
    """(n,) what to begin with: for many items each one's log odds of winning, as if all had average opponents, a little
    stretched because they have not; two steps nearer than zeros. Few items are not worth it.
    """
    if counts.n <= DENSE_ITEMS:
        return np.zeros(counts.n)
    played = counts.sum_at(counts.totals, counts.totals)
    return np.asarray(1.1 * np.log((counts.won + 0.5) / (played - counts.won + 0.5)), dtype=np.float64)


def _norm(at: Point) -> float:
    return float(np.abs(at.gradient).max(initial=0.0))


def _precision(at: Point, counts: Counts, prior_sd: float | None, pattern: SparsePattern | None) -> Precision:
    if pattern is None:
        return DensePrecision(negative_hessian(at.curvature, counts, prior_sd), _penalty(prior_sd))
    return pattern.precision(at.curvature, _penalty(prior_sd))


def _line_search(
    strengths: Floats, step: Floats, at: Point, counts: Counts, prior_sd: float | None
) -> tuple[Floats, Point]:
    """Full steps nearly always rise; where one overshoots, halves of it must (Armijo's rule)."""
    promised, scale = float(at.gradient @ step), 1.0
    while True:
        tried = strengths + scale * step
        reached = evaluate(tried, counts, prior_sd)
        if reached.value >= at.value + 1e-4 * scale * promised - 1e-12 * abs(at.value) or scale < 1e-6:
            return tried, reached
        scale /= 2
