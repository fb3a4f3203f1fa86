"""Folding songs that are one: by themselves when songs arrive, by the person's word, and back again.

A merge moves nothing: songs point to what stands for them, comparisons keep pointing to the songs that were shown. So
taking a merge apart is exact, whatever was answered meanwhile.
"""

from collections.abc import Sequence

from django.db import transaction

from ranking import duplicates, marks
from ranking.errors import Invalid, Missing
from ranking.locking import lock, touch
from ranking.models import Merge, Session, Song


def fold(session: Session) -> None:
    """Fold duplicates among all songs of a session, from nothing. The caller holds the lock.

    Songs that the person merged or took apart by hand are left as they are.
    """
    automatic = session.merges.filter(automatic=True)
    Song.objects.filter(merge__in=automatic).update(merged_into=None, merge=None)
    automatic.delete()
    songs = {song.pk: song for song in session.songs.filter(merged_into__isnull=True, kept_apart=False)}
    for group in duplicates.group([_entry(song) for song in songs.values()], versions=session.versions):
        merge = Merge.objects.create(session=session, reason=group.reason, confidence=group.confidence, automatic=True)
        Song.objects.filter(pk__in=group.merged).update(merged_into=group.keep, merge=merge)


def _entry(song: Song) -> duplicates.Entry:
    return duplicates.Entry(
        id=song.pk,
        title=song.name,
        artist=song.artist_key,
        album=song.album,
        duration_ms=song.duration_ms or 0,
        isrc=song.isrc,
        release_date=song.release_date,
    )


def refold(session: Session) -> None:
    """Fold anew after `versions` changed or songs came. Opens its own transaction."""
    with transaction.atomic():
        session = lock(session)
        fold(session)
        touch(session)
        marks.mark_session(session)


def merge(session: Session, keep: str, others: Sequence[str]) -> Merge:
    """The person says that these are one song. Raises Invalid with the field."""
    with transaction.atomic():
        session = lock(session)
        by_id = {str(song.pk): song for song in session.songs.all()}
        kept = by_id.get(keep)
        if kept is None or kept.merged_into_id is not None:
            raise Invalid("keep", "no_such_song", "is no song of this session that stands by itself")
        for position, other in enumerate(others):
            song = by_id.get(other)
            if song is None or song.merged_into_id is not None or song.pk == kept.pk:
                raise Invalid(
                    f"merge[{position}]", "no_such_song", "is no other song of this session that stands by itself"
                )
        made = Merge.objects.create(session=session, reason="merged by hand", confidence=1.0, automatic=False)
        session.songs.filter(pk__in=others).update(merged_into=kept, merge=made)
        _changed(session)
    return made


def unmerge(session: Session, merge_id: str) -> None:
    """Take a merge apart; an automatic one is not made again. Raises Missing."""
    with transaction.atomic():
        session = lock(session)
        made = session.merges.filter(pk=merge_id).first() if merge_id.isascii() and merge_id.isdigit() else None
        if made is None:
            raise Missing("There is no such merge.")
        session.songs.filter(merge=made).update(merged_into=None, merge=None, kept_apart=made.automatic)
        made.delete()
        _changed(session)


def _changed(session: Session) -> None:
    touch(session)
    marks.mark_session(session)
