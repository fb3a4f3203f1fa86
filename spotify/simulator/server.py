"""The simulator's HTTP side: routes, refusals, faults, and `/_admin/` for tests."""

import base64
import contextlib
import gzip
import json
import random
import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from spotify.links import is_id
from spotify.simulator.catalogue import Catalogue
from spotify.simulator.faults import Fault, Faults
from spotify.simulator.quota import Config, Refusal, State
from spotify.simulator.shapes import Json, Shapes, picture

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
        return call.shapes.full_album(_found(self.catalogue.albums, call.ids[0]))

    def album_tracks(self, call: Call) -> Json:
        album = _found(self.catalogue.albums, call.ids[0])
        offset, limit = self._paging(call, 20, 50)
        return call.shapes.page(call.path, album.tracks, offset, limit, call.shapes.track)

    def track(self, call: Call) -> Json:
        return call.shapes.full_track(_found(self.catalogue.tracks, call.ids[0]))

    def albums(self, call: Call) -> Json:
        return {"albums": self._batch(call, 20, self.catalogue.albums, call.shapes.full_album)}

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


def _check_id(item_id: str) -> None:
    if not is_id(item_id):
        raise Refused(400, "Invalid base62 id")


def _found(known: dict[str, Any], item_id: str) -> Any:
    if item_id not in known:
        raise Refused(404, "Resource not found")
    return known[item_id]


class Handler(BaseHTTPRequestHandler):
    """One connection, kept alive."""

    protocol_version = "HTTP/1.1"
    server: "Server"
    # One segment for a small answer: else Nagle and delayed ACKs add 40 ms to it.
    wbufsize = 64 * 1024
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Silent: tests make thousands of calls."""

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if address.path.startswith("/_image/"):
            self._send(200, picture(address.path[8:].split(".")[0]).encode(), "image/svg+xml")
        elif address.path == "/_admin/state":
            self._send_json(200, self.server.state.snapshot())
        elif address.path.startswith("/v1/"):
            self._web_api(
                address.path,
                {key: values[-1] for key, values in parse_qs(address.query, keep_blank_values=True).items()},
            )
        else:
            self._send_json(404, {"error": {"status": 404, "message": "Service not found"}})

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        path = urlsplit(self.path).path
        if path == "/api/token":
            self._token(body)
        elif path.startswith("/_admin/"):
            self._admin(path.removeprefix("/_admin/"), body)
        else:
            self._send_json(404, {"error": {"status": 404, "message": "Service not found"}})

    # --- /_admin/ ---

    def _admin(self, what: str, body: bytes) -> None:
        try:
            wanted = json.loads(body or b"{}")
            if what == "reset":
                self.server.state.reset()
                self.server.faults.replace([])
            elif what == "config":
                self._configure(wanted)
            elif what == "faults":
                self.server.faults.replace(wanted)
            elif what == "forget-tokens":
                self.server.state.tokens.clear()
            else:
                self._send_json(404, {"error": f"no such command: {what}"})
                return
        except (ValueError, TypeError, AttributeError) as error:
            self._send_json(400, {"error": str(error)})
            return
        self._send_json(200, self.server.state.snapshot())

    def _configure(self, wanted: Json) -> None:
        state = self.server.state
        with state.lock:
            changed = Config(**{name: getattr(state.config, name) for name in Config.__slots__} | wanted)
            state.config = changed

    # --- accounts ---

    def _token(self, body: bytes) -> None:
        state, config = self.server.state, self.server.state.config
        state.counters.token_requests += 1
        fault = self.server.faults.strike("/api/token")
        if fault and self._fault(fault, "/api/token"):
            return
        if self.headers.get("Content-Type", "").split(";")[0] != "application/x-www-form-urlencoded":
            self._send_json(415, {"error": "server_error", "error_description": "Unexpected status: 415"})
            return
        form = {key: values[-1] for key, values in parse_qs(body.decode(errors="replace")).items()}
        if form.get("grant_type") != "client_credentials":
            detail = (
                "grant_type parameter is missing"
                if "grant_type" not in form
                else "grant_type must be client_credentials"
            )
            self._send_json(400, {"error": "unsupported_grant_type", "error_description": detail})
            return
        client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
        kind, _, value = self.headers.get("Authorization", "").partition(" ")
        if kind == "Basic":
            with contextlib.suppress(ValueError):
                client_id, _, secret = base64.b64decode(value).decode().partition(":")
        if not client_id or (config.client_id and client_id != config.client_id):
            self._send_json(400, {"error": "invalid_client", "error_description": "Invalid client"})
        elif not secret or (config.client_secret and secret != config.client_secret):
            self._send_json(400, {"error": "invalid_client", "error_description": "Invalid client secret"})
        else:
            answer = {"access_token": state.new_token(), "token_type": "Bearer", "expires_in": config.token_seconds}
            self._send_json(200, answer)

    # --- the Web API ---

    def _web_api(self, path: str, query: dict[str, str]) -> None:
        state = self.server.state
        state.enter()
        self.sent_status = 0
        try:
            self._wait_latency()
            fault = None
            try:
                self._authorise()
                # Counted first: Spotify counts arrivals, whatever becomes of them.
                self._admit(path)
                fault = self.server.faults.strike(path)
                if fault and self._fault(fault, path):
                    return
                answer = self.server.api.answer(Call(path, query, self._shapes(query)))
            except Refused as refused:
                self._send_json(refused.status, refused.body, refused.headers)
                return
            if fault and fault.kind == "null_items":
                _null_first_item(answer)
            self._send_json(
                200, answer, {"Cache-Control": "public, max-age=120"}, truncate=bool(fault and fault.kind == "truncate")
            )
        finally:
            state.leave(self.sent_status)

    def _wait_latency(self) -> None:
        config = self.server.state.config
        if config.latency_ms or config.latency_spread_ms:
            time.sleep((config.latency_ms + random.random() * config.latency_spread_ms) / 1000)

    def _authorise(self) -> None:
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        if kind != "Bearer" or not token:
            raise Refused(401, "No token provided")
        if not self.server.state.token_is_good(token):
            raise Refused(401, "Missing/invalid/expired access token")
        if self.server.state.config.premium_lapsed:
            raise Refused(403, "Active premium subscription required for the owner of the app. When the subscription "
                               "status changes, it can take a few hours before requests are allowed again.")  # fmt: skip

    def _admit(self, path: str) -> None:
        refusal: Refusal | None = self.server.state.admit(re.sub(r"/[0-9A-Za-z]{22}", "/{id}", path))
        if refusal:
            headers = {"Retry-After": str(refusal.retry_after), "Cache-Control": "private, max-age=0"}
            if refusal.quota:
                raise Refused(429, "Too many requests", headers, reason="QUOTA_EXCEEDED")
            raise Refused(429, "API rate limit exceeded", headers)

    def _shapes(self, query: dict[str, str]) -> Shapes:
        extended = self.server.state.config.quota_mode == "extended"
        english = self.headers.get("Accept-Language", "").lower().startswith("en")
        base = f"http://{self.headers.get('Host', '127.0.0.1')}"
        return Shapes(base, extended=extended, english=english, market=query.get("market", ""))

    def _fault(self, fault: Fault, path: str) -> bool:
        """Play the fault; True where the answer has been given (or refused)."""
        if fault.kind in ("hang", "slow"):
            time.sleep(fault.seconds)
        if fault.kind in ("hang", "drop"):
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return True
        if fault.kind == "html":
            self._send(200, b"<!doctype html><html><title>Please wait</title></html>", "text/html")
            return True
        if fault.kind not in ("status", "429"):
            return False
        status = 429 if fault.kind == "429" else fault.status
        headers = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
        if fault.body is not None:
            self._send(status, fault.body.encode(), "text/plain", headers)
        else:
            message = "API rate limit exceeded" if status == 429 else "Service temporarily unavailable"
            error = {"status": status, "message": message} | ({"reason": fault.reason} if fault.reason else {})
            self._send_json(status, {"error": error}, headers)
        return True

    # --- answers ---

    def _send_json(
        self, status: int, body: Any, headers: dict[str, str] | None = None, *, truncate: bool = False
    ) -> None:
        raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        self._send(status, raw[: len(raw) // 2] if truncate else raw, "application/json; charset=utf-8", headers)

    def _send(self, status: int, body: bytes, content_type: str, headers: dict[str, str] | None = None) -> None:
        self.sent_status = status
        headers = dict(headers or {})
        if len(body) > 1024 and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body, 1)
            headers["Content-Encoding"] = "gzip"
        with contextlib.suppress(ConnectionError):
            self.send_response(status)
            for name, value in {"Content-Type": content_type, "Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()


def _null_first_item(answer: Json) -> None:
    """Put a null into the first list of items, as Spotify sometimes does."""
    for value in [answer, *answer.values()]:
        if isinstance(value, dict) and isinstance(value.get("items"), list):
            value["items"].insert(0, None)
            return


class Server(ThreadingHTTPServer):
    """The simulator, bound to loopback."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int, config: Config, catalogue: Catalogue) -> None:
        self.state = State(config)
        self.faults = Faults()
        self.api = Api(catalogue, self.state)
        super().__init__(("127.0.0.1", port), Handler)
