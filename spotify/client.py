"""Spotify's Web API: one short method for each call we use, behaviour by composition.

Every HTTP request passes the throttle. Errors are those of `errors.py`, whatever the libraries below raise; which one,
and whether it is tried again, says the table in `failures.py`.
"""

import functools
import json
import logging
import random
import time
import uuid
from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import requests
import tenacity
from requests.adapters import HTTPAdapter

from spotify import failures, payloads
from spotify.errors import (
    BudgetSpent,
    Forbidden,
    Malformed,
    NotFound,
    Outage,
    Paused,
    RateLimited,
    SpotifyError,
    Unavailable,
)
from spotify.headers import read_retry_after
from spotify.payloads import AlbumPayload, ArtistPayload, Json, Page, PlaylistPayload, TrackPayload
from spotify.throttle import PERSON, Closed, Granted, Kind, Outcome, Place, Throttle
from spotify.tokens import Tokens

_log = logging.getLogger(__name__)
T = TypeVar("T")
P = TypeVar("P", AlbumPayload, TrackPayload)

USER_AGENT = "SongRanker/0.1 (+https://github.com/songranker/songranker)"
MAX_BODY_BYTES = 5 * 1024 * 1024
ALBUM_GROUPS = "album,single,compilation"
# A pause that ends within this is waited for even where nobody waits for the answer; longer ones give the work back.
SHORT_PAUSE_SECONDS = 3.0
LONGEST_BACK_OFF_SECONDS = 30.0
QUOTA_AFTER_SECONDS = 300
PREMIUM_STOPS_SECONDS = 1800.0
MAX_ALBUMS, MAX_TRACKS = 20, 50  # of one batch, in Extended Quota Mode
MOST_UNCOUNTED = 10_000  # items of a list that does not say how many it has

# An album and the first page of its tracks.
FullAlbum = tuple[AlbumPayload, Page]
# Told of a page of a list as it comes: its offset, and the page.
Arrived = Callable[[int, Page], None]


def ignored(offset: int, page: Page) -> None:
    """Nobody wants to know before the list is complete."""


def new_transport() -> requests.Session:
    """A pooled session without retries of its own: urllib3's would sleep out a Retry-After of hours inside get()."""
    transport = requests.Session()
    transport.trust_env = False
    adapter = HTTPAdapter(pool_connections=2, pool_maxsize=4, max_retries=0)
    transport.mount("https://", adapter)
    transport.mount("http://", adapter)
    transport.headers["User-Agent"] = USER_AGENT
    return transport


@dataclass(frozen=True, slots=True)
class PlaylistRows:
    """`rows`: None for each that is left out (see `payloads.playlist_row`); has the list changed while it was read; is it
    complete by its own count?"""

    rows: list[TrackPayload | None]
    has_moved: bool
    is_complete: bool


@dataclass(slots=True)
class Turn:
    """What one piece of work may take: its place in the throttle's order, and how long somebody waits for it."""

    place: Callable[[], Place] = lambda: PERSON
    # Seconds for which a person still waits; 0 where nobody does.
    patience: Callable[[], float] = lambda: 0.0
    # Runs before each request and at least once a second while waiting. Raises MadeWay to put the work back.
    check: Callable[[], None] = lambda: None
    # Pages as Spotify sent them, fetched by an earlier turn of the same work, by path and offset.
    pages: MutableMapping[tuple[str, int], Json] = field(default_factory=dict)


class SpotifyClient:
    """Reads artists, albums, tracks and playlists."""

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
        turn: Turn | None = None,
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
        self._turn = turn or Turn()
        self._sleep = sleep
        self._observe = observe
        self._observe_wait = observe_wait

    # --- the calls ---

    def search_artists(self, text: str) -> list[ArtistPayload]:
        """The first page of artists found, Spotify's best first."""
        limit = 50 if self._extended else 10
        return self._get("search", "search", {"q": text, "type": "artist", "limit": limit}, payloads.found_artists)

    def search_tracks(self, text: str) -> list[TrackPayload]:
        """The first page of tracks found, Spotify's best first."""
        limit = 50 if self._extended else 10
        params = {"q": text, "type": "track", "limit": limit, **self._market_param()}
        return self._get("search", "search", params, payloads.found_tracks)

    def artist(self, artist_id: str) -> ArtistPayload:
        return self._get("artist", f"artists/{artist_id}", {}, payloads.artist)

    def artist_albums(self, artist_id: str, arrived: Arrived = ignored) -> tuple[list[AlbumPayload], bool]:
        """All albums, singles and compilations, and whether the list is complete by its own count. Not what the artist
        only appears on, which can be hundreds.

        Read a second time where the list has changed between its pages: an album would be missing.
        """
        limit = 50 if self._extended else 10
        path = f"artists/{artist_id}/albums"
        params = {"include_groups": ALBUM_GROUPS, **self._market_param()}
        for reading in (1, 2):
            pages = self._pages("artist_albums", path, params, limit, payloads.album, arrived=arrived)
            albums = _once_each(album for page in pages for album in page.items)
            if reading == 2 or not payloads.has_moved(pages, different=len(albums)):
                break
            self.start_over()
        return albums, payloads.is_complete(pages, len(albums))

    def album(self, album_id: str) -> FullAlbum:
        """An album with its first fifty tracks: one call for nearly all albums."""
        return self._get("album", f"albums/{album_id}", self._market_param(), payloads.full_album)

    def albums(self, album_ids: list[str]) -> list[FullAlbum | Malformed | None]:
        """Up to MAX_ALBUMS in one call, in the order asked, None for those that do not exist. Extended mode only."""
        params = {"ids": ",".join(album_ids), **self._market_param()}
        return self._get("albums", "albums", params, payloads.several("albums", payloads.full_album, len(album_ids)))

    def all_tracks(self, album_id: str, first: Page) -> list[TrackPayload]:
        """An album's tracks, of which `first` came with it: no call where those are all."""
        path = f"albums/{album_id}/tracks"
        came = first if first.size or not first.total else None  # none though there are some: they are asked for
        pages = self._pages("album_tracks", path, self._market_param(), 50, payloads.track, first=came)
        return _once_each(track for page in pages for track in page.items)

    def track(self, track_id: str) -> TrackPayload:
        return self._get("track", f"tracks/{track_id}", self._market_param(), payloads.track)

    def tracks(self, track_ids: list[str]) -> list[TrackPayload | Malformed | None]:
        """Up to MAX_TRACKS in one call, in the order asked, None for those that do not exist. Extended mode only."""
        params = {"ids": ",".join(track_ids), **self._market_param()}
        return self._get("tracks", "tracks", params, payloads.several("tracks", payloads.track, len(track_ids)))

    def playlist(self, playlist_id: str) -> tuple[PlaylistPayload, Page | None]:
        """What a playlist is called, the snapshot that it is of, and its first rows where they come along (a hundred in
        Extended Quota Mode)."""
        path = f"playlists/{playlist_id}"
        kept = self._turn.pages.get((path, 0))
        if kept is not None:
            return payloads.full_playlist(kept)
        sent, found = self._get(
            "playlist", path, self._both_kinds(), lambda value: (value, payloads.full_playlist(value))
        )
        self._turn.pages[path, 0] = sent
        return found

    def playlist_rows(self, playlist_id: str, first: Page | None, arrived: Arrived = ignored) -> PlaylistRows:
        """A playlist's rows in order. `first` is what came with the playlist."""
        read = functools.partial(self._playlist_pages, playlist_id, first=first, arrived=arrived)
        try:
            pages = read("items")
        except (Forbidden, NotFound) as error:
            # The playlist itself can be read: its rows may still have their old address only.
            _log.info("no rows of %s under the new address: %s", playlist_id, error.detail)
            pages = read("tracks")
        rows = [row for page in pages for row in page.items]
        return PlaylistRows(rows, payloads.has_moved(pages), payloads.is_complete(pages, len(rows)))

    def _playlist_pages(self, playlist_id: str, form: str, *, first: Page | None, arrived: Arrived) -> list[Page]:
        path = f"playlists/{playlist_id}/{form}"
        params = self._both_kinds()
        return self._pages(
            "playlist_items", path, params, 50, payloads.playlist_row, first=first, nulls=True, arrived=arrived
        )

    def start_over(self) -> None:
        """Forget the pages that are kept: they are of a list that has changed."""
        _log.info("a list has changed while it was read; it is read once more")
        self._turn.pages.clear()

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
            pages.append(
                self._page(endpoint, path, where, lambda value: payloads.page(value, parse, nulls=nulls), arrived)
            )
            offset += limit
        return pages

    def _page(
        self, endpoint: str, path: str, where: dict[str, Any], parse: Callable[[Any], Page], arrived: Arrived
    ) -> Page:
        """One page, fetched or kept by an earlier turn. It is kept when whoever is told of it has taken it over."""
        offset = int(where["offset"])
        kept = self._turn.pages.get((path, offset))
        if kept is not None:
            return parse(kept)
        sent, page = self._get(endpoint, path, where, lambda value: (value, parse(value)))
        arrived(offset, page)
        self._turn.pages[path, offset] = sent
        return page

    # --- one request ---

    def _get(self, endpoint: str, path: str, params: dict[str, Any], parse: Callable[[Any], T]) -> T:
        """The parsed answer to one GET; tried again where that may help. Raises SpotifyError, MadeWay."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(SpotifyError),
            wait=_back_off,
            stop=self._enough,
            sleep=self._wait,
            reraise=True,
        )
        return retrying(self._try, endpoint, path, params, parse)

    def _enough(self, state: tenacity.RetryCallState) -> bool:
        """No further try: the table says so, or the next one would come after whoever waits has left."""
        error = state.outcome.exception() if state.outcome else None
        failure = error.failure if isinstance(error, SpotifyError) else None
        if failure is None or state.attempt_number >= failure.tries:
            return True
        patience = self._turn.patience()
        return state.upcoming_sleep > (patience or LONGEST_BACK_OFF_SECONDS)

    def _try(self, endpoint: str, path: str, params: dict[str, Any], parse: Callable[[Any], T]) -> T:
        """One try; a refused token is renewed once."""
        token = self._tokens.current()
        status, body = self._send(endpoint, path, params, token)
        if status == 401:
            self._tokens.refuse(token)
            status, body = self._send(endpoint, path, params, self._tokens.current())
            if status == 401:
                raise failures.TOKEN.because("Spotify refuses the access token that it has just given us.")
        try:
            return parse(json.loads(body))
        except ValueError:
            raise failures.MALFORMED.because(f"Spotify's answer to {endpoint} is no JSON.") from None
        except Malformed as error:
            raise failures.MALFORMED.because(error.detail) from None

    def _send(self, endpoint: str, path: str, params: dict[str, Any], token: str) -> tuple[int, bytes]:
        """One HTTP request with its slot of the window: 200 with the body, or 401. Else raises."""
        self._turn.check()
        granted = self._take_slot()
        status = 0
        outcome: Outcome = "failed"
        try:
            status, headers, body = self._exchange(path, params, token)
            if status == 429:
                outcome = "refused"
                raise self._limited(granted, headers, body)
            outcome = "failed" if status >= 500 else "answered"
            if status in (200, 401):
                return status, body
            raise self._error(status, headers, body, path)
        finally:
            # Also after an error: it may have reached Spotify.
            if self._throttle.release(granted, outcome):
                _log.error("Spotify has failed again and again: one call every half minute tries it now")
            self._observe(endpoint, status)

    def _exchange(self, path: str, params: dict[str, Any], token: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (names in lower case) and body. Raises the table's NETWORK for whatever the network does."""
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
                        raise failures.MALFORMED.because("Spotify's answer is larger than 5 MiB.")
                    if time.monotonic() - started > self._call_seconds:
                        raise failures.NETWORK.because("Spotify's answer came too slowly.")
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return answer.status_code, headers, body
        except requests.RequestException as error:
            # `from None`, and the type only: the request inside the exception holds the token.
            raise failures.NETWORK.because(f"Spotify does not answer ({type(error).__name__}).") from None

    def _take_slot(self) -> Granted:
        """Wait for a slot of the window. Raises Paused, Outage or BudgetSpent where that would take long, MadeWay."""
        call, waited = uuid.uuid4().hex, 0.0
        while True:
            verdict = self._throttle.acquire(call, self._turn.place())
            if isinstance(verdict, Granted):
                self._observe_wait(waited)
                return verdict
            if isinstance(verdict, Closed):
                self._wait_or_raise(verdict)
            # Asked again each second: who does not ask is taken for gone.
            seconds = min(verdict.seconds, 1.0)
            self._wait(seconds)
            waited += seconds

    def _wait_or_raise(self, closed: Closed) -> None:
        """Nothing where the pause is short enough to wait for; else the error that says when it ends."""
        if closed.reason == "spent":
            raise BudgetSpent("The calls to Spotify of the rolling day are spent.", closed.seconds)
        if closed.seconds > max(SHORT_PAUSE_SECONDS, self._turn.patience()):
            raise closed_error(closed.reason, closed.seconds)

    def _wait(self, seconds: float) -> None:
        """Sleep in slices: what waits here makes way for what is more urgent."""
        while seconds > 0:
            self._turn.check()
            self._sleep(min(seconds, 0.25))
            seconds -= 0.25

    # --- errors ---

    def _error(self, status: int, headers: dict[str, str], body: bytes, path: str) -> SpotifyError:
        """Which row of the table an answer is: by status, never by the message, which Spotify rewrites."""
        error = _error_object(body)
        message = str(error.get("message") or "") if error else body[:200].decode(errors="replace")
        if status == 404:
            if error:
                return failures.ABSENT.because("Spotify has nothing under this id.")
            return failures.ODD_404.because("Something that is not Spotify answered 404.")
        if status == 403:
            # The one exception: nothing but the message tells a lapsed Premium from a removed endpoint.
            if "premium" in message.lower():
                why = "The Spotify account that owns this application has no Premium."
                self._tokens.stop_calls(why, PREMIUM_STOPS_SECONDS)
                return failures.PREMIUM.because(why)
            return failures.FORBIDDEN.because("Spotify does not let this application read it.")
        if status >= 500:
            said = read_retry_after(headers.get("retry-after"), time.time())
            return failures.SERVER.because(f"Spotify answered {status}.", said)
        if status < 400:
            return failures.MALFORMED.because(f"Spotify answered {status}.")
        _log.error("Spotify answered %s to %s: %s", status, path, message[:200])
        return failures.BAD_REQUEST.because(f"Spotify answered {status}: {message[:200]}")

    def _limited(self, granted: Granted, headers: dict[str, str], body: bytes) -> SpotifyError:
        """A 429 pauses everybody, for as long as Spotify says and a little longer."""
        said = read_retry_after(headers.get("retry-after"), time.time())
        reason = (_error_object(body) or {}).get("reason")
        quota = reason == "QUOTA_EXCEEDED" or (said or 0) > QUOTA_AFTER_SECONDS
        kind: Kind = "quota" if quota else "window"
        left = self._throttle.pause(granted, said, kind)
        _log.warning("429 from Spotify (%s): all calls pause for %.0f s", kind, left)
        return failures.LIMITED.because(closed_error(kind, left).detail, left)


def closed_error(reason: str, seconds: float) -> Unavailable:
    """The error of a pause that is too long to wait for; its text says which kind it is and when it ends."""
    again = f"it can be asked again in {seconds:.0f} s."
    if reason == "outage":
        return Outage(f"Spotify has failed again and again; {again}", seconds)
    if reason == "quota":
        return Paused(f"The day's quota at Spotify is used up; {again}", seconds)
    if reason == "window":
        return Paused(f"Spotify asked us to pause; {again}", seconds)
    return Paused(f"Calls to Spotify are paused by hand; {again}", seconds)


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


def _back_off(state: tenacity.RetryCallState) -> float:
    """Seconds before the next try: 2, 4, 8 ... 30 with full jitter, and never earlier than Spotify said.

    None after a 429: its pause is waited for instead, with everybody else.
    """
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, RateLimited):
        return 0.0
    most = min(LONGEST_BACK_OFF_SECONDS, 2.0**state.attempt_number)
    asked = error.asked_seconds if isinstance(error, Unavailable) else 0.0
    return max(random.uniform(0.2, most), asked)  # noqa: S311  (jitter)


def _error_object(body: bytes) -> Json | None:
    """Spotify's own error document; None for anything else: HTML, a plain sentence, nothing."""
    try:
        return payloads.an_object(payloads.an_object(json.loads(body[: 64 * 1024]), "it").get("error"), "it")
    except (ValueError, Malformed):
        return None
