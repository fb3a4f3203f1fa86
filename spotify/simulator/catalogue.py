"""The artists, albums, tracks and playlists that the simulator knows."""

import csv
import gzip
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from songranker.titles import fold

DATA = Path(__file__).parent / "data"


@dataclass(slots=True)
class Artist:
    id: str
    name: str
    name_en: str
    albums: list["Album"] = field(default_factory=list)


@dataclass(slots=True)
class Track:
    id: str
    name: str
    disc: int
    number: int
    duration_ms: int
    explicit: bool
    isrc: str
    artists: list[Artist]
    album: "Album"


@dataclass(slots=True)
class Album:
    id: str
    name: str
    album_type: str
    release_date: str
    artist: Artist
    tracks: list[Track] = field(default_factory=list)
    spoilt: str = ""  # "nonsense": answers about it make no sense; "error": they are 500, as for weeks at a few albums


@dataclass(slots=True)
class Playlist:
    id: str
    name: str
    owner: str
    # A row is a track, or the name of an oddity: "null_item", "null_row", "local", "episode".
    rows: list[Track | str]


class Catalogue:
    """Everything, found by id and by words."""

    def __init__(self) -> None:
        self.artists: dict[str, Artist] = {}
        self.albums: dict[str, Album] = {}
        self.tracks: dict[str, Track] = {}
        self.playlists: dict[str, Playlist] = {}
        self._words: list[tuple[str, Artist]] = []

    @classmethod
    def load(cls, folder: Path = DATA) -> "Catalogue":
        """Read every `*.csv` and `*.csv.gz` of a folder; the columns are described in data/README.md."""
        catalogue = cls()
        for path in sorted([*folder.glob("*.csv"), *folder.glob("*.csv.gz")]):
            for row in _rows(path):
                catalogue._add(row)
        for artist in catalogue.artists.values():
            # As recorded: grouped by type, newest first inside each.
            order = {"album": 0, "single": 1, "compilation": 2}
            artist.albums.sort(key=lambda album: album.release_date, reverse=True)
            artist.albums.sort(key=lambda album: order.get(album.album_type, 3))
            catalogue.add_artist(artist)
        catalogue._add_playlists()
        return catalogue

    def add_artist(self, artist: Artist) -> None:
        """Can be found by id and by the words of the name."""
        self.artists[artist.id] = artist
        for name in {artist.name, artist.name_en}:
            self._words.append((fold(name), artist))

    def _artist(self, artist_id: str, name: str, name_en: str = "") -> Artist:
        artist = self.artists.setdefault(artist_id, Artist(artist_id, name, name_en or name))
        if name_en:
            artist.name_en = name_en
        return artist

    def _add(self, row: dict[str, str]) -> None:
        artist = self._artist(row["artist_id"], row["artist"], row.get("artist_en") or "")
        album = self.albums.get(row["album_id"])
        if album is None:
            album = Album(row["album_id"], row["album"], row["album_type"] or "album", row["release_date"], artist)
            self.albums[album.id] = album
            artist.albums.append(album)
        performers = [artist]
        if row["track_artist_ids"]:
            pairs = zip(row["track_artist_ids"].split(";"), row["track_artists"].split("; "), strict=True)
            performers = [self._artist(artist_id, name) for artist_id, name in pairs]
        track = Track(
            id=row["track_id"],
            name=row["title"],
            disc=int(row["disc"]),
            number=int(row["track"]),
            duration_ms=int(row["duration_ms"]),
            explicit=row["explicit"] == "true",
            isrc=row["isrc"],
            artists=performers,
            album=album,
        )
        album.tracks.append(track)
        self.tracks[track.id] = track

    def _add_playlists(self) -> None:
        """Three lists: a long one of several artists, one full of oddities, and one of Spotify's own (404)."""
        if len(self.artists) < 2:
            return
        everything = sorted(self.tracks.values(), key=lambda track: track.id)
        mixed: list[Track | str] = list(everything[:: max(1, len(everything) // 120)][:120])
        odd: list[Track | str] = [*mixed[:3], "null_item", "local", mixed[3], "episode", "null_row", mixed[4], mixed[3]]
        for playlist in (
            Playlist("5simManyArtistsInAList", "A hundred and twenty songs", "listowner01", mixed),
            Playlist("5simOddRowsOfEveryKind", "A list with odd rows", "listowner02", odd),
        ):
            self.playlists[playlist.id] = playlist

    def search_artists(self, query: str) -> list[Artist]:
        """By words, case and accents folded; the exact name first, then names that contain every word."""
        wanted = fold(query)
        words = wanted.split()
        if not words:
            return []
        found: dict[str, tuple[int, int, str]] = {}
        for name, artist in self._words:
            have = name.split()
            if name == wanted:
                rank = 0
            elif all(any(part.startswith(word) for part in have) for word in words):
                rank = 1
            elif any(word in have for word in words):
                rank = 2
            else:
                continue
            best = (rank, -len(artist.albums), artist.name)
            found[artist.id] = min(best, found.get(artist.id, best))
        return [self.artists[artist_id] for artist_id in sorted(found, key=lambda key: found[key])]

    def search_tracks(self, query: str) -> list[Track]:
        """Tracks whose title and artists together contain every word."""
        words = fold(re.sub(r"\b(track|artist|album):", " ", query)).split()
        if not words:
            return []
        return [
            track
            for track in self.tracks.values()
            if _contains(words, f"{track.name} {' '.join(artist.name for artist in track.artists)}")
        ]

    def search_albums(self, query: str) -> list[Album]:
        """Albums whose title and artist together contain every word."""
        words = fold(re.sub(r"\b(artist|album):", " ", query)).split()
        return [a for a in self.albums.values() if words and _contains(words, f"{a.name} {a.artist.name}")]


def _contains(words: list[str], text: str) -> bool:
    have = fold(text).split()
    return all(word in have for word in words)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    yield from csv.DictReader(io.StringIO(raw.decode("utf-8"), newline=""))
