"""Metrics of all processes together: counting, observing, declaring.

Counters and histograms are added up in the process and sent to one Redis hash every second, by a thread: a request
never waits for its metrics, and never fails by them. Gauges are read when somebody asks (`GET /metrics`).

To add one: a line in `DECLARED`, and `metrics.count(...)` or `metrics.observe(...)` where it happens; or, for a gauge,
a function registered by the app that knows the figure (`register_gauges`). `scrape.py` renders all of them.
"""

import atexit
import json
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from celery.signals import task_postrun, task_prerun

from songranker.redis import Unreachable, connection

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


@dataclass(frozen=True, slots=True)
class Gauge:
    """A current figure, or one for each combination of labels. `name` without the prefix `songranker_`."""

    name: str
    help: str
    values: dict[tuple[str, ...], float]
    labels: tuple[str, ...] = ()


def one_gauge(name: str, help_text: str, value: float) -> Gauge:
    """A gauge without labels."""
    return Gauge(name, help_text, {(): value})


Gauges = Callable[[], Iterable[Gauge]]
gauges: list[Gauges] = []
_pending: defaultdict[str, float] = defaultdict(float)
_lock = threading.Lock()
_flusher_pid = 0


def _begin_anew() -> None:
    """In a forked child: what the parent has added up the parent sends, and a thread of it may hold the lock."""
    global _lock
    _lock = threading.Lock()
    _pending.clear()


os.register_at_fork(after_in_child=_begin_anew)


def count(name: str, amount: float = 1, **labels: str) -> None:
    """Add to a counter of `DECLARED`."""
    _add([(_field(name, labels), amount)])


def observe(name: str, seconds: float, **labels: str) -> None:
    """Add one value to a histogram of `DECLARED`."""
    bucket = next((str(limit) for limit in BUCKETS if seconds <= limit), "+Inf")
    _add([(_field(name, {**labels, "le": bucket}), 1), (_field(name, {**labels, "le": "sum"}), seconds)])


def register_gauges(collect: Gauges) -> None:
    """A function that reads current figures; called at each scrape."""
    gauges.append(collect)


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
