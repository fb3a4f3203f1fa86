"""The one door to Spotify for views, commands and admin.

`ask` answers from rows where it can; else it makes sure that exactly one task is under way, and waits for that a while.
Nobody but the worker of the `spotify` queue ever calls Spotify.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from songranker import metrics, waiting
from songranker.redis import Unreachable, connection, queue_length
from spotify.errors import (
    BrokerDown,
    BudgetSpent,
    NotFound,
    Paused,
    QueueFull,
    SpotifyError,
    remembered,
)
from spotify.models import Lookup
from spotify.queries import Query
from spotify.throttle import Throttle, Usage

_log = logging.getLogger(__name__)

# Message priorities: 0 is served first.
PERSON, IMPORT, REFRESH = 0, 3, 6
# A message or a worker that has not been heard of for so long is taken for lost. The worker renews it at each call.
LEASE = timedelta(seconds=30)
_spare_threads = threading.BoundedSemaphore(settings.SPOTIFY_WAITING_VIEWS)


@dataclass(frozen=True, slots=True)
class Known:
    """The rows hold the answer. `source`: "spotify" (fetched just now), "cache" or "stale" (a refresh is under way)."""

    lookup: Lookup
    source: str


@dataclass(frozen=True, slots=True)
class Pending:
    """The work goes on; ask for the job in `retry_after` seconds."""

    lookup: Lookup
    retry_after: float = 1.0


def throttle() -> Throttle:
    """The limiter that all processes share."""
    return Throttle(
        connection(),
        limit=settings.SPOTIFY_RATE_LIMIT,
        window_seconds=settings.SPOTIFY_RATE_WINDOW_SECONDS,
        call_seconds=settings.SPOTIFY_CALL_SECONDS,
        daily_limit=settings.SPOTIFY_DAILY_LIMIT,
        pause_key=settings.SPOTIFY_PAUSE_KEY,
    )


def ask(query: Query, *, wait_seconds: float) -> Known | Pending:
    """The answer to a question, or the job that will bring it.

    Raises a SpotifyError where there is neither: known to be absent, refused, paused for longer than the caller waits,
    queue full, broker down. Must not be called inside a transaction: the worker would not see the question.
    """
    refusal = query.refusal()
    if refusal:
        raise refusal
    asked_at = timezone.now()
    known = _from_rows(query)
    if known:
        metrics.count("spotify_cache", result=known.source)
        return known
    metrics.count("spotify_cache", result="miss")
    lookup = request(query, priority=PERSON, patience_seconds=wait_seconds, asked_at=asked_at)
    if wait_seconds > 0 and lookup.state in (Lookup.State.QUEUED, Lookup.State.RUNNING):
        with _a_thread_to_spare() as spare:
            if spare:
                waiting.wait(lookup.task_id, wait_seconds)
        lookup.refresh_from_db()
    answer = _settled(lookup, asked_at)
    outcome = "known" if isinstance(answer, Known) else "pending"
    metrics.observe("proxy_seconds", (timezone.now() - asked_at).total_seconds(), outcome=outcome)
    return answer


@contextmanager
def _a_thread_to_spare() -> Iterator[bool]:
    """May this thread wait? Where too many of the process' threads do already, cached pages would become slow."""
    spare = _spare_threads.acquire(blocking=False)
    try:
        yield spare
    finally:
        if spare:
            _spare_threads.release()


def _from_rows(query: Query) -> Known | None:
    """What the database knows, without Redis, queue or worker; a stale answer asks for its refresh."""
    now = timezone.now()
    lookup = Lookup.objects.filter(kind=query.kind, value=query.value).select_related("artist").first()
    if lookup is None:
        return None
    if lookup.is_fresh(now):
        if lookup.absent:
            metrics.count("spotify_cache", result="absent")
            raise NotFound(lookup.error_detail or "Spotify has nothing under this id.")
        return Known(lookup, "cache")
    if lookup.is_known() and not lookup.absent:
        if lookup.may_retry(now):
            refresh(query)
        return Known(lookup, "stale")
    if lookup.state == Lookup.State.FAILED and not lookup.may_retry(now):
        raise _remembered(lookup)
    return None


def refresh(query: Query) -> bool:
    """Ask for a refresh in the background; False where that cannot be done now, which is nobody's problem."""
    try:
        request(query, priority=REFRESH, patience_seconds=0)
    except SpotifyError as error:
        _log.info("no refresh of %s %s now: %s", query.kind, query.value, error.detail)
        return False
    return True


def request(query: Query, *, priority: int, patience_seconds: float, asked_at: datetime | None = None) -> Lookup:
    """Make sure that a task is under way for this question, and return its row.

    Raises Paused or BudgetSpent where Spotify may not be asked within `patience_seconds`, QueueFull, BrokerDown.
    """
    refusal = query.refusal()
    if refusal:
        raise refusal
    check_open(patience_seconds)
    lookup, mine = Lookup.objects.claim(
        kind=query.kind, value=query.value, now=timezone.now(), lease=LEASE, asked_at=asked_at
    )
    if mine:
        publish(lookup, priority)
    return lookup


def publish(lookup: Lookup, priority: int) -> None:
    """Send the task of a claimed question. Raises BrokerDown, and gives the claim back."""
    from spotify import tasks

    try:
        tasks.fetch.apply_async(args=(str(lookup.pk),), task_id=lookup.task_id, priority=priority)
    except waiting.BROKER_ERRORS as error:
        _log.warning("the broker cannot be reached: %s", type(error).__name__)
        Lookup.objects.filter(pk=lookup.pk, task_id=lookup.task_id, state=Lookup.State.QUEUED).update(
            state=Lookup.State.IDLE
        )
        raise BrokerDown("The queue cannot be reached.", 5) from None


def check_open(patience_seconds: float) -> Usage:
    """Raises where no call would be sent within `patience_seconds`, or where too much is queued already."""
    try:
        usage = throttle().look()
        length = queue_length("spotify")
    except Unreachable:
        raise BrokerDown("The queue cannot be reached.", 5) from None
    if usage.pause_seconds > patience_seconds:
        why = "The day's quota at Spotify is used up" if usage.pause_kind == "quota" else "Spotify asked us to pause"
        raise Paused(f"{why}; it can be asked again in {usage.pause_seconds:.0f} s.", usage.pause_seconds)
    if usage.spent_seconds > patience_seconds:
        raise BudgetSpent(f"All {usage.daily_limit} calls of the rolling day are used.", usage.spent_seconds)
    if length >= settings.SPOTIFY_QUEUE_LIMIT:
        raise QueueFull(f"{length} calls are waiting already.", 30)
    return usage


def resume() -> bool:
    """Lift the pause by hand, and let what it interrupted go on; was there a pause?"""
    lifted = throttle().resume()
    now = timezone.now()
    Lookup.objects.filter(state=Lookup.State.QUEUED, retry_at__gt=now).update(retry_at=now, lease_until=now)
    return lifted


def _settled(lookup: Lookup, asked_at: datetime) -> Known | Pending:
    """What became of the question. Raises its error."""
    # Answered since we asked, though somebody may have asked anew meanwhile.
    answered = lookup.fetched_at is not None and lookup.fetched_at >= asked_at
    if answered or lookup.state == Lookup.State.DONE:
        if lookup.absent:
            raise NotFound(lookup.error_detail or "Spotify has nothing under this id.")
        return Known(lookup, "spotify")
    if lookup.state == Lookup.State.FAILED:
        raise _remembered(lookup)
    if lookup.error_code:  # given back: a pause or the day's budget; it goes on by itself when that is over
        raise _remembered(lookup)
    return Pending(lookup)


def _remembered(lookup: Lookup) -> SpotifyError:
    """The error that a row remembers, with what is left of its time."""
    left = 5.0 if lookup.retry_at is None else (lookup.retry_at - timezone.now()).total_seconds()
    return remembered(lookup.error_code, lookup.error_detail, max(1.0, left))


def job_error(lookup: Lookup) -> SpotifyError | None:
    """Why a job failed; None where it did not."""
    if lookup.state == Lookup.State.DONE and lookup.absent:
        return NotFound(lookup.error_detail or "Spotify has nothing under this id.")
    return _remembered(lookup) if lookup.state == Lookup.State.FAILED else None
