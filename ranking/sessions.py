"""Making, changing and ending sessions."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Max

from ranking import access, collecting, marks, merges, songs
from ranking.errors import Invalid, Missing
from ranking.locking import lock, touch
from ranking.models import Session, Song, Source
from ranking.songs import PastedSong
from spotify import imports

MAX_SONGS = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where a session's songs come from."""

    songs: Sequence[PastedSong] = ()
    album_ids: Sequence[str] = ()
    track_ids: Sequence[str] = ()
    # Everything by an artist, or of a playlist: fetched by an import that others may share.
    whole: imports.Target | None = None

    @property
    def needs_catalogue(self) -> bool:
        return bool(self.album_ids or self.track_ids or self.whole)


def create(wanted: Wanted, *, name: str, mode: str, versions: str, visibility: str) -> tuple[Session, str]:
    """A new session and its token. Pasted songs are there at once, the catalogue's when its answers are.

    Raises Invalid where there are not 2 to 1,000 different songs, spotify's Forbidden for a playlist that cannot be read.
    """
    token, token_hash = access.new_token()
    feed = imports.start(wanted.whole) if wanted.whole else None
    with transaction.atomic():
        session = Session.objects.create(
            name=name,
            mode=mode,
            versions=versions,
            visibility=visibility,
            token_hash=token_hash,
            feed=feed,
            state=Session.State.COLLECTING if wanted.needs_catalogue else Session.State.READY,
        )
        _add(session, wanted)
        if not wanted.needs_catalogue and session.songs.filter(merged_into__isnull=True).count() < 2:
            raise Invalid("songs", "too_few", "needs two different songs at least")
    if wanted.needs_catalogue:
        collecting.start(session)
        session.refresh_from_db()
    return session, token


def add(session: Session, wanted: Wanted) -> Session:
    """Add songs later; what was answered stays. Raises Invalid above 1,000 songs."""
    with transaction.atomic():
        session = lock(session)
        if (
            session.songs.filter(merged_into__isnull=True).count() + len(wanted.songs) + len(wanted.track_ids)
            > MAX_SONGS
        ):
            raise Invalid("songs", "too_many", f"would make more than {MAX_SONGS} songs")
        if wanted.needs_catalogue:
            session.state = Session.State.COLLECTING
            session.save(update_fields=["state"])
        _add(session, wanted)
        touch(session)
    if wanted.needs_catalogue:
        collecting.start(session)
        session.refresh_from_db()
    return session


def _add(session: Session, wanted: Wanted) -> None:
    """Pasted songs as songs, the catalogue's as sources. The caller is in a transaction."""
    position = _next_position(session)
    Song.objects.bulk_create(songs.of_paste(session, song, position + i) for i, song in enumerate(wanted.songs))
    first = session.sources.count()
    sources = [("album", album_id) for album_id in wanted.album_ids] + [
        ("track", track_id) for track_id in wanted.track_ids
    ]
    Source.objects.bulk_create(
        (
            Source(session=session, kind=kind, spotify_id=spotify_id, position=first + i)
            for i, (kind, spotify_id) in enumerate(dict.fromkeys(sources))
        ),
        ignore_conflicts=True,  # asked for twice is once
    )
    if wanted.songs:
        merges.fold(session)


def _next_position(session: Session) -> int:
    highest = session.songs.aggregate(highest=Max("position"))["highest"]
    return 0 if highest is None else int(highest) + 1


def change(session: Session, changes: dict[str, str]) -> Session:
    """New name, mode, versions or visibility."""
    with transaction.atomic():
        session = lock(session)
        counted_before = session.counts
        for field, value in changes.items():
            setattr(session, field, value)
        session.revision += 1
        session.save(update_fields=[*changes, "revision"])
        if "versions" in changes:
            merges.fold(session)
        if "versions" in changes or session.counts != counted_before:
            marks.mark_session(session)
    return session


def delete(session: Session) -> None:
    """The session and its votes, for good."""
    with transaction.atomic():
        session = lock(session)
        if session.counts:
            marks.mark_session(session)
        session.delete()


def exclude(session: Session, song_id: str, excluded: bool) -> Song:
    """ "I don't know it": out of the pairs and the ranking, or back again. Raises Missing."""
    with transaction.atomic():
        session = lock(session)
        song = session.songs.filter(pk=song_id).first() if song_id.isascii() and song_id.isdigit() else None
        if song is None:
            raise Missing("There is no such song in this session.")
        if song.excluded != excluded:
            song.excluded = excluded
            song.save(update_fields=["excluded"])
            touch(session)
            if session.counts:
                marks.mark_session(session)
    return song
