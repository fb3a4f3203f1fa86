"""Which two songs to ask about next. Pure numpy, deterministic under a seed.

The pair whose answer tells most: the mutual information between the answer and the strengths, under the Gaussian
posterior (Houlsby, Huszar, Ghahramani & Lengyel 2011, arXiv:1112.5745, section 4.1, with the logistic curve as a probit
one). Songs that were never asked about come first by themselves: nothing tells more. A pair is asked again only where
that tells more than any other. Quick mode cares for the top: `Focus` weighs pairs by the chance that their songs belong
there. What was tried, and what it brought: docs/ranking.md.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ranking.precision import Floats, Positions
from ranking.progress import TOP

# One probit unit in logistic units: the curves differ by less than 0.01.
_PROBIT = 1.702
_C = np.sqrt(np.pi * np.log(2) / 2)
# So many songs at most are looked at for one choice; of more, those that are known least.
MOST_SONGS = 200
# What telling counts for where a song has only just been asked about, or the person did not want to answer.
_JUST_ASKED, _SKIPPED = 1e-3, 1e-6


@dataclass(frozen=True, slots=True)
class Focus:
    """What a mode cares for now: `top_weight` adds so much for each song of the top, `best` leaves all others out."""

    top_weight: float = 0.0
    best: int | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """Two positions: `left` is shown on the left. `reason` is for the person."""

    left: int
    right: int
    reason: str


def focus(mode: str, *, answered: int, n: int) -> Focus:
    """Quick: 2 n answers that lean to the top, then the best twelve among themselves. Else the whole list alike."""
    if mode != "quick" or n <= TOP + 2:
        return Focus()
    return Focus(top_weight=1.0) if answered < 2 * n else Focus(best=TOP + 2)


def choose(
    strengths: Floats,
    covariance: Floats,
    met: NDArray[np.int64],
    skipped: NDArray[np.int64],
    *,
    seed: int,
    last: tuple[int, int] | None = None,
    aim: Focus | None = None,
) -> Choice | None:
    """The next pair; None where there are not two songs.

    strengths: (n,), covariance: (n, n) of the posterior. met, skipped: (n, n) symmetric, how often two songs were shown
    together, and how often that was skipped. last: the pair before, whose songs are avoided while others are left.
    """
    aim = aim or Focus()
    random = np.random.default_rng(seed)
    songs = _candidates(strengths, covariance, aim, random)
    if len(songs) < 2:
        return None
    at_first, at_second = np.triu_indices(len(songs), 1)
    first, second = songs[at_first], songs[at_second]
    worth = information(strengths, covariance, first, second)
    if aim.top_weight:
        top = chance_of_top(strengths, covariance, TOP)
        worth *= 1 + aim.top_weight * (top[first] + top[second])
    worth *= _SKIPPED ** np.minimum(skipped[first, second], 2)
    for song in last or ():
        worth[(first == song) | (second == song)] *= _JUST_ASKED
    best = np.flatnonzero(worth >= worth.max() * (1 - 1e-9))
    chosen = int(random.choice(best))
    pair = (int(first[chosen]), int(second[chosen]))
    left, right = pair if random.random() < 0.5 else pair[::-1]
    return Choice(left, right, _reason(met, left, right, aim))


def information(strengths: Floats, covariance: Floats, first: Positions, second: Positions) -> Floats:
    """(k,) expected information of one answer about each pair, in bits, 0 to 1."""
    # Here rather than on top: it takes a seventh of a second to import, which every process would pay at its start.
    from scipy.special import ndtr, xlogy

    variances = np.diag(covariance)
    mean = (strengths[first] - strengths[second]) / _PROBIT
    variance = (variances[first] + variances[second] - 2 * covariance[first, second]) / _PROBIT**2
    variance = np.maximum(variance, 0.0)
    p = ndtr(mean / np.sqrt(1 + variance))
    uncertain = -(xlogy(p, p) + xlogy(1 - p, 1 - p)) / np.log(2)
    by_chance = _C / np.sqrt(variance + _C**2) * np.exp(-(mean**2) / (2 * (variance + _C**2)))
    # The difference of two approximations: where there is next to nothing to learn it may fall below nothing.
    return np.asarray(np.maximum(uncertain - by_chance, 1e-12))


def chance_of_top(strengths: Floats, covariance: Floats, top: int) -> Floats:
    """(n,) how likely each song lies above the line between the best `top` and the rest, that line taken as known."""
    from scipy.special import ndtr

    if len(strengths) <= top:
        return np.ones(len(strengths))
    ordered = np.sort(strengths)[::-1]
    line = (ordered[top - 1] + ordered[top]) / 2
    return np.asarray(ndtr((strengths - line) / np.sqrt(np.maximum(np.diag(covariance), 1e-12))))


def _candidates(strengths: Floats, covariance: Floats, aim: Focus, random: np.random.Generator) -> Positions:
    """Positions of the songs to choose from: the best where only they matter, and no more than MOST_SONGS."""
    songs = np.argsort(-strengths, kind="stable")
    if aim.best is not None:
        songs = songs[: aim.best]
    if len(songs) > MOST_SONGS:
        mixed = random.permutation(songs)
        songs = mixed[np.argsort(-np.diag(covariance)[mixed], kind="stable")][:MOST_SONGS]
    return songs


def _reason(met: NDArray[np.int64], left: int, right: int, aim: Focus) -> str:
    if not met[left].any() or not met[right].any():
        return "first look"
    if met[left, right]:
        return "still too close to call"
    return "for your top ten" if aim.best is not None else "close in your ranking"
