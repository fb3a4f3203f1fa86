"""Pasted songs matched to Spotify's tracks, on request: one search each, behind everybody who waits.

Never a wrong match in silence: only what `likeness` is sure of is taken over by itself, the rest is for the person.
"""

import logging
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Prefetch
from django.utils import timezone

from ranking import likeness, marks, merges, songs
from ranking.errors import Invalid, Missing
from ranking.locking import lock
from ranking.models import Match, Session, Song
from ranking.preference import Entry
from spotify import gateway, queries
from spotify.errors import SpotifyError
from spotify.models import Lookup, Track, TrackHit

_log = logging.getLogger(__name__)

# So many searches of a session are queued at once.
AT_ONCE = 4
_HITS = Prefetch("track_hits", TrackHit.objects.prefetch_related(Prefetch("track", Track.objects.for_songs())))


def start(session: Session) -> None:
    """Look for every pasted song that has no track yet, and once more for those that nothing was found for."""
    with transaction.atomic():
        session = lock(session)
        unmatched = session.songs.filter(spotify_id="", match__isnull=True)
        Match.objects.bulk_create(
            Match(song=song, question=queries.TrackSearch.of(song.artist_name, song.name).value) for song in unmatched
        )
        Match.objects.filter(song__session=session, state__in=["none", "failed"]).update(state="waiting")
    match(session)


def match(session: Session) -> int:
    """Take over what searches have found by now, and ask for the next. Safe to run twice and late.

    Returns how many still wait.
    """
    with transaction.atomic():
        session = lock(session)
        waiting = list(Match.objects.waiting_in(session))
        with_hits = Lookup.objects.prefetch_related(_HITS)
        lookups = with_hits.by_value(queries.TrackSearch.kind, [one.question for one in waiting])
        settled = [one for one in waiting if _settle(one, lookups.get(one.question))]
        Match.objects.bulk_update(settled, ["state", "track_id", "confidence", "candidates"], batch_size=500)
        _take_over(session, {one.song: one.track_id for one in settled if one.state == Match.State.MATCHED})
    left = [one for one in waiting if one.state == Match.State.WAITING]
    _ask_for(left, lookups)
    return len(left)


def _settle(one: Match, lookup: Lookup | None) -> bool:
    """Has the search ended? Sets what came of it."""
    if lookup is None or not lookup.is_known():
        failed = lookup is not None and lookup.state == Lookup.State.FAILED and not lookup.may_retry(timezone.now())
        one.state = Match.State.FAILED if failed else one.state
        return failed
    tracks = [hit.track for hit in lookup.track_hits.all()]
    ranked = likeness.rank(
        entry_of_song(one.song),
        [entry_of_track(i, track) for i, track in enumerate(tracks)],
        explicit=settings.PREFER_EXPLICIT,
    )
    one.candidates = [[tracks[found.id].pk, found.confidence] for found in ranked]
    best = ranked[0] if ranked else None
    one.track_id, one.confidence = (tracks[best.id].pk, best.confidence) if best else ("", 0.0)
    if best is None:
        one.state = Match.State.NONE
    else:
        one.state = Match.State.MATCHED if best.confidence >= likeness.SURE else Match.State.PROPOSED
    return True


def entry_of_song(song: Song) -> Entry:
    return Entry(song.pk, song.name, song.artist_key, credits=song.artist_name, album=song.album, isrc=song.isrc)


def entry_of_track(number: int, track: Track) -> Entry:
    return Entry(
        number,
        track.name,
        "",
        credits=track.artist_names,
        album=track.album.name,
        album_type=track.album.album_type,
        isrc=track.isrc,
        release_date=track.album.release_date,
        explicit=track.explicit,
        playable=track.playable,
        ref=track.pk,
    )


def _take_over(session: Session, chosen: dict[Song, str]) -> None:
    """Songs become these tracks. The boards of the artists before and after are told, and copies are folded anew."""
    if not chosen:
        return
    marks.mark_session(session)
    tracks = {track.pk: track for track in Track.objects.for_songs().with_ids(list(chosen.values()))}
    for song, track_id in chosen.items():
        _take(session, song, tracks[track_id])
    merges.changed(session)


def _take(session: Session, song: Song, track: Track) -> None:
    """Give a song what Spotify knows about it. Its name stays as it was typed; the board is the artist's own now.

    Where another song of the session is that track already, only what may be double is taken: they are folded then.
    """
    known = songs.of_track(session, track, song.position)
    taken = session.songs.filter(spotify_id=track.pk).exclude(pk=song.pk).exists()
    song.spotify_id = "" if taken else track.pk
    for field in (
        "artist_key",
        "image_url",
        "spotify_url",
        "duration_ms",
        "album_type",
        "release_date",
        "explicit",
        "playable",
    ):
        setattr(song, field, getattr(known, field))
    song.isrc, song.album = song.isrc or known.isrc, song.album or known.album
    song.save()


def decide(session: Session, song_id: str, track_id: str | None) -> Match:
    """The person's word: this track of those that were proposed, or none of them. Raises Missing, Invalid."""
    with transaction.atomic():
        session = lock(session)
        digits = song_id.isascii() and song_id.isdigit()
        one = (
            Match.objects.filter(song__session=session, song_id=song_id).select_related("song").first()
            if digits
            else None
        )
        if one is None or one.state == Match.State.WAITING:
            raise Missing("There is no match of this song to decide on.")
        chosen = dict(one.candidates)
        if track_id is not None and track_id not in chosen:
            raise Invalid("track_id", "not_proposed", "is none of the tracks that were proposed")
        one.state = Match.State.NONE if track_id is None else Match.State.MATCHED
        one.track_id, one.confidence = track_id or "", 1.0 if track_id else 0.0
        one.save()
        if track_id is not None:
            _take_over(session, {one.song: track_id})
        else:
            one.song.spotify_id = one.song.spotify_url = one.song.image_url = ""
            one.song.save(update_fields=["spotify_id", "spotify_url", "image_url"])
            merges.changed(session)
    return one


def _ask_for(left: list[Match], lookups: dict[str, Lookup]) -> None:
    """A few searches at once; what cannot be asked now, the sweeper asks later."""
    now = timezone.now()
    working = [one for one in left if (seen := lookups.get(one.question)) is not None and not _is_free(seen, now)]
    free = [one for one in left if one not in working]
    wanted = [(queries.TrackSearch(one.question), gateway.IMPORT) for one in free[: max(0, AT_ONCE - len(working))]]
    try:
        gateway.request_all(list(dict.fromkeys(wanted)), patience_seconds=0)
    except SpotifyError as error:
        _log.info("matches wait: %s", error.detail)


def _is_free(lookup: Lookup, now: datetime) -> bool:
    return not lookup.is_in_work(now) and lookup.may_retry(now)
