"""`manage.py group_songs FILE.csv`: which rows of a file are the same song."""

from collections import defaultdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ranking import duplicates, song_files
from ranking.duplicates import Grouping
from ranking.preference import Entry
from songranker import tables
from songranker.textfiles import Unusable


class Command(BaseCommand):
    help = (
        "De-duplicate a CSV file of songs (artist,title and where there are any album,duration_ms,isrc,track_id,"
        "track_artists). Status 0 grouped, 2 unusable file."
    )
    requires_system_checks = ()  # needs neither database nor settings

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE.csv", help='also gzipped (.gz), or "-" for standard input')
        parser.add_argument(
            "--versions",
            choices=["fold", "keep"],
            default="fold",
            help="fold: one for each song, whatever the version; keep: one for each song and kind of version",
        )
        parser.add_argument("--json", action="store_true", help="JSON instead of a table")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = song_files.read(options["file"])
        except (Unusable, OSError) as error:
            self.stderr.write(f"{options['file']}: {error}")
            raise SystemExit(tables.UNUSABLE) from None
        tables.name_bad_rows(self.stderr, found.bad_rows, "their values taken for unknown")
        grouping = duplicates.group(found.entries, versions=options["versions"])
        groups = grouped(found.entries, grouping)
        if options["json"]:
            tables.show_json(self.stdout, {"groups": groups, "proposals": proposed(found.entries, grouping)})
            return
        several = [one for one in groups if len(one["rows"]) > 1]
        rows = [(one["song"], len(one["rows"]), one["reason"], " ".join(map(str, one["rows"]))) for one in several]
        tables.show(self.stdout, "", ("song", "#rows", "reason", "row numbers from 0"), rows)
        self.stdout.write(f"{len(found.entries)} rows, {len(groups)} songs, {len(several)} of them more than once")
        for one in proposed(found.entries, grouping):
            self.stdout.write(f"to decide: {one['songs'][0]!r} and {one['songs'][1]!r}: {one['reason']}")


def grouped(entries: list[Entry], grouping: Grouping) -> list[dict[str, Any]]:
    """Every row in one group, in the order of the file; `song` is the cleanest title, `reason` empty for a row alone."""
    roots = grouping.roots()
    reasons: dict[int, dict[str, None]] = defaultdict(dict)
    for one in grouping.groups:
        reasons[roots.get(one.keep, one.keep)].setdefault(one.reason)
    rows: dict[int, list[int]] = defaultdict(list)
    for entry in entries:
        rows[roots.get(entry.id, entry.id)].append(entry.id)
    return [
        {"song": grouping.shown.get(root, entries[root].title), "reason": "; ".join(reasons[root]), "rows": members}
        for root, members in rows.items()
    ]


def proposed(entries: list[Entry], grouping: Grouping) -> list[dict[str, Any]]:
    """What a person would have to decide."""
    return [
        {
            "songs": [entries[one.keep].title, entries[one.other].title],
            "rows": [one.keep, one.other],
            "reason": one.reason,
            "confidence": one.confidence,
        }
        for one in grouping.proposals
    ]
