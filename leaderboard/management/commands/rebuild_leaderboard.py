"""`manage.py rebuild_leaderboard [ARTIST]`: now, rather than when beat says."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from leaderboard import standings
from leaderboard.models import Board
from songranker import tables


class Command(BaseCommand):
    help = "Rebuild the leaderboards that changed, or one artist's. Status 1 where there is no such board."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("artist", metavar="ARTIST", nargs="?", help="the board's id, or the artist's name")
        parser.add_argument("--full", action="store_true", help="every board from its comparisons, changed or not")
        parser.add_argument("--json", action="store_true", help="JSON instead of a table")

    def handle(self, *args: Any, **options: Any) -> None:
        artist_ids = standings.mark_all() if options["full"] else standings.changed()
        if options["artist"]:
            wanted = options["artist"]
            by_name = Board.objects.filter(artist__iexact=wanted).values_list("artist_id", flat=True)
            artist_ids = list(by_name) or [wanted]
        now = timezone.now()
        boards = [board for artist_id in artist_ids if (board := standings.rebuild(artist_id, now)) is not None]
        if options["json"]:
            fields = ("artist_id", "artist", "songs", "votes", "sessions", "updated_at")
            tables.show_json(
                self.stdout, {"rebuilt": [{name: getattr(board, name) for name in fields} for board in boards]}
            )
        else:
            rows = [(board.artist, board.songs, board.votes, board.sessions, board.artist_id) for board in boards]
            title = f"{len(boards)} boards rebuilt" if boards else "nothing to rebuild"
            tables.show(self.stdout, title, ("artist", "#songs", "#votes", "#sessions", "id"), rows)
        if options["artist"] and not boards:
            self.stderr.write(f"nobody has voted on songs of '{options['artist']}'")
            raise SystemExit(tables.NOTHING_FOUND)
