"""The log: recording answers, changing them, undoing them. Each is one transaction under the session's lock."""

import hashlib
import json
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from ranking import marks, pairing, scores
from ranking.errors import IdempotencyMismatch, Invalid, Missing, NotEnoughSongs, RankingComplete
from ranking.locking import lock, touch
from ranking.models import Comparison, Pair, Session
from ranking.querysets import SongRow
from ranking.scores import Estimate, Tallies
from songranker import metrics


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person said about two songs."""

    song_a: str
    song_b: str
    outcome: str
    pair: str | None = None
    decision_ms: int | None = None

    def body_hash(self) -> str:
        """Binds an idempotency key to what was sent with it."""
        said = [self.song_a, self.song_b, self.outcome, self.pair, self.decision_ms]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Recorded:
    """The vote, and where it leaves the session. `created` is False for a repeat of an earlier request."""

    comparison: Comparison
    created: bool
    tallies: Tallies
    estimate: Estimate
    next_pair: Pair | None


def record(session: Session, answer: Answer, *, key: str) -> Recorded:
    """Record an answer once, however often and from however many threads it is sent.

    The database guards it (unique key and unique pair within a session); the lock only makes the repeat wait for the
    first. Raises IdempotencyMismatch, or Invalid with the field.
    """
    with transaction.atomic():
        session = lock(session)
        earlier = _earlier(session, answer, key)
        songs = session.songs.all().rows()
        comparison = _insert(session, songs, answer, key) if earlier is None else earlier
        tallied = scores.tallies(session, songs)
        estimated = scores.estimate(session, tallied)
        try:
            following = pairing.current(session, tallied, estimated)
        except (NotEnoughSongs, RankingComplete):
            following = None
        session.save(update_fields=["next_n", "revision", "current_pair"])
    if earlier is None:
        metrics.count("votes")
    return Recorded(comparison, earlier is None, tallied, estimated, following)


def _earlier(session: Session, answer: Answer, key: str) -> Comparison | None:
    """The vote that this request repeats, undone ones included: a late repeat must not bring one back."""
    same_pair = Q(pair__token=answer.pair) if answer.pair else Q()
    known = list(session.comparisons.filter(Q(idempotency_key=key) | same_pair).order_by())
    by_key = next((comparison for comparison in known if comparison.idempotency_key == key), None)
    if by_key is not None and by_key.body_hash != answer.body_hash():
        raise IdempotencyMismatch("This Idempotency-Key was used with another body.")
    return by_key or next(iter(known), None)


def _insert(session: Session, songs: list[SongRow], answer: Answer, key: str) -> Comparison:
    """The new row; what it changes in the session's own row is left to the caller to save."""
    song_a, song_b = _songs(songs, answer)
    if song_a.pk == song_b.pk:
        raise Invalid("song_b", "same_song", "must be another song than song_a")
    pair = _pair(session, answer.pair, {song_a.pk, song_b.pk}) if answer.pair else None
    comparison = Comparison.objects.create(
        session=session,
        n=session.next_n,
        song_a_id=song_a.pk,
        song_b_id=song_b.pk,
        outcome=answer.outcome,
        pair=pair,
        idempotency_key=key,
        body_hash=answer.body_hash(),
        decision_ms=answer.decision_ms,
    )
    session.next_n += 1
    session.revision += 1
    shown = session.current_pair
    if shown is not None and {shown.song_a_id, shown.song_b_id} == {song_a.pk, song_b.pk}:
        session.current_pair = None
    if answer.outcome != Comparison.Outcome.SKIP:
        marks.mark_vote(session, song_a, song_b)
    return comparison


def _songs(songs: list[SongRow], answer: Answer) -> tuple[SongRow, SongRow]:
    """Raises Invalid."""
    known = {str(song.pk): song for song in songs}
    for field, song_id in (("song_a", answer.song_a), ("song_b", answer.song_b)):
        if song_id not in known:
            raise Invalid(field, "no_such_song", "is no song of this session")
    return known[answer.song_a], known[answer.song_b]


def _pair(session: Session, token: str, songs: set[int]) -> Pair:
    shown = session.current_pair
    pair = shown if shown is not None and shown.token == token else session.pairs.filter(token=token).first()
    if pair is None:
        raise Invalid("pair", "no_such_pair", "was never shown in this session")
    if {pair.song_a_id, pair.song_b_id} != songs:
        raise Invalid("pair", "other_songs", "was shown with other songs")
    return pair


def change(session: Session, n: int, outcome: str) -> Comparison:
    """Change an old answer. Raises Missing."""
    with transaction.atomic():
        session = lock(session)
        comparison = _standing(session, n)
        if comparison.outcome != outcome:
            comparison.outcome = outcome
            comparison.save(update_fields=["outcome"])
            _changed(session, comparison)
    return comparison


def undo(session: Session, n: int | None = None) -> Comparison:
    """Take back one answer, or the last; its pair is asked again when it was the last. Raises Missing."""
    with transaction.atomic():
        session = lock(session)
        comparison = _standing(session, n)
        comparison.undone_at = timezone.now()
        comparison.save(update_fields=["undone_at"])
        _changed(session, comparison)
        if n is None:
            again = Pair.objects.create(
                session=session, song_a_id=comparison.song_a_id, song_b_id=comparison.song_b_id, reason="asked again"
            )
            session.current_pair = again
            session.save(update_fields=["current_pair"])
    return comparison


def _standing(session: Session, n: int | None) -> Comparison:
    standing = session.comparisons.standing().select_related("song_a", "song_b").order_by("-n")
    comparison = standing.first() if n is None else standing.filter(n=n).first()
    if comparison is None:
        raise Missing("There is no such comparison." if n else "There is no comparison to undo.")
    return comparison


def _changed(session: Session, comparison: Comparison) -> None:
    touch(session)
    marks.mark_vote(session, comparison.song_a, comparison.song_b)
