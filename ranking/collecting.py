"""Songs that come from the catalogue: each album, track or playlist joins as soon as its rows are there."""

import logging
from collections.abc import Container

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ranking import merges, songs
from ranking.locking import lock
from ranking.models import Session, Song, Source
from songranker import waiting
from spotify import gateway, queries
from spotify.errors import SpotifyError
from spotify.models import Import, ImportItem, Lookup, PlaylistRow, Track

_log = logging.getLogger(__name__)

# Failures that asking again does not cure.
_FINAL = frozenset({"spotify_forbidden", "spotify_invalid_answer"})
# Copies included: far above any artist, and a bound on what one request can make.
MAX_ROWS = 5000
# A session joins what comes at once while it has no more songs than this.
SOON_UP_TO = 100
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


def collect(session: Session, *, patient: bool = False) -> str:
    """Take over what the catalogue knows by now and ask for the rest. Safe to run twice, at once and late.

    `patient`: leave few new songs of a large session for later; folding them in takes as long as folding in many.
    Returns the session's state.
    """
    # By itself, and first: for what comes from here on a message is sent again.
    Session.objects.filter(pk=session.pk, collect_queued=True).update(collect_queued=False)
    with transaction.atomic():
        session = lock(session)
        if session.state == Session.State.READY:
            return session.state
        # Read before the lookups: what an import that has ended brought is known, so that nothing is given up too early.
        feeding = session.feed is not None and session.feed.is_active
        _take_feed(session)
        waiting_for = list(session.sources.filter(state=Source.State.WAITING))
        lookups = _lookups(waiting_for)
        here = set(session.songs.values_list("spotify_id", flat=True))
        new = _arrived(waiting_for, lookups, here)
        missing = [source for source in waiting_for if source.state == Source.State.WAITING]
        if not feeding:
            missing = _give_up(missing)
        more_to_come = feeding or bool(missing)
        if not (patient and more_to_come and _are_few(len(new), len(here))):
            _join(session, waiting_for, new)
        if not more_to_come:
            session.state = Session.State.READY
            session.save(update_fields=["state"])
    _ask_for([source for source in missing if not source.fed], lookups)
    return session.state


def _are_few(new: int, here: int) -> bool:
    """A person who has hundreds of songs to compare waits for none."""
    return here > SOON_UP_TO and new * 4 < here


def _join(session: Session, sources: list[Source], new: dict[str, int]) -> None:
    """Write the sources' states, and make songs of the tracks, by their places."""
    ended = [source for source in sources if source.state != Source.State.WAITING]
    Source.objects.bulk_update(ended, ["state"], batch_size=500)
    ids = sorted(new, key=lambda track_id: new[track_id])
    room = max(0, MAX_ROWS - session.songs.count())
    if ended and ids[room:]:
        session.left_out += len(ids[room:])
        session.save(update_fields=["left_out"])
        _log.warning("session %s is full: %s tracks are left out", session.pk, session.left_out)
    tracks = Track.objects.for_songs().with_ids(ids[:room])
    if Song.objects.bulk_create(songs.of_track(session, track, new[track.pk]) for track in tracks):
        merges.changed(session)


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


def _arrived(sources: list[Source], lookups: dict[tuple[str, str], Lookup], here: Container[str]) -> dict[str, int]:
    """The tracks that are new, with their places in the session. Sets the sources' states, without saving them."""
    new: dict[str, int] = {}
    single = Track.objects.known([source.spotify_id for source in sources if source.kind == "track"])
    for source in sources:
        lookup = lookups.get((source.kind, source.spotify_id))
        places = _places(source, lookup, single)
        source.state = _state_of(source, lookup, bool(places))
        for track_id, place in places.items():
            if track_id not in here:
                new.setdefault(track_id, source.position * 1000 + place)
    return new


def _places(source: Source, lookup: Lookup | None, single: Container[str]) -> dict[str, int]:
    """The tracks of a source that are here, with their places in it: an album's when all are, a playlist's as they come.

    `single`: which of the sources that are tracks are here.
    """
    if source.kind == "track":
        return {source.spotify_id: 0} if source.spotify_id in single else {}
    if source.kind == "playlist":
        rows = PlaylistRow.objects.filter(playlist=source.spotify_id).order_by("-position")
        # It may hold a track twice: the first place counts.
        return dict(reversed(dict(rows.values_list("track", "position")).items()))
    if lookup is None or not lookup.is_known() or lookup.absent:
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
