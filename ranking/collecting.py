"""Songs that come from the catalogue: each album, track or playlist joins as soon as its rows are there."""

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
from spotify.models import Import, ImportItem, Lookup, Track

_log = logging.getLogger(__name__)

# Failures that asking again does not cure.
_FINAL = frozenset({"spotify_forbidden", "spotify_invalid_answer"})
# Copies included: far above any artist, and a bound on what one request can make.
MAX_ROWS = 5000
_QUERIES: dict[str, type[queries.Query]] = {
    "album": queries.AlbumTracks,
    "track": queries.TrackById,
    "playlist": queries.PlaylistTracks,
}


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
        _take_feed(session)
        waiting_for = list(session.sources.filter(state=Source.State.WAITING))
        lookups = _lookups(waiting_for)
        arrived = [
            source for source in waiting_for if _take(session, source, lookups.get((source.kind, source.spotify_id)))
        ]
        missing = [source for source in waiting_for if source.state == Source.State.WAITING]
        feeding = session.feed is not None and session.feed.is_active
        if not feeding:
            missing = _give_up(missing)
        Source.objects.bulk_update(waiting_for, ["state"], batch_size=500)
        if arrived:
            merges.fold(session)
        if not missing and not feeding:
            session.state = Session.State.READY
            session.save(update_fields=["state"])
        if arrived:
            touch(session)
            marks.mark_session(session)
    _ask_for([source for source in missing if not source.fed], lookups)
    return session.state


def _take_feed(session: Session) -> None:
    """A source for each album of the import that feeds the session, where its list is another one than before."""
    feed = session.feed
    if feed is None or feed.listed_at is None or feed.listed_at == session.fed_at:
        return
    if feed.kind == Import.Kind.PLAYLIST:
        wanted = [("playlist", feed.spotify_id)]
    else:
        items = ImportItem.objects.filter(of_import=feed).order_by("position")
        wanted = [("album", album_id) for album_id in items.values_list("album_id", flat=True)]
    known = set(session.sources.values_list("kind", "spotify_id"))
    first = len(known)
    new = [one for one in wanted if one not in known]
    Source.objects.bulk_create(
        Source(session=session, kind=kind, spotify_id=spotify_id, position=first + i, fed=True)
        for i, (kind, spotify_id) in enumerate(new)
    )
    session.fed_at = feed.listed_at
    session.save(update_fields=["fed_at"])


def _give_up(missing: list[Source]) -> list[Source]:
    """The import has ended: what it did not bring will not come. What nobody fed is waited for as ever."""
    for source in missing:
        if source.fed:
            source.state = Source.State.FAILED
    return [source for source in missing if not source.fed]


def _lookups(sources: list[Source]) -> dict[tuple[str, str], Lookup]:
    """What is known about each source, in a few queries."""
    found: dict[tuple[str, str], Lookup] = {}
    for kind, query in _QUERIES.items():
        ids = [source.spotify_id for source in sources if source.kind == kind]
        found |= {(kind, value): one for value, one in Lookup.objects.by_value(query.kind, ids).items()}
    return found


def _take(session: Session, source: Source, lookup: Lookup | None) -> bool:
    """Copy a source's tracks, where they are known; sets the source's state. Did songs come?"""
    known = list(_known_tracks(source, lookup))
    if not known:
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


def _known_tracks(source: Source, lookup: Lookup | None) -> "list[Track]":
    """A source's tracks, or nothing while they are not all here."""
    if source.kind == "track":
        tracks = Track.objects.filter(pk=source.spotify_id)
    elif lookup is None or not lookup.is_known() or lookup.absent:
        return []
    elif source.kind == "album":
        tracks = Track.objects.of_album(source.spotify_id)
    else:
        tracks = Track.objects.of_playlist(source.spotify_id)
    # A playlist may hold a track twice.
    return list({track.pk: track for track in tracks.for_songs()}.values())


def _ask_for(sources: list[Source], lookups: dict[tuple[str, str], Lookup]) -> None:
    """Make sure that somebody fetches them. What cannot be asked now, the sweeper asks later."""
    now = timezone.now()
    for source in sources:
        lookup = lookups.get((source.kind, source.spotify_id))
        if lookup is not None and not lookup.may_retry(now):
            continue
        try:
            gateway.request(_QUERIES[source.kind](source.spotify_id), priority=gateway.LEFT, patience_seconds=0)
        except SpotifyError as error:
            _log.info("session %s waits for %s: %s", source.session_id, source, error.detail)
            return
