"""Songs that come from the catalogue: each album or track joins as soon as its rows are there."""

import logging

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ranking import marks, merges, songs
from ranking.locking import lock, touch
from ranking.models import Session, Song, Source
from songranker import waiting
from spotify import gateway, queries
from spotify.errors import SpotifyError
from spotify.models import Lookup, Track

_log = logging.getLogger(__name__)

# Failures that asking again does not cure.
_FINAL = frozenset({"spotify_forbidden", "spotify_invalid_answer"})
# Copies included: far above any artist, and a bound on what one request can make.
MAX_ROWS = 5000


def start(session: Session) -> None:
    """Collect on the `default` queue, and wait a moment: what is cached is there before the answer goes out."""
    from ranking import tasks

    task_id = tasks.publish(tasks.collect, session.pk)
    if task_id is not None:
        waiting.wait(task_id, settings.SESSION_WAIT_SECONDS)


def collect(session: Session) -> str:
    """Take over what the catalogue knows by now and ask for the rest. Safe to run twice, at once and late.

    Returns the session's state.
    """
    with transaction.atomic():
        session = lock(session)
        if session.state == Session.State.READY:
            return session.state
        waiting_for = [source for source in session.sources.all() if source.state == Source.State.WAITING]
        arrived = [source for source in waiting_for if _take(session, source)]
        for source in waiting_for:
            source.save(update_fields=["state"])
        if arrived:
            merges.fold(session)
        missing = [source for source in waiting_for if source.state == Source.State.WAITING]
        if not missing:
            session.state = Session.State.READY
            session.save(update_fields=["state"])
        if arrived:
            touch(session)
            marks.mark_session(session)
    _ask_for(missing)
    return session.state


def _take(session: Session, source: Source) -> bool:
    """Copy a source's tracks, where they are known; sets the source's state. Did songs come?"""
    known = list(_known_tracks(source))
    if not known:
        lookup = _lookup(source)
        if lookup is not None and lookup.is_known():
            source.state = Source.State.ABSENT if lookup.absent else Source.State.DONE
        elif lookup is not None and lookup.state == Lookup.State.FAILED and lookup.error_code in _FINAL:
            source.state = Source.State.FAILED
        return False
    here = set(session.songs.exclude(spotify_id="").values_list("spotify_id", flat=True))
    new = [track for track in known if track.pk not in here]
    if session.songs.count() + len(new) > MAX_ROWS:
        source.state = Source.State.FAILED
        return False
    base = source.position * 1000
    Song.objects.bulk_create(songs.of_track(session, track, base + i) for i, track in enumerate(new))
    source.state = Source.State.DONE
    return bool(new)


def _known_tracks(source: Source) -> "list[Track]":
    """A source's tracks, or nothing while they are not all here."""
    if source.kind == "track":
        tracks = Track.objects.filter(pk=source.spotify_id)
    else:
        lookup = _lookup(source)
        if lookup is None or not lookup.is_known() or lookup.absent:
            return []
        tracks = Track.objects.of_album(source.spotify_id)
    return list(tracks.with_artists().select_related("album").prefetch_related("album__credits"))


def _query(source: Source) -> queries.Query:
    return queries.AlbumTracks(source.spotify_id) if source.kind == "album" else queries.TrackById(source.spotify_id)


def _lookup(source: Source) -> Lookup | None:
    query = _query(source)
    return Lookup.objects.filter(kind=query.kind, value=query.value).first()


def _ask_for(sources: list[Source]) -> None:
    """Make sure that somebody fetches them. What cannot be asked now, the sweeper asks later."""
    now = timezone.now()
    for source in sources:
        lookup = _lookup(source)
        if lookup is not None and not lookup.may_retry(now):
            continue
        try:
            gateway.request(_query(source), priority=gateway.LEFT, patience_seconds=0)
        except SpotifyError as error:
            _log.info("session %s waits for %s: %s", source.session_id, source, error.detail)
            return
