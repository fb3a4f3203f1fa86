"""`manage.py seed_demo`: something to look at on a new install."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from leaderboard import demo
from leaderboard.models import Board
from songranker import tables


class Command(BaseCommand):
    help = "Demo sessions, votes and leaderboards. Safe to run twice; uses no Spotify call."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="JSON instead of a table")

    def handle(self, *args: Any, **options: Any) -> None:
        made, votes = demo.seed()
        boards = Board.objects.filter(artist__in=demo.ARTISTS)
        if options["json"]:
            tables.show_json(
                self.stdout, {"sessions": made, "votes": votes, "boards": [board.artist_id for board in boards]}
            )
            return
        rows = [
            (board.artist, board.songs, board.votes, board.sessions, f"/api/v1/leaderboards/{board.artist_id}")
            for board in boards
        ]
        title = f"{made} sessions and {votes} votes added"
        tables.show(self.stdout, title, ("artist", "#songs", "#votes", "#sessions", "board"), rows)
