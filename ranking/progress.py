"""How sure a ranking is, and how much there is left to ask. Pure numpy."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranking.bradley_terry import Fit, Floats

TOP = 10
# The share of posterior draws in which the top ten must be the same songs.
SETTLED = 0.95
RANK_DRAWS = 400


@dataclass(frozen=True, slots=True)
class Progress:
    """What a person sees while ranking; `confidence` is the expected share of pairs in the right order, 0.5 to 1."""

    answered: int
    remaining_low: int
    remaining_high: int
    confidence: float
    top_ten_settled: bool
    complete: bool


def budget(mode: str, n: int) -> int:
    """How many answers a mode asks for, with n songs.

    quick: 2 n, then n more about the top ten; standard: 4 n; thorough: n log2 n, but never less than standard.
    """
    if n < 2:
        return 0
    most = n * (n - 1) // 2  # each pair once
    wanted = {"quick": 3 * n, "standard": 4 * n, "thorough": max(4 * n, math.ceil(n * math.log2(n)))}[mode]
    return min(wanted, most)


def progress(posterior: Fit, *, answered: int, mode: str) -> Progress:
    """`answered` counts a, b and tie; a skip says nothing and brings nobody nearer to the end."""
    n = len(posterior.strengths)
    remaining = max(0, budget(mode, n) - answered)
    return Progress(
        answered=answered,
        remaining_low=remaining,
        remaining_high=remaining,
        confidence=confidence(posterior),
        top_ten_settled=top_settled(posterior, TOP),
        complete=remaining == 0,
    )


def confidence(posterior: Fit) -> float:
    """Expected share of pairs that the posterior mode puts the right way round (Gaussian approximation)."""
    n = len(posterior.strengths)
    if n < 2:
        return 1.0
    above, below = np.triu_indices(n, 1)
    right = _probability_above(posterior, above, below)
    return float(np.maximum(right, 1 - right).mean())


def top_settled(posterior: Fit, top: int) -> bool:
    """Is every song of the top surely above the best of the rest?"""
    order = np.argsort(-posterior.strengths, kind="stable")
    if len(order) <= top:
        return False if len(order) < 2 else _boundary_is_sure(posterior, order[:1], order[1:2])
    return _boundary_is_sure(posterior, order[:top], order[top : top + 3])


def _boundary_is_sure(posterior: Fit, inside: NDArray[np.intp], outside: NDArray[np.intp]) -> bool:
    first, second = np.repeat(inside, len(outside)), np.tile(outside, len(inside))
    return bool((_probability_above(posterior, first, second) >= SETTLED).all())


def _probability_above(posterior: Fit, first: NDArray[np.intp], second: NDArray[np.intp]) -> Floats:
    # Here rather than on top: it takes a seventh of a second to import, which every process would pay at its start.
    from scipy.special import ndtr

    difference = posterior.strengths[first] - posterior.strengths[second]
    variance = posterior.difference_variances(first, second)
    return np.asarray(ndtr(difference / np.sqrt(np.maximum(variance, 1e-12))))


def rank_intervals(posterior: Fit, *, draws: int = RANK_DRAWS) -> tuple[NDArray[Any], NDArray[Any]]:
    """95 % intervals of each song's rank (1 is best), by draws from the posterior with a fixed seed."""
    n = len(posterior.strengths)
    if n == 0:
        return np.zeros(0, dtype=int), np.zeros(0, dtype=int)
    values, vectors = np.linalg.eigh(posterior.covariance)
    factor = vectors * np.sqrt(np.clip(values, 0.0, None))
    noise = np.random.default_rng(1).standard_normal((draws, n))
    drawn = posterior.strengths + noise @ factor.T
    ranks = np.argsort(np.argsort(-drawn, axis=1), axis=1) + 1
    low, high = np.quantile(ranks, [0.025, 0.975], axis=0)
    return np.floor(low).astype(int), np.ceil(high).astype(int)
