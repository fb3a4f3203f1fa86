"""What the worker of the `spotify` queue does with one question."""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from songranker import metrics
from songranker.redis import connection, queue_length
from spotify import gateway, queries, signals
from spotify.client import SpotifyClient, new_transport
from spotify.errors import BudgetSpent, Forbidden, Malformed, NotFound, Paused, Refused, SpotifyError, Unavailable
from spotify.models import Lookup
from spotify.tokens import Tokens

_log = logging.getLogger(__name__)

# How long a failure is believed before a person's question may ask Spotify again.
FORBIDDEN_FOR = timedelta(hours=6)
REFUSED_FOR = timedelta(seconds=60)
FAILED_FOR = timedelta(seconds=5)
# A question whose answer kills the worker (memory, a crash in C) would be run for ever.
MAX_ATTEMPTS = 4

_transport = None


def client_for(lookup: Lookup) -> SpotifyClient:
    """A client that renews the row's lease before each call; the connection pool is the process' own."""
    global _transport
    if _transport is None:
        _transport = new_transport()
    timeouts = (settings.SPOTIFY_CONNECT_TIMEOUT_SECONDS, settings.SPOTIFY_READ_TIMEOUT_SECONDS)
    tokens = Tokens(
        connection(),
        _transport,
        url=settings.SPOTIFY_ACCOUNTS_URL,
        client_id=settings.SPOTIFY_CLIENT_ID,
        client_secret=settings.SPOTIFY_CLIENT_SECRET,
        timeouts=timeouts,
    )

    def renew_lease() -> None:
        Lookup.objects.filter(pk=lookup.pk).update(lease_until=timezone.now() + gateway.LEASE)

    return SpotifyClient(
        _transport,
        tokens,
        gateway.throttle(),
        url=settings.SPOTIFY_API_URL,
        extended=settings.SPOTIFY_QUOTA_MODE == "extended",
        market=settings.SPOTIFY_MARKET,
        language=settings.SPOTIFY_LANGUAGE,
        timeouts=timeouts,
        call_seconds=settings.SPOTIFY_CALL_SECONDS,
        before_call=renew_lease,
        observe=lambda endpoint, status: metrics.count(
            "spotify_requests", endpoint=endpoint, status=str(status or "none")
        ),
        observe_wait=lambda seconds: metrics.observe("spotify_throttle_wait_seconds", seconds),
    )


def run(lookup: Lookup) -> str:
    """Fetch and store; whatever happens, the row says it. Returns the outcome in a word."""
    now = timezone.now()
    if lookup.attempts > MAX_ATTEMPTS:
        _failed(lookup, Malformed(f"Gave up: {MAX_ATTEMPTS} workers did not survive it."), now)
        return "given up"
    try:
        queries.query_of(lookup).fetch(client_for(lookup), lookup, now)
    except NotFound as error:
        outcome = _absent(lookup, error, timezone.now())
    except (Paused, BudgetSpent) as error:
        return _give_back(lookup, error, timezone.now())
    except SpotifyError as error:
        outcome = _failed(lookup, error, timezone.now())
    except Exception:
        # A bug, or the database went away: say so where that is possible, and let Celery log the traceback.
        _failed(lookup, Unavailable("Something broke on our side.", 30), timezone.now())
        raise
    else:
        # When the answer was stored, not when the work began: who asked in between has his answer, too.
        outcome = _done(lookup, timezone.now())
    signals.lookup_settled.send_robust(sender=Lookup, lookup=lookup)
    return outcome


def _save(lookup: Lookup, **values: object) -> None:
    """Write the outcome, unless the question has been asked anew under another task meanwhile."""
    for name, value in values.items():
        setattr(lookup, name, value)
    Lookup.objects.filter(pk=lookup.pk, task_id=lookup.task_id).update(**values)


def _done(lookup: Lookup, now: datetime) -> str:
    _save(
        lookup,
        state="done",
        fetched_at=now,
        absent=False,
        error_code="",
        error_detail="",
        retry_at=None,
        artist=lookup.artist,
    )
    return "done"


def _absent(lookup: Lookup, error: NotFound, now: datetime) -> str:
    """A 404. What was once known is not hidden by it: false ones have come in bursts."""
    if lookup.is_known() and not lookup.absent:
        retry_at = now + timedelta(seconds=settings.SPOTIFY_ABSENT_SECONDS)
        _save(lookup, state="done", error_code=error.code, error_detail=error.detail, retry_at=retry_at)
        return "doubted"
    _save(lookup, state="done", fetched_at=now, absent=True, error_code=error.code, error_detail=error.detail[:500])
    return "absent"


def _give_back(lookup: Lookup, error: Paused | BudgetSpent, now: datetime) -> str:
    """Not failed: the row stays queued, and the sweeper publishes it when the pause is over."""
    retry_at = now + timedelta(seconds=error.retry_after)
    _save(
        lookup,
        state="queued",
        lease_until=retry_at,
        retry_at=retry_at,
        error_code=error.code,
        error_detail=error.detail,
        attempts=0,
    )
    _log.info("gave %s back: %s (%.0f s)", lookup, error.code, error.retry_after)
    return "given back"


def _failed(lookup: Lookup, error: SpotifyError, now: datetime) -> str:
    wait = FAILED_FOR
    if isinstance(error, Forbidden):
        wait = FORBIDDEN_FOR
    elif isinstance(error, Refused):
        wait = REFUSED_FOR
    elif isinstance(error, Unavailable):
        wait = timedelta(seconds=error.retry_after)
    _save(lookup, state="failed", error_code=error.code, error_detail=error.detail[:500], retry_at=now + wait)
    _log.warning("%s failed: %s %s", lookup, error.code, error.detail)
    return "failed"


def sweep(now: datetime) -> int:
    """Publish again what has no message any more (Redis was emptied, a worker died) or was given back in a pause.

    Does nothing while messages wait: then a slow queue is the likelier reason. Returns how many were published.
    """
    lost = list(Lookup.objects.lost(now).order_by("requested_at")[:100])
    if not lost or queue_length("spotify"):
        return 0
    try:
        gateway.check_open(0)
    except SpotifyError as error:
        _log.info("%d questions wait: %s", len(lost), error.detail)
        return 0
    published = 0
    for lookup in lost:
        taken = (
            Lookup.objects.lost(now)
            .filter(pk=lookup.pk)
            .update(state="queued", lease_until=now + gateway.LEASE, retry_at=None, error_code="", error_detail="")
        )
        if taken:
            gateway.publish(lookup, gateway.IMPORT)
            published += 1
    return published
