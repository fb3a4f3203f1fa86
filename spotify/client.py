"""Spotify's Web API: one short method for each question that we ask. How a call is made is `calls.py`'s business."""

import functools
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from spotify import payloads
from spotify.calls import Calls
from spotify.errors import Forbidden, Malformed, NotFound
from spotify.payloads import AlbumPayload, ArtistPayload, Page, PlaylistPayload, TrackPayload

_log = logging.getLogger(__name__)
T = TypeVar("T")
P = TypeVar("P", AlbumPayload, TrackPayload)

ALBUM_GROUPS = "album,single,compilation"
MAX_ALBUMS, MAX_TRACKS = 20, 50  # of one batch, in Extended Quota Mode
MOST_UNCOUNTED = 10_000  # items of a list that does not say how many it has

# An album and the first page of its tracks.
FullAlbum = tuple[AlbumPayload, Page]
# Told of a page of a list as it comes: its offset, and the page.
Arrived = Callable[[int, Page], None]


def ignored(offset: int, page: Page) -> None:
    """Nobody wants to know before the list is complete."""


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """A list as it was read: has it changed meanwhile, so that it has to be read again; is it complete by its own count?"""

    items: list[T]
    has_moved: bool
    is_complete: bool


class SpotifyClient:
    """Reads artists, albums, tracks and playlists. Raises SpotifyError, MadeWay."""

    def __init__(self, calls: Calls, *, extended: bool, market: str = "") -> None:
        self._calls = calls
        self._extended = extended
        self._market = market

    def search_artists(self, text: str) -> list[ArtistPayload]:
        """The first page of artists found, Spotify's best first."""
        limit = 50 if self._extended else 10
        return self._calls.get(
            "search", "search", {"q": text, "type": "artist", "limit": limit}, payloads.found_artists
        )

    def search_tracks(self, text: str) -> list[TrackPayload]:
        """The first page of tracks found, Spotify's best first."""
        limit = 50 if self._extended else 10
        params = {"q": text, "type": "track", "limit": limit, **self._market_param()}
        return self._calls.get("search", "search", params, payloads.found_tracks)

    def artist(self, artist_id: str) -> ArtistPayload:
        return self._calls.get("artist", f"artists/{artist_id}", {}, payloads.artist)

    def artist_albums(self, artist_id: str, arrived: Arrived = ignored) -> Listed[AlbumPayload]:
        """All albums, singles and compilations; not what the artist only appears on, which can be hundreds."""
        limit = 50 if self._extended else 10
        params = {"include_groups": ALBUM_GROUPS, **self._market_param()}
        path = f"artists/{artist_id}/albums"
        pages = self._pages("artist_albums", path, params, limit, payloads.album, arrived=arrived)
        albums = _once_each(album for page in pages for album in page.items)
        has_moved = payloads.has_moved(pages, different=len(albums))
        return Listed(albums, has_moved, payloads.is_complete(pages, len(albums)))

    def album(self, album_id: str) -> FullAlbum:
        """An album with its first fifty tracks: one call for nearly all albums."""
        return self._calls.get("album", f"albums/{album_id}", self._market_param(), payloads.full_album)

    def albums(self, album_ids: list[str]) -> list[FullAlbum | Malformed | None]:
        """Up to MAX_ALBUMS in one call, in the order asked, None for those that do not exist. Extended mode only."""
        params = {"ids": ",".join(album_ids), **self._market_param()}
        return self._calls.get(
            "albums", "albums", params, payloads.several("albums", payloads.full_album, len(album_ids))
        )

    def all_tracks(self, album_id: str, first: Page) -> list[TrackPayload]:
        """An album's tracks, of which `first` came with it: no call where those are all."""
        path = f"albums/{album_id}/tracks"
        came = first if first.size or not first.total else None  # none though there are some: they are asked for
        pages = self._pages("album_tracks", path, self._market_param(), 50, payloads.track, first=came)
        return _once_each(track for page in pages for track in page.items)

    def track(self, track_id: str) -> TrackPayload:
        return self._calls.get("track", f"tracks/{track_id}", self._market_param(), payloads.track)

    def tracks(self, track_ids: list[str]) -> list[TrackPayload | Malformed | None]:
        """Up to MAX_TRACKS in one call, in the order asked, None for those that do not exist. Extended mode only."""
        params = {"ids": ",".join(track_ids), **self._market_param()}
        return self._calls.get("tracks", "tracks", params, payloads.several("tracks", payloads.track, len(track_ids)))

    def playlist(self, playlist_id: str) -> tuple[PlaylistPayload, Page | None]:
        """What a playlist is called, the snapshot that it is of, and its first rows where they come along (a hundred in
        Extended Quota Mode)."""
        return self._kept("playlist", f"playlists/{playlist_id}", self._both_kinds(), payloads.full_playlist)

    def playlist_rows(
        self, playlist_id: str, first: Page | None, arrived: Arrived = ignored
    ) -> Listed[TrackPayload | None]:
        """A playlist's rows in order, None for each that is left out (see `payloads.playlist_row`). `first` is what came
        with the playlist."""
        read = functools.partial(self._playlist_pages, playlist_id, first=first, arrived=arrived)
        try:
            pages = read("items")
        except (Forbidden, NotFound) as error:
            # The playlist itself can be read: its rows may still have their old address only.
            _log.info("no rows of %s under the new address: %s", playlist_id, error.detail)
            pages = read("tracks")
        rows = [row for page in pages for row in page.items]
        return Listed(rows, payloads.has_moved(pages), payloads.is_complete(pages, len(rows)))

    def _playlist_pages(self, playlist_id: str, form: str, *, first: Page | None, arrived: Arrived) -> list[Page]:
        path = f"playlists/{playlist_id}/{form}"
        params = self._both_kinds()
        return self._pages(
            "playlist_items", path, params, 50, payloads.playlist_row, first=first, nulls=True, arrived=arrived
        )

    def start_over(self) -> None:
        """Forget the pages that are kept: they are of a list that has changed."""
        _log.info("a list has changed while it was read; it is read once more")
        self._calls.turn.pages.clear()

    def _both_kinds(self) -> dict[str, Any]:
        return {"additional_types": "track,episode", **self._market_param()}

    def _market_param(self) -> dict[str, Any]:
        return {"market": self._market} if self._market else {}

    # --- paging ---

    def _pages(
        self,
        endpoint: str,
        path: str,
        params: dict[str, Any],
        limit: int,
        parse: Callable[[Any], T],
        *,
        first: Page | None = None,
        nulls: bool = False,
        arrived: Arrived = ignored,
    ) -> list[Page]:
        """All pages, their items parsed; null items are left out unless `nulls`, then they are parsed, too.

        `first` is a page that has come along with something else. `arrived` is told of each page, but for those that an
        earlier turn has kept. Steps by our own offset: `next` can be null too early, can go on past the end and can lead
        to a foreign host, `total` is an estimate.
        """
        pages: list[Page] = []
        offset = 0
        if first is not None:
            arrived(0, first)
            pages.append(first)
            offset = first.size
        while not pages or _goes_on(pages, offset, limit):
            where = {**params, "limit": limit, "offset": offset}
            at = functools.partial(arrived, offset)
            pages.append(self._kept(endpoint, path, where, lambda value: payloads.page(value, parse, nulls=nulls), at))
            offset += limit
        return pages

    def _kept(
        self,
        endpoint: str,
        path: str,
        params: dict[str, Any],
        parse: Callable[[Any], T],
        arrived: Callable[[T], None] = lambda found: None,
    ) -> T:
        """An answer that an earlier turn has kept, or else asked for; kept when whoever is told of it has taken it over."""
        pages, place = self._calls.turn.pages, (path, int(params.get("offset", 0)))
        kept = pages.get(place)
        if kept is not None:
            return parse(kept)
        sent, found = self._calls.get(endpoint, path, params, lambda value: (value, parse(value)))
        arrived(found)
        pages[place] = sent
        return found


def _goes_on(pages: list[Page], offset: int, limit: int) -> bool:
    """May there be a page at this offset?"""
    last = pages[-1]
    if last.is_empty:
        return False
    if last.total is None:
        return last.has_next and offset < MOST_UNCOUNTED
    most_calls = max(page.total or 0 for page in pages) // limit + 2
    return (offset < last.total or last.has_next) and offset < most_calls * limit


def _once_each(items: Iterable[P]) -> list[P]:
    """Without repeats: one row can stand on two pages."""
    found: dict[str, P] = {}
    for item in items:
        found.setdefault(item.id, item)
    return list(found.values())
