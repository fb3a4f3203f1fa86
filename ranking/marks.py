"""Tells the leaderboards what has changed, inside the transaction that changes it."""

from collections.abc import Iterable

from ranking.models import BoardMark, Session, Song
from ranking.querysets import SongRow


def mark(artist_keys: Iterable[str]) -> None:
    BoardMark.objects.bulk_create(BoardMark(artist_key=key) for key in artist_keys)


def mark_vote(session: Session, song_a: Song | SongRow, song_b: Song | SongRow) -> None:
    """A vote was given, changed or undone. Only pairs within one artist are on a board.

    A merged song counts for whoever stands for it, perhaps another artist's: then both boards look.
    """
    keys = {song_a.artist_key, song_b.artist_key}
    merged = song_a.merged_into_id is not None or song_b.merged_into_id is not None
    if session.counts and (len(keys) == 1 or merged):
        mark(keys)


def mark_session(session: Session) -> None:
    """Something changed that touches all of a session's votes: visibility, an exclusion, a merge, its end."""
    if session.comparisons.exists():
        mark(session.songs.order_by().values_list("artist_key", flat=True).distinct())
