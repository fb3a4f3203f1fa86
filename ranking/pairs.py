"""Which two songs to ask about next. Pure numpy, deterministic under a seed.

Nearest rank with coverage: the song that was asked about least, against the one whose strength is nearest to its own
among those that it has met least.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ranking.bradley_terry import Floats


@dataclass(frozen=True, slots=True)
class Choice:
    """Two positions: `left` is shown on the left. `reason` is for the person."""

    left: int
    right: int
    reason: str


def choose(
    strengths: Floats, met: NDArray[np.int64], *, seed: int, last: tuple[int, int] | None = None, top: int | None = None
) -> Choice | None:
    """The next pair; None where there are not two songs.

    strengths: (n,). met: (n, n) symmetric, how often two songs were shown together (skips included).
    last: the pair before this one, whose songs are avoided while others are left. top: only among the best so many.
    """
    n = len(strengths)
    order = np.argsort(-strengths, kind="stable")
    eligible = np.zeros(n, dtype=bool)
    eligible[order[: top if top else n]] = True
    if eligible.sum() < 2:
        return None
    fresh = eligible.copy()
    if last is not None:
        fresh[list(last)] = False
    if fresh.sum() < 2:
        fresh = eligible
    random = np.random.default_rng(seed)
    shown = met.sum(axis=1)
    first = _smallest(shown, fresh, random)
    candidates = fresh.copy()
    candidates[first] = False
    # A pair that was not asked yet before one that was; then the nearest strength; then who was asked about least.
    rarest = candidates & (met[first] == met[first][candidates].min())
    distance = np.abs(strengths - strengths[first])
    nearest = rarest & (distance <= distance[rarest].min() + 1e-9)
    second = _smallest(shown, nearest, random)
    reason = "first look" if shown[first] == 0 else "close in your ranking"
    left, right = (first, second) if random.random() < 0.5 else (second, first)
    return Choice(left, right, reason)


def _smallest(values: NDArray[np.generic], allowed: NDArray[np.bool_], random: np.random.Generator) -> int:
    """A position with the smallest value among the allowed ones; ties are broken at random."""
    positions = np.flatnonzero(allowed)
    allowed_values = values[positions]
    best = positions[allowed_values == allowed_values.min()]
    return int(random.choice(best))
