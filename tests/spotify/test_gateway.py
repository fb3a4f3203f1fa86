"""One task for equal questions, nothing left behind by waiters, and what a lost message costs."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from songranker import waiting
from spotify import fetching, gateway, queries, work
from spotify.errors import BrokerDown, Unavailable
from spotify.models import Lookup
from tests.processes import until
from tests.spotify.test_simulator import FEARLESS

QUERY = queries.AlbumTracks(FEARLESS)


def in_threads(count, work):
    """Run it at once in many threads, each with its own database connection; what each returned or raised."""
    results: list = [None] * count
    barrier = threading.Barrier(count)

    def run(i):
        barrier.wait()
        try:
            results[i] = work()
        except Exception as error:
            results[i] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def test_sixty_equal_questions_are_one_task_and_one_call(workers, simulator, monkeypatch):
    monkeypatch.setattr(gateway, "_spare_threads", threading.BoundedSemaphore(100))
    simulator.config(latency_ms=300)
    answers = in_threads(60, lambda: gateway.ask(QUERY, wait_seconds=20))
    assert {type(answer) for answer in answers} == {gateway.Known}
    assert simulator.calls == 1


def test_waiters_that_give_up_leave_no_subscription(workers, simulator, redis):
    simulator.config(latency_ms=1500)
    answers = in_threads(10, lambda: gateway.ask(QUERY, wait_seconds=0.2))
    assert {type(answer) for answer in answers} == {gateway.Pending}
    until("no channel is left", lambda: not redis.pubsub_channels("celery-task-meta-*"), 5)
    assert waiting.AsyncResult("x").backend._pending_results == ({}, {})


def test_one_who_gives_up_does_not_take_the_others_along(workers, simulator):
    simulator.config(latency_ms=2500)
    patience = iter([0.2] * 5 + [15] * 5)
    lock = threading.Lock()

    def ask():
        with lock:
            seconds = next(patience)
        return gateway.ask(QUERY, wait_seconds=seconds), seconds

    for answer, seconds in in_threads(10, ask):
        assert isinstance(answer, gateway.Known if seconds > 1 else gateway.Pending)
    assert simulator.calls == 1


def test_too_many_waiters_get_a_job_at_once(workers, simulator, monkeypatch):
    monkeypatch.setattr(gateway, "_spare_threads", threading.BoundedSemaphore(2))
    simulator.config(latency_ms=800)
    kinds = [type(answer) for answer in in_threads(6, lambda: gateway.ask(QUERY, wait_seconds=10))]
    assert (kinds.count(gateway.Known), kinds.count(gateway.Pending)) == (2, 4)


def test_waiting_inside_a_transaction_is_a_bug_that_is_told(transactional_db):
    with transaction.atomic(), pytest.raises(RuntimeError, match="inside a transaction"):
        waiting.wait("some-task", 1)


def test_a_broker_that_is_away_gives_the_claim_back(transactional_db, redis, monkeypatch):
    monkeypatch.setattr("spotify.tasks.fetch.apply_async", _no_broker)
    with pytest.raises(BrokerDown):
        gateway.ask(QUERY, wait_seconds=1)
    assert Lookup.objects.get().state == "idle"


def _no_broker(*args, **kwargs):
    from kombu.exceptions import OperationalError

    raise OperationalError("Connection refused")


class TestClaims:
    """Who won is said by the database."""

    NOW = timezone.now()
    LEASE = timedelta(seconds=30)

    def claim(self, later=0):
        seen = Lookup.objects.asked("album_tracks", FEARLESS)
        return Lookup.objects.claim(
            seen, kind="album_tracks", value=FEARLESS, now=self.NOW + timedelta(seconds=later), lease=self.LEASE
        )

    def start(self, lookup, later=1, redelivered=False, task_id=None):
        now = self.NOW + timedelta(seconds=later)
        task_id = task_id or lookup.task_id
        return Lookup.objects.start(pk=lookup.pk, task_id=task_id, now=now, lease=self.LEASE, redelivered=redelivered)

    def test_the_second_joins_the_first(self, db):
        first, mine = self.claim()
        second, also_mine = self.claim(5)
        assert (mine, also_mine) == (True, False)
        assert first.task_id == second.task_id

    def test_a_lost_claim_is_taken_over_under_the_same_task(self, db):
        first, _ = self.claim()
        second, mine = self.claim(31)
        assert mine
        assert first.task_id == second.task_id  # those who wait are woken, too

    def test_a_message_that_comes_twice_runs_once(self, db):
        lookup, _ = self.claim()
        assert self.start(lookup) is not None
        assert self.start(lookup) is None

    def test_a_redelivered_message_runs_again_at_once(self, db):
        lookup, _ = self.claim()
        self.start(lookup)
        assert self.start(lookup, redelivered=True) is not None

    def test_a_message_of_an_older_question_does_nothing(self, db):
        lookup, _ = self.claim()
        assert self.start(lookup, task_id="an older one", redelivered=True) is None

    def test_a_done_question_does_not_run_again(self, db):
        lookup, _ = self.claim()
        Lookup.objects.update(state="done")
        assert self.start(lookup, redelivered=True) is None


def test_the_sweeper_publishes_what_has_no_message(workers, simulator, redis):
    """As after an emptied Redis: the row says queued, and nobody knows."""
    past = timezone.now() - timedelta(seconds=60)
    lookup, _ = Lookup.objects.claim(None, kind=QUERY.kind, value=QUERY.value, now=past, lease=timedelta(seconds=30))
    assert fetching.sweep(timezone.now()) == 1
    until("it is done", lambda: Lookup.objects.get(pk=lookup.pk).state == "done")
    assert fetching.sweep(timezone.now()) == 0
    assert simulator.calls == 1


def test_the_sweeper_leaves_alone_what_may_have_a_message(workers, simulator):
    """Leases run out in a long queue; only what was published before the oldest waiting message has lost its own."""
    simulator.config(latency_ms=700)
    past = timezone.now() - timedelta(seconds=60)
    Lookup.objects.claim(None, kind=QUERY.kind, value=QUERY.value, now=past, lease=gateway.LEASE)
    for i in range(4):
        gateway.request(queries.ArtistSearch(f"artist {i}"), priority=gateway.PERSON, patience_seconds=0)
    queued = Lookup.objects.filter(kind="artist_search", state="queued")
    soon = timezone.now() + gateway.LEASE + timedelta(seconds=1)
    assert queued.filter(lease_until__lte=soon).count() >= 3
    assert fetching.sweep(soon) in (1, 2)  # the lost one, and perhaps the one that runs, whose lease is up then, too
    until("all are done", lambda: not Lookup.objects.exclude(state="done").exists())
    assert simulator.calls == 5


def test_old_messages_with_unknown_arguments_are_understood(workers, simulator):
    """A rolling deploy: the newer web sends what this worker does not know yet."""
    from spotify import tasks

    lookup, _ = Lookup.objects.claim(None, kind=QUERY.kind, value=QUERY.value, now=timezone.now(), lease=gateway.LEASE)
    result = tasks.fetch.apply_async(args=(str(lookup.pk),), kwargs={"from_the_future": 1}, task_id=lookup.task_id)
    assert result.get(timeout=15) == "done"


def test_a_question_that_kills_its_worker_again_and_again_ends(db):
    lookup, _ = Lookup.objects.claim(None, kind=QUERY.kind, value=QUERY.value, now=timezone.now(), lease=gateway.LEASE)
    for _ in range(fetching.MAX_ATTEMPTS + 1):  # each time the broker gives the message back
        started = Lookup.objects.start(
            pk=lookup.pk, task_id=lookup.task_id, now=timezone.now(), lease=gateway.LEASE, redelivered=True
        )
    assert fetching.run(started) == "failed"
    lookup.refresh_from_db()
    assert (lookup.state, lookup.error_code) == ("failed", "spotify_invalid_answer")


def test_a_bug_in_the_worker_is_an_error_that_is_told_and_tried_again_later(db, monkeypatch):
    lookup, _ = Lookup.objects.claim(None, kind=QUERY.kind, value=QUERY.value, now=timezone.now(), lease=gateway.LEASE)
    monkeypatch.setattr(work.Work, "client", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        fetching.run(lookup)
    lookup.refresh_from_db()
    assert (lookup.state, lookup.error_code) == ("failed", "spotify_unavailable")
    with pytest.raises(Unavailable):
        gateway.ask(QUERY, wait_seconds=0)
