"""One question on the worker: its lease, its place in the throttle's order, and when it makes way for others."""

import logging
import os
import threading
import time
from collections.abc import Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from datetime import timedelta
from functools import cache

import requests
from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from songranker import metrics
from songranker.redis import connection as redis_connection
from songranker.redis import people_wait
from spotify import gateway
from spotify.calls import Calls, Turn, new_transport
from spotify.client import SpotifyClient
from spotify.errors import MadeWay
from spotify.models import Lookup, LookupPage
from spotify.payloads import Json
from spotify.throttle import Place
from spotify.tokens import Tokens

_log = logging.getLogger(__name__)

# After so long a question goes back into the queue, with the pages that it has: others may wait, and no task comes near
# its time limit.
TURN_SECONDS = 40.0
_RENEW_SECONDS = 2.5
_LOOK_SECONDS = 0.25
PAGES_LAST = timedelta(minutes=10)


@cache
def _transport_of(pid: int) -> requests.Session:
    return new_transport()


def tokens() -> Tokens:
    """The access token that all workers share."""
    return Tokens(
        redis_connection(),
        _transport_of(os.getpid()),
        url=settings.SPOTIFY_ACCOUNTS_URL,
        client_id=settings.SPOTIFY_CLIENT_ID,
        client_secret=settings.SPOTIFY_CLIENT_SECRET,
        timeouts=_timeouts(),
    )


def _timeouts() -> tuple[float, float]:
    return settings.SPOTIFY_CONNECT_TIMEOUT_SECONDS, settings.SPOTIFY_READ_TIMEOUT_SECONDS


class Work:
    """A question that this worker answers now."""

    def __init__(self, lookup: Lookup) -> None:
        self.lookup = lookup
        self._started = self._looked = time.monotonic()
        self._kept = KeptPages(lookup)

    def client(self) -> SpotifyClient:
        """A client whose calls have this question's place in the order; the connection pool is the process' own."""
        calls = Calls(
            _transport_of(os.getpid()),
            tokens(),
            gateway.throttle(),
            url=settings.SPOTIFY_API_URL,
            language=settings.SPOTIFY_LANGUAGE,
            timeouts=_timeouts(),
            call_seconds=settings.SPOTIFY_CALL_SECONDS,
            turn=Turn(self._place, self._patience, self._check, self._kept),
            observe=lambda endpoint, status: metrics.count(
                "spotify_requests", endpoint=endpoint, status=str(status or "none")
            ),
            observe_wait=lambda seconds: metrics.observe("spotify_throttle_wait_seconds", seconds),
        )
        extended = settings.SPOTIFY_QUOTA_MODE == "extended"
        return SpotifyClient(calls, extended=extended, market=settings.SPOTIFY_MARKET)

    def nobody_waits(self) -> bool:
        """Has everybody left who waited for this question?"""
        wanted = self.lookup.wanted_until
        return self.lookup.priority == gateway.PERSON and wanted is not None and wanted < timezone.now()

    def forget_pages(self) -> None:
        """The question has ended, well or badly."""
        self._kept.clear()

    def _place(self) -> Place:
        return gateway.place(self.lookup.priority)

    def _patience(self) -> float:
        if self.lookup.priority != gateway.PERSON or self.lookup.wanted_until is None:
            return 0.0
        return max(0.0, (self.lookup.wanted_until - timezone.now()).total_seconds())

    def _check(self) -> None:
        """Raises MadeWay where a person waits behind bulk work, where this has taken long enough for now, or where nobody
        wants it any more."""
        now = time.monotonic()
        if now - self._started > TURN_SECONDS:
            raise MadeWay("it has had its turn")
        if now - self._looked > _LOOK_SECONDS:
            self._look(now)
        if self.lookup.priority > gateway.PERSON and people_wait("spotify"):
            self._look(now)
            if self.lookup.priority > gateway.PERSON:
                raise MadeWay("a person waits")

    def _look(self, now: float) -> None:
        """Somebody may have begun to wait for this very question meanwhile, or it has been withdrawn."""
        self._looked = now
        self.lookup.refresh_from_db(fields=["priority", "wanted_until", "state"])
        if self.lookup.state != Lookup.State.RUNNING:
            raise MadeWay("it was withdrawn")


class KeptPages(MutableMapping[tuple[str, int], Json]):
    """The pages that an interrupted question has fetched: fetching them again would cost calls.

    Rows, because a worker may be killed. Old ones are not used: a list that changed in between would lose an item.
    """

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._known: dict[tuple[str, int], Json] | None = None

    def _pages(self) -> dict[tuple[str, int], Json]:
        if self._known is None:
            recent = LookupPage.objects.filter(lookup=self._lookup, fetched_at__gt=timezone.now() - PAGES_LAST)
            self._known = {(page.path, page.offset): page.body for page in recent}
        return self._known

    def __getitem__(self, place: tuple[str, int]) -> Json:
        return self._pages()[place]

    def __setitem__(self, place: tuple[str, int], body: Json) -> None:
        self._pages()[place] = body
        path, offset = place
        fields = {"body": body, "fetched_at": timezone.now()}
        LookupPage.objects.update_or_create(lookup=self._lookup, path=path, offset=offset, defaults=fields)

    def __delitem__(self, place: tuple[str, int]) -> None:
        del self._pages()[place]

    def __iter__(self) -> Iterator[tuple[str, int]]:
        return iter(self._pages())

    def __len__(self) -> int:
        return len(self._pages())

    def clear(self) -> None:
        """They are of no use any more: the question has ended, or the list has changed."""
        if self._known:
            LookupPage.objects.filter(lookup=self._lookup).delete()
            self._known = {}


class _Leases:
    """Renews the leases of what this process works on, by a thread: a call may take longer than a lease."""

    def __init__(self) -> None:
        self._held: set[str] = set()
        self._lock = threading.Lock()
        self._pid = 0

    @contextmanager
    def held(self, lookups: Iterable[Lookup]) -> Iterator[None]:
        ids = {str(lookup.pk) for lookup in lookups}
        with self._lock:
            self._held |= ids
            if self._pid != os.getpid():  # threads do not survive a fork
                self._pid = os.getpid()
                threading.Thread(target=self._renew_for_ever, name="leases", daemon=True).start()
        try:
            yield
        finally:
            with self._lock:
                self._held -= ids

    def _renew_for_ever(self) -> None:
        while True:
            time.sleep(_RENEW_SECONDS)
            with self._lock:
                ids = list(self._held)
            if not ids:
                continue
            try:
                running = Lookup.objects.filter(pk__in=ids, state=Lookup.State.RUNNING)
                running.update(lease_until=timezone.now() + gateway.LEASE)
            except DatabaseError as error:
                _log.warning("no lease could be renewed: %s", type(error).__name__)
                connection.close()


leases = _Leases()
