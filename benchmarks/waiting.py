"""`python -m benchmarks.waiting`: people who wait for the worker, ours beside RQ with 100 ms polling. Rows, tab-separated.

Three ways to answer the same question, in turn, three times a second as Spotify allows, while 32 others wait in the same
process: here in this process ("direct"; with throttle, token, call and rows), by `gateway.ask`, and by an RQ job that
does what the direct one does while its status is looked at every 100 ms. RQ gets its fastest worker, which does not fork.
"""

import os
import statistics
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "songranker.settings")
os.environ.setdefault("WEB_THREADS", "200")
os.environ["SONGRANKER_READ_DOT_ENV"] = "0"

import django

django.setup()

import redis
import rq
import rq.job
from django.conf import settings
from django.db import connection
from django.utils import timezone

import celery_app  # noqa: F401
from benchmarks.table import Row, milliseconds
from songranker import waiting
from spotify import fetching, gateway, queries
from spotify.models import Lookup

PEOPLE = 32
TIMES = 200
EVERY_SECONDS = 1 / 3
POLL_SECONDS = 0.1


def answer_here(text: str) -> None:
    """What the worker does with a question, without queue and worker."""
    query, now = queries.ArtistSearch(text), timezone.now()
    lookup, _ = Lookup.objects.claim(None, kind=query.kind, value=query.value, now=now, lease=gateway.LEASE)
    started = Lookup.objects.start(
        pk=str(lookup.pk), task_id=lookup.task_id, now=now, lease=gateway.LEASE, redelivered=False
    )
    assert fetching.run(started) == "done"


def answer_by_worker() -> None:
    answer = gateway.ask(queries.ArtistSearch(_somebody()), wait_seconds=20)
    assert isinstance(answer, gateway.Known)


def answer_by_rq(queue: rq.Queue) -> None:
    job = queue.enqueue("benchmarks.waiting.answer_here", _somebody())
    while (status := job.get_status()) != rq.job.JobStatus.FINISHED:
        assert status != rq.job.JobStatus.FAILED, job.latest_result()
        time.sleep(POLL_SECONDS)


def _somebody() -> str:
    return f"somebody {uuid.uuid4().hex[:10]}"


@contextmanager
def others_wait() -> Iterator[None]:
    """32 threads that wait for tasks which do not end meanwhile."""
    seconds = 2 * TIMES * EVERY_SECONDS + 60
    for _ in range(PEOPLE):
        threading.Thread(target=waiting.wait, args=(uuid.uuid4().hex, seconds), daemon=True).start()
    yield


@contextmanager
def rq_worker() -> Iterator[rq.Queue]:
    queue = rq.Queue("bench", connection=redis.Redis.from_url(settings.REDIS_URL))
    script = (
        "import benchmarks.waiting, redis, rq; from django.conf import settings;"
        "rq.SimpleWorker(['bench'], connection=redis.Redis.from_url(settings.REDIS_URL)).work(logging_level='ERROR')"
    )
    worker = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.DEVNULL)
    try:
        yield queue
    finally:
        worker.terminate()
        worker.wait(20)


def _at_spotifys_rate(queue: rq.Queue) -> list[Row]:
    direct: list[float] = []
    ours: list[float] = []
    theirs: list[float] = []
    ways: tuple[tuple[list[float], Callable[[], None]], ...] = (
        (direct, lambda: answer_here(_somebody())),
        (ours, answer_by_worker),
        (theirs, lambda: answer_by_rq(queue)),
    )
    for _, way in ways:
        milliseconds(way, 5)
    with others_wait():
        for _ in range(TIMES):
            due = time.monotonic() + EVERY_SECONDS
            for took, way in ways:
                took += milliseconds(way, 1)
            time.sleep(max(0.0, due - time.monotonic()))
    base = statistics.median(direct)
    added, added_rq = ([one - base for one in sorted(way)] for way in (ours, theirs))
    return [
        Row(
            f"added by queue and worker to a direct call of {base:.1f} ms, {PEOPLE} people waiting, 3 a second; "
            f"rival: RQ, polled every {POLL_SECONDS * 1000:.0f} ms",
            _median_and_p99(added),
            _median_and_p99(added_rq),
            f"{statistics.median(added_rq) / statistics.median(added):.0f} x less",
        )
    ]


def _at_saturation() -> Row:
    """Everybody asks again at once. Behind 31 others one waits 31 times what one question costs the worker."""
    took: list[float] = []
    lock = threading.Lock()

    def person() -> None:
        mine = milliseconds(answer_by_worker, 20)
        connection.close()
        with lock:
            took.extend(mine)

    threads = [threading.Thread(target=person) for _ in range(PEOPLE)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    each = (time.perf_counter() - started) * 1000 / len(took)
    took.sort()
    return Row(
        f"at saturation, {PEOPLE} people, {1000 / each:.0f} answers a second; "
        f"rival: the queueing alone, {PEOPLE} x {each:.1f} ms",
        _median_and_p99(took),
        f"{PEOPLE * each:.0f} ms",
        f"{statistics.median(took) / (PEOPLE * each):.2f}",
    )


def _median_and_p99(took: list[float]) -> str:
    return f"{statistics.median(took):.1f} ms (p99 {took[int(len(took) * 0.99)]:.1f})"


if __name__ == "__main__":
    with rq_worker() as the_queue:
        rows = _at_spotifys_rate(the_queue)
    rows.append(_at_saturation())
    for row in rows:
        print(row.what, row.ours, row.rival, row.ratio, sep="\t")
