"""Metrics of all processes together, in Prometheus' text.

Counters and histograms are added up in the process and sent to one Redis hash every second, by a thread: a request
never waits for its metrics, and never fails by them. Gauges are read when somebody asks (`GET /metrics`).

To add one: a line in `DECLARED`, and `metrics.count(...)` or `metrics.observe(...)` where it happens; or, for a gauge,
a collector registered by the app that knows the figure (`register_gauges`).
"""

import atexit
import json
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from celery.signals import task_postrun, task_prerun
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from songranker import heartbeat
from songranker.redis import QUEUES, Unreachable, connection, queue_lengths, queue_names

KEY = "songranker:metrics"
FLUSH_SECONDS = 1.0
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass(frozen=True, slots=True)
class Declared:
    """A metric that processes add to."""

    help: str
    labels: tuple[str, ...] = ()
    histogram: bool = False


DECLARED: dict[str, Declared] = {
    "spotify_requests": Declared("HTTP requests sent to Spotify", ("endpoint", "status")),
    "spotify_throttle_wait_seconds": Declared("Seconds that a request waited for a slot of the window", histogram=True),
    "spotify_cache": Declared("Answers of the gateway: cache, stale, absent, miss", ("result",)),
    "proxy_seconds": Declared("Seconds that a view waited for the worker", ("outcome",), histogram=True),
    "tasks": Declared("Tasks ended, by state", ("task", "state")),
    "task_seconds": Declared("Seconds that a task ran", ("task",), histogram=True),
    "votes": Declared("Comparisons recorded"),
}

Gauges = Callable[[], Iterable[Metric]]
_gauges: list[Gauges] = []
_pending: defaultdict[str, float] = defaultdict(float)
_lock = threading.Lock()
_flusher_pid = 0


def count(name: str, amount: float = 1, **labels: str) -> None:
    """Add to a counter of `DECLARED`."""
    _add([(_field(name, labels), amount)])


def observe(name: str, seconds: float, **labels: str) -> None:
    """Add one value to a histogram of `DECLARED`."""
    bucket = next((str(limit) for limit in BUCKETS if seconds <= limit), "+Inf")
    _add([(_field(name, {**labels, "le": bucket}), 1), (_field(name, {**labels, "le": "sum"}), seconds)])


def register_gauges(collect: Gauges) -> None:
    """A function that reads current figures; called at each scrape."""
    _gauges.append(collect)


def _field(name: str, labels: dict[str, str]) -> str:
    if set(labels) - {"le"} != set(DECLARED[name].labels):
        raise ValueError(f"metric {name} has the labels {DECLARED[name].labels}")
    return json.dumps([name, sorted(labels.items())])


def _add(amounts: list[tuple[str, float]]) -> None:
    global _flusher_pid
    with _lock:
        for field, amount in amounts:
            _pending[field] += amount
        if _flusher_pid != os.getpid():  # the first time in this process: threads do not survive a fork
            _flusher_pid = os.getpid()
            threading.Thread(target=_flush_for_ever, name="metrics", daemon=True).start()
            atexit.register(flush)


def _flush_for_ever() -> None:
    while True:
        time.sleep(FLUSH_SECONDS)
        flush()


def flush() -> None:
    """Send what has added up; kept for the next time where Redis cannot be reached."""
    with _lock:
        amounts = dict(_pending)
        _pending.clear()
    if not amounts:
        return
    try:
        pipe = connection().pipeline(transaction=True)
        for field, amount in amounts.items():
            pipe.hincrbyfloat(KEY, field, amount)
        pipe.execute()
    except Unreachable:
        with _lock:
            for field, amount in amounts.items():
                _pending[field] += amount


_started = threading.local()


@task_prerun.connect
def _task_starts(**_: Any) -> None:
    _started.at = time.monotonic()


@task_postrun.connect
def _task_ended(task: Any = None, state: str | None = None, **_: Any) -> None:
    count("tasks", task=task.name, state=(state or "unknown").lower())
    observe("task_seconds", time.monotonic() - getattr(_started, "at", time.monotonic()), task=task.name)
    flush()  # a pool process may be ended without its exit handlers


class _Collector:
    """Everything that one scrape shows."""

    def collect(self) -> Iterator[Metric]:
        yield from _declared()
        for collect in _gauges:
            yield from collect()


def _declared() -> Iterator[Metric]:
    sums: dict[str, dict[tuple[str, ...], dict[str, float]]] = {name: {} for name in DECLARED}
    for field, amount in connection().hgetall(KEY).items():
        name, pairs = json.loads(field)
        if name not in DECLARED:
            continue  # of an older version
        labels = dict(pairs)
        part = labels.pop("le", "")
        key = tuple(labels.get(label, "") for label in DECLARED[name].labels)
        sums[name].setdefault(key, {})[part] = float(amount)
    for name, known in DECLARED.items():
        yield _family(name, known, sums[name])


def _family(name: str, known: Declared, values: dict[tuple[str, ...], dict[str, float]]) -> Metric:
    full = f"songranker_{name}"
    if not known.labels:
        values = values or {(): {}}
    if not known.histogram:
        counter = CounterMetricFamily(full, known.help, labels=known.labels)
        for key, parts in values.items():
            counter.add_metric(key, parts.get("", 0.0))
        return counter
    histogram = HistogramMetricFamily(full, known.help, labels=known.labels)
    for key, parts in values.items():
        buckets, total = [], 0.0
        for limit in (*map(str, BUCKETS), "+Inf"):
            total += parts.get(limit, 0.0)
            buckets.append((limit, total))
        histogram.add_metric(key, buckets, parts.get("sum", 0.0))
    return histogram


def queue_gauges() -> Iterator[Metric]:
    """Queue lengths, the age of the oldest message, workers, and the alarm."""
    lengths = queue_lengths()
    length = GaugeMetricFamily("songranker_queue_length", "Messages waiting", labels=["queue"])
    oldest = GaugeMetricFamily("songranker_queue_oldest_seconds", "Age of the oldest waiting message", labels=["queue"])
    for queue in QUEUES:
        length.add_metric([queue], lengths[queue])
        oldest.add_metric([queue], _oldest_seconds(queue))
    seen = GaugeMetricFamily("songranker_worker_last_seen_seconds", "Since a worker's last sign of life", labels=["worker", "queue"])
    for beat in heartbeat.read():
        seen.add_metric([beat.name, beat.queue], beat.age_seconds)
    alert = GaugeMetricFamily("songranker_alert", "1 where somebody should look", labels=["name"])
    alert.add_metric(["spotify_queue_length"], float(lengths["spotify"] > settings.SPOTIFY_QUEUE_ALERT))
    yield from (length, oldest, seen, alert)


def _oldest_seconds(queue: str) -> float:
    """Messages enter on the left and leave on the right, so the last of each list is its oldest."""
    ages = [0.0]
    for name in queue_names(queue):
        message = connection().lindex(name, -1)
        if message:
            sent_at = json.loads(message).get("headers", {}).get("sent_at")
            if isinstance(sent_at, int | float):
                ages.append(time.time() - sent_at)
    return max(ages)


register_gauges(queue_gauges)


@never_cache
@require_safe
def view(request: HttpRequest) -> HttpResponse:
    """`GET /metrics`; 503 where Redis, in which they are, cannot be asked."""
    flush()
    registry = CollectorRegistry()
    registry.register(_Collector())  # type: ignore[arg-type]  # asks for a subclass, takes what has collect()
    try:
        return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
    except Unreachable:
        return HttpResponse(status=503, headers={"Retry-After": "5"})
