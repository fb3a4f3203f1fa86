"""Boards and standings, to look at; they are derived from the comparisons."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from leaderboard import tasks
from leaderboard.models import Board, Standing
from ranking.bradley_terry import ELO_MEAN, ELO_SCALE
from songranker import waiting
from songranker.admin_tools import LookOnlyAdmin, LookOnlyInline, cover


class StandingInline(LookOnlyInline):
    model = Standing
    fields = [
        "rank",
        "name",
        "rank_low",
        "rank_high",
        "strength",
        "std_error",
        "votes",
        "sessions",
        "rank_before",
    ]


@admin.register(Board)
class BoardAdmin(LookOnlyAdmin):
    list_display = ["artist", "songs", "votes", "sessions", "updated_at", "artist_id"]
    search_fields = ["artist", "=artist_id"]
    ordering = ["-votes"]
    inlines = [StandingInline]
    actions = ["rebuild"]

    @admin.action(description="Rebuild now", permissions=["view"])
    def rebuild(self, request: HttpRequest, boards: QuerySet[Board]) -> None:
        try:
            for board in boards:
                tasks.rebuild.delay(board.pk)
        except waiting.BROKER_ERRORS:
            self.message_user(request, "the queue cannot be reached", messages.ERROR)
        else:
            self.message_user(request, f"{len(boards)} rebuilds queued", messages.SUCCESS)


@admin.register(Standing)
class StandingAdmin(LookOnlyAdmin):
    list_display = ["picture", "board", "rank", "name", "album", "elo", "votes", "sessions"]
    list_display_links = ["name"]
    list_select_related = ["board"]
    search_fields = ["name", "board__artist"]
    ordering = ["board", "position"]

    @admin.display(description="")
    def picture(self, standing: Standing) -> Any:
        return cover(standing.image_url)

    @admin.display(description="Elo", ordering="strength")
    def elo(self, standing: Standing) -> str:
        return f"{ELO_MEAN + ELO_SCALE * standing.strength:.0f}"
