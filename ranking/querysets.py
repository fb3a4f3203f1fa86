"""Questions to sessions and comparisons, named for who asks."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import models, transaction
from django.db.models import Q

COUNTED_VISIBILITIES = ("unlisted", "public")
COUNTED_OUTCOMES = ("a", "b", "tie")


class SessionQuerySet(models.QuerySet[Any]):
    def counted(self) -> "SessionQuerySet":
        """Sessions whose votes count on the leaderboards."""
        return self.filter(visibility__in=COUNTED_VISIBILITIES)

    def waiting_for(self, kind: str, spotify_ids: Sequence[str]) -> "SessionQuerySet":
        """Sessions that collect, and wait for one of these albums, tracks or playlists."""
        return self.filter(
            state="collecting", sources__kind=kind, sources__spotify_id__in=spotify_ids, sources__state="waiting"
        ).distinct()

    def queue_collecting(self) -> list[str]:
        """The sessions for which a message has to be sent, marked as having one under way.

        One that somebody collects at this moment is not waited for: it gets its message without the mark.
        """
        free = list(self.filter(collect_queued=False).values_list("pk", flat=True))
        with transaction.atomic():
            unlocked = self.model.objects.filter(pk__in=free).select_for_update(skip_locked=True).order_by("pk")
            self.model.objects.filter(pk__in=list(unlocked.values_list("pk", flat=True))).update(collect_queued=True)
        return free

    def collecting(self) -> "SessionQuerySet":
        return self.filter(state="collecting").order_by("created_at")

    def matching(self) -> "SessionQuerySet":
        """Sessions with pasted songs that are to be found on Spotify and have not been searched yet."""
        return self.filter(songs__match__state="waiting").distinct().order_by("created_at")

    def for_admin(self) -> "SessionQuerySet":
        """With how many songs and answers, in one query."""
        songs = models.Count("songs", filter=Q(songs__merged_into__isnull=True), distinct=True)
        answers = models.Count("comparisons", filter=Q(comparisons__undone_at__isnull=True), distinct=True)
        return self.annotate(song_count=songs, answer_count=answers)


class SongRow(NamedTuple):
    """What counting needs to know of a song. A whole artist has a thousand, and each vote reads all of them."""

    pk: int
    merged_into_id: int | None
    excluded: bool
    artist_key: str


class SongQuerySet(models.QuerySet[Any]):
    def rows(self) -> list[SongRow]:
        """The songs as light rows, in their order."""
        ordered = self.order_by("position", "pk").values_list("pk", "merged_into_id", "excluded", "artist_key")
        return [SongRow(*row) for row in ordered]

    def shown(self) -> "SongQuerySet":
        """What `songs[]` lists: copies that were folded by themselves stand under `duplicates` instead."""
        return self.exclude(merge__automatic=True).order_by("position", "pk")


class MatchQuerySet(models.QuerySet[Any]):
    def waiting_in(self, session: Any) -> "MatchQuerySet":
        """Matches of a session that are not searched yet, in the order of its songs."""
        return self.filter(song__session=session, state="waiting").select_related("song").order_by("song__position")

    def sessions_waiting_for(self, questions: Sequence[str]) -> list[str]:
        waiting = self.filter(question__in=questions, state="waiting").order_by()
        return list(waiting.values_list("song__session_id", flat=True).distinct())


class ComparisonQuerySet(models.QuerySet[Any]):
    def standing(self) -> "ComparisonQuerySet":
        """Not undone."""
        return self.filter(undone_at__isnull=True)

    def counted(self) -> "ComparisonQuerySet":
        """Those that count on the leaderboards, before excluded and merged songs are looked at."""
        return self.standing().filter(outcome__in=COUNTED_OUTCOMES, session__visibility__in=COUNTED_VISIBILITIES)
