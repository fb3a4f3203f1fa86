"""Spotify's answers as frozen dataclasses. Pure.

Fields that Spotify always sends are required: an answer without one raises Malformed. Everything else may be missing,
null or empty, and unknown fields are ignored, because new ones come without notice.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from spotify.errors import Malformed

Json = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ArtistPayload:
    id: str
    name: str
    spotify_url: str
    image_url: str | None  # None: not said (simplified object) or there is none


@dataclass(frozen=True, slots=True)
class AlbumPayload:
    id: str
    name: str
    album_type: str  # album, single, compilation; lower case
    release_date: str  # YYYY, YYYY-MM, YYYY-MM-DD or ""
    total_tracks: int
    image_url: str
    spotify_url: str
    artists: tuple[ArtistPayload, ...]


@dataclass(frozen=True, slots=True)
class TrackPayload:
    id: str
    name: str
    disc_number: int
    track_number: int
    duration_ms: int
    explicit: bool
    playable: bool | None  # None: not said
    isrc: str | None  # None: not said (simplified object)
    spotify_url: str
    artists: tuple[ArtistPayload, ...]
    album: AlbumPayload | None


@dataclass(frozen=True, slots=True)
class PlaylistPayload:
    id: str
    name: str
    owner: str
    snapshot_id: str
    image_url: str
    spotify_url: str


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, its items parsed. `total` is an estimate, or None; `size`: how many came, with nulls."""

    items: list[Any]
    total: int | None
    has_next: bool
    size: int

    @property
    def is_empty(self) -> bool:
        return self.size == 0

    def is_last(self, offset: int) -> bool:
        """Is nothing said to come after this page, which begins at `offset`?"""
        return not self.has_next and (self.total is None or offset + self.size >= self.total)


def an_object(value: Any, what: str) -> Json:
    """The value as an object. Raises Malformed where it is something else."""
    if not isinstance(value, dict):
        raise Malformed(f"Spotify sent {what} that is no object")
    return value


def _field(data: Json, name: str, kind: type[T], what: str) -> T:
    value = data.get(name)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise Malformed(f"Spotify sent {what} without a usable {name}")
    return value


def _text(data: Json, name: str) -> str:
    value = data.get(name)
    return value if isinstance(value, str) else ""


def _image(data: Json) -> str:
    """The widest picture; they come widest first, sizes may be null."""
    images = data.get("images")
    if isinstance(images, list):
        for image in images:
            if isinstance(image, dict) and isinstance(image.get("url"), str):
                return str(image["url"])
    return ""


def _link(data: Json, kind: str, item_id: str) -> str:
    urls = data.get("external_urls")
    url = urls.get("spotify") if isinstance(urls, dict) else None
    return url if isinstance(url, str) and url.startswith("https://") else f"https://open.spotify.com/{kind}/{item_id}"


def artist(value: Any) -> ArtistPayload:
    data = an_object(value, "an artist")
    artist_id = _field(data, "id", str, "an artist")
    return ArtistPayload(
        id=artist_id,
        name=_field(data, "name", str, "an artist"),
        spotify_url=_link(data, "artist", artist_id),
        image_url=_image(data) if "images" in data else None,
    )


def _artists(data: Json, what: str) -> tuple[ArtistPayload, ...]:
    # Artists without an id are those of local files; they are nobody we could link to.
    rows = _field(data, "artists", list, what)
    return tuple(artist(row) for row in rows if isinstance(row, dict) and row.get("id"))


def album(value: Any) -> AlbumPayload:
    data = an_object(value, "an album")
    album_id = _field(data, "id", str, "an album")
    return AlbumPayload(
        id=album_id,
        name=_field(data, "name", str, "an album"),
        album_type=(_text(data, "album_type") or "album").lower(),
        release_date="" if _text(data, "release_date") == "0000" else _text(data, "release_date")[:10],
        total_tracks=_field(data, "total_tracks", int, "an album"),
        image_url=_image(data),
        spotify_url=_link(data, "album", album_id),
        artists=_artists(data, "an album"),
    )


def track(value: Any) -> TrackPayload:
    data = an_object(value, "a track")
    track_id = _field(data, "id", str, "a track")
    external = data.get("external_ids")
    isrc = external.get("isrc") if isinstance(external, dict) else None
    playable = data.get("is_playable")
    return TrackPayload(
        id=track_id,
        name=_field(data, "name", str, "a track"),
        disc_number=_field(data, "disc_number", int, "a track"),
        track_number=_field(data, "track_number", int, "a track"),
        duration_ms=_field(data, "duration_ms", int, "a track"),
        explicit=bool(data.get("explicit")),
        playable=playable if isinstance(playable, bool) else None,
        isrc=normal_isrc(isrc) if isinstance(isrc, str) else None,
        spotify_url=_link(data, "track", track_id),
        artists=_artists(data, "a track"),
        album=album(data["album"]) if isinstance(data.get("album"), dict) and data["album"].get("id") else None,
    )


def normal_isrc(text: str) -> str:
    """ISRC without hyphens and spaces, upper case; "" where it has not twelve characters."""
    code = text.replace("-", "").replace(" ", "").upper()
    return code if len(code) == 12 and code.isascii() and code.isalnum() else ""


def playlist(value: Any) -> PlaylistPayload:
    data = an_object(value, "a playlist")
    playlist_id = _field(data, "id", str, "a playlist")
    owner = data.get("owner")
    return PlaylistPayload(
        id=playlist_id,
        name=_field(data, "name", str, "a playlist"),
        owner=_text(owner, "display_name") if isinstance(owner, dict) else "",
        snapshot_id=_text(data, "snapshot_id"),
        image_url=_image(data),
        spotify_url=_link(data, "playlist", playlist_id),
    )


def full_playlist(value: Any) -> tuple[PlaylistPayload, Page | None]:
    """A playlist, and its first rows where they came along: `tracks`, `items` or both; none in Development Mode."""
    about, data = playlist(value), an_object(value, "a playlist")
    for name in ("items", "tracks"):
        rows = data.get(name)
        if isinstance(rows, dict) and isinstance(rows.get("items"), list):
            first = page(rows, playlist_row, nulls=True)
            if first.size or first.total == 0:
                return about, first
    return about, None


def playlist_row(row: Any) -> TrackPayload | None:
    """The track of a playlist's row; None for what is left out: null, local files, episodes, removed tracks."""
    if not isinstance(row, dict) or row.get("is_local"):
        return None
    item = row.get("item") if isinstance(row.get("item"), dict) else row.get("track")
    if not isinstance(item, dict) or item.get("is_local") or item.get("type") != "track" or not item.get("id"):
        return None
    return track(item)


def page(value: Any, parse: Callable[[Any], Any], *, nulls: bool = False) -> Page:
    """A page with its items parsed; null items are left out unless `nulls`, then `parse` sees them."""
    data = an_object(value, "a page")
    items = _field(data, "items", list, "a page")
    total = data.get("total")
    return Page(
        items=[parse(item) for item in items if nulls or item is not None],
        total=total if isinstance(total, int) else None,
        has_next=bool(data.get("next")),
        size=len(items),
    )


def has_moved(pages: Sequence[Page], different: int | None = None) -> bool:
    """Has a list changed between its pages, so that something of it may be missing?

    `different`: how many different items came, where a list holds none twice. There repeats betray it, too, and a total
    that wavers does not, where as many came as it ever said.
    """
    totals = {page.total for page in pages if page.total is not None}
    if different is None:
        return len(totals) > 1
    repeats = different < sum(len(page.items) for page in pages)
    return (repeats or len(totals) > 1) and different < max(totals, default=0)


def is_complete(pages: Sequence[Page], came: int) -> bool:
    """Did as many items come as a list says that it has, and any at all? Else it is no reason to forget anything."""
    return 0 < came >= max((page.total or 0 for page in pages), default=0)


def found_artists(value: Any) -> list[ArtistPayload]:
    """The artists of a search."""
    found: list[ArtistPayload] = page(an_object(value, "a search").get("artists"), artist).items
    return found


def found_tracks(value: Any) -> list[TrackPayload]:
    """The tracks of a search."""
    found: list[TrackPayload] = page(an_object(value, "a search").get("tracks"), track).items
    return found


def full_album(value: Any) -> tuple[AlbumPayload, Page]:
    """An album with the first page of its tracks."""
    return album(value), page(an_object(value, "an album").get("tracks"), track)


def several(name: str, parse: Callable[[Any], T], count: int) -> Callable[[Any], list[T | Malformed | None]]:
    """A parser of a batch: `count` items under `name`, in the order asked, null for unknown ids, Malformed for nonsense:
    one that makes no sense spoils only itself."""

    def parse_one(item: Any) -> T | Malformed | None:
        try:
            return None if item is None else parse(item)
        except Malformed as error:
            return error

    def parse_all(value: Any) -> list[T | Malformed | None]:
        items = _field(an_object(value, f"several {name}"), name, list, f"several {name}")
        if len(items) != count:
            raise Malformed(f"Spotify sent {len(items)} {name} where {count} were asked for")
        return [parse_one(item) for item in items]

    return parse_all
