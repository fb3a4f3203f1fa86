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

from spotify import gateway, import_items, links, plans, queries, signals
from spotify.errors import BrokerDown, Forbidden, QueueFull, SpotifyError, Unavailable
from spotify.models import Album, Artist, Import, ImportItem, Lookup, Playlist
from spotify.plans import Estimate, PlannedAlbum
from spotify.queries import Query
from spotify.querysets import in_steps

_log = logging.getLogger(__name__)

# Bulk work leaves a fifth of the window and of the day to people (spotify/lua/acquire.lua).
BULK_SHARE = 0.8
# So long somebody is thought to wait for the first songs.
FIRST_PATIENCE_SECONDS = 30.0


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
        "tracks_total": None,
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
    lookups = Lookup.objects.by_value(queries.AlbumTracks.kind, wanted)
    fresh = [one for one in lookups.values() if one.is_fresh(now)]
    return len(fresh) == len(wanted)


def cancel(made: Import) -> Import:
    """Ask for nothing more; what is here stays. Ended imports stay as they are."""
    with transaction.atomic():
        made = _lock(made)
        if made.is_active:
            waiting = list(made.items.waiting().values_list("album_id", flat=True))
            for some in in_steps(waiting):
                _withdraw(some)
            made.end(Import.State.CANCELLED)
            _withdraw_list(made)
    signals.import_changed.send_robust(sender=Import, import_=made)
    return made


def _withdraw(album_ids: Sequence[str]) -> None:
    """Questions of ours that have not begun, and that no other import waits for; their messages find nothing to do."""
    shared = ImportItem.objects.filter(album_id__in=album_ids, state="waiting", of_import__state__in=Import.ACTIVE)
    counted = shared.order_by().values("album_id").annotate(n=Count("pk")).filter(n__gt=1).values("album_id")
    queued = Lookup.objects.filter(kind=queries.AlbumTracks.kind, value__in=album_ids, state=Lookup.State.QUEUED)
    queued.filter(priority=gateway.IMPORT).exclude(value__in=counted).update(state=Lookup.State.IDLE)


def _withdraw_list(made: Import) -> None:
    """The list that is being read for this import alone: the worker stops before its next page, and keeps what it has."""
    query = _list_query(made.kind, made.spotify_id, made.name)
    if Import.objects.waiting_for(query.kind, [query.value]).exists():
        return
    ours = Lookup.objects.filter(kind=query.kind, value=query.value, priority=gateway.LEFT, wanted_until__isnull=True)
    ours.filter(state__in=[Lookup.State.QUEUED, Lookup.State.RUNNING]).update(state=Lookup.State.IDLE)


def resume(made: Import) -> Import:
    """Go on: with what is left of a cancelled or paused import, and once more with what failed."""
    with transaction.atomic():
        made = _lock(made)
        if made.state != Import.State.DONE or made.albums_missing:
            made.items.filter(state__in=["failed", "absent"]).update(state="waiting", tries=0, error_detail="")
            listed = made.listed_at if made.items.exists() else None
            made.change(**_beginning() | {"created_at": made.created_at, "listed_at": listed})
    _advance_quietly(made)
    made.refresh_from_db()
    return made


def sweep(now: datetime) -> int:
    """Go on with every import that is due, whatever became of its messages. Returns how many there were."""
    due = list(Import.objects.due(now))
    for made in due:
        try:
            advance(made)
        except Exception:  # noqa: BLE001  (one that breaks must not hold up those behind it; the next sweep tries it again)
            _log.exception("import %s could not be brought on", made.pk)
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
        before = made.state, made.items_at
        wanted = _look(made, now)
        seen = made.state, made.items_at
    if seen != before:
        signals.import_changed.send_robust(sender=Import, import_=made)
    # Outside of the transaction: the worker must see the questions that it is sent. Last, because it may raise.
    _ask(made, wanted)
    if made.state != seen[0]:
        signals.import_changed.send_robust(sender=Import, import_=made)
    return made.state


def _look(made: Import, now: datetime) -> list[tuple[Query, int]]:
    """Write how far it is; what to ask next, with priorities. The caller holds the lock."""
    query = _list_query(made.kind, made.spotify_id, made.name)
    lookup = Lookup.objects.asked(query.kind, query.value)
    if _list_is_here(made, lookup, now):
        return import_items.look(made, now)
    if lookup is not None and _has_failed(lookup, now):
        _fail(made, gateway.job_error(lookup))
        return []
    in_work = lookup is not None and lookup.is_in_work(now) and not lookup.error_code
    # Lists make way for people: an artist's may be a hundred pages long.
    wanted: list[tuple[Query, int]] = [] if in_work else [(query, gateway.LEFT)]
    return wanted + (_look_ahead(made, lookup, now) if lookup and not lookup.is_known() else [])


def _lock(made: Import) -> Import:
    return Import.objects.select_for_update().get(pk=made.pk)


def _fail(made: Import, error: SpotifyError | None) -> None:
    code, detail = (error.code, error.detail) if error else ("", "")
    made.end(Import.State.FAILED, code, detail)


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
        import_items.take_list(made, _planned(artist_id), now)
        made.change(spotify_id=artist_id, name=_name_of(made.kind, artist_id) or made.name)
    elif made.kind == Import.Kind.ALBUM:
        album = Album.objects.get(pk=made.spotify_id)
        import_items.take_list(made, [PlannedAlbum(album.pk, "", "", album.total_tracks)], now)
        made.change(name=album.name)
    else:
        _count_rows(made, now)
        made.change(albums_done=1)
    made.change(listed_at=fetched_at, state=Import.State.RUNNING)
    return True


def _look_ahead(made: Import, lookup: Lookup, now: datetime) -> list[tuple[Query, int]]:
    """While a list that nobody knew is being read: a playlist's rows so far, an artist's first albums."""
    if made.kind == Import.Kind.PLAYLIST:
        _count_rows(made, now)
        return []
    artist_id = made.spotify_id or lookup.artist_id
    if made.kind != Import.Kind.ARTIST or not artist_id:
        return []
    made.change(name=_name_of(made.kind, artist_id) or made.name)
    if not import_items.has_first_albums(made):
        import_items.take_list(made, _planned(artist_id), now)
    return import_items.look(made, now, whole=False)


def _planned(artist_id: str) -> list[PlannedAlbum]:
    """An artist's albums, as far as they are listed here, in the order of the plan."""
    listed = Album.objects.listed_for(artist_id)
    return plans.in_order([PlannedAlbum(a.pk, a.album_type, a.release_date, a.total_tracks) for a in listed])


def _count_rows(made: Import, now: datetime) -> None:
    """How far a playlist is: its rows come page by page."""
    playlist = Playlist.objects.with_progress().filter(pk=made.spotify_id).first()
    if playlist is None:
        return
    left = playlist.total - playlist.read
    made.run(
        name=playlist.name,
        albums_total=1,
        tracks_total=playlist.total - playlist.left_out,
        tracks_done=playlist.tracks,
        calls_left=plans.list_calls(left, page=plans.PAGE_OF_TRACKS) if left > 0 else 0,
        items_at=made.items_at or now,
    )


def _name_of(kind: str, spotify_id: str) -> str:
    rows: dict[str, type[Artist | Album | Playlist]] = {"artist": Artist, "album": Album, "playlist": Playlist}
    found = rows[kind]._default_manager.filter(pk=spotify_id).values_list("name", flat=True).first()
    return str(found or "")


def _ask(made: Import, wanted: list[tuple[Query, int]]) -> None:
    """Put the questions to the gateway; where Spotify may not be asked now, the import pauses until it may."""
    if not wanted:
        return
    try:
        gateway.request_all(wanted, patience_seconds=FIRST_PATIENCE_SECONDS if made.listed_at is None else 0.0)
        import_items.count_tries(made, wanted)
    except Forbidden as error:
        with transaction.atomic():
            _fail(_lock(made), error)
    except (QueueFull, BrokerDown) as error:
        _log.info("import %s goes on with the next sweep: %s", made.pk, error.detail)
    except Unavailable as error:
        until = timezone.now() + timedelta(seconds=math.ceil(error.retry_after))
        with transaction.atomic():
            locked = _lock(made)
            if locked.is_active:
                locked.pause(error.code, error.detail, until)
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
