"""The pair that a session shows: the same one until it is answered."""

import zlib
from dataclasses import dataclass

from django.db import transaction

from ranking import pairs, scores
from ranking.errors import NotEnoughSongs, RankingComplete
from ranking.locking import lock
from ranking.models import Pair, Session
from ranking.scores import Estimate, Tallies


@dataclass(frozen=True, slots=True)
class Shown:
    """A pair, and the state of the ranking that it was chosen by."""

    pair: Pair
    tallies: Tallies
    estimate: Estimate


def ask(session: Session, *, top: int | None = None, more: bool = False) -> Shown:
    """The pair that the session shows now. Raises NotEnoughSongs or RankingComplete, as `current` does."""
    with transaction.atomic():
        session = lock(session)
        tallied = scores.tallies(session)
        estimated = scores.estimate(session, tallied)
        pair = current(session, tallied, estimated, top=top, more=more)
        session.save(update_fields=["current_pair"])
        return Shown(pair, tallied, estimated)


def current(
    session: Session, tallied: Tallies, estimated: Estimate, *, top: int | None = None, more: bool = False
) -> Pair:
    """The pair to answer, chosen where there is none. The caller holds the session's lock, and saves `current_pair`.

    Raises NotEnoughSongs, or RankingComplete unless the person wants to go on (`more`).
    """
    if len(tallied.songs) < 2:
        collecting = session.state == Session.State.COLLECTING
        detail = "The songs are still arriving." if collecting else "There are not two songs to compare."
        raise NotEnoughSongs(detail, retry_after=2 if collecting else None)
    if estimated.progress.complete and not more:
        raise RankingComplete("All questions of this mode are answered. Go on with ?more=1.")
    shown = session.current_pair
    if shown is not None and _still_fits(shown, tallied, estimated, top):
        return shown
    aim = pairs.focus(session.mode, answered=tallied.answered, n=len(tallied.songs))
    choice = pairs.choose(
        estimated.strengths,
        estimated.covariance,
        tallied.met,
        tallied.skipped,
        seed=_seed(session),
        last=tallied.last,
        aim=aim if top is None else pairs.Focus(best=top),
    )
    if choice is None:
        raise NotEnoughSongs("There are not two songs to compare.")
    pair = Pair.objects.create(
        session=session,
        song_a_id=tallied.songs[choice.left].pk,
        song_b_id=tallied.songs[choice.right].pk,
        reason=choice.reason,
    )
    session.current_pair = pair
    return pair


def _still_fits(pair: Pair, tallied: Tallies, estimated: Estimate, top: int | None) -> bool:
    """Are both songs ranked under their own name, and among the best `top` where only those are asked about?"""
    ranked = {song.pk: i for i, song in enumerate(tallied.songs)}
    a, b = ranked.get(pair.song_a_id), ranked.get(pair.song_b_id)
    if a is None or b is None:
        return False
    if top is None:
        return True
    best = sorted(range(len(tallied.songs)), key=lambda i: -estimated.strengths[i])[:top]
    return a in best and b in best


def _seed(session: Session) -> int:
    """The same choice for the same session at the same point, however often it is asked."""
    return zlib.crc32(f"{session.pk}:{session.revision}".encode())
