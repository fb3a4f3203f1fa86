"""Questions to the cached catalogue, named for who asks."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

from django.conf import settings
from django.db import IntegrityError, connection, models, transaction
from django.db.models import Q
from django.db.models.functions import Coalesce

from songranker import titles

_M = TypeVar("_M", bound=models.Model)
# Written out, because somebody waits for them, and Django takes longer to compose a statement than SQLite to run it.
_ASKED = "SELECT * FROM {table} WHERE kind = %s AND value = %s"
# One statement instead of an update and a select: somebody waits for it. The last parameter: the broker gave the message
# back, so whoever ran it is dead.
_START = """
UPDATE {table} SET state = 'running', started_at = %s, lease_until = %s, attempts = attempts + 1
WHERE id = %s AND task_id = %s AND (state = 'queued' OR (state = 'running' AND (lease_until <= %s OR %s = 1)))
RETURNING *
"""


class LookupQuerySet(models.QuerySet[Any]):
    """Single flight and job states. Who won is said by the database: updates hold only where the old state still does."""

    def asked(self, kind: str, value: str) -> Any:
        """The row of a question; None where nobody has asked it yet."""
        return self._one(_ASKED, [kind, value])

    def claim(
        self,
        seen: Any,
        *,
        kind: str,
        value: str,
        now: datetime,
        lease: timedelta,
        priority: int = 0,
        wanted_until: datetime | None = None,
        asked_at: datetime | None = None,
    ) -> tuple[Any, bool]:
        """The row of a question, and whether the caller has to publish its task.

        `seen` is the row as the caller has read it (`asked`), None where there was none.
        `asked_at` is when the caller looked at the rows in vain: what was answered or refused since needs no new task.
        `wanted_until`: so long somebody waits for the answer.

        A question that is already in work keeps its task: five hundred askers make one. A lease that ran out (its
        message or its worker is gone) is taken over under the same task id, so that those who wait are woken, too.
        """
        work = {"state": "queued", "lease_until": now + lease, "error_code": "", "error_detail": ""}
        wish: dict[str, Any] = {"priority": priority, "wanted_until": wanted_until}
        anew = {**work, **wish, "task_id": uuid.uuid4().hex, "requested_at": now, "attempts": 0}
        lookup = seen
        if lookup is None:
            try:
                with transaction.atomic():
                    return self.create(kind=kind, value=value, **anew), True
            except IntegrityError:  # somebody was faster
                lookup = self.asked(kind, value)
        if not lookup.is_in_work(now):
            ended = Q(state__in=("idle", "done")) | Q(state="failed", retry_at__lte=asked_at or now)
            unanswered = Q(fetched_at__isnull=True) | Q(fetched_at__lte=asked_at or now)
            if self.filter(ended, unanswered, pk=lookup.pk).update(**anew):
                return lookup.changed(**anew), True
            dead = self.filter(pk=lookup.pk, state__in=("queued", "running"), lease_until__lte=now)
            if dead.update(**work, **wish, retry_at=None):
                lookup.refresh_from_db()
                return lookup, True
            lookup.refresh_from_db()
        return lookup, self._join(lookup, **wish)

    def _join(self, lookup: Any, *, priority: int, wanted_until: datetime | None) -> bool:
        """Wait for work that is under way; whether it must be published again, because it has become more urgent."""
        working = self.filter(pk=lookup.pk, state__in=("queued", "running"))
        if priority < lookup.priority:
            raised = working.filter(priority__gt=priority).update(priority=priority, wanted_until=wanted_until)
            return bool(raised) and lookup.state == "queued" and not lookup.error_code
        longer = wanted_until is not None and (
            lookup.wanted_until is None or wanted_until - lookup.wanted_until > timedelta(seconds=1)
        )
        if longer:
            working.update(wanted_until=wanted_until)
        return False

    def by_value(self, kind: str, values: Sequence[str]) -> dict[str, Any]:
        """The rows of many questions of one kind, by value."""
        found: dict[str, Any] = {}
        for some in in_steps(values):
            found |= {lookup.value: lookup for lookup in self.filter(kind=kind, value__in=some)}
        return found

    def start(self, *, pk: str, task_id: str, now: datetime, lease: timedelta, redelivered: bool) -> Any:
        """The row, now running; None where the work was done meanwhile or somebody else does it."""
        prepared = self.model._meta.pk.get_db_prep_value(pk, connection)
        return self._one(_START, [now, now + lease, prepared, task_id, now, int(redelivered)])

    def _one(self, statement: str, params: list[Any]) -> Any:
        """The row that a statement gives, None where it gives none."""
        table = connection.ops.quote_name(self.model._meta.db_table)
        return next(iter(self.raw(statement.format(table=table), params)), None)

    def take_along(self, lookup: Any, *, most: int, now: datetime, lease: timedelta) -> list[Any]:
        """Other questions of the same kind that wait, now running: one batch answers them all, the urgent first."""
        waiting = self.filter(kind=lookup.kind, state="queued", error_code="").exclude(pk=lookup.pk)
        taken = []
        for other in waiting.order_by("priority", "requested_at")[:most]:
            started = self.start(pk=other.pk, task_id=other.task_id, now=now, lease=lease, redelivered=False)
            if started:
                taken.append(started)
        return taken

    def lost(self, now: datetime) -> "LookupQuerySet":
        """Work that nobody does any more, and that may be done now."""
        not_paused = Q(retry_at__isnull=True) | Q(retry_at__lte=now)
        return self.filter(not_paused, state__in=("queued", "running"), lease_until__lte=now)

    def starving(self, now: datetime, patience: timedelta) -> "LookupQuerySet":
        """Bulk work that has waited in the queue for too long, the longest first."""
        waiting = self.filter(state="queued", error_code="", priority__gt=0, requested_at__lte=now - patience)
        return waiting.order_by("requested_at")


def fresh_since(kind: str, now: datetime) -> datetime:
    """Answers to questions of this kind that were fetched after this are fresh."""
    return now - timedelta(seconds=settings.SPOTIFY_LIFETIMES[kind])


class AlbumQuerySet(models.QuerySet[Any]):
    def forget(self, ids: list[str]) -> None:
        """Delete albums with their tracks, and that they were ever asked for. Sessions keep their own copies."""
        from spotify.models import Lookup

        with transaction.atomic():
            Lookup.objects.filter(kind="album_tracks", value__in=ids).delete()
            self.filter(pk__in=ids).delete()

    def listed_for(self, artist_id: str) -> "AlbumQuerySet":
        """An artist's albums in Spotify's order: by group, newest first."""
        return self.filter(listings__artist_id=artist_id).order_by("listings__position")

    def for_admin(self) -> "AlbumQuerySet":
        """With when the tracks were fetched, and how many there are, in one query."""
        from spotify.models import Lookup, Track

        fetched = Lookup.objects.filter(kind="album_tracks", value=models.OuterRef("pk")).values("fetched_at")[:1]
        count = (
            Track.objects.filter(album=models.OuterRef("pk")).order_by().values("album").annotate(n=models.Count("pk"))
        )
        return self.annotate(
            tracks_fetched_at=models.Subquery(fetched), tracks_known=models.Subquery(count.values("n"))
        ).prefetch_related("artists")


class TrackQuerySet(models.QuerySet[Any]):
    def of_album(self, album_id: str) -> "TrackQuerySet":
        """In disc and track order, with the artists."""
        return self.filter(album_id=album_id).order_by("disc_number", "track_number", "pk").with_artists()

    def of_playlist(self, playlist_id: str) -> "TrackQuerySet":
        """In the playlist's order, with the artists; a track that stands there twice comes twice."""
        return self.filter(playlist_rows__playlist=playlist_id).order_by("playlist_rows__position").with_artists()

    def with_artists(self) -> "TrackQuerySet":
        return self.prefetch_related("credits__artist")

    def for_songs(self) -> "TrackQuerySet":
        """With all that a session's copy of a track needs."""
        return self.with_artists().select_related("album").prefetch_related("album__credits")

    def known(self, ids: Sequence[str]) -> set[str]:
        """Which of these ids are here."""
        return {pk for some in in_steps(ids) for pk in self.filter(pk__in=some).values_list("pk", flat=True)}

    def with_ids(self, ids: Sequence[str]) -> Iterator[Any]:
        """The tracks with these ids, in no order."""
        for some in in_steps(ids):
            yield from self.filter(pk__in=some)

    def song_keys(self, album_ids: Collection[str]) -> dict[str, set[str]]:
        """Keys of the titles on each of these albums, as far as their tracks are known."""
        keys: dict[str, set[str]] = defaultdict(set)
        for album_id, name in self.filter(album_id__in=album_ids).order_by().values_list("album_id", "name"):
            keys[album_id].add(titles.parse(name).key)
        return keys


class PlaylistQuerySet(models.QuerySet[Any]):
    def with_progress(self) -> "PlaylistQuerySet":
        """Each with `tracks`, how many rows are here, and `read`, how many of all rows have been read."""
        last = Coalesce(models.Max("rows__position") + 1, 0)
        return self.annotate(tracks=models.Count("rows"), read=last)


class ImportQuerySet(models.QuerySet[Any]):
    def active(self) -> "ImportQuerySet":
        """Queued, running or paused: what the sweeper goes on with, the oldest first."""
        return self.filter(state__in=self.model.ACTIVE).order_by("created_at")

    def of(self, key: str, kind: str, spotify_id: str) -> Any:
        """The import of a thing, also where it was begun by the artist's name; None where there is none."""
        same = Q(key=key) | Q(kind=kind, spotify_id=spotify_id) if spotify_id else Q(key=key)
        return self.filter(same).order_by("created_at").last()

    def count_active(self) -> list[tuple[str, int]]:
        """How many there are in each state that has not ended."""
        return list(self.active().order_by().values_list("state").annotate(n=models.Count("pk")))

    def due(self, now: datetime) -> "ImportQuerySet":
        """Active, and not paused until later."""
        return self.active().filter(Q(resumes_at__isnull=True) | Q(resumes_at__lte=now))

    def waiting_for(self, kind: str, values: Sequence[str]) -> "ImportQuerySet":
        """Active imports that go on when these questions are answered: of their list, or of their albums."""
        from spotify.models import Lookup

        if kind == "album_tracks":
            items = Q(items__album_id__in=values, items__state="waiting")
            ours = items | Q(key__in=[f"album:{value}" for value in values])
        elif kind == "artist_albums":
            names = Lookup.objects.filter(kind="albums_by_name", artist__in=values).values_list("value", flat=True)
            ours = Q(kind="artist", spotify_id__in=values) | Q(key__in=[f"name:{name}" for name in names])
        elif kind in ("albums_by_name", "playlist_tracks"):
            begins = "name" if kind == "albums_by_name" else "playlist"
            ours = Q(key__in=[f"{begins}:{value}" for value in values])
        else:
            return self.none()  # a person's search: no import asks that
        return self.active().filter(ours).distinct()


class ImportItemQuerySet(models.QuerySet[Any]):
    def waiting(self) -> "ImportItemQuerySet":
        return self.filter(state="waiting").order_by("position")

    def with_album_names(self) -> "ImportItemQuerySet":
        """Each with `album_name`, None where the album is not here."""
        from spotify.models import Album

        albums = Album.objects.filter(pk=models.OuterRef("album_id"))
        return self.annotate(album_name=models.Subquery(albums.values("name")[:1])).order_by("position")


def in_steps(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """A statement takes only so many parameters."""
    for at in range(0, len(values), 500):
        yield values[at : at + 500]


def upsert(model: type[_M], rows: list[_M], fields: list[str], unique: list[str]) -> None:
    """Insert rows or update `fields` of those that exist; always in one order, so that two workers cannot deadlock."""
    if rows:
        # A foreign key's own value, not the row that it points to.
        names = [cast("models.Field[Any, Any]", model._meta.get_field(name)).attname for name in unique]
        ordered = sorted(rows, key=lambda row: tuple(str(getattr(row, name)) for name in names))
        model._default_manager.bulk_create(ordered, update_conflicts=True, update_fields=fields, unique_fields=unique)
