""" "Rank all": whole artists, albums and playlists, by many small questions.

An import never calls Spotify and keeps nothing in Redis. It is a row with an item for each album; `advance` looks at what
the catalogue knows by now, puts the next questions to the gateway (at most a set number at once, behind everybody who
waits) and writes how far it is. It may be run at any time, twice, late, by anybody: after an album was settled, by the
sweeper, after a restart.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count
from django.utils import timezone

from spotify import gateway, links, plans, queries, signals
from spotify.errors import BrokerDown, Forbidden, QueueFull, SpotifyError, Unavailable
from spotify.models import Album, Artist, Import, ImportItem, Lookup, Playlist, Track
from spotify.plans import Estimate, PlannedAlbum
from spotify.queries import Query

_log = logging.getLogger(__name__)

# Bulk work leaves a fifth of the window and of the day to people (spotify/lua/acquire.lua).
BULK_SHARE = 0.8
# So many albums may be asked for at once: one batch where batches are allowed, else a few small questions.
QUEUED_AT_ONCE = {"extended": queries.BATCHES[queries.AlbumTracks.kind], "development": 4}
# The first albums come as fast as a question that somebody has just left: with them ranking can begin.
FIRST_ALBUMS = 2
# An album that fails for a passing reason is tried so often before the import goes on without it.
MOST_TRIES = 4
LIST_PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be imported: `spotify_id`, or for an artist `name`."""

    kind: str
    spotify_id: str = ""
    name: str = ""

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.spotify_id}" if self.spotify_id else f"name:{queries.search_value(self.name)}"

    def known(self) -> "Target":
        """The same by its id, where a search has already told which artist bears the name."""
        if self.spotify_id:
            return self
        lookup = Lookup.objects.asked(queries.AlbumsByName.kind, queries.search_value(self.name))
        fresh = lookup is not None and lookup.is_fresh(timezone.now()) and not lookup.absent and lookup.artist_id
        return Target(self.kind, lookup.artist_id) if fresh else self


def start(target: Target) -> Import:
    """The import of this thing: the one that is under way, the one whose result is still fresh, or a new beginning.

    Raises Forbidden where this quota mode cannot read it.
    """
    target = target.known()
    query = _list_query(target.kind, target.spotify_id, target.name)
    refusal = query.refusal()
    if refusal:
        raise refusal
    made = _row_of(target)
    if not made.is_active and not _is_fresh(made, query):
        again = Import.objects.filter(pk=made.pk).exclude(state__in=Import.ACTIVE)
        again.update(**_beginning(), revision=made.revision + 1)
        made.refresh_from_db()
    _advance_quietly(made)
    made.refresh_from_db()
    return made


def _row_of(target: Target) -> Import:
    made = Import.objects.of(target.key, target.kind, target.spotify_id)
    if made is None:
        try:
            with transaction.atomic():
                made = Import.objects.create(
                    key=target.key,
                    kind=target.kind,
                    spotify_id=target.spotify_id,
                    name=target.name or _name_of(target.kind, target.spotify_id),
                    created_at=timezone.now(),
                )
        except IntegrityError:  # somebody was faster
            made = Import.objects.get(key=target.key)
    return made


def _beginning() -> dict[str, object]:
    return {
        "state": Import.State.QUEUED,
        "created_at": timezone.now(),
        "finished_at": None,
        "listed_at": None,
        "resumes_at": None,
        "error_code": "",
        "error_detail": "",
    }


def _is_fresh(made: Import, query: Query) -> bool:
    """Has it ended well, and would a new one find nothing to ask?"""
    if made.state != Import.State.DONE:
        return False
    now = timezone.now()
    lookup = Lookup.objects.asked(query.kind, query.value)
    if lookup is None or not lookup.is_fresh(now):
        return False
    wanted = list(made.items.filter(state=ImportItem.State.DONE).values_list("album_id", flat=True))
    fresh = [one for one in _lookups(wanted).values() if one.is_fresh(now)]
    return len(fresh) == len(wanted)


def cancel(made: Import) -> Import:
    """Ask for nothing more; what is here stays. Ended imports stay as they are."""
    with transaction.atomic():
        made = _lock(made)
        if made.is_active:
            waiting = list(made.items.waiting().values_list("album_id", flat=True))
            for start_at in range(0, len(waiting), 500):
                _withdraw(waiting[start_at : start_at + 500])
            _end(made, Import.State.CANCELLED)
    signals.import_changed.send_robust(sender=Import, import_=made)
    return made


def _withdraw(album_ids: Sequence[str]) -> None:
    """Questions of ours that have not begun, and that no other import waits for; their messages find nothing to do."""
    shared = ImportItem.objects.filter(album_id__in=album_ids, state="waiting", of_import__state__in=Import.ACTIVE)
    counted = shared.order_by().values("album_id").annotate(n=Count("pk")).filter(n__gt=1).values("album_id")
    queued = Lookup.objects.filter(kind=queries.AlbumTracks.kind, value__in=album_ids, state=Lookup.State.QUEUED)
    queued.filter(priority=gateway.IMPORT).exclude(value__in=counted).update(state=Lookup.State.IDLE)


def resume(made: Import) -> Import:
    """Go on: with what is left of a cancelled or paused import, and once more with what failed."""
    with transaction.atomic():
        made = _lock(made)
        if made.state != Import.State.DONE or made.albums_missing:
            made.items.filter(state__in=["failed", "absent"]).update(state="waiting", tries=0, error_detail="")
            listed = made.listed_at if made.items.exists() else None
            _change(made, **_beginning() | {"created_at": made.created_at, "listed_at": listed})
    _advance_quietly(made)
    made.refresh_from_db()
    return made


def sweep(now: datetime) -> int:
    """Go on with every import that is due, whatever became of its messages. Returns how many there were."""
    due = list(Import.objects.due(now))
    for made in due:
        advance(made)
    return len(due)


def _advance_quietly(made: Import) -> None:
    """What cannot be asked now is asked by the sweeper; whoever started the import sees its state."""
    try:
        advance(made)
    except SpotifyError as error:
        _log.info("import %s waits: %s", made.pk, error.detail)


def advance(made: Import) -> str:
    """Bring an import as far as it can be brought now. Safe to run twice, at once and late. Returns its state."""
    now = timezone.now()
    with transaction.atomic():
        made = _lock(made)
        if not made.is_active:
            return made.state
        before = made.state, made.listed_at
        query = _list_query(made.kind, made.spotify_id, made.name)
        lookup = Lookup.objects.asked(query.kind, query.value)
        wanted: list[tuple[Query, int]] = []
        if _list_is_here(made, lookup, now):
            wanted = _look_at_items(made, now)
        elif lookup is not None and _has_failed(lookup, now):
            _end(made, Import.State.FAILED, gateway.job_error(lookup))
        elif lookup is None or not lookup.is_in_work(now) or lookup.error_code:
            wanted = [(query, gateway.PERSON)]
        listed = made.listed_at != before[1]
    # Outside of the transaction: the worker must see the questions that it is sent.
    _ask(made, wanted)
    if listed or made.state != before[0]:
        signals.import_changed.send_robust(sender=Import, import_=made)
    return made.state


def _lock(made: Import) -> Import:
    return Import.objects.select_for_update().get(pk=made.pk)


def _change(made: Import, **values: object) -> None:
    """Write what differs; only then does the ETag change."""
    differing = {name: value for name, value in values.items() if getattr(made, name) != value}
    if differing:
        made.revision += 1
        for name, value in differing.items():
            setattr(made, name, value)
        made.save(update_fields=[*differing, "revision"])


def _end(made: Import, state: str, error: SpotifyError | None = None) -> None:
    code, detail = (error.code, error.detail[:500]) if error else ("", "")
    _change(
        made,
        state=state,
        finished_at=timezone.now(),
        resumes_at=None,
        error_code=code,
        error_detail=detail,
        calls_left=0,
    )


# The list


def _list_query(kind: str, spotify_id: str, name: str) -> Query:
    """The question whose answer says what the import consists of."""
    if kind == Import.Kind.ALBUM:
        return queries.AlbumTracks(spotify_id)
    if kind == Import.Kind.PLAYLIST:
        return queries.PlaylistTracks(spotify_id)
    return queries.ArtistAlbums(spotify_id) if spotify_id else queries.AlbumsByName.of(name)


def _has_failed(lookup: Lookup, now: datetime) -> bool:
    """Is there no list to be had? A stale one does not help: it would miss what is new."""
    if lookup.absent and lookup.is_fresh(now):
        return True
    return lookup.state == Lookup.State.FAILED and not lookup.may_retry(now)


def _list_is_here(made: Import, lookup: Lookup | None, now: datetime) -> bool:
    """Is the list known, and are the items those of it? Takes a new list over."""
    if made.listed_at is not None and not (lookup and lookup.fetched_at and lookup.fetched_at > made.listed_at):
        return True
    if lookup is None or lookup.absent or not lookup.is_fresh(now):
        return False
    fetched_at = lookup.fetched_at
    if made.kind == Import.Kind.ARTIST:
        artist_id = made.spotify_id or lookup.artist_id or ""
        listed = Album.objects.listed_for(artist_id)
        planned = [PlannedAlbum(a.pk, a.album_type, a.release_date, a.total_tracks) for a in listed]
        _take_items(made, [album.id for album in plans.in_order(planned)])
        _change(made, spotify_id=artist_id, name=_name_of(made.kind, artist_id) or made.name)
    elif made.kind == Import.Kind.ALBUM:
        _take_items(made, [made.spotify_id])
        _change(made, name=_name_of(made.kind, made.spotify_id))
    else:
        tracks = Playlist.objects.get(pk=made.spotify_id).rows.count()
        _change(made, name=_name_of(made.kind, made.spotify_id), albums_total=1, albums_done=1, tracks_done=tracks)
    _change(made, listed_at=fetched_at, state=Import.State.RUNNING)
    return True


def _take_items(made: Import, album_ids: list[str]) -> None:
    """Items for the albums of a list. What is no longer listed goes from the import, never from the catalogue."""
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


def _name_of(kind: str, spotify_id: str) -> str:
    rows: dict[str, type[Artist | Album | Playlist]] = {"artist": Artist, "album": Album, "playlist": Playlist}
    found = rows[kind]._default_manager.filter(pk=spotify_id).values_list("name", flat=True).first()
    return str(found or "")


# The items


def _look_at_items(made: Import, now: datetime) -> list[tuple[Query, int]]:
    """Write what has become of the albums, and say what to ask for next. Ends the import where nothing is left."""
    if made.kind == Import.Kind.PLAYLIST:  # came with its list
        _end(made, Import.State.DONE)
        return []
    waiting = list(made.items.waiting())
    lookups = _lookups([item.album_id for item in waiting])
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
    _write_progress(made, left)
    if not left:
        _end_well(made)
        return []
    working = [item for item in left if _in_work(lookups.get(item.album_id), now)]
    held_up = [lookups[item.album_id] for item in working if lookups[item.album_id].retry_at]
    if held_up:
        latest = max(held_up, key=lambda lookup: lookup.retry_at or now)
        _pause(made, latest.error_code, latest.error_detail, latest.retry_at or now)
        return []
    _change(made, state=Import.State.RUNNING, resumes_at=None, error_code="", error_detail="")
    return _next(left, working, lookups, now)


def _lookups(album_ids: Sequence[str]) -> dict[str, Lookup]:
    found: dict[str, Lookup] = {}
    for start_at in range(0, len(album_ids), 500):
        some = album_ids[start_at : start_at + 500]
        found |= {one.value: one for one in Lookup.objects.filter(kind=queries.AlbumTracks.kind, value__in=some)}
    return found


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


def _in_work(lookup: Lookup | None, now: datetime) -> bool:
    """Queued or running, whether or not its message still exists: the lookup's own sweeper sees to that."""
    if lookup is None:
        return False
    if lookup.state == Lookup.State.FAILED:
        return not lookup.may_retry(now)
    return lookup.state in (Lookup.State.QUEUED, Lookup.State.RUNNING)


def _next(
    left: list[ImportItem], working: list[ImportItem], lookups: dict[str, Lookup], now: datetime
) -> list[tuple[Query, int]]:
    """The next albums to ask for. Where one call answers a whole batch, the last batch must have ended: else what came
    first would be asked for alone."""
    most = QUEUED_AT_ONCE[settings.SPOTIFY_QUOTA_MODE]
    room = most - len(working)
    if room <= 0 or (settings.SPOTIFY_QUOTA_MODE == "extended" and working):
        return []
    ids = {item.album_id for item in working}
    free = [item for item in left if item.album_id not in ids][:room]
    for item in free:
        item.tries += 1
    ImportItem.objects.bulk_update(free, ["tries"])
    return [
        (queries.AlbumTracks(item.album_id), gateway.LEFT if item.position < FIRST_ALBUMS else gateway.IMPORT)
        for item in free
    ]


def _write_progress(made: Import, left: list[ImportItem]) -> None:
    """The figures that people see; `calls_left` is what the plan computes for the albums that are left."""
    totals = {album.pk: album for album in Album.objects.filter(pk__in=[item.album_id for item in left])}
    planned = [
        PlannedAlbum(item.album_id, "", "", totals[item.album_id].total_tracks if item.album_id in totals else 0)
        for item in left
    ]
    states = list(made.items.values_list("state", "tracks"))
    _change(
        made,
        albums_total=len(states),
        albums_done=sum(state != ImportItem.State.WAITING for state, _ in states),
        albums_missing=sum(state in ("absent", "failed") for state, _ in states),
        tracks_done=sum(tracks for _, tracks in states),
        calls_left=plans.calls(planned, batch=batch_size()),
    )


def batch_size() -> int:
    """How many albums one call can answer."""
    return queries.BATCHES[queries.AlbumTracks.kind] if settings.SPOTIFY_QUOTA_MODE == "extended" else 1


def _end_well(made: Import) -> None:
    """Done; failed only where nothing at all could be had."""
    if made.albums_total and made.albums_missing == made.albums_total:
        worst = made.items.exclude(error_detail="").first()
        _end(
            made, Import.State.FAILED, SpotifyError(worst.error_detail if worst else "None of the albums could be had.")
        )
    else:
        _end(made, Import.State.DONE)


def _pause(made: Import, code: str, detail: str, until: datetime) -> None:
    _change(made, state=Import.State.PAUSED, resumes_at=until, error_code=code, error_detail=detail[:500])


def _ask(made: Import, wanted: list[tuple[Query, int]]) -> None:
    """Put the questions to the gateway; where Spotify may not be asked now, the import pauses until it may."""
    if not wanted:
        return
    try:
        gateway.request_all(wanted, patience_seconds=LIST_PATIENCE_SECONDS if made.listed_at is None else 0.0)
    except Forbidden as error:
        with transaction.atomic():
            _end(_lock(made), Import.State.FAILED, error)
    except (QueueFull, BrokerDown) as error:
        _log.info("import %s goes on with the next sweep: %s", made.pk, error.detail)
    except Unavailable as error:
        until = timezone.now() + timedelta(seconds=math.ceil(error.retry_after))
        with transaction.atomic():
            locked = _lock(made)
            if locked.is_active:
                _pause(locked, error.code, error.detail, until)
    made.refresh_from_db()


# What people see


def estimate(made: Import) -> Estimate | None:
    """What is left in calls, share of the day and time; None while the list is not known. Without Redis no day is known."""
    if made.calls_left is None:
        return None
    usage = gateway.usage_or_none()
    return plans.estimate(
        made.calls_left,
        used_today=usage.used_today if usage else 0,
        daily_limit=settings.SPOTIFY_DAILY_LIMIT,
        limit=usage.limit if usage else settings.SPOTIFY_RATE_LIMIT,
        window_seconds=settings.SPOTIFY_RATE_WINDOW_SECONDS,
        bulk_share=BULK_SHARE,
    )


def target_of(text: str) -> Target:
    """An artist's name, or whatever a person may paste. Raises links.NotALink for a link that leads nowhere."""
    looks_like_link = any(sign in text for sign in ("://", "spotify:", "spotify.com", "spotify.link"))
    if not looks_like_link and not links.is_id(text.strip()):
        return Target(Import.Kind.ARTIST, name=text.strip())
    link = links.resolve(text)
    if link.kind == "track":
        raise links.NotALink("a track is no import; paste its album, its artist or a playlist")
    return Target(link.kind, link.id)
