"""Questions to the cached catalogue, named for who asks."""

import uuid
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q

_M = TypeVar("_M", bound=models.Model)


class LookupQuerySet(models.QuerySet[Any]):
    """Single flight and job states. Who won is said by the database: updates hold only where the old state still does."""

    def in_work(self, now: datetime) -> "LookupQuerySet":
        """Queued or running, with a lease that has not run out."""
        return self.filter(state__in=("queued", "running"), lease_until__gt=now)

    def claim(
        self, *, kind: str, value: str, now: datetime, lease: timedelta, asked_at: datetime | None = None
    ) -> tuple[Any, bool]:
        """The row of a question, and whether the caller is the one who has to publish its task.

        `asked_at` is when the caller looked at the rows in vain: what was answered or refused since needs no new task.

        A question that is already in work keeps its task: five hundred askers make one. A lease that ran out (its
        message or its worker is gone) is taken over under the same task id, so that those who wait are woken, too.
        """
        lookup, _ = self.get_or_create(kind=kind, value=value)
        ended = Q(state__in=("idle", "done")) | Q(state="failed", retry_at__lte=asked_at or now)
        unanswered = Q(fetched_at__isnull=True) | Q(fetched_at__lte=asked_at or now)
        fresh_start = self.filter(ended, unanswered, pk=lookup.pk).update(
            state="queued",
            task_id=uuid.uuid4().hex,
            requested_at=now,
            lease_until=now + lease,
            attempts=0,
            error_code="",
            error_detail="",
        )
        taken_over = fresh_start or self.filter(
            pk=lookup.pk, state__in=("queued", "running"), lease_until__lte=now
        ).update(state="queued", lease_until=now + lease, retry_at=None, error_code="", error_detail="")
        lookup.refresh_from_db()
        return lookup, bool(taken_over)

    def start(self, *, pk: str, task_id: str, now: datetime, lease: timedelta, redelivered: bool) -> Any:
        """The row, now running; None where the work was done meanwhile or somebody else does it."""
        startable = Q(state="queued") | Q(state="running", lease_until__lte=now)
        if redelivered:  # the broker gave the message back: whoever ran it is dead
            startable |= Q(state="running")
        won = self.filter(startable, pk=pk, task_id=task_id).update(
            state="running", started_at=now, lease_until=now + lease, attempts=F("attempts") + 1
        )
        return self.get(pk=pk) if won else None

    def lost(self, now: datetime) -> "LookupQuerySet":
        """Work that nobody does any more, and that may be done now."""
        not_paused = Q(retry_at__isnull=True) | Q(retry_at__lte=now)
        return self.filter(not_paused, state__in=("queued", "running"), lease_until__lte=now)


def fresh_since(now: datetime) -> datetime:
    """Answers fetched after this are fresh."""
    return now - timedelta(seconds=settings.SPOTIFY_FRESH_SECONDS)


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

    def with_artists(self) -> "TrackQuerySet":
        return self.prefetch_related("credits__artist")


def upsert(model: type[_M], rows: list[_M], fields: list[str], unique: list[str]) -> None:
    """Insert rows or update `fields` of those that exist; always in one order, so that two workers cannot deadlock."""
    if rows:
        ordered = sorted(rows, key=lambda row: tuple(str(_value(row, name)) for name in unique))
        model._default_manager.bulk_create(ordered, update_conflicts=True, update_fields=fields, unique_fields=unique)


def _value(row: models.Model, name: str) -> Any:
    return getattr(row, "pk" if name == "id" else name)
