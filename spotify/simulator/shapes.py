"""JSON in Spotify's shapes, in both quota modes."""

import hashlib
from typing import Any
from urllib.parse import urlencode

from spotify.simulator.catalogue import Album, Artist, Playlist, Track

Json = dict[str, Any]


class Shapes:
    """Renders objects for one request: its mode, language and address decide which fields and names appear."""

    def __init__(self, base: str, *, extended: bool, english: bool, market: str = "") -> None:
        self.base = base
        self.extended = extended
        self.english = english
        self.market = market

    def _common(self, kind: str, item_id: str, name: str) -> Json:
        return {
            "id": item_id,
            "name": name,
            "type": kind,
            "uri": f"spotify:{kind}:{item_id}",
            "href": f"{self.base}/v1/{kind}s/{item_id}",
            "external_urls": {"spotify": f"https://open.spotify.com/{kind}/{item_id}"},
        }

    def _images(self, item_id: str) -> list[Json]:
        return [
            {"url": f"{self.base}/_image/{item_id}.svg?size={size}", "height": size, "width": size}
            for size in (640, 300, 64)
        ]

    def _name(self, artist: Artist) -> str:
        return artist.name_en if self.english else artist.name

    def artist(self, artist: Artist) -> Json:
        """Simplified."""
        return self._common("artist", artist.id, self._name(artist))

    def full_artist(self, artist: Artist) -> Json:
        # Guests that the catalogue knows only by name have no picture: empty lists are normal.
        answer = self.artist(artist) | {"genres": [], "images": self._images(artist.id) if artist.albums else []}
        if self.extended:
            answer |= {
                "popularity": _number(artist.id, 100),
                "followers": {"href": None, "total": _number(artist.id, 10**7)},
            }
        return answer

    def album(self, album: Album, *, group: bool = False) -> Json:
        """Simplified; `group` adds `album_group`, which only the artist's list carries."""
        answer = self._common("album", album.id, album.name) | {
            "album_type": album.album_type,
            "artists": [self.artist(album.artist)],
            "images": self._images(album.id),
            "release_date": album.release_date,
            "release_date_precision": {4: "year", 7: "month"}.get(len(album.release_date), "day"),
            "total_tracks": len(album.tracks),
        }
        if self.extended:
            answer["available_markets"] = ["DE", "GB", "US"]
            if group:
                answer["album_group"] = album.album_type
        return answer

    def full_album(self, album: Album) -> Json:
        answer = self.album(album) | {
            "tracks": self.page(f"/v1/albums/{album.id}/tracks", album.tracks, 0, 50, self.track),
            "copyrights": [],
            "genres": [],
            "external_ids": {"upc": f"{_number(album.id, 10**12):012d}"},
        }
        if album.spoilt == "nonsense":
            answer["tracks"] = "soon"
        if self.extended:
            answer |= {"label": "Simulated Records", "popularity": _number(album.id, 100)}
        return answer

    def track(self, track: Track) -> Json:
        """Simplified: never an album, ISRC or popularity."""
        answer = self._common("track", track.id, track.name) | {
            "artists": [self.artist(artist) for artist in track.artists],
            "disc_number": track.disc,
            "track_number": track.number,
            "duration_ms": track.duration_ms,
            "explicit": track.explicit,
            "is_local": False,
            "preview_url": None,
        }
        if self.market:
            answer["is_playable"] = True
        elif self.extended:
            answer["available_markets"] = ["DE", "GB", "US"]
        return answer

    def full_track(self, track: Track) -> Json:
        answer = self.track(track) | {
            "album": self.album(track.album),
            "external_ids": {"isrc": track.isrc} if track.isrc else {},
        }
        if self.extended:
            answer["popularity"] = _number(track.id, 100)
        return answer

    def playlist(self, playlist: Playlist) -> Json:
        answer = self._common("playlist", playlist.id, playlist.name) | {
            "collaborative": False,
            "description": "",
            "images": [],
            "owner": {"id": playlist.owner, "display_name": playlist.owner, "type": "user"},
            "primary_color": None,
            "public": True,
            "snapshot_id": _snapshot(playlist),
        }
        if self.extended:
            answer["tracks"] = self.page(f"/v1/playlists/{playlist.id}/tracks", playlist.rows, 0, 100, self.row)
        return answer

    def row(self, row: Track | str) -> Json | None:
        """A playlist's row, with the oddities that real lists hold."""
        if row == "null_row":
            return None
        added: Json = {"added_at": None, "added_by": {"id": "listowner01"}, "is_local": row == "local"}
        if row == "null_item":
            return added | {"track": None}
        if row == "local":
            item = {
                "id": None,
                "name": "A file on a laptop",
                "type": "track",
                "is_local": True,
                "uri": "spotify:local:::x:1",
            }
            return added | {"track": item | {"artists": [], "disc_number": 0, "track_number": 0, "duration_ms": 1000}}
        if row == "episode":
            return added | {
                "track": self._common("episode", "5simEpisodeOfAPodcast0", "An episode") | {"duration_ms": 1}
            }
        if isinstance(row, str):
            raise ValueError(f"no such oddity: {row}")
        # Inside the object, `track` and `episode` are flags.
        return added | {"track": self.full_track(row) | {"track": True, "episode": False}}

    def page(self, path: str, items: list[Any], offset: int, limit: int, render: Any, **query: str) -> Json:
        """A paging object over `items`."""

        def url(at: int) -> str:
            return f"{self.base}{path}?{urlencode({'offset': at, 'limit': limit, **query})}"

        total = len(items)
        return {
            "href": url(offset),
            "items": [render(item) for item in items[offset : offset + limit]],
            "limit": limit,
            "next": url(offset + limit) if offset + limit < total else None,
            "offset": offset,
            "previous": url(max(0, offset - limit)) if offset else None,
            "total": total,
        }


def _snapshot(playlist: Playlist) -> str:
    """Another one for each change of the rows."""
    rows = " ".join(row if isinstance(row, str) else row.id for row in playlist.rows)
    return hashlib.sha256(f"{playlist.id} {rows}".encode()).hexdigest()[:32]


def _number(seed: str, below: int) -> int:
    """The same made-up number for the same id, always."""
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8]) % below


def picture(item_id: str) -> str:
    """A cover to look at: two colours that belong to the id."""
    hue = _number(item_id, 360)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="640" height="640" viewBox="0 0 64 64">'
        f'<rect width="64" height="64" fill="hsl({hue} 55% 42%)"/>'
        f'<circle cx="{16 + _number(item_id + "x", 32)}" cy="{16 + _number(item_id + "y", 32)}" r="18" '
        f'fill="hsl({(hue + 140) % 360} 60% 64%)"/></svg>'
    )
