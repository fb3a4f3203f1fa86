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
from spotify.models import Import, ImportItem, Lookup, PlaylistRow, Track

_log = logging.getLogger(__name__)

# Failures that asking again does not cure.
_FINAL = frozenset({"spotify_forbidden", "spotify_invalid_answer"})
# Copies included: far above any artist, and a bound on what one request can make.
MAX_ROWS = 20_000
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
        arrived = _take_all(session, waiting_for, lookups)
        missing = [source for source in waiting_for if source.state == Source.State.WAITING]
        feeding = session.feed is not None and session.feed.is_active
        if not feeding:
            missing = _give_up(missing)
        ended = [source for source in waiting_for if source.state != Source.State.WAITING]
        Source.objects.bulk_update(ended, ["state"], batch_size=500)
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
    """A source for each album of the import that feeds the session, where those are others than before."""
    feed = session.feed
    if feed is None or feed.items_at is None or feed.items_at == session.fed_at:
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
    session.fed_at = feed.items_at
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


def _take_all(session: Session, sources: list[Source], lookups: dict[tuple[str, str], Lookup]) -> bool:
    """Copy what is here of each source; sets their states. Did songs come?"""
    room = MAX_ROWS - session.songs.count()
    here = set(session.songs.exclude(spotify_id="").values_list("spotify_id", flat=True))
    places: dict[str, int] = {}
    for source in sources:
        lookup = lookups.get((source.kind, source.spotify_id))
        found = _places(source, lookup)
        source.state = _state_of(source, lookup, bool(found))
        for track_id, place in found.items():
            if track_id not in here:
                places.setdefault(track_id, source.position * 1000 + place)
    new = list(places)
    if len(new) > room:
        _log.warning("session %s is full: %s tracks are left out", session.pk, len(new) - room)
    Song.objects.bulk_create(
        songs.of_track(session, track, places[track.pk])
        for track in Track.objects.for_songs().with_ids(new[: max(0, room)])
    )
    return bool(new)


def _places(source: Source, lookup: Lookup | None) -> dict[str, int]:
    """The tracks of a source that are here, with their places in it: an album's when all are, a playlist's as they come."""
    answered = lookup is not None and lookup.is_known() and not lookup.absent
    if source.kind == "track":
        return dict.fromkeys(Track.objects.known([source.spotify_id]), 0)
    if source.kind == "playlist":
        rows = PlaylistRow.objects.filter(playlist=source.spotify_id).order_by("-position")
        # It may hold a track twice: the first place counts.
        return dict(reversed(dict(rows.values_list("track", "position")).items()))
    if not answered:
        return {}
    ids = Track.objects.of_album(source.spotify_id).values_list("pk", flat=True)
    return {track_id: place for place, track_id in enumerate(ids)}


def _state_of(source: Source, lookup: Lookup | None, anything: bool) -> str:
    """Is there more to come?"""
    if source.kind == "track" and anything:
        return Source.State.DONE
    if lookup is not None and lookup.is_known():
        return Source.State.ABSENT if lookup.absent else Source.State.DONE
    if lookup is not None and lookup.state == Lookup.State.FAILED and lookup.error_code in _FINAL:
        return Source.State.FAILED
    return source.state


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
