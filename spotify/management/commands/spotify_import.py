"""`manage.py spotify_import NAME_OR_URL`: "rank all" ingestion, watched from a terminal."""

import json
import textwrap
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from songranker import tables
from spotify import gateway, imports, links
from spotify.errors import SpotifyError
from spotify.models import Import, Playlist
from spotify.serializers import import_out

EVERY_SECONDS = 0.5


class Command(BaseCommand):
    help = (
        "Import a whole artist (name or link), album or playlist. Ctrl-C leaves it: it goes on by itself, and the same command "
        "shows it again. Status 0 done, 1 nothing there, 3 not now or cancelled, 130 left with Ctrl-C."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", metavar="NAME_OR_URL", help="an artist's name, or a link, URI or id")
        parser.add_argument("--json", action="store_true", help="a line of JSON for each change")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            made = imports.start(imports.target_of(options["what"]))
        except links.NotALink as error:
            self.stderr.write(str(error))
            raise SystemExit(tables.UNUSABLE) from None
        except SpotifyError as error:
            self.stderr.write(f"not available: {error.detail}")
            raise SystemExit(tables.NOT_AVAILABLE) from None
        try:
            made = self.lines(made) if options["json"] else self.bar(made)
        except KeyboardInterrupt:
            self.stderr.write("left; it goes on by itself. The same command shows it again.")
            raise SystemExit(130) from None
        self.end(made, options["json"])

    def lines(self, made: Import) -> Import:
        """A line of JSON for each change, the last one when it has ended."""
        shown = -1
        while True:
            if made.revision != shown:
                self.stdout.write(json.dumps(import_out(made, imports.estimate(made)), cls=DjangoJSONEncoder))
                self.stdout.flush()
                shown = made.revision
            if not made.is_active:
                return made
            made = self.next(made)

    def bar(self, made: Import) -> Import:
        """A progress bar: albums (or a playlist's tracks) and time; below it calls left, time left; a pause counts down."""
        console = Console(file=self.stdout, width=None if self.stdout.isatty() else 120)  # type: ignore[arg-type]
        columns = [
            TextColumn("{task.description}", markup=False),  # "[dunkelbunt]" is a name
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
        ]
        progress, words = Progress(*columns, TimeElapsedColumn()), Text(style="dim")
        task = progress.add_task("...", total=None, unit="")
        with Live(Group(progress, words), console=console, refresh_per_second=4):
            while True:
                done, total, unit = made.steps
                name = textwrap.shorten(made.name or "...", 30, placeholder="…")
                progress.update(task, description=name, total=total or None, completed=done, unit=unit)
                words.plain = self.says(made)
                if not made.is_active:
                    return made
                made = self.next(made)

    @staticmethod
    def says(made: Import) -> str:
        """How far it is, in words."""
        words = [] if made.kind == Import.Kind.PLAYLIST else [f"{made.tracks_done} tracks"]
        estimate = imports.estimate(made)
        if estimate and estimate.calls:
            words.append(
                f"{estimate.calls} calls to go ({estimate.share_of_day:.1%} of a day), {_clock(estimate.seconds)} at least"
            )
            if not estimate.fits_today:
                words.append("more than imports may use today")
        usage = gateway.usage_or_none()
        if usage and made.state == Import.State.RUNNING:
            words.append(f"{max(0, usage.limit - usage.used)} calls left in the window")
        if made.resumes_at:
            left = max(0.0, (made.resumes_at - timezone.now()).total_seconds())
            words.append(f"paused ({made.error_code}), goes on in {_clock(left)}")
        return ", ".join(words)

    @staticmethod
    def next(made: Import) -> Import:
        """The import a moment later; brought on by us, too, in case that no beat runs."""
        time.sleep(EVERY_SECONDS)
        made.refresh_from_db()
        if made.is_active and (made.resumes_at is None or made.resumes_at <= timezone.now()):
            imports.advance(made)
            made.refresh_from_db()
        return made

    def end(self, made: Import, as_json: bool) -> None:
        if not as_json:
            for item in made.items.exclude(error_detail="")[:20]:
                self.stderr.write(f"album {item.album_id}: {item.error_detail}")
            albums = "" if made.kind == Import.Kind.PLAYLIST else f"{made.albums_done} albums, "
            self.stdout.write(f"{made.name or made.key}: {made.state}, {albums}{made.tracks_done} tracks")
            left_out = (
                Playlist.objects.filter(pk=made.spotify_id, left_out__gt=0).values_list("left_out", flat=True).first()
            )
            if left_out:
                self.stdout.write(f"{left_out} rows left out: episodes, local files, removed tracks")
        if made.state == Import.State.FAILED:
            self.stderr.write(made.error_detail)
            raise SystemExit(tables.NOTHING_FOUND if made.error_code == "not_found" else tables.NOT_AVAILABLE)
        if made.state == Import.State.CANCELLED:
            raise SystemExit(tables.NOT_AVAILABLE)


def _clock(seconds: float) -> str:
    """Seconds as people read them: 1:05:09."""
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"
