"""Votes of many sessions added up for one board, and ranks that admit ties. Pure numpy."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# A session counts with at most so many votes' weight on a board: one tireless fan must not carry it.
SESSION_WEIGHT = 100.0
# Half the width of a 95 % interval, in standard errors.
INTERVAL = 1.959963984540054

# session, key of song a, key of song b, outcome (a, b or tie)
Vote = tuple[str, str, str, str]


@dataclass(frozen=True)
class Tally:
    """n songs of one board. wins: (n, n) weighted, a tie half each way. votes, sessions: (n,) for each song."""

    songs: list[str]
    wins: NDArray[np.float64]
    votes: NDArray[np.int64]
    sessions: NDArray[np.int64]
    total_votes: int
    total_sessions: int


def tally(votes: Iterable[Vote]) -> Tally:
    """Add up, each session bounded by SESSION_WEIGHT. The order of the votes does not matter."""
    every = list(votes)
    by_session: dict[str, int] = {}
    for session, _, _, _ in every:
        by_session[session] = by_session.get(session, 0) + 1
    songs = sorted({song for _, a, b, _ in every for song in (a, b)})
    at = {song: i for i, song in enumerate(songs)}
    n = len(songs)
    wins = np.zeros((n, n))
    counts = np.zeros(n, dtype=np.int64)
    seen: set[tuple[str, int]] = set()
    for session, song_a, song_b, outcome in every:
        a, b = at[song_a], at[song_b]
        weight = min(1.0, SESSION_WEIGHT / by_session[session])
        share = {"a": 1.0, "b": 0.0, "tie": 0.5}[outcome]
        wins[a, b] += weight * share
        wins[b, a] += weight * (1 - share)
        counts[[a, b]] += 1
        seen |= {(session, a), (session, b)}
    per_song = np.bincount(np.array([song for _, song in seen], dtype=np.int64), minlength=n)
    return Tally(songs, wins, counts, per_song.astype(np.int64), len(every), len(by_session))


def tied_ranks(
    strengths: NDArray[np.float64], std_errors: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(n,) best and (n,) worst rank: 1 + how many intervals lie wholly above, and n - how many lie wholly below.

    The rule of LMArena's leaderboard (Chiang et al. 2024, "Chatbot Arena", section 4).
    """
    low, high = strengths - INTERVAL * std_errors, strengths + INTERVAL * std_errors
    above = len(low) - np.searchsorted(np.sort(low), high, side="right")
    below = np.searchsorted(np.sort(high), low, side="left")
    return above + 1, len(low) - below
