"""A list of songs as people paste it: "Artist - Title" lines, or CSV with a header. Pure; no Spotify call."""

import re
from dataclasses import dataclass

from ranking import song_files
from songranker.textfiles import BadRow, Unusable

MAX_TEXT = 200
_NUMBERING = re.compile(r"^\s*(?:\d{1,4}[.)]|[-*•])\s+")
_BETWEEN = re.compile(r"\s+[-–—]\s+|\t+")


@dataclass(frozen=True, slots=True)
class PastedLine:
    """A song, and the line that it came from."""

    line: int
    name: str
    artist: str
    album: str = ""
    isrc: str = ""


def parse(text: str) -> tuple[list[PastedLine], list[BadRow]]:
    """The songs of a text, and what is wrong with its other lines (counted from 1)."""
    return _csv(text) if _is_csv(text) else _lines(text)


def _is_csv(text: str) -> bool:
    first = text.lstrip("\ufeff\n\r ").split("\n", 1)[0].lower()
    names = {name.strip().strip('"') for name in first.split(",")}
    return bool(names & {"artist", "artist_name"}) and bool(names & {"title", "name", "song", "track", "track_name"})


def _csv(text: str) -> tuple[list[PastedLine], list[BadRow]]:
    try:
        read = song_files.parse(text)
    except Unusable as error:
        return [], [BadRow(1, str(error))]
    songs, bad = [], list(read.bad_rows)
    for line, entry in zip(read.lines, read.entries, strict=True):
        name, artist = entry.title.strip(), entry.credits.strip()
        if name and not artist:
            bad.append(BadRow(line, "artist is empty"))
        elif name:
            songs.append(PastedLine(line, name, artist, entry.album, entry.isrc))
    return songs, sorted(bad, key=lambda row: row.line)


def _lines(text: str) -> tuple[list[PastedLine], list[BadRow]]:
    songs: list[PastedLine] = []
    bad: list[BadRow] = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        stripped = _NUMBERING.sub("", line).strip()
        if not stripped:
            continue
        artist, *rest = _BETWEEN.split(stripped, maxsplit=1)
        name = rest[0].strip() if rest else ""
        if not artist.strip() or not name:
            bad.append(BadRow(number, f"must be 'Artist - Title', not {stripped[:MAX_TEXT]!r}"))
        else:
            songs.append(PastedLine(number, name, artist.strip()))
    return songs, bad
