"""What each address of the simulated Web API answers, and how it refuses."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from spotify.links import is_id
from spotify.simulator.catalogue import Album, Catalogue
from spotify.simulator.quota import State
from spotify.simulator.shapes import Json, Shapes

_MARKETS = frozenset(
    [
        "AR",
        "AT",
        "AU",
        "BE",
        "BR",
        "CA",
        "CH",
        "CL",
        "CO",
        "DE",
        "DK",
        "ES",
        "FI",
        "FR",
        "GB",
        "IE",
        "IT",
        "JP",
        "KR",
        "MX",
        "NL",
        "NO",
        "NZ",
        "PL",
        "PT",
        "SE",
        "US",
    ]
)
_UNLAUNCHED = frozenset(["CN", "KP"])
_REMOVED_IN_DEVELOPMENT = re.compile(
    r"/v1/(albums|tracks|artists)|/v1/artists/[^/]+/top-tracks|/v1/browse/.*|/v1/markets|/v1/users/.*|/v1/playlists/[^/]+/tracks"
)


class Refused(Exception):
    """An error answer in Spotify's shape."""

    def __init__(
        self, status: int, message: str, headers: dict[str, str] | None = None, reason: str | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.headers = status, headers or {}
        self.body: Json = {"error": {"status": status, "message": message} | ({"reason": reason} if reason else {})}


@dataclass(slots=True)
class Call:
    """One request to the Web API, parsed."""

    path: str
    query: dict[str, str]
    shapes: Shapes
    ids: tuple[str, ...] = field(default_factory=tuple)


class Api:
    """The Web API: what each path answers. Raises Refused."""

    def __init__(self, catalogue: Catalogue, state: State) -> None:
        self.catalogue, self.state = catalogue, state
        self.routes: list[tuple[re.Pattern[str], Callable[[Call], Json]]] = [
            (re.compile(pattern), handler)
            for pattern, handler in (
                (r"/v1/search", self.search),
                (r"/v1/artists/([^/]+)", self.artist),
                (r"/v1/artists/([^/]+)/albums", self.artist_albums),
                (r"/v1/albums/([^/]+)", self.album),
                (r"/v1/albums/([^/]+)/tracks", self.album_tracks),
                (r"/v1/tracks/([^/]+)", self.track),
                (r"/v1/albums", self.albums),
                (r"/v1/tracks", self.tracks),
                (r"/v1/playlists/([^/]+)", self.playlist),
                (r"/v1/playlists/([^/]+)/(?:items|tracks)", self.playlist_rows),
            )
        ]

    @property
    def old_endpoints(self) -> bool:
        """Extended mode, and applications from before the change, keep the old endpoints and page sizes."""
        return self.state.config.quota_mode != "development"

    def answer(self, call: Call) -> Json:
        if not self.old_endpoints and _REMOVED_IN_DEVELOPMENT.fullmatch(call.path):
            raise Refused(403, "Forbidden")
        self._check_market(call.query.get("market"))
        for pattern, handler in self.routes:
            match = pattern.fullmatch(call.path)
            if match:
                for item_id in match.groups():
                    _check_id(item_id)
                call.ids = match.groups()
                return handler(call)
        raise Refused(404, "Service not found")

    @staticmethod
    def _check_market(market: str | None) -> None:
        if market is None:
            return
        if market == "from_token":
            raise Refused(403, "Insufficient client scope")
        if market in _UNLAUNCHED:
            raise Refused(400, "Unlaunched market")
        if market not in _MARKETS:
            raise Refused(400, "Invalid market code")

    def _paging(self, call: Call, default: int, highest: int) -> tuple[int, int]:
        """offset and limit, as strict as the real one: a limit that is too large is refused, not clamped."""
        try:
            limit = int(call.query.get("limit", default))
            offset = int(call.query.get("offset", 0))
        except ValueError:
            raise Refused(400, "Invalid limit") from None
        if not 1 <= limit <= highest:
            raise Refused(400, "Invalid limit")
        if offset < 0:
            raise Refused(400, "Invalid offset")
        return offset, limit

    def search(self, call: Call) -> Json:
        query = call.query.get("q", "").strip()
        if not query:
            raise Refused(400, "No search query")
        kinds = [kind for kind in call.query.get("type", "").split(",") if kind]
        if not kinds or not set(kinds) <= {"artist", "album", "track", "playlist"}:
            raise Refused(400, "Bad search type field" if kinds else "Missing parameter type")
        offset, limit = self._paging(call, *((20, 50) if self.old_endpoints else (5, 10)))
        if offset + limit > 1000:
            raise Refused(400, "Bad request")
        finders: dict[str, tuple[Callable[[str], list[Any]], Any]] = {
            "artist": (self.catalogue.search_artists, call.shapes.full_artist),
            "album": (self.catalogue.search_albums, call.shapes.album),
            "track": (self.catalogue.search_tracks, call.shapes.full_track),
            "playlist": (lambda _: [], None),
        }
        answer: Json = {}
        for kind in kinds:
            find, render = finders[kind]
            answer[f"{kind}s"] = call.shapes.page(
                "/v1/search", find(query), offset, limit, render, query=query, type=kind
            )
        return answer

    def artist(self, call: Call) -> Json:
        return call.shapes.full_artist(_found(self.catalogue.artists, call.ids[0]))

    def artist_albums(self, call: Call) -> Json:
        artist = _found(self.catalogue.artists, call.ids[0])
        groups = call.query.get("include_groups", "album,single,appears_on,compilation")
        wanted = set(groups.split(","))
        if not wanted <= {"album", "single", "appears_on", "compilation"}:
            raise Refused(400, "Invalid album type, allowed: album, single, appears_on, compilation")
        offset, limit = self._paging(call, *((20, 50) if self.old_endpoints else (5, 10)))
        albums = [album for album in artist.albums if album.album_type in wanted]
        shapes = call.shapes
        return shapes.page(
            call.path, albums, offset, limit, lambda a: shapes.album(a, group=True), include_groups=groups
        )

    def album(self, call: Call) -> Json:
        return _full_album(call, _found(self.catalogue.albums, call.ids[0]))

    def album_tracks(self, call: Call) -> Json:
        album = _found(self.catalogue.albums, call.ids[0])
        offset, limit = self._paging(call, 20, 50)
        return call.shapes.page(call.path, album.tracks, offset, limit, call.shapes.track)

    def track(self, call: Call) -> Json:
        return call.shapes.full_track(_found(self.catalogue.tracks, call.ids[0]))

    def albums(self, call: Call) -> Json:
        return {"albums": self._batch(call, 20, self.catalogue.albums, lambda album: _full_album(call, album))}

    def tracks(self, call: Call) -> Json:
        return {"tracks": self._batch(call, 50, self.catalogue.tracks, call.shapes.full_track)}

    @staticmethod
    def _batch(call: Call, most: int, known: dict[str, Any], render: Callable[[Any], Json]) -> list[Json | None]:
        ids = call.query.get("ids", "").split(",")
        if len(ids) > most:
            raise Refused(400, "Too many ids requested")
        for item_id in ids:
            _check_id(item_id)
        return [render(known[item_id]) if item_id in known else None for item_id in ids]

    def playlist(self, call: Call) -> Json:
        return call.shapes.playlist(_found(self.catalogue.playlists, call.ids[0]))

    def playlist_rows(self, call: Call) -> Json:
        playlist = _found(self.catalogue.playlists, call.ids[0])
        if self.state.config.quota_mode == "development":
            raise Refused(403, "Forbidden")  # client credentials have no user who could own the list
        offset, limit = self._paging(call, 20, 100 if call.path.endswith("/tracks") else 50)
        rows = call.shapes.page(call.path, playlist.rows, offset, limit, call.shapes.row)
        if call.path.endswith("/items"):  # the newer name of the same field
            rows["items"] = [
                row and {**{k: v for k, v in row.items() if k != "track"}, "item": row["track"]}
                for row in rows["items"]
            ]
        return rows


def _full_album(call: Call, album: Album) -> Json:
    if album.spoilt == "error":
        raise Refused(500, "Server error.")
    return call.shapes.full_album(album)


def _check_id(item_id: str) -> None:
    if not is_id(item_id):
        raise Refused(400, "Invalid base62 id")


def _found(known: dict[str, Any], item_id: str) -> Any:
    if item_id not in known:
        raise Refused(404, "Resource not found")
    return known[item_id]
