"""Changes of the catalogue while the simulator runs: what an import must live through, and lists as long as wanted."""

import hashlib
from collections.abc import Callable
from typing import Any

from spotify.simulator.catalogue import Album, Artist, Catalogue, Playlist, Track

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def apply(catalogue: Catalogue, changes: list[dict[str, Any]]) -> None:
    """Carry out changes, in order. Raises ValueError, TypeError or KeyError for one that makes no sense."""
    for change in changes:
        arguments = dict(change)
        kind = arguments.pop("kind")
        if kind not in _CHANGES:
            raise ValueError(f"kind {kind!r} is none of {', '.join(_CHANGES)}")
        _CHANGES[kind](catalogue, **arguments)


def _artist(catalogue: Catalogue, id: str, name: str, albums: int, tracks: int) -> None:  # noqa: A002
    """A made-up artist with so many albums of so many tracks."""
    artist = Artist(id, name, name)
    catalogue.add_artist(artist)
    for number in range(albums):
        _add_album(
            catalogue,
            artist,
            f"Album {number + 1}",
            f"{2020 - number // 12 % 1000:04}-{12 - number % 12:02}-01",
            tracks,
        )


def _release(catalogue: Catalogue, artist_id: str, name: str = "Just Out", tracks: int = 2) -> None:
    """A new album, the first of the artist's list."""
    artist = catalogue.artists[artist_id]
    _add_album(catalogue, artist, name, "2026-11-25", tracks)
    artist.albums.insert(0, artist.albums.pop())


def _take_down(catalogue: Catalogue, album_id: str) -> None:
    """An album that is gone: from the list, and under its id."""
    album = catalogue.albums.pop(album_id)
    album.artist.albums.remove(album)


def _spoil(catalogue: Catalogue, album_id: str, how: str = "nonsense") -> None:
    """An album that is listed as ever, and nonsense or an error when it is asked for."""
    catalogue.albums[album_id].spoilt = how


def _empty(catalogue: Catalogue, album_id: str) -> None:
    """An album that says it has no tracks."""
    catalogue.albums[album_id].tracks.clear()


def _repeat(catalogue: Catalogue, artist_id: str, at: int) -> None:
    """An album that stands in the artist's list twice."""
    albums = catalogue.artists[artist_id].albums
    albums.insert(at, albums[at - 1])


def _playlist(catalogue: Catalogue, id: str, name: str, tracks: int) -> None:  # noqa: A002
    """A made-up playlist of so many different tracks."""
    artist = Artist(_id(f"artist of {id}"), f"Everybody on {name}", f"Everybody on {name}")
    rows: list[Track | str] = []
    for number in range(-(-tracks // 10)):
        rows += _add_album(catalogue, artist, f"{name} {number}", "2020", min(10, tracks - 10 * number)).tracks
    catalogue.playlists[id] = Playlist(id, name, "listowner03", rows)


def _insert_row(catalogue: Catalogue, playlist_id: str, track_id: str, at: int) -> None:
    """Somebody adds a track to a playlist."""
    catalogue.playlists[playlist_id].rows.insert(at, catalogue.tracks[track_id])


def _add_album(catalogue: Catalogue, artist: Artist, name: str, release_date: str, tracks: int) -> Album:
    album = Album(_id(f"{artist.id} {name}"), name, "album", release_date, artist)
    for number in range(1, tracks + 1):
        track = Track(
            id=_id(f"{album.id} {number}"),
            name=f"{name}, Song {number}",
            disc=1,
            number=number,
            duration_ms=180_000 + number,
            explicit=False,
            isrc="",
            artists=[artist],
            album=album,
        )
        album.tracks.append(track)
        catalogue.tracks[track.id] = track
    catalogue.albums[album.id] = album
    artist.albums.append(album)
    return album


def _id(seed: str) -> str:
    """A made-up id, always the same for the same seed."""
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:15])
    digits = ""
    for _ in range(22):
        number, digit = divmod(number, 62)
        digits = _DIGITS[digit] + digits
    return digits


_CHANGES: dict[str, Callable[..., None]] = {
    "artist": _artist,
    "release": _release,
    "take_down": _take_down,
    "spoil": _spoil,
    "empty": _empty,
    "repeat": _repeat,
    "playlist": _playlist,
    "insert_row": _insert_row,
}
