"""Folding songs that are one: by themselves when songs arrive, by the person's word, and back again.

A merge moves nothing: songs point to what stands for them, comparisons keep pointing to the songs that were shown. So
taking a merge apart is exact, whatever was answered meanwhile. What is folded by itself is a function of the songs, of
`versions` and of what the person said (merges by hand, separations), and of nothing else: not of the order of arrival.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations

from django.conf import settings
from django.db import transaction

from ranking import duplicates, marks, scores
from ranking.duplicates import Group, Grouping
from ranking.errors import Invalid, Missing
from ranking.locking import lock, touch
from ranking.models import Lookalike, Merge, Separation, Session, Song
from ranking.preference import Entry
from songranker import titles


def fold(session: Session) -> None:
    """Fold duplicates among all songs of a session. The caller holds the lock.

    Only what differs from before is written; a merge that stays keeps its id.
    """
    songs = {song.pk: song for song in session.songs.all()}
    by_hand = set(session.merges.filter(automatic=False).values_list("pk", flat=True))
    order = _order(songs, by_hand)
    apart = session.separations.values_list("song_a_id", "song_b_id")
    grouping = duplicates.group(
        [_entry(song, order.get(song.pk, 0)) for song in songs.values()],
        versions=session.versions,
        explicit=settings.PREFER_EXPLICIT,
        apart=[frozenset(pair) for pair in apart],
    )
    _save_merges(session, songs, by_hand, grouping)
    _save_lookalikes(session, songs, grouping)


def _order(songs: dict[int, Song], by_hand: set[int]) -> dict[int, int]:
    """What the person merged stands before all that is found, and what is kept before what is merged into it."""
    above = {
        song.pk: song.merged_into_id for song in songs.values() if song.merge_id in by_hand and song.merged_into_id
    }

    def depth(song_id: int) -> int:
        return 1 + depth(above[song_id]) if song_id in above else 0

    involved = {*above, *above.values()}
    return {song_id: depth(song_id) - len(involved) for song_id in involved}


def _entry(song: Song, order: int) -> Entry:
    pasted = song.artist_key.startswith("~")
    names = titles.artist_keys(song.artist_name) if pasted else ()
    return Entry(
        id=song.pk,
        title=song.name,
        artist=names[0] if names else song.artist_key,
        credits=song.artist_name,
        album=song.album,
        album_type=song.album_type,
        duration_ms=song.duration_ms or 0,
        isrc=song.isrc,
        release_date=song.release_date,
        explicit=song.explicit,
        playable=song.playable,
        ref=song.spotify_id,
        order=order,
    )


def _save_merges(session: Session, songs: dict[int, Song], by_hand: set[int], grouping: Grouping) -> None:
    """Merges as they have to be: those of before are used again where they say the same."""
    free: dict[tuple[int, str], list[Merge]] = defaultdict(list)
    before = list(session.merges.filter(automatic=True).order_by("pk"))
    kept_by = {song.merge_id: song.merged_into_id for song in songs.values()}
    for old in before:
        free[kept_by.get(old.pk) or 0, old.reason].append(old)
    wanted: dict[int, tuple[int, int]] = {}
    for group in grouping.groups:
        merged = [id_ for id_ in group.merged if songs[id_].merge_id not in by_hand]
        if merged:
            same = free[group.keep, group.reason]
            made = same.pop(0) if same else _automatic(session, group)
            wanted |= dict.fromkeys(merged, (group.keep, made.pk))
    changed = []
    for song in songs.values():
        into, merge_id = wanted.get(song.pk, (None, None))
        if song.merge_id in by_hand:
            into, merge_id = song.merged_into_id, song.merge_id
        shown = grouping.shown.get(song.pk, "")
        if (song.merged_into_id, song.merge_id, song.shown_name) != (into, merge_id, shown):
            song.merged_into_id, song.merge_id, song.shown_name = into, merge_id, shown
            changed.append(song)
    Song.objects.bulk_update(changed, ["merged_into", "merge", "shown_name"], batch_size=200)
    session.merges.filter(pk__in=[old.pk for some in free.values() for old in some]).delete()


def _automatic(session: Session, group: Group) -> Merge:
    return Merge.objects.create(session=session, reason=group.reason[:200], confidence=group.confidence, automatic=True)


def _save_lookalikes(session: Session, songs: dict[int, Song], grouping: Grouping) -> None:
    """Proposals between songs that stand by themselves, after the person's merges."""
    roots = scores.roots({song.pk: song.merged_into_id for song in songs.values()})
    wanted = {
        frozenset((roots[one.keep], roots[one.other])): (
            roots[one.keep],
            roots[one.other],
            one.reason[:200],
            one.confidence,
        )
        for one in reversed(grouping.proposals)
        if roots[one.keep] != roots[one.other]
    }
    rows = [*reversed(wanted.values())]
    if list(session.lookalikes.order_by("pk").values_list("song_id", "other_id", "reason", "confidence")) == rows:
        return
    session.lookalikes.all().delete()
    Lookalike.objects.bulk_create(
        Lookalike(session=session, song_id=song, other_id=other, reason=reason, confidence=confidence)
        for song, other, reason, confidence in rows
    )


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
        changed(session)
    return made


def unmerge(session: Session, merge_id: str) -> None:
    """Take a merge apart; an automatic one is not made again. Raises Missing."""
    with transaction.atomic():
        session = lock(session)
        made = session.merges.filter(pk=merge_id).first() if merge_id.isascii() and merge_id.isdigit() else None
        if made is None:
            raise Missing("There is no such merge.")
        songs = session.songs.filter(merge=made)
        if made.automatic:
            merged = list(songs.values_list("pk", "merged_into_id"))
            _separate(session, {id_ for pair in merged for id_ in pair if id_})
        songs.update(merged_into=None, merge=None)
        made.delete()
        changed(session)


def _separate(session: Session, song_ids: Iterable[int]) -> None:
    Separation.objects.bulk_create(
        (Separation(session=session, song_a_id=a, song_b_id=b) for a, b in combinations(sorted(song_ids), 2)),
        ignore_conflicts=True,
    )


def changed(session: Session) -> None:
    """Songs have changed: fold anew, and let ranking and boards know. The caller holds the lock."""
    fold(session)
    touch(session)
    marks.mark_session(session)
