"""What the worker of the `spotify` queue does with one question, and what the sweeper does for those without a message."""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from songranker.redis import Unreachable, oldest_sent_at, queue_length
from spotify import gateway, queries, signals
from spotify.errors import (
    BrokerDown,
    BudgetSpent,
    MadeWay,
    Malformed,
    NotFound,
    Outage,
    Paused,
    SpotifyError,
    Unavailable,
)
from spotify.models import Lookup
from spotify.querysets import LookupQuerySet
from spotify.work import Work, leases

_log = logging.getLogger(__name__)

# By value: why a question could not be answered, None where it was.
Outcomes = dict[str, SpotifyError | None]

# A failure that the table (failures.py) says nothing about is believed so long.
FAILED_FOR = timedelta(seconds=5)
# A question whose answer kills the worker (memory, a crash in C) would be run for ever.
MAX_ATTEMPTS = 4
# Bulk work that has waited longer than this is moved up, one question at each sweep: nothing starves.
STARVES_AFTER = timedelta(minutes=2)
# A second 404 so long after the first one hides what was known: false ones have come in bursts.
DOUBT_FOR = timedelta(hours=1)
# The outcome of a question that goes on by itself: nobody is told.
GIVEN_BACK = "given back"
# What the sweeper fills the queue to: a pause of six hours must not end in a flood of messages.
SWEEP_FILLS_TO = 100


def run(lookup: Lookup) -> str:
    """Fetch and store; whatever happens, the rows say it. Returns the outcome in a word.

    Raises MadeWay where the question went back into the queue: then nobody who waits may be woken.
    """
    if lookup.attempts > MAX_ATTEMPTS:
        return _settle_all([lookup], {}, Malformed(f"Gave up: {MAX_ATTEMPTS} workers did not survive it."))
    work = Work(lookup)
    if work.nobody_waits() and queue_length("spotify"):
        _put_back(lookup, gateway.LEFT)
        raise MadeWay("nobody waits for it any more")
    along = _along(lookup)
    with leases.held([lookup, *along]):
        try:
            outcome = _fetch(work, [lookup, *along])
        except MadeWay as why:
            for one in (lookup, *along):
                _put_back(one, gateway.LEFT if work.nobody_waits() else one.priority)
            _log.info("put %s back: %s", lookup, why)
            raise
    work.forget_pages()
    return outcome


def _along(lookup: Lookup) -> list[Lookup]:
    """Other questions that the same call can answer, where Spotify still allows batches."""
    most = queries.batch_size(lookup.kind)
    if most == 1:
        return []
    taken = Lookup.objects.take_along(lookup, most=most - 1, now=timezone.now(), lease=gateway.LEASE)
    return list(taken)


def _fetch(work: Work, lookups: list[Lookup]) -> str:
    """Answer one question, or a batch of one kind by one call; each row gets its outcome. Raises MadeWay."""
    now = timezone.now()
    first = lookups[0]
    outcomes: Outcomes = {}
    try:
        if len(lookups) == 1:
            queries.query_of(first).fetch(work.client(), first, now)
            outcomes[first.value] = None
        else:
            ids = [lookup.value for lookup in lookups]
            for value, error in queries.fetch_batch(first.kind, work.client(), ids, now):
                outcomes[value] = error
    except MadeWay:
        _settle_all([lookup for lookup in lookups if lookup.value in outcomes], outcomes)
        raise
    except SpotifyError as why:
        return _settle_all(lookups, outcomes, why)
    except Unreachable:  # no call is made without Redis; it goes on when that is back
        return _settle_all(lookups, outcomes, BrokerDown("The queue cannot be reached.", 5))
    except Exception:
        # A bug, or the database went away: say so where that is possible, and let Celery log the traceback.
        _settle_all(lookups, outcomes, Unavailable("Something broke on our side.", 30))
        raise
    return _settle_all(lookups, outcomes)


def _put_back(lookup: Lookup, priority: int) -> None:
    try:
        gateway.put_back(lookup, priority)
    except BrokerDown:
        _log.warning("%s has no message now; the sweeper will send one", lookup)


def _settle_all(lookups: list[Lookup], known: Outcomes, error: SpotifyError | None = None) -> str:
    """Write what became of the questions of one call: what is `known` of each, else the `error` that ended it. Tells who
    waits, once for all. Returns the first one's outcome."""
    outcomes = [_settle(lookup, known.get(lookup.value, error)) for lookup in lookups]
    ended = [lookup.value for lookup, outcome in zip(lookups, outcomes, strict=True) if outcome != GIVEN_BACK]
    if ended:
        signals.lookups_changed.send_robust(sender=Lookup, kind=lookups[0].kind, values=ended)
    return outcomes[0] if outcomes else ""


def _settle(lookup: Lookup, error: SpotifyError | None) -> str:
    """Write what became of a question."""
    # When the answer was stored, not when the work began: who asked in between has his answer, too.
    now = timezone.now()
    if isinstance(error, Paused | BudgetSpent | Outage | BrokerDown):
        return _give_back(lookup, error, now)
    if error is None:
        return _done(lookup, now)
    if isinstance(error, NotFound):
        return _absent(lookup, error, now)
    return _failed(lookup, error, now)


def _save(lookup: Lookup, **values: object) -> None:
    """Write the outcome, unless the question has been asked anew under another task meanwhile."""
    Lookup.objects.filter(pk=lookup.pk, task_id=lookup.task_id).update(**values)
    lookup.changed(**values)


def _done(lookup: Lookup, now: datetime) -> str:
    _save(
        lookup,
        state="done",
        fetched_at=now,
        absent=False,
        doubted_at=None,
        error_code="",
        error_detail="",
        retry_at=None,
        artist=lookup.artist,
    )
    return "done"


def _absent(lookup: Lookup, error: NotFound, now: datetime) -> str:
    """A 404. What was once known is hidden only by a second one, hours later: false ones have come in bursts."""
    error_says = {"state": "done", "error_code": error.code, "error_detail": error.detail[:500]}
    known = lookup.is_known() and not lookup.absent
    if known and (lookup.doubted_at is None or now - lookup.doubted_at < DOUBT_FOR):
        retry_at = now + timedelta(seconds=settings.SPOTIFY_ABSENT_SECONDS)
        _save(lookup, **error_says, doubted_at=lookup.doubted_at or now, retry_at=retry_at)
        return "doubted"
    _save(lookup, **error_says, fetched_at=now, absent=True, doubted_at=None)
    return "absent"


def _give_back(lookup: Lookup, error: Unavailable, now: datetime) -> str:
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
    return GIVEN_BACK


def _failed(lookup: Lookup, error: SpotifyError, now: datetime) -> str:
    believed = error.failure.believed if error.failure else None
    if believed is None:
        believed = timedelta(seconds=error.retry_after) if isinstance(error, Unavailable) else FAILED_FOR
    _save(lookup, state="failed", error_code=error.code, error_detail=error.detail[:500], retry_at=now + believed)
    _log.warning("%s failed: %s %s", lookup, error.code, error.detail)
    return "failed"


def sweep(now: datetime) -> int:
    """Publish again what has no message any more (Redis was emptied, a worker died) or was given back in a pause, and
    move up what starves. Returns how many were published."""
    published = 0
    for bulk in (False, True):
        questions = Q(priority__gte=gateway.IMPORT) if bulk else Q(priority__lt=gateway.IMPORT)
        lost = Lookup.objects.lost(now).filter(questions).order_by("priority", "requested_at")
        starving = Lookup.objects.starving(now, STARVES_AFTER).filter(questions)[:1]
        if not lost.exists() and not starving:
            continue
        try:
            gateway.check_open(0, gateway.IMPORT if bulk else gateway.PERSON)
        except SpotifyError as error:
            _log.info("questions wait: %s", error.detail)
            continue
        published += _publish_lost(lost, now)
        published += sum(_move_up(lookup) for lookup in starving)
    return published


def _publish_lost(lost: LookupQuerySet, now: datetime) -> int:
    """Only what can have no message: was published before the oldest message that waits, runs nowhere, or was paused."""
    room = SWEEP_FILLS_TO - queue_length("spotify")
    if room <= 0:
        return 0
    oldest = oldest_sent_at("spotify")
    if oldest is not None:
        sent_before = datetime.fromtimestamp(oldest, tz=now.tzinfo) + gateway.LEASE - timedelta(seconds=2)
        lost = lost.filter(Q(state="running") | Q(retry_at__isnull=False) | Q(lease_until__lt=sent_before))
    published = 0
    for lookup in list(lost[:room]):
        taken = (
            Lookup.objects.lost(now)
            .filter(pk=lookup.pk)
            .update(state="queued", lease_until=now + gateway.LEASE, retry_at=None, error_code="", error_detail="")
        )
        if taken:
            gateway.publish(lookup, max(lookup.priority, gateway.LEFT))
            published += 1
    return published


def _move_up(lookup: Lookup) -> int:
    """Bulk work that has waited for long takes its turn among the people."""
    moved = Lookup.objects.filter(pk=lookup.pk, state="queued", priority=lookup.priority).update(
        priority=gateway.PERSON, wanted_until=None
    )
    if moved:
        gateway.publish(lookup, gateway.PERSON)
    return moved
