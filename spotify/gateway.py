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
from functools import cache

import redis
from django.conf import settings
from django.utils import timezone

from songranker import metrics, waiting
from songranker.redis import Unreachable, breaker, connection, queue_length
from spotify import calls
from spotify.errors import BrokerDown, BudgetSpent, NotFound, QueueFull, SpotifyError, remembered
from spotify.memory import DatabaseMemory
from spotify.models import Lookup
from spotify.queries import Query
from spotify.throttle import Place, Throttle, Usage

_log = logging.getLogger(__name__)

# Message priorities: 0 is served first.
PERSON, LEFT, IMPORT, REFRESH = Lookup.Priority.values
# Bulk work leaves a fifth of the window and of the day to people. How much later each comes in the throttle's order.
_PLACES = {
    PERSON: Place(),
    LEFT: Place(handicap_seconds=5),
    IMPORT: Place(bulk=True, handicap_seconds=10),
    REFRESH: Place(bulk=True, handicap_seconds=20),
}
# A message or a worker that has not been heard of for so long is taken for lost. The worker renews it (work.py).
LEASE = timedelta(seconds=10)
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
    """The limiter that all processes share; one object in each process."""
    return _throttle(
        connection(),
        settings.SPOTIFY_RATE_LIMIT,
        settings.SPOTIFY_RATE_WINDOW_SECONDS,
        settings.SPOTIFY_CALL_SECONDS,
        settings.SPOTIFY_DAILY_LIMIT,
        settings.SPOTIFY_PAUSE_KEY,
    )


@cache
def _throttle(
    redis_client: redis.Redis, limit: int, window: float, call_seconds: float, daily: int, pause_key: str
) -> Throttle:
    return Throttle(
        redis_client,
        DatabaseMemory(),
        limit=limit,
        window_seconds=window,
        call_seconds=call_seconds,
        daily_limit=daily,
        pause_key=pause_key,
    )


def place(priority: int) -> Place:
    """The place in the throttle's order that goes with a message priority."""
    return _PLACES[priority]


def ask(query: Query, *, wait_seconds: float) -> Known | Pending:
    """The answer to a question, or the job that will bring it.

    Raises a SpotifyError where there is neither: known to be absent, refused, paused for longer than the caller waits,
    queue full, broker down. Must not be called inside a transaction: the worker would not see the question.
    """
    refusal = query.refusal()
    if refusal:
        raise refusal
    asked_at = timezone.now()
    seen = Lookup.objects.asked(query.kind, query.value)
    known = _from_row(query, seen, asked_at) if seen else None
    if known:
        metrics.count("spotify_cache", result=known.source)
        return known
    metrics.count("spotify_cache", result="miss")
    try:
        lookup = _request(query, seen, priority=PERSON, patience_seconds=wait_seconds, asked_at=asked_at)
        answer = _wait(lookup, asked_at, wait_seconds)
    except SpotifyError as error:
        _measure(asked_at, error.code)
        raise
    _measure(asked_at, "known" if isinstance(answer, Known) else "pending")
    return answer


def _wait(lookup: Lookup, asked_at: datetime, seconds: float) -> Known | Pending:
    """Sleep until the question's task has ended, where this thread may; what became of it. Raises its error."""
    if seconds > 0 and lookup.state in (Lookup.State.QUEUED, Lookup.State.RUNNING):
        with _a_thread_to_spare() as spare:
            if spare:
                waiting.wait(lookup.task_id, seconds)
        lookup = Lookup.objects.asked(lookup.kind, lookup.value) or lookup
    return _settled(lookup, asked_at)


def _measure(asked_at: datetime, outcome: str) -> None:
    metrics.observe("proxy_seconds", (timezone.now() - asked_at).total_seconds(), outcome=outcome)


@contextmanager
def _a_thread_to_spare() -> Iterator[bool]:
    """May this thread wait? Where too many of the process' threads do already, cached pages would become slow."""
    spare = _spare_threads.acquire(blocking=False)
    try:
        yield spare
    finally:
        if spare:
            _spare_threads.release()


def _from_row(query: Query, lookup: Lookup, now: datetime) -> Known | None:
    """What the database knows, without Redis, queue or worker; a stale answer asks for its refresh."""
    if lookup.is_fresh(now):
        if lookup.absent:
            metrics.count("spotify_cache", result="absent")
            raise NotFound(lookup.error_detail or "Spotify has nothing under this id.")
        return Known(lookup, "cache")
    if lookup.is_known() and not lookup.absent:
        if lookup.may_retry(now) and not lookup.is_in_work(now):
            refresh(query, lookup)
        return Known(lookup, "stale")
    if lookup.state == Lookup.State.FAILED and not lookup.may_retry(now):
        raise _remembered(lookup)
    return None


def refresh(query: Query, seen: Lookup | None = None) -> bool:
    """Ask for a refresh in the background; False where that cannot be done now, which is nobody's problem."""
    try:
        seen = seen or Lookup.objects.asked(query.kind, query.value)
        _request(query, seen, priority=REFRESH, patience_seconds=0)
    except SpotifyError as error:
        _log.info("no refresh of %s %s now: %s", query.kind, query.value, error.detail)
        return False
    return True


def request(query: Query, *, priority: int, patience_seconds: float) -> Lookup:
    """Make sure that a task is under way for this question, and return its row.

    Raises Paused, Outage or BudgetSpent where Spotify may not be asked within `patience_seconds`, QueueFull, BrokerDown.
    """
    seen = Lookup.objects.asked(query.kind, query.value)
    return _request(query, seen, priority=priority, patience_seconds=patience_seconds)


def request_all(wanted: list[tuple[Query, int]], *, patience_seconds: float) -> None:
    """Make sure that these questions, each with its priority, are under way. Raises as `request` does.

    All are claimed before the first message goes out, so that one call can answer as many of them as Spotify allows.
    """
    if not wanted:
        return
    check_open(patience_seconds, max(priority for _, priority in wanted))
    claimed: list[tuple[Lookup, int]] = []
    for query, priority in wanted:
        seen = Lookup.objects.asked(query.kind, query.value)
        lookup, mine = _claim(query, seen, priority=priority, patience_seconds=patience_seconds)
        if mine:
            claimed.append((lookup, priority))
    for lookup, priority in claimed:
        _publish_or_idle(lookup, priority)


def _request(
    query: Query, seen: Lookup | None, *, priority: int, patience_seconds: float, asked_at: datetime | None = None
) -> Lookup:
    refusal = query.refusal()
    if refusal:
        raise refusal
    now = timezone.now()
    if seen is None or not seen.is_in_work(now) or seen.error_code:
        check_open(patience_seconds, priority)
    lookup, mine = _claim(query, seen, priority=priority, patience_seconds=patience_seconds, asked_at=asked_at)
    if mine:
        _publish_or_idle(lookup, priority)
    return lookup


def _claim(
    query: Query, seen: Lookup | None, *, priority: int, patience_seconds: float, asked_at: datetime | None = None
) -> tuple[Lookup, bool]:
    now = timezone.now()
    claimed: tuple[Lookup, bool] = Lookup.objects.claim(
        seen,
        kind=query.kind,
        value=query.value,
        now=now,
        lease=LEASE,
        priority=priority,
        wanted_until=now + timedelta(seconds=patience_seconds) if priority == PERSON else None,
        asked_at=asked_at,
    )
    return claimed


def _publish_or_idle(lookup: Lookup, priority: int) -> None:
    """Send a claimed question's task; where that cannot be done, the claim is given up. Raises BrokerDown."""
    try:
        publish(lookup, priority)
    except BrokerDown:
        claimed = Lookup.objects.filter(pk=lookup.pk, task_id=lookup.task_id, state=Lookup.State.QUEUED)
        claimed.update(state=Lookup.State.IDLE)
        raise


def publish(lookup: Lookup, priority: int) -> None:
    """Send the task of a claimed question. Raises BrokerDown."""
    from spotify import tasks

    try:
        with breaker.guard():
            tasks.fetch.apply_async(args=(str(lookup.pk),), task_id=lookup.task_id, priority=priority)
    except waiting.BROKER_ERRORS as error:
        breaker.trip()
        _log.warning("the broker cannot be reached: %s", type(error).__name__)
        raise BrokerDown("The queue cannot be reached.", 5) from None


def put_back(lookup: Lookup, priority: int) -> None:
    """Queue a question that runs here once more, under the same task, so that those who wait stay. Raises BrokerDown."""
    mine = Lookup.objects.filter(pk=lookup.pk, task_id=lookup.task_id, state=Lookup.State.RUNNING)
    queued = mine.update(state=Lookup.State.QUEUED, priority=priority, lease_until=timezone.now() + LEASE, attempts=0)
    if queued:
        publish(lookup, priority)


def check_open(patience_seconds: float, priority: int) -> Usage:
    """Raises where no call would be sent within `patience_seconds`, or where too much is queued already."""
    try:
        with breaker.guard():
            usage = throttle().look(place(priority))
            length = queue_length("spotify")
    except Unreachable:
        raise BrokerDown("The queue cannot be reached.", 5) from None
    if usage.pause_seconds > patience_seconds:
        raise calls.closed_error(usage.pause_kind, usage.pause_seconds)
    if usage.spent_seconds > patience_seconds:
        raise BudgetSpent(f"All {usage.daily_limit} calls of the rolling day are used.", usage.spent_seconds)
    if length >= settings.SPOTIFY_QUEUE_LIMIT:
        raise QueueFull(f"{length} calls are waiting already.", _seconds_to_drain(usage, length))
    return usage


def usage_or_none() -> Usage | None:
    """The budget as it is now; None where Redis cannot be asked."""
    try:
        with breaker.guard():
            return throttle().look(place(IMPORT))
    except Unreachable:
        return None


def _seconds_to_drain(usage: Usage, length: int) -> float:
    """When so many calls will have been made, at the pace that the window allows, that there is room again."""
    pace = usage.limit / settings.SPOTIFY_RATE_WINDOW_SECONDS
    return max(5.0, (length - settings.SPOTIFY_QUEUE_LIMIT + 1) / pace)


def resume() -> bool:
    """Lift the pause or the refusal by hand, and let what it interrupted go on; was there one?"""
    from spotify import work

    paused = throttle().resume()
    refused = work.tokens().resume()
    now = timezone.now()
    Lookup.objects.filter(state=Lookup.State.QUEUED, retry_at__gt=now).update(retry_at=now, lease_until=now)
    return paused or refused


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
