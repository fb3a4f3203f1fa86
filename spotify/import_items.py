"""The albums of an import: which there are, what has become of each, and which to ask for next."""

from datetime import datetime

from django.conf import settings
from django.db.models import Count, F

from spotify import gateway, plans, queries
from spotify.errors import Unavailable
from spotify.models import Album, Import, ImportItem, Lookup, Track
from spotify.plans import PlannedAlbum
from spotify.queries import Query

# So many albums may be asked for at once: one batch where batches are allowed, else a few small questions.
QUEUED_AT_ONCE = {"extended": queries.BATCHES[queries.AlbumTracks.kind], "development": 4}
# The first albums come as fast as what a person waits for, and before their list is complete: with them ranking can begin.
FIRST_ALBUMS = 2
# An album that fails for a passing reason is tried so often before the import goes on without it.
MOST_TRIES = 4


def take_list(made: Import, albums: list[PlannedAlbum], now: datetime) -> None:
    """Items for the albums of a list, in this order. What is no longer listed goes from the import, never from the
    catalogue."""
    album_ids = [album.id for album in albums]
    made.items.exclude(album_id__in=album_ids).delete()
    known = {item.album_id: item for item in made.items.all()}
    moved = []
    for position, album_id in enumerate(album_ids):
        item = known.get(album_id)
        if item is not None:
            item.position, item.state, item.tries = position, ImportItem.State.WAITING, 0
            moved.append(item)
    ImportItem.objects.bulk_update(moved, ["position", "state", "tries"], batch_size=500)
    ImportItem.objects.bulk_create(
        ImportItem(of_import=made, album_id=album_id, position=position)
        for position, album_id in enumerate(album_ids)
        if album_id not in known
    )
    made.change(items_at=now, tracks_total=sum(album.total_tracks for album in albums))


def has_first_albums(made: Import) -> bool:
    """Are there as many items as are asked for before the list is complete?"""
    return bool(made.items.count() >= _first())


def _first() -> int:
    return max(FIRST_ALBUMS, queries.batch_size(queries.AlbumTracks.kind))


def look(made: Import, now: datetime, *, whole: bool = True) -> list[tuple[Query, int]]:
    """Write what has become of the albums, and say what to ask for next. Ends the import where nothing is left.

    `whole`: is the list complete? Else only its first albums are asked for.
    """
    if made.kind == Import.Kind.PLAYLIST:  # came with its list
        made.end(Import.State.DONE)
        return []
    waiting = list(made.items.waiting())
    lookups = Lookup.objects.by_value(queries.AlbumTracks.kind, [item.album_id for item in waiting])
    settled = [item for item in waiting if _settle(item, lookups.get(item.album_id), now)]
    counts = dict(
        Track.objects.filter(album_id__in=[item.album_id for item in settled])
        .order_by()
        .values_list("album_id")
        .annotate(n=Count("pk"))
    )
    for item in settled:
        item.tracks = counts.get(item.album_id, 0) if item.state == ImportItem.State.DONE else 0
    ImportItem.objects.bulk_update(settled, ["state", "tries", "tracks", "error_detail"], batch_size=500)
    left = [item for item in waiting if item.state == ImportItem.State.WAITING]
    _write_progress(made, left, whole)
    if not left:
        if whole:
            _end_well(made)
        return []
    working = [item for item in left if _state(lookups, item) in (Lookup.State.QUEUED, Lookup.State.RUNNING)]
    held_up = [lookups[item.album_id] for item in working if lookups[item.album_id].retry_at]
    if held_up:
        latest = max(held_up, key=lambda lookup: lookup.retry_at or now)
        made.pause(latest.error_code, latest.error_detail, latest.retry_at or now)
        return []
    made.run()
    resting = {
        item
        for item in left
        if _state(lookups, item) == Lookup.State.FAILED and not lookups[item.album_id].may_retry(now)
    }
    free = [
        item for item in left if item not in working and item not in resting and (whole or item.position < _first())
    ]
    return _next(free, len(working), lookups)


def _state(lookups: dict[str, Lookup], item: ImportItem) -> str:
    """Of the album's question. Queued and running whether or not its message still exists: the sweeper sees to that."""
    lookup = lookups.get(item.album_id)
    return lookup.state if lookup else Lookup.State.IDLE


def _settle(item: ImportItem, lookup: Lookup | None, now: datetime) -> bool:
    """Has an album's question ended for this import? Sets the item's state."""
    if lookup is None or lookup.state in (Lookup.State.QUEUED, Lookup.State.RUNNING):
        return False
    if lookup.is_fresh(now):
        item.state = ImportItem.State.ABSENT if lookup.absent else ImportItem.State.DONE
        item.error_detail = "Spotify has no such album." if lookup.absent else ""
        return True
    if lookup.state != Lookup.State.FAILED:
        if not lookup.error_code or lookup.may_retry(now):
            return False
        # A 404 for what was once known: doubted, so what is known stands for this time.
        item.state, item.error_detail = ImportItem.State.DONE, lookup.error_detail
        return True
    if not item.tries and lookup.may_retry(now):
        return False  # somebody else's failure of long ago
    if isinstance(gateway.job_error(lookup), Unavailable) and item.tries < MOST_TRIES:
        return False
    item.state, item.error_detail = ImportItem.State.FAILED, f"{lookup.error_code}: {lookup.error_detail}"[:500]
    return True


def _next(free: list[ImportItem], working: int, lookups: dict[str, Lookup]) -> list[tuple[Query, int]]:
    """The next albums to ask for, of those that are free.

    Where one call answers a whole batch, the last batch must have ended: else what came first would be asked for alone.
    There what has failed is asked for alone, at the end: one of a batch may be why the whole of it fails.
    """
    in_batches = queries.batch_size(queries.AlbumTracks.kind) > 1
    room = QUEUED_AT_ONCE[settings.SPOTIFY_QUOTA_MODE] - working
    if room <= 0 or (working and in_batches):
        return []
    chosen = sorted(free, key=lambda item: item.tries)
    if in_batches:
        chosen = [item for item in chosen if _state(lookups, item) != Lookup.State.FAILED] or chosen[:1]
    return [
        (queries.AlbumTracks(item.album_id), gateway.PERSON if item.position < FIRST_ALBUMS else gateway.IMPORT)
        for item in chosen[:room]
    ]


def count_tries(made: Import, wanted: list[tuple[Query, int]]) -> None:
    """These questions have been put."""
    ids = [query.value for query, _ in wanted if query.kind == queries.AlbumTracks.kind]
    made.items.filter(album_id__in=ids).update(tries=F("tries") + 1)


def _write_progress(made: Import, left: list[ImportItem], whole: bool) -> None:
    """The figures that people see; `calls_left` is what the plan computes for the albums that are left."""
    totals = {album.pk: album for album in Album.objects.filter(pk__in=[item.album_id for item in left])}
    planned = [
        PlannedAlbum(item.album_id, "", "", totals[item.album_id].total_tracks if item.album_id in totals else 0)
        for item in left
    ]
    states = list(made.items.values_list("state", "tracks"))
    made.change(
        albums_total=len(states),
        albums_done=sum(state != ImportItem.State.WAITING for state, _ in states),
        albums_missing=sum(state in ("absent", "failed") for state, _ in states),
        tracks_done=sum(tracks for _, tracks in states),
        calls_left=plans.calls(planned, batch=queries.batch_size(queries.AlbumTracks.kind)) if whole else None,
    )


def _end_well(made: Import) -> None:
    """Done; failed only where nothing at all could be had."""
    if made.albums_total and made.albums_missing == made.albums_total:
        failed = made.items.filter(state=ImportItem.State.FAILED).first()
        code, detail = (
            ("spotify_unavailable", failed.error_detail) if failed else ("not_found", "Spotify has none of these.")
        )
        made.end(Import.State.FAILED, code, detail)
    else:
        made.end(Import.State.DONE)
