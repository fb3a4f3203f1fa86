"""The questions that can be put to Spotify: how each is fetched, and at which address its answer stands."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse

from songranker.titles import name_key, normalise, parse
from spotify import catalogue, failures, signals
from spotify.client import MAX_ALBUMS, MAX_TRACKS, Arrived, FullAlbum, SpotifyClient
from spotify.errors import Forbidden, Malformed, NotFound, SpotifyError
from spotify.models import Artist, Lookup, Playlist
from spotify.payloads import AlbumPayload, Page, PlaylistPayload, TrackPayload

P = TypeVar("P", AlbumPayload, TrackPayload, PlaylistPayload)
MAX_QUERY_LENGTH = 200

PLAYLIST_NEEDS_EXTENDED = (
    "Spotify lets no application in Development Mode read playlists. Paste the songs as a list instead, one "
    "'Artist - Title' a line, or run SongRanker with an application in Extended Quota Mode (SPOTIFY_QUOTA_MODE=extended)."
)


@dataclass(frozen=True, slots=True)
class Query(ABC):
    """One question; `kind` and `value` together are its key, in the database and for single flight."""

    value: str
    kind: ClassVar[str]

    def refusal(self) -> Forbidden | None:
        """Why it cannot be asked at all in this quota mode; asking would only cost a call."""
        return None

    @abstractmethod
    def fetch(self, client: SpotifyClient, lookup: Lookup, now: datetime) -> None:
        """Ask Spotify and store the answer. Raises SpotifyError."""

    @abstractmethod
    def result_url(self) -> str:
        """Where the API serves the answer."""


@dataclass(frozen=True, slots=True)
class Batched(Query):
    """One that Extended Quota Mode answers together with others of its kind, `most` at once."""

    most: ClassVar[int]

    @staticmethod
    @abstractmethod
    def ask(client: SpotifyClient, value: str) -> Any:
        """What Spotify says about one."""

    @staticmethod
    @abstractmethod
    def ask_together(client: SpotifyClient, values: list[str]) -> list[Any]:
        """What it says about several, in the order asked: None for what it does not know, Malformed for nonsense."""

    @abstractmethod
    def take(self, found: Any, client: SpotifyClient, now: datetime) -> None:
        """Store what was found, by itself or in a batch."""

    def fetch(self, client: SpotifyClient, lookup: Lookup, now: datetime) -> None:
        self.take(self.ask(client, self.value), client, now)


@dataclass(frozen=True, slots=True)
class ArtistSearch(Query):
    """Artists by name."""

    kind: ClassVar[str] = "artist_search"

    @classmethod
    def of(cls, text: str) -> "ArtistSearch":
        """Equal for texts that differ only in case and spaces."""
        return cls(search_value(text))

    def fetch(self, client: SpotifyClient, lookup: Lookup, now: datetime) -> None:
        catalogue.store_search(lookup, client.search_artists(self.value), now)

    def result_url(self) -> str:
        return f"{reverse('artists')}?{urlencode({'q': self.value})}"


@dataclass(frozen=True, slots=True)
class ArtistAlbums(Query):
    """All albums of an artist by id."""

    kind: ClassVar[str] = "artist_albums"

    def fetch(self, client: SpotifyClient, lookup: Lookup, now: datetime) -> None:
        def arrived(offset: int, page: Page) -> None:
            """Of a list that nobody knew its beginning is of use already."""
            if lookup.is_known() or page.is_last(offset):
                return
            if catalogue.store_listing_page(self.value, offset, page.items, now):
                _tell_that_it_grows(lookup)

        for _ in _readings(client):
            listed = client.artist_albums(self.value, arrived)
            if not listed.has_moved:
                break
        named = {artist.id for album in listed.items for artist in album.artists}
        if self.value not in named and not Artist.objects.filter(pk=self.value).exists():
            catalogue.store_artists([client.artist(self.value)], now)
        catalogue.store_artist_albums(self.value, listed.items, now, complete=listed.is_complete)
        lookup.artist_id = self.value

    def result_url(self) -> str:
        return f"{reverse('albums')}?{urlencode({'artist_id': self.value})}"


@dataclass(frozen=True, slots=True)
class AlbumsByName(Query):
    """All albums of the artist who bears a name: a search, then the list."""

    kind: ClassVar[str] = "albums_by_name"

    @classmethod
    def of(cls, name: str) -> "AlbumsByName":
        return cls(search_value(name))

    def fetch(self, client: SpotifyClient, lookup: Lookup, now: datetime) -> None:
        search = ensure(ArtistSearch(self.value), client, now)
        artist = best_match(self.value, [hit.artist for hit in search.hits.select_related("artist")])
        lookup.artist = artist
        lookup.save(update_fields=["artist"])  # now: whoever waits for the list can see it grow
        ensure(ArtistAlbums(artist.pk), client, now)

    def result_url(self) -> str:
        return f"{reverse('albums')}?{urlencode({'artist': self.value})}"


@dataclass(frozen=True, slots=True)
class AlbumTracks(Batched):
    """An album with all its tracks."""

    kind: ClassVar[str] = "album_tracks"
    most: ClassVar[int] = MAX_ALBUMS

    @staticmethod
    def ask(client: SpotifyClient, value: str) -> FullAlbum:
        return client.album(value)

    @staticmethod
    def ask_together(client: SpotifyClient, values: list[str]) -> list[FullAlbum | Malformed | None]:
        return client.albums(values)

    def take(self, found: FullAlbum, client: SpotifyClient, now: datetime) -> None:
        """Tracks after the first fifty are asked for."""
        album, first = found
        catalogue.store_album(_under(self.value, album), client.all_tracks(self.value, first), now)

    def result_url(self) -> str:
        return reverse("album-tracks", args=[self.value])


@dataclass(frozen=True, slots=True)
class TrackById(Batched):
    """One full track."""

    kind: ClassVar[str] = "track"
    most: ClassVar[int] = MAX_TRACKS

    @staticmethod
    def ask(client: SpotifyClient, value: str) -> TrackPayload:
        return client.track(value)

    @staticmethod
    def ask_together(client: SpotifyClient, values: list[str]) -> list[TrackPayload | Malformed | None]:
        return client.tracks(values)

    def take(self, found: TrackPayload, client: SpotifyClient, now: datetime) -> None:
        catalogue.store_track(_under(self.value, found), now)

    def result_url(self) -> str:
        return reverse("track", args=[self.value])


@dataclass(frozen=True, slots=True)
class TrackSearch(Query):
    """Tracks by artist and title, for songs that somebody typed."""

    kind: ClassVar[str] = "track_search"

    @classmethod
    def of(cls, artist: str, title: str) -> "TrackSearch":
        """Without what is only said about the version: the search finds those, too, and we compare ourselves."""
        return cls(search_value(f"{artist} {parse(title).base}"))

    def fetch(self, client: SpotifyClient, lookup: Lookup, now: datetime) -> None:
        catalogue.store_track_search(lookup, client.search_tracks(self.value), now)

    def result_url(self) -> str:
        return f"{reverse('artists')}?{urlencode({'q': self.value})}"


@dataclass(frozen=True, slots=True)
class PlaylistTracks(Query):
    """A playlist with its tracks."""

    kind: ClassVar[str] = "playlist_tracks"

    def refusal(self) -> Forbidden | None:
        return Forbidden(PLAYLIST_NEEDS_EXTENDED) if settings.SPOTIFY_QUOTA_MODE == "development" else None

    def fetch(self, client: SpotifyClient, lookup: Lookup, now: datetime) -> None:
        for _ in _readings(client):
            found, first = client.playlist(self.value)
            playlist = _under(self.value, found)
            if (
                playlist.snapshot_id
                and Playlist.objects.filter(pk=self.value, snapshot_id=playlist.snapshot_id).exists()
            ):
                return  # its rows are of this very snapshot
            listed = client.playlist_rows(self.value, first, self._as_it_comes(playlist, lookup, now))
            if not listed.has_moved:
                break
        if listed.is_complete or not lookup.is_known():
            catalogue.store_playlist(playlist, listed.items, now)

    @staticmethod
    def _as_it_comes(playlist: PlaylistPayload, lookup: Lookup, now: datetime) -> Arrived:
        """Stores each page; one that nobody knew can be used while the rest is read."""
        growing = not lookup.is_known()

        def arrived(offset: int, page: Page) -> None:
            catalogue.store_playlist_page(playlist, offset, page, now, growing=growing)
            if growing and not page.is_last(offset):
                _tell_that_it_grows(lookup)

        return arrived

    def result_url(self) -> str:
        return reverse("playlist-tracks", args=[self.value])


def _readings(client: SpotifyClient) -> Iterator[None]:
    """Two at most: a list that has changed while it was read would miss something, and is read once more."""
    yield
    client.start_over()
    yield


def _tell_that_it_grows(lookup: Lookup) -> None:
    signals.lookups_changed.send_robust(sender=Lookup, kind=lookup.kind, values=[lookup.value])


_KINDS: dict[str, type[Query]] = {
    query.kind: query
    for query in (ArtistSearch, ArtistAlbums, AlbumsByName, AlbumTracks, TrackById, TrackSearch, PlaylistTracks)
}


_BATCHED: dict[str, type[Batched]] = {query.kind: query for query in (AlbumTracks, TrackById)}
# How many questions of a kind one call answers, in Extended Quota Mode.
BATCHES = {kind: query.most for kind, query in _BATCHED.items()}


def batch_size(kind: str) -> int:
    """How many questions of a kind one call answers in this quota mode."""
    return BATCHES.get(kind, 1) if settings.SPOTIFY_QUOTA_MODE == "extended" else 1


def fetch_batch(
    kind: str, client: SpotifyClient, ids: list[str], now: datetime
) -> Iterator[tuple[str, SpotifyError | None]]:
    """Ask for several albums or tracks by one call. Each id as it is stored, or with why it is not: unknown, nonsense.

    Where the whole answer makes no sense each is asked for alone: one of them may have spoilt it.
    """
    query = _BATCHED[kind]
    try:
        found = dict(zip(ids, query.ask_together(client, ids), strict=True))
    except Malformed:
        found = {}
    for value in ids:
        try:
            one = found[value] if found else query.ask(client, value)
            if one is None:
                raise failures.ABSENT.because("Spotify has nothing under this id.")
            if isinstance(one, Malformed):
                raise failures.MALFORMED.because(one.detail)
            query(value).take(one, client, now)
        except (NotFound, Malformed) as error:
            yield value, error
        else:
            yield value, None


def _under(asked_id: str, found: P) -> P:
    """The answer under the id that was asked for: with a market, Spotify answers with the id of its substitute."""
    return found if found.id == asked_id else replace(found, id=asked_id)


def query_of(lookup: Lookup) -> Query:
    """The question that a row is about."""
    return _KINDS[lookup.kind](lookup.value)


def search_value(text: str) -> str:
    """A search's key: one case, one kind of quotes, single spaces."""
    return normalise(text).casefold()[:MAX_QUERY_LENGTH]


def ensure(query: Query, client: SpotifyClient, now: datetime) -> Lookup:
    """Within a task: the row of a part of the question, fetched only where it is not fresh."""
    lookup, _ = Lookup.objects.get_or_create(kind=query.kind, value=query.value)
    if lookup.absent and lookup.is_fresh(now):
        raise NotFound("Spotify has nothing under this id.")
    if not lookup.is_fresh(now):
        query.fetch(client, lookup, now)
        lookup.fetched_at, lookup.absent = now, False
        lookup.save(update_fields=["fetched_at", "absent", "artist"])
    return lookup


def best_match(name: str, found: list[Artist]) -> Artist:
    """The artist who bears the name. Raises NotFound, with what is near, where none does.

    A name in another script than the answer's ("椎名林檎" found as "Sheena Ringo") cannot be compared: there Spotify's
    first is believed.
    """
    wanted = name_key(name)
    for artist in found:
        if name_key(artist.name) == wanted:
            return artist
    if found and not wanted.isascii() and name_key(found[0].name).isascii():
        return found[0]
    near = ", ".join(artist.name for artist in found[:3])
    raise NotFound(f"No artist bears the name '{name}'." + (f" Near: {near}." if near else ""))
