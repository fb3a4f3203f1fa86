"""From the log of comparisons to strengths: what counts, the fit, and the ranking."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from typing import Any

import numpy as np
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from ranking import bradley_terry, prior_width, progress
from ranking.bradley_terry import Counts
from ranking.models import SavedFit, Session, Song
from ranking.precision import Floats
from ranking.querysets import SongRow

_OUTCOME_TO_WINS = {"a": (1.0, 0.0), "b": (0.0, 1.0), "tie": (0.5, 0.5)}


@dataclass(frozen=True)
class Tallies:
    """What a session's standing comparisons add up to, over its n ranked songs (excluded and merged ones are out).

    wins: (n, n) wins of i over j, a tie half each way; early_wins: the same of the first answers only, whose number goes
    up in steps. met: (n, n) how often shown together, skips included; skipped: (n, n) those. outcomes: (n, 3) wins,
    losses, ties of each song. last: positions of the latest pair, where both are still ranked.
    """

    songs: list[SongRow]
    position: dict[int, int]  # song id -> position, merged songs where they were merged into
    wins: Floats
    early_wins: Floats
    met: NDArray[np.int64]
    skipped: NDArray[np.int64]
    outcomes: NDArray[np.int64]
    answered: int
    last: tuple[int, int] | None


def roots(merged_into: dict[int, int | None]) -> dict[int, int]:
    """For each song the one that stands for it, chains followed to their end."""
    found: dict[int, int] = {}
    for song in merged_into:
        path = []
        at = song
        while at not in found and (above := merged_into.get(at)) is not None:
            path.append(at)
            at = above
        end = found.get(at, at)
        found[at] = end
        for passed in path:
            found[passed] = end
    return found


def tallies(session: Session, songs: list[SongRow] | None = None) -> Tallies:
    """Read songs, where they are not read already, and log: two queries, whatever their number."""
    every = session.songs.all().rows() if songs is None else songs
    root = roots({song.pk: song.merged_into_id for song in every})
    ranked = [song for song in every if song.merged_into_id is None and not song.excluded]
    at = {song.pk: i for i, song in enumerate(ranked)}
    position = {song.pk: at[root[song.pk]] for song in every if root[song.pk] in at}
    n = len(ranked)
    wins, met, skipped = np.zeros((n, n)), np.zeros((n, n), dtype=np.int64), np.zeros((n, n), dtype=np.int64)
    outcomes = np.zeros((n, 3), dtype=np.int64)
    answers: list[tuple[int, int, str]] = []
    last = None
    log = session.comparisons.standing().order_by("n").values_list("song_a_id", "song_b_id", "outcome")
    for song_a, song_b, outcome in log:
        a, b = position.get(song_a), position.get(song_b)
        last = None
        if a is None or b is None or a == b:
            continue  # stays in the log: restoring a song or taking a merge apart brings it back
        last = (a, b)
        met[a, b] += 1
        met[b, a] += 1
        if outcome == "skip":
            skipped[a, b] += 1
            skipped[b, a] += 1
        else:
            answers.append((a, b, outcome))
    early = prior_width.early_answers(len(answers), n)
    early_wins = wins
    for k, (a, b, outcome) in enumerate(answers):
        if k == early:
            early_wins = wins.copy()
        for_a, for_b = _OUTCOME_TO_WINS[outcome]
        wins[a, b] += for_a
        wins[b, a] += for_b
        outcomes[a, {"a": 0, "b": 1, "tie": 2}[outcome]] += 1
        outcomes[b, {"a": 1, "b": 0, "tie": 2}[outcome]] += 1
    return Tallies(ranked, position, wins, early_wins, met, skipped, outcomes, len(answers), last)


def fit(tallied: Tallies) -> bradley_terry.Fit:
    """The posterior of all answers, with the prior's width that the early ones say (finding it costs many fits)."""
    width = prior_width.prior_sd(Counts.of_matrix(tallied.early_wins))
    return bradley_terry.fit(Counts.of_matrix(tallied.wins), prior_sd=width)


class Estimate:
    """A posterior over the ranked songs, fitted now or (for large sessions) last time on the `default` queue."""

    def __init__(self, tallied: Tallies, mode: str, fit: bradley_terry.Fit, computed_at: datetime) -> None:
        self.strengths = fit.strengths
        self.std_errors = fit.std_errors
        self.computed_at = computed_at
        self._fit = fit
        self._answered = tallied.answered
        self._mode = mode

    @property
    def covariance(self) -> Floats:
        """(n, n) of the posterior."""
        return self._fit.covariance

    @cached_property
    def progress(self) -> progress.Progress:
        return progress.progress(self._fit, answered=self._answered, mode=self._mode)

    @cached_property
    def rank_intervals(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """(n,) lowest and (n,) highest rank of the 95 % interval."""
        return progress.rank_intervals(self._fit)


class SavedEstimate(Estimate):
    """The same from a saved fit; songs that it did not know yet stand at the mean."""

    def __init__(self, tallied: Tallies, mode: str, saved: SavedFit | None) -> None:
        n = len(tallied.songs)
        unknown = [0.0, bradley_terry.DEFAULT_PRIOR_SD, 1, n]
        places = saved.places if saved else {}
        rows = np.array([places.get(str(song.pk), unknown) for song in tallied.songs], dtype=np.float64).reshape(n, 4)
        self.strengths = rows[:, 0] - rows[:, 0].mean()
        self.std_errors = rows[:, 1]
        self.computed_at = saved.computed_at if saved else timezone.now()
        self.is_known = saved is not None
        self.__dict__["rank_intervals"] = (np.clip(rows[:, 2].astype(int), 1, n), np.clip(rows[:, 3].astype(int), 1, n))
        self.__dict__["progress"] = progress.progress_of(
            saved.confidence if saved else 0.5,
            top_ten_settled=saved.top_ten_settled if saved else False,
            answered=tallied.answered,
            mode=mode,
            n=n,
        )

    @property
    def covariance(self) -> Floats:
        """(n, n) with the variances only: of so many songs no more is saved."""
        return np.diag(self.std_errors**2)


def estimate(session: Session, tallied: Tallies) -> Estimate:
    """Fitted here up to RANKING_INLINE_SONGS; above, the last fit, while a new one is queued where it is out of date."""
    if len(tallied.songs) <= settings.RANKING_INLINE_SONGS:
        return Estimate(tallied, session.mode, fit(tallied), timezone.now())
    saved = SavedFit.objects.filter(session=session).first()
    if saved is None or saved.revision != session.revision:
        transaction.on_commit(partial(_queue_refit, session.pk))
    return SavedEstimate(tallied, session.mode, saved)


def _queue_refit(session_id: str) -> None:
    from ranking import tasks

    tasks.publish(tasks.refit, session_id)


def refit(session: Session) -> int:
    """Fit a large session and save the result; returns the revision that it is of. Safe to run twice and late."""
    saved = SavedFit.objects.filter(session=session).first()
    if saved is not None and saved.revision >= session.revision:
        return saved.revision
    tallied = tallies(session)
    fitted = Estimate(tallied, session.mode, fit(tallied), timezone.now())
    low, high = fitted.rank_intervals
    values = {
        "revision": session.revision,
        "computed_at": fitted.computed_at,
        "answered": tallied.answered,
        "confidence": fitted.progress.confidence,
        "top_ten_settled": fitted.progress.top_ten_settled,
        "places": {
            str(song.pk): [float(fitted.strengths[i]), float(fitted.std_errors[i]), int(low[i]), int(high[i])]
            for i, song in enumerate(tallied.songs)
        },
    }
    newer = SavedFit.objects.filter(session=session, revision__lt=session.revision).update(**values)
    if not newer:
        SavedFit.objects.get_or_create(session=session, defaults=values)
    return session.revision


@dataclass(frozen=True, slots=True)
class Place:
    """One line of a ranking."""

    rank: int
    song: Song
    strength: float
    elo: float
    std_error: float
    rank_low: int
    rank_high: int
    wins: int
    losses: int
    ties: int


def places(tallied: Tallies, estimated: Estimate) -> list[Place]:
    """The ranking, best first."""
    low, high = estimated.rank_intervals
    order = np.argsort(-estimated.strengths, kind="stable")
    elos = bradley_terry.elo(estimated.strengths)
    songs = Song.objects.in_bulk([song.pk for song in tallied.songs])
    return [
        Place(
            rank=rank,
            song=songs[tallied.songs[i].pk],
            strength=float(estimated.strengths[i]),
            elo=float(elos[i]),
            std_error=float(estimated.std_errors[i]),
            rank_low=min(rank, int(low[i])),
            rank_high=max(rank, int(high[i])),
            wins=int(tallied.outcomes[i, 0]),
            losses=int(tallied.outcomes[i, 1]),
            ties=int(tallied.outcomes[i, 2]),
        )
        for rank, i in enumerate(order, start=1)
    ]
