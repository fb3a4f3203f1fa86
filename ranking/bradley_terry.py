"""Bradley-Terry strengths from comparisons, with a Gaussian prior. Pure numpy.

Model: song i beats song j with probability p_ij = 1 / (1 + exp(-(t_i - t_j))). With wins w_ij (a tie counts half a win
each way) and a Gaussian prior of standard deviation s on each strength, the objective is

    L(t) = sum_ij w_ij log p_ij - sum_i t_i^2 / (2 s^2)

It is strictly concave, so its maximum (the posterior mode) exists and is unique for any data: unbeaten songs and songs
that were never compared included. The inverse of the negative Hessian at the mode is the Laplace approximation of the
posterior's covariance.

Source of the model: Bradley & Terry (1952), Biometrika 39, 324-345; of the Laplace step: Rue & Held (2005), ch. 4.4.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

DEFAULT_PRIOR_SD = 2.0
ELO_MEAN = 1500.0
ELO_SCALE = 400.0 / np.log(10.0)


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted ranking of n songs.

    strengths: (n,) natural-log units, mean 0. covariance: (n, n) of the strengths around their mean.
    gradient_norm: largest absolute component at the end. converged: whether that is within the tolerance.
    """

    strengths: Floats
    covariance: Floats
    iterations: int
    gradient_norm: float
    converged: bool

    @property
    def std_errors(self) -> Floats:
        """(n,) posterior standard deviations, log units."""
        return np.asarray(np.sqrt(np.clip(np.diag(self.covariance), 0.0, None)))

    def difference_variances(self) -> Floats:
        """(n, n) variance of t_i - t_j."""
        variance = np.diag(self.covariance)
        return np.clip(variance[:, None] + variance[None, :] - 2 * self.covariance, 0.0, None)


def elo(strengths: Floats) -> Floats:
    """Strengths on the Elo scale: 400 points are odds of ten to one."""
    return ELO_MEAN + ELO_SCALE * strengths


def log_posterior(strengths: Floats, wins: Floats, prior_sd: float) -> float:
    """The objective L(t) above; `wins[i, j]` counts wins of i over j."""
    difference = strengths[:, None] - strengths[None, :]
    return float(-(wins * np.logaddexp(0.0, -difference)).sum() - (strengths**2).sum() / (2 * prior_sd**2))


def gradient(strengths: Floats, wins: Floats, prior_sd: float) -> Floats:
    """(n,) dL/dt."""
    expected = (wins + wins.T) * _probabilities(strengths)
    return np.asarray(wins.sum(axis=1) - expected.sum(axis=1) - strengths / prior_sd**2)


def negative_hessian(strengths: Floats, wins: Floats, prior_sd: float) -> Floats:
    """(n, n) -d2L/dt2: positive definite."""
    p = _probabilities(strengths)
    weights = (wins + wins.T) * p * (1 - p)
    matrix = -weights
    np.fill_diagonal(matrix, weights.sum(axis=1) - np.diag(weights) + 1 / prior_sd**2)
    return matrix


def _probabilities(strengths: Floats) -> Floats:
    difference = strengths[:, None] - strengths[None, :]
    return np.asarray(0.5 * (1 + np.tanh(difference / 2)))  # the logistic function without overflow


def fit(
    wins: Floats,
    *,
    prior_sd: float = DEFAULT_PRIOR_SD,
    tolerance: float = 1e-8,
    max_iterations: int = 50,
    start: Floats | None = None,
) -> Fit:
    """Posterior mode and covariance by damped Newton.

    wins: (n, n) non-negative, zero diagonal. start: (n,) strengths to begin with. Raises ValueError for anything else.
    """
    wins = np.asarray(wins, dtype=np.float64)
    n = len(wins)
    if wins.shape != (n, n) or not np.isfinite(wins).all() or (wins < 0).any() or np.diag(wins).any():
        raise ValueError("wins must be square, finite, not negative, with a diagonal of zeros")
    if not prior_sd > 0:
        raise ValueError("prior_sd must be positive")
    if n == 0:
        empty = np.zeros(0)
        return Fit(empty, np.zeros((0, 0)), 0, 0.0, True)
    strengths = np.zeros(n) if start is None else np.array(start, dtype=np.float64)
    value = log_posterior(strengths, wins, prior_sd)
    slope = gradient(strengths, wins, prior_sd)
    iterations = 0
    # The gradient is a sum of counts: what rounding leaves of it grows with them.
    tolerance *= max(1.0, float(wins.sum(axis=1).max()))
    while np.abs(slope).max() > tolerance and iterations < max_iterations:
        iterations += 1
        step = np.linalg.solve(negative_hessian(strengths, wins, prior_sd), slope)
        scale = 1.0
        # Full steps nearly always rise; where one overshoots, halves of it must (Armijo's rule).
        while scale > 1e-6:
            tried = strengths + scale * step
            tried_value = log_posterior(tried, wins, prior_sd)
            if tried_value >= value + 1e-4 * scale * float(slope @ step) - 1e-12 * abs(value):
                break
            scale /= 2
        strengths, value = tried, tried_value
        slope = gradient(strengths, wins, prior_sd)
    covariance = np.asarray(np.linalg.inv(negative_hessian(strengths, wins, prior_sd)), dtype=np.float64)
    # Comparisons say nothing about the common level; only the prior holds it, with variance s^2 / n. Strengths are told
    # relative to their mean, so that part is taken out.
    covariance -= prior_sd**2 / n
    norm = float(np.abs(slope).max())
    return Fit(np.asarray(strengths - strengths.mean()), covariance, iterations, norm, norm <= tolerance)
