"""How sure a ranking is, and how much there is left to ask. Pure numpy."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranking.bradley_terry import Fit
from ranking.precision import Floats

TOP = 10
# So sure must each song of the top ten be of its place above each of the rest.
SETTLED = 0.95
RANK_DRAWS = 400
# Of more pairs (from a thousand songs on) confidence looks at a sample.
MOST_PAIRS = 500_000
# The posterior is a little wider than people are: the prior's width is found from early answers and pulled to the middle.
# What is claimed (confidence, rank intervals, the settled top) uses so much of its variance (docs/ranking.md).
CLAIMED_VARIANCE = 0.86
# A mode's aim: with so much confidence it is complete before its budget is spent.
AIMS = {"quick": 0.92, "standard": 0.95, "thorough": 0.97}
# The share of pairs in the wrong order falls like answers ** -DECAY, give or take a third (docs/ranking.md).
DECAY, GIVE_OR_TAKE = 0.75, 0.35


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
    return progress_of(
        confidence(posterior),
        top_ten_settled=top_settled(posterior, TOP),
        answered=answered,
        mode=mode,
        n=len(posterior.strengths),
    )


def progress_of(sure: float, *, top_ten_settled: bool, answered: int, mode: str, n: int) -> Progress:
    """The same where confidence is known: complete when the mode's aim is reached or its budget spent."""
    low, high = remaining(sure, answered=answered, mode=mode, n=n)
    return Progress(
        answered=answered,
        remaining_low=low,
        remaining_high=high,
        confidence=sure,
        top_ten_settled=top_ten_settled,
        complete=high == 0,
    )


def remaining(sure: float, *, answered: int, mode: str, n: int) -> tuple[int, int]:
    """Fewest and most answers that are likely still needed: until the aim is reached, but never beyond the budget."""
    left = max(0, budget(mode, n) - answered)
    if left == 0 or (answered >= 2 * n and sure >= AIMS[mode]):
        return 0, 0
    if answered < 2 * n:  # too early to tell how decisive somebody is
        return math.ceil(0.75 * left), left
    needed = answered * ((1 - sure) / (1 - AIMS[mode])) ** (1 / DECAY) - answered
    low, high = (needed * (1 - GIVE_OR_TAKE), needed * (1 + GIVE_OR_TAKE) + 2)
    return min(left, max(1, math.floor(low))), min(left, max(1, math.ceil(high)))


def confidence(posterior: Fit) -> float:
    """Expected share of pairs that the posterior mode puts the right way round (Gaussian approximation)."""
    n = len(posterior.strengths)
    if n < 2:
        return 1.0
    above, below = np.triu_indices(n, 1) if n * (n - 1) // 2 <= MOST_PAIRS else _some_pairs(n)
    right = _probability_above(posterior, above, below)
    return float(np.maximum(right, 1 - right).mean())


def _some_pairs(n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """So many pairs, the same ones each time; their mean is that of all pairs to a thousandth."""
    random = np.random.default_rng(1)
    first = random.integers(0, n, MOST_PAIRS)
    return first, (first + random.integers(1, n, MOST_PAIRS)) % n


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
    variance = CLAIMED_VARIANCE * posterior.difference_variances(first, second)
    return np.asarray(ndtr(difference / np.sqrt(np.maximum(variance, 1e-12))))


def rank_intervals(posterior: Fit, *, draws: int = RANK_DRAWS) -> tuple[NDArray[Any], NDArray[Any]]:
    """95 % intervals of each song's rank (1 is best), by draws from the posterior with a fixed seed."""
    n = len(posterior.strengths)
    if n == 0:
        return np.zeros(0, dtype=int), np.zeros(0, dtype=int)
    drawn = posterior.strengths + math.sqrt(CLAIMED_VARIANCE) * posterior.draws(draws, np.random.default_rng(1))
    ranks = np.argsort(np.argsort(-drawn, axis=1), axis=1) + 1
    low, high = np.quantile(ranks, [0.025, 0.975], axis=0)
    return np.floor(low).astype(int), np.ceil(high).astype(int)
