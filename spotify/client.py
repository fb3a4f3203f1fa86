"""Spotify's Web API: one short method for each call we use, behaviour by composition.

Every HTTP request passes the throttle. Errors are those of `errors.py`, whatever the libraries below raise.
"""

import email.utils
import json
import logging
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import requests
import tenacity
from requests.adapters import HTTPAdapter

from spotify import payloads
from spotify.errors import (
    BadRequest,
    BudgetSpent,
    Forbidden,
    Malformed,
    NotFound,
    Paused,
    RateLimited,
    Refused,
    SpotifyError,
    Unavailable,
)
from spotify.payloads import AlbumPayload, ArtistPayload, Json, PlaylistPayload, TrackPayload
from spotify.throttle import Closed, Granted, Throttle
from spotify.tokens import Tokens

_log = logging.getLogger(__name__)

USER_AGENT = "SongRanker/0.1 (+https://github.com/songranker/songranker)"
MAX_BODY_BYTES = 5 * 1024 * 1024
ALBUM_GROUPS = "album,single,compilation"
TRIES = 4
# Up to so long a pause is simply waited for; longer ones give the work back.
PAUSE_PATIENCE_SECONDS = 3.0
QUOTA_AFTER_SECONDS = 300
DEFAULT_PAUSE_SECONDS = 30.0
MAX_PAUSE_SECONDS = 48 * 3600.0


def new_transport() -> requests.Session:
    """A pooled session without retries of its own: urllib3's would sleep out a Retry-After of hours inside get()."""
    transport = requests.Session()
    transport.trust_env = False
    adapter = HTTPAdapter(pool_connections=2, pool_maxsize=4, max_retries=0)
    transport.mount("https://", adapter)
    transport.mount("http://", adapter)
    transport.headers["User-Agent"] = USER_AGENT
    return transport


class SpotifyClient:
    """Reads artists, albums, tracks and playlists.

    `before_call` runs before each request and each slice of waiting: the task renews its lease there.
    """

    def __init__(
        self,
        transport: requests.Session,
        tokens: Tokens,
        throttle: Throttle,
        *,
        url: str,
        extended: bool,
        market: str = "",
        language: str = "en",
        timeouts: tuple[float, float] = (3.0, 10.0),
        call_seconds: float = 15.0,
        before_call: Callable[[], None] = lambda: None,
        sleep: Callable[[float], None] = time.sleep,
        observe: Callable[[str, int], None] = lambda endpoint, status: None,
        observe_wait: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self._transport = transport
        self._tokens = tokens
        self._throttle = throttle
        self._url = url
        self._extended = extended
        self._market = market
        self._language = language
        self._timeouts = timeouts
        self._call_seconds = call_seconds
        self._before_call = before_call
        self._sleep = sleep
        self._observe = observe
        self._observe_wait = observe_wait

    # --- the calls ---

    def search_artists(self, text: str) -> list[ArtistPayload]:
        """The first page of artists found, Spotify's best first."""
        limit = 50 if self._extended else 10
        answer = self._get("search", "search", {"q": text, "type": "artist", "limit": limit})
        found = payloads.page(payloads.an_object(answer, "a search").get("artists"))
        return [payloads.artist(item) for item in found.items if item is not None]

    def artist(self, artist_id: str) -> ArtistPayload:
        return payloads.artist(self._get("artist", f"artists/{artist_id}", {}))

    def artist_albums(self, artist_id: str) -> list[AlbumPayload]:
        """All albums, singles and compilations; not what the artist only appears on, which can be hundreds."""
        limit = 50 if self._extended else 10
        params = {"include_groups": ALBUM_GROUPS, **self._market_param()}
        items = self._all_items("artist_albums", f"artists/{artist_id}/albums", params, limit)
        return [payloads.album(item) for item in items]

    def album(self, album_id: str) -> tuple[AlbumPayload, list[TrackPayload]]:
        """An album with all its tracks. The first fifty come with the album: one call for nearly all albums."""
        answer = payloads.an_object(self._get("album", f"albums/{album_id}", self._market_param()), "an album")
        first = payloads.page(answer.get("tracks"))
        path, params = f"albums/{album_id}/tracks", self._market_param()
        items = self._all_items("album_tracks", path, params, 50, first=first)
        return payloads.album(answer), [payloads.track(item) for item in items]

    def track(self, track_id: str) -> TrackPayload:
        return payloads.track(self._get("track", f"tracks/{track_id}", self._market_param()))

    def playlist(self, playlist_id: str) -> tuple[PlaylistPayload, list[TrackPayload], int]:
        """A playlist, its tracks in order, and how many rows were left out (see `payloads.playlist_row`)."""
        both = {"additional_types": "track,episode", **self._market_param()}
        about = payloads.playlist(self._get("playlist", f"playlists/{playlist_id}", both))
        rows = list(self._all_items("playlist_items", f"playlists/{playlist_id}/items", both, 50, by_id=False))
        tracks = [track for track in map(payloads.playlist_row, rows) if track is not None]
        return about, tracks, len(rows) - len(tracks)

    def _market_param(self) -> dict[str, Any]:
        return {"market": self._market} if self._market else {}

    # --- paging ---

    def _all_items(
        self,
        endpoint: str,
        path: str,
        params: dict[str, Any],
        limit: int,
        *,
        first: payloads.Page | None = None,
        by_id: bool = True,
    ) -> Iterator[Any]:
        """The items of all pages.

        Steps by our own offset: `next` can be null too early and can go on past the end, `total` is an estimate, and
        one row can stand on two pages. `by_id` drops repeats and nulls; a playlist may really hold a track twice.
        """
        seen: set[str] = set()
        offset, most_pages = 0, 0
        page = first
        while True:
            if page is None:
                page = payloads.page(self._get(endpoint, path, {**params, "limit": limit, "offset": offset}))
            for item in page.items:
                if not by_id:
                    yield item
                elif isinstance(item, dict) and item.get("id") not in seen:
                    seen.add(str(item.get("id")))
                    yield item
            offset += limit
            most_pages = max(most_pages, (page.total or 0) // limit + 2)
            past_total = page.total is not None and offset >= page.total
            if not page.items or (past_total and not page.has_next) or (page.total is None and not page.has_next):
                return
            if offset >= most_pages * limit and not (page.total is None and page.has_next and offset < 10_000):
                return
            page = None

    # --- one request ---

    def _get(self, endpoint: str, path: str, params: dict[str, Any]) -> Any:
        """The parsed JSON of one GET; retried where that may help. Raises SpotifyError."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_may_help_to_retry),
            wait=_back_off,
            stop=tenacity.stop_after_attempt(TRIES),
            sleep=self._wait,
            reraise=True,
        )
        return retrying(self._with_token, endpoint, path, params)

    def _with_token(self, endpoint: str, path: str, params: dict[str, Any]) -> Any:
        """One try; a refused token is renewed once."""
        token = self._tokens.current()
        status, answer = self._send(endpoint, path, params, token)
        if status == 401:
            self._tokens.refuse(token)
            status, answer = self._send(endpoint, path, params, self._tokens.current())
            if status == 401:
                raise Refused("Spotify refuses the access token that it has just given us.")
        return answer

    def _send(self, endpoint: str, path: str, params: dict[str, Any], token: str) -> tuple[int, Any]:
        """One HTTP request with its slot of the window: 200 and the JSON, or 401 and None. Else raises."""
        granted = self._take_slot()
        status = 0
        try:
            self._before_call()
            status, headers, body = self._exchange(path, params, token)
        finally:
            # Also after an error: it may have reached Spotify.
            self._throttle.release(granted)
            self._observe(endpoint, status)
        if status == 401:
            return 401, None
        if status != 200:
            raise self._error(status, headers, body, path)
        try:
            return 200, json.loads(body)
        except ValueError:
            raise Malformed(f"Spotify's answer to {endpoint} is no JSON") from None

    def _exchange(self, path: str, params: dict[str, Any], token: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (names in lower case) and body. Raises Unavailable for whatever the network does."""
        started = time.monotonic()
        try:
            with self._transport.get(
                f"{self._url}/{path}",
                params=params,
                headers={"Authorization": f"Bearer {token}", "Accept-Language": self._language},
                timeout=self._timeouts,
                allow_redirects=False,
                stream=True,
            ) as answer:
                body = b""
                for chunk in answer.iter_content(64 * 1024):
                    body += chunk
                    if len(body) > MAX_BODY_BYTES:
                        raise Malformed("Spotify's answer is larger than 5 MiB")
                    if time.monotonic() - started > self._call_seconds:
                        raise Unavailable("Spotify's answer came too slowly")
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return answer.status_code, headers, body
        except requests.RequestException as error:
            # `from None`, and the type only: the request inside the exception holds the token.
            raise Unavailable(f"Spotify does not answer ({type(error).__name__})") from None

    def _take_slot(self) -> Granted:
        """Wait for a slot of the window. Raises Paused or BudgetSpent where that would take long."""
        waited = 0.0
        while True:
            verdict = self._throttle.acquire()
            if isinstance(verdict, Granted):
                self._observe_wait(waited)
                return verdict
            if isinstance(verdict, Closed):
                if verdict.reason == "spent":
                    raise BudgetSpent("Today's calls to Spotify are spent.", verdict.seconds)
                if waited + verdict.seconds > PAUSE_PATIENCE_SECONDS:
                    raise Paused("Spotify asked us to pause.", verdict.seconds)
            self._wait(verdict.seconds)
            waited += verdict.seconds

    def _wait(self, seconds: float) -> None:
        """Sleep in slices, so that the lease is renewed meanwhile."""
        while seconds > 0:
            self._before_call()
            self._sleep(min(seconds, 1.0))
            seconds -= 1.0

    # --- errors ---

    def _error(self, status: int, headers: dict[str, str], body: bytes, path: str) -> SpotifyError:
        """Which error an answer is: by status and `error.reason`, never by the message, which Spotify rewrites."""
        message, reason = _read_error(body)
        if status == 429:
            return self._rate_limited(headers, reason)
        if status == 404:
            return NotFound("Spotify has nothing under this id.")
        if status == 403:
            if "premium" in message.lower():
                return Refused("The Spotify account that owns this application has no Premium.")
            return Forbidden("Spotify does not let this application read it.")
        if status >= 500:
            return Unavailable(f"Spotify answered {status}", retry_after=5)
        _log.error("Spotify answered %s to %s: %s", status, path, message[:200])
        return BadRequest(f"Spotify answered {status}: {message[:200]}")

    def _rate_limited(self, headers: dict[str, str], reason: str) -> RateLimited:
        """A 429 pauses everybody, for as long as Spotify says and a little longer."""
        said = read_retry_after(headers.get("retry-after"), time.time())
        seconds = DEFAULT_PAUSE_SECONDS if said is None else said
        quota = reason == "QUOTA_EXCEEDED" or seconds > QUOTA_AFTER_SECONDS
        seconds += 1 + (random.random() * 0.05 * seconds if quota else 0)  # noqa: S311  (jitter)
        self._throttle.pause(seconds, "quota" if quota else "window")
        _log.warning("429 from Spotify (%s): all calls pause for %.0f s", "quota" if quota else "window", seconds)
        return RateLimited("Spotify asked us to pause.", seconds, quota=quota)


_full_jitter = tenacity.wait_random_exponential(multiplier=2, min=0.2, max=30)


def _back_off(state: tenacity.RetryCallState) -> float:
    """Seconds before the next try: 2, 4, 8 ... 30 with full jitter; none after a 429, whose pause is waited for instead."""
    error = state.outcome.exception() if state.outcome else None
    return 0.0 if isinstance(error, RateLimited) else float(_full_jitter(state))


def _may_help_to_retry(error: BaseException) -> bool:
    """5xx, time-outs, half answers; after a 429 the next try meets the pause, which decides."""
    if isinstance(error, RateLimited | Malformed):
        return True
    return type(error) is Unavailable


def _read_error(body: bytes) -> tuple[str, str]:
    """Message and reason of an error's body; a body that doesn't parse changes nothing."""
    try:
        error: Json = payloads.an_object(
            payloads.an_object(json.loads(body[: 64 * 1024]), "an error").get("error"), "an error"
        )
    except (ValueError, SpotifyError):
        return body[:200].decode(errors="replace"), ""
    return str(error.get("message") or ""), str(error.get("reason") or "")


def read_retry_after(value: str | None, now: float) -> float | None:
    """Seconds from a `Retry-After`, which may be seconds or an HTTP date; None for missing or absurd ones."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - now
        except (ValueError, TypeError):
            return None
    if not 0 <= seconds < float("inf"):
        return None
    return min(seconds, MAX_PAUSE_SECONDS)
