"""Songs from a CSV file: `artist,title` and where there are any `album,duration_ms,isrc,track_id,track_artists` and more.

Pure. Every row is an entry, also where a value cannot be used: such values count as unknown and are named by line.
"""

import csv
import io
from dataclasses import dataclass

from ranking.preference import Entry
from songranker import titles
from songranker.textfiles import BadRow, Unusable, read_text

_ALIASES = {
    "name": "title",
    "song": "title",
    "track": "title",
    "artist_name": "artist",
    "track_name": "title",
    "id": "track_id",
}
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}
# Longer than any recording: a figure beyond it is no length.
_LONGEST_MS = 24 * 3600 * 1000


@dataclass(frozen=True)
class SongFile:
    """The rows of a file, `id` being the number of the row from 0; what was wrong with some of them."""

    entries: list[Entry]
    bad_rows: list[BadRow]
    lines: list[int]  # the line that each row begins on


def read(path: str) -> SongFile:
    """Read a file, as `textfiles.read_text` does. Raises Unusable, OSError."""
    return parse(read_text(path))


def parse(text: str) -> SongFile:
    """The songs of a CSV text. Raises Unusable where there is no artist and title, or no row."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    lines: list[int] = []
    try:
        header = _header(next(reader, []))
        entries: list[Entry] = []
        bad: list[BadRow] = []
        begins = reader.line_num + 1
        for fields in reader:
            if fields:
                lines.append(begins)
                _take(dict(zip(header, fields, strict=False)), len(fields) - len(header), begins, entries, bad)
            begins = reader.line_num + 1
    except csv.Error as error:
        raise Unusable(f"line {reader.line_num}: {error}") from None
    if not entries:
        raise Unusable("the file has no rows")
    return SongFile(entries, bad, lines)


def _header(fields: list[str]) -> list[str]:
    names = [field.strip().lower() for field in fields]
    names = [_ALIASES.get(name, name) if _ALIASES.get(name) not in names else name for name in names]
    missing = [name for name in ("artist", "title") if name not in names]
    if missing:
        raise Unusable(
            f"line 1: the header must name artist,title[,album,duration_ms,isrc,...]; missing: {', '.join(missing)}"
        )
    return names


def _take(row: dict[str, str], surplus: int, line: int, entries: list[Entry], bad: list[BadRow]) -> None:
    value = {name: text.strip() for name, text in row.items()}
    if surplus:
        bad.append(BadRow(line, f"{abs(surplus)} columns {'too many' if surplus > 0 else 'missing'}"))
    if not value.get("title"):
        bad.append(BadRow(line, "title is empty"))
    artist = value.get("artist", "")
    entries.append(
        Entry(
            id=len(entries),
            title=row.get("title", ""),
            artist=next(iter(titles.artist_keys(artist)), artist),
            credits=artist,
            album=value.get("album", ""),
            album_type=value.get("album_type", "").lower(),
            duration_ms=_length(value.get("duration_ms", ""), line, bad),
            isrc=_isrc(value.get("isrc", ""), line, bad),
            release_date=value.get("release_date", ""),
            explicit=_BOOLEANS.get(value.get("explicit", "").lower()),
            ref=value.get("track_id", ""),
        )
    )


def _length(text: str, line: int, bad: list[BadRow]) -> int:
    if not text:
        return 0
    try:
        length = float(text)
    except ValueError:
        length = -1.0
    if not 0 <= length <= _LONGEST_MS:
        bad.append(BadRow(line, f"duration_ms must be milliseconds, not {text[:40]!r}"))
        return 0
    return int(length)


def _isrc(text: str, line: int, bad: list[BadRow]) -> str:
    code = "".join(character for character in text.upper() if character.isascii() and character.isalnum())
    if code and len(code) != 12:
        bad.append(BadRow(line, f"isrc must be twelve letters and digits, not {text[:40]!r}"))
        return ""
    return code
