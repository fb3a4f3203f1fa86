"""`manage.py spotify_search NAME`: an ad-hoc search through the queue and the worker."""

import math
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from songranker import tables
from spotify import gateway, queries
from spotify.errors import NotFound, SpotifyError, Unavailable
from spotify.models import Album, Lookup, Track
from spotify.serializers import albums_out, artist_out, track_out


class Command(BaseCommand):
    help = "Search an artist's albums through the queue and the Spotify worker. Status 0 found, 1 nothing found, 3 not now."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME", help="the artist's name")
        parser.add_argument("--tracks", action="store_true", help="also the tracks of the first album")
        parser.add_argument("--json", action="store_true", help="JSON instead of a table")
        parser.add_argument("--timeout", type=_seconds, default=30.0, metavar="S", help="seconds to wait (30)")

    def handle(self, *args: Any, **options: Any) -> None:
        timeout = options["timeout"]
        try:
            lookup = self.answer(queries.AlbumsByName.of(options["name"]), timeout)
            assert lookup.artist is not None  # noqa: S101  (a known answer has its artist)
            albums = list(Album.objects.listed_for(lookup.artist.pk))
            found = albums_out(albums, every_edition=False)
            tracks = []
            if options["tracks"] and found:
                self.answer(queries.AlbumTracks(found[0]["id"]), timeout)
                tracks = [track_out(track) for track in Track.objects.of_album(found[0]["id"])]
        except NotFound as error:
            self.stderr.write(error.detail)
            raise SystemExit(tables.NOTHING_FOUND) from None
        except Unavailable as error:
            self.stderr.write(f"not available now: {error.detail} Try again in {math.ceil(error.retry_after)} s.")
            raise SystemExit(tables.NOT_AVAILABLE) from None
        except SpotifyError as error:
            self.stderr.write(f"not available now: {error.detail}")
            raise SystemExit(tables.NOT_AVAILABLE) from None
        if options["json"]:
            answer = {"artist": artist_out(lookup.artist), "albums": found}
            tables.show_json(self.stdout, {**answer, "tracks": tracks} if options["tracks"] else answer)
        else:
            self.show(lookup, found, tracks)

    @staticmethod
    def answer(query: queries.Query, timeout: float) -> Lookup:
        """The answered question. Raises SpotifyError, also where no answer came in time."""
        answer = gateway.ask(query, wait_seconds=timeout)
        if isinstance(answer, gateway.Pending):
            raise Unavailable(f"no answer within {timeout:g} s; the work goes on (job {answer.lookup.pk}).", 5)
        return answer.lookup

    def show(self, lookup: Lookup, albums: list[dict[str, Any]], tracks: list[dict[str, Any]]) -> None:
        rows = [
            (
                a["release_date"],
                a["album_type"],
                a["name"],
                a["total_tracks"],
                a["versions"] if a["versions"] > 1 else "",
                a["id"],
            )
            for a in albums
        ]
        columns = ("released", "type", "album", "#tracks", "#editions", "id")
        tables.show(self.stdout, f"{lookup.artist}: {len(albums)} albums", columns, rows)
        if tracks:
            minutes = [f"{t['duration_ms'] // 60000}:{t['duration_ms'] // 1000 % 60:02}" for t in tracks]
            track_rows = [
                (t["disc_number"], t["track_number"], t["name"], length, t["id"])
                for t, length in zip(tracks, minutes, strict=True)
            ]
            self.stdout.write("")
            tables.show(self.stdout, albums[0]["name"], ("#disc", "#no", "track", "#length", "id"), track_rows)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= 3600:
        raise ValueError("seconds from 0 to 3600")
    return seconds
