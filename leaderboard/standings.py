"""Rebuilds boards from the log of comparisons, where something changed."""

import datetime
import logging
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from django.db import transaction

from leaderboard import tallies
from leaderboard.models import Board, Standing
from ranking import bradley_terry, scores
from ranking.models import BoardMark, Comparison, Session, Song

_log = logging.getLogger(__name__)

BATCH = 500


@dataclass(frozen=True, slots=True)
class _Votes:
    """The counted votes of a board, and a song to show for each key."""

    votes: list[tallies.Vote]
    shown: dict[str, Song]


def changed() -> list[str]:
    """The boards that something marked since they were rebuilt."""
    return list(BoardMark.objects.order_by("artist_key").values_list("artist_key", flat=True).distinct())


def mark_all() -> list[str]:
    """Mark every board that has or could have votes; for a rebuild from nothing."""
    keys = set(Board.objects.values_list("artist_id", flat=True))
    keys |= set(Song.objects.filter(session__comparisons__isnull=False).values_list("artist_key", flat=True).distinct())
    BoardMark.objects.bulk_create(BoardMark(artist_key=key) for key in sorted(keys))
    return sorted(keys)


def rebuild(artist_id: str, now: datetime.datetime) -> Board | None:
    """Rebuild one board from the comparisons; None where nothing counts on it (any more).

    Idempotent. The marks are read first and only those are deleted: a vote that comes meanwhile leaves its own. Of two
    rebuilds at once the later to save, which may have read older data, saves nothing.
    """
    before = Board.objects.filter(pk=artist_id).first()
    marks = list(BoardMark.objects.filter(artist_key=artist_id).values_list("pk", flat=True))
    known = _counted_votes(artist_id)
    if not known.votes:
        _remove(artist_id, before, marks)
        return None
    tally = tallies.tally(known.votes)
    fit = bradley_terry.fit(bradley_terry.Counts.of_matrix(tally.wins))
    board = Board(
        artist_id=artist_id,
        artist=_artist_name(artist_id, known.shown.values()),
        songs=len(tally.songs),
        votes=tally.total_votes,
        sessions=tally.total_sessions,
        updated_at=now,
        revision=(before.revision if before else 0) + 1,
    )
    standings = _standings(board, tally, fit, known.shown)
    with transaction.atomic():
        if not _save(board, before, standings, now):
            _log.info("board %s was rebuilt by another worker meanwhile", artist_id)
            return Board.objects.filter(pk=artist_id).first()
        BoardMark.objects.filter(pk__in=marks).delete()
    return board


def _counted_votes(artist_id: str) -> _Votes:
    """Every counted comparison between two ranked songs of this artist, merges followed, excluded songs left out."""
    with_artist = Song.objects.filter(artist_key=artist_id).order_by().values("session_id")
    sessions = dict(Session.objects.counted().filter(pk__in=with_artist).values_list("pk", "versions"))
    votes: list[tallies.Vote] = []
    shown: dict[str, Song] = {}
    ids = sorted(sessions)
    for start in range(0, len(ids), BATCH):
        batch = ids[start : start + BATCH]
        songs = {song.pk: song for song in Song.objects.filter(session_id__in=batch)}
        root = scores.roots({song.pk: song.merged_into_id for song in songs.values()})
        log = Comparison.objects.counted().filter(session_id__in=batch).order_by("session_id", "n")
        for session, a, b, outcome in log.values_list("session_id", "song_a_id", "song_b_id", "outcome"):
            song_a, song_b = songs[root[a]], songs[root[b]]
            ours = song_a.artist_key == song_b.artist_key == artist_id
            if not ours or song_a.excluded or song_b.excluded:
                continue
            keys = [_song_key(song, sessions[session]) for song in (song_a, song_b)]
            if keys[0] == keys[1]:
                continue  # two entries of one session that are one song on the board
            for key, song in zip(keys, (song_a, song_b), strict=True):
                shown[key] = min(shown.get(key, song), song, key=_plainness)
            votes.append((session, keys[0], keys[1], outcome))
    return _Votes(votes, shown)


def _song_key(song: Song, versions: str) -> str:
    """The same song in different sessions: by title, and by version where the session keeps those apart."""
    return f"{song.title_key}|{song.version_key}" if versions == "keep" and song.version_key else song.title_key


def _plainness(song: Song) -> tuple[bool, int, str, int]:
    """Which session's copy is shown: one with a link, the shortest title, the earliest release."""
    return not song.spotify_url, len(song.title), song.release_date or "9999", song.pk


def _artist_name(artist_id: str, songs: Iterable[Song]) -> str:
    """Spotify's name where the artist is known there, else what people typed most plainly."""
    from spotify.models import Artist

    artist = Artist.objects.filter(pk=artist_id).first()
    return artist.name if artist else min((song.artist_name for song in songs), key=lambda name: (len(name), name))


def _standings(board: Board, tally: tallies.Tally, fit: bradley_terry.Fit, shown: dict[str, Song]) -> list[Standing]:
    rank_low, rank_high = tallies.tied_ranks(fit.strengths, fit.std_errors)
    order = np.argsort(-fit.strengths, kind="stable")
    return [
        Standing(
            board=board,
            song_key=tally.songs[i],
            name=shown[tally.songs[i]].title,
            artist=shown[tally.songs[i]].artist_name,
            album=shown[tally.songs[i]].album,
            image_url=shown[tally.songs[i]].image_url,
            spotify_url=shown[tally.songs[i]].spotify_url,
            rank=int(rank_low[i]),
            position=position,
            rank_low=int(rank_low[i]),
            rank_high=int(rank_high[i]),
            strength=float(fit.strengths[i]),
            std_error=float(fit.std_errors[i]),
            votes=int(tally.votes[i]),
            sessions=int(tally.sessions[i]),
        )
        for position, i in enumerate(order, start=1)
    ]


def _save(board: Board, before: Board | None, standings: list[Standing], now: datetime.datetime) -> bool:
    """Replace the board, unless another rebuild has saved since `before` was read. The caller is in a transaction."""
    today = now.date()
    if before is None:
        board.compared_on = today
        _, created = Board.objects.get_or_create(
            pk=board.pk, defaults={f.name: getattr(board, f.name) for f in Board._meta.fields if f.name != "artist_id"}
        )
        if not created:
            return False
        ranks_before: dict[str, int | None] = {}
    else:
        # The first rebuild of a day keeps yesterday's last ranks, to show what changed since.
        new_day = before.compared_on != today
        board.compared_on = today
        ranks_before = dict(
            Standing.objects.filter(board=before).values_list("song_key", "rank" if new_day else "rank_before")
        )
        won = Board.objects.filter(pk=board.pk, revision=before.revision).update(
            **{f.name: getattr(board, f.name) for f in Board._meta.fields if f.name != "artist_id"}
        )
        if not won:
            return False
    for standing in standings:
        standing.rank_before = ranks_before.get(standing.song_key)
    Standing.objects.filter(board_id=board.pk).delete()
    Standing.objects.bulk_create(standings, batch_size=BATCH)
    return True


def _remove(artist_id: str, before: Board | None, marks: list[int]) -> None:
    """Nothing counts on this board."""
    with transaction.atomic():
        if before is not None and not Board.objects.filter(pk=artist_id, revision=before.revision).delete()[0]:
            return
        BoardMark.objects.filter(pk__in=marks).delete()
