"""Sessions and the log of comparisons, to look at. The log is the truth: nobody edits it here."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from ranking.models import Comparison, Session, Song, Source
from songranker.admin_tools import LookOnlyAdmin, LookOnlyInline, duration


class SourceInline(LookOnlyInline):
    model = Source
    fields = ["position", "kind", "spotify_id", "state"]


@admin.register(Session)
class SessionAdmin(LookOnlyAdmin):
    list_display = ["id", "name", "state", "mode", "versions", "visibility", "songs", "answers", "created_at"]
    list_filter = ["state", "visibility", "mode", "versions"]
    search_fields = ["=id", "name"]
    ordering = ["-created_at"]
    date_hierarchy = "created_at"
    exclude = ["token_hash", "current_pair"]
    inlines = [SourceInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        return Session.objects.for_admin()

    @admin.display(description="songs")
    def songs(self, session: Any) -> int:
        return int(session.song_count)

    @admin.display(description="answers")
    def answers(self, session: Any) -> int:
        return int(session.answer_count)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """One by one only: deleting goes through the same function as the API, which tells the leaderboards."""
        return request.user.has_perm("ranking.delete_session")

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What goes along is part of the session: the right to delete that is enough."""
        to_delete, counts, _, protected = super().get_deleted_objects(objs, request)
        return to_delete, counts, set(), protected

    def delete_model(self, request: HttpRequest, obj: Session) -> None:
        from ranking import sessions

        sessions.delete(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Session]) -> None:
        for session in queryset:
            self.delete_model(request, session)


@admin.register(Song)
class SongAdmin(LookOnlyAdmin):
    list_display = ["name", "artist_name", "album", "length", "session", "excluded", "merged_into"]
    list_select_related = ["session", "merged_into"]
    list_filter = ["excluded"]
    search_fields = ["name", "artist_name", "=session__id", "=spotify_id"]
    ordering = ["-pk"]

    @admin.display(description="length")
    def length(self, song: Song) -> str:
        return duration(song.duration_ms)


@admin.register(Comparison)
class ComparisonAdmin(LookOnlyAdmin):
    list_display = ["session", "n", "song_a", "outcome", "song_b", "decision_ms", "created_at", "undone_at"]
    list_display_links = ["n"]
    list_select_related = ["session", "song_a", "song_b"]
    list_filter = ["outcome", ("undone_at", admin.EmptyFieldListFilter)]
    search_fields = ["=session__id"]
    ordering = ["-pk"]
