"""The one Redis connection pool of a process, with short time-outs."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import redis
from django.conf import settings
from redis.commands.core import Script

# Every error that means "Redis could not be asked".
Unreachable = (redis.ConnectionError, redis.TimeoutError, redis.exceptions.BusyLoadingError)

QUEUES = ("default", "spotify", "leaderboard")
_PRIORITY_STEPS = (0, 3, 6, 9)


@cache
def connection() -> redis.Redis:
    """A client for `REDIS_URL`, answers as text. Safe to share between threads."""
    return redis.Redis.from_url(
        settings.REDIS_URL,
        decode_responses=True,
        socket_timeout=1,
        socket_connect_timeout=1,
        health_check_interval=30,
        retry=None,
    )


# A child begins with a pool of its own. redis-py (8.1) would empty the inherited one under its lock, which some thread of
# the parent (the worker's heartbeat) may have held at the moment of the fork: then the child waited for it for ever.
os.register_at_fork(after_in_child=connection.cache_clear)


class Breaker:
    """While Redis does not answer, only one caller of a process in five seconds waits to find that out."""

    SECONDS = 5.0

    def __init__(self) -> None:
        self._closed_until = 0.0

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Raises redis.ConnectionError at once where Redis could not be reached a moment ago."""
        if time.monotonic() < self._closed_until:
            raise redis.ConnectionError("Redis could not be reached a moment ago")
        try:
            yield
        except Unreachable:
            self.trip()
            raise

    def trip(self) -> None:
        self._closed_until = time.monotonic() + self.SECONDS

    def reset(self) -> None:
        self._closed_until = 0.0


breaker = Breaker()


def queue_names(queue: str) -> list[str]:
    """The Redis lists that make up a Celery queue: kombu keeps one for each priority step."""
    return [queue if step == 0 else f"{queue}\x06\x16{step}" for step in _PRIORITY_STEPS]


def queue_lengths() -> dict[str, int]:
    """How many messages wait in each queue, in one round trip; those in work are not counted."""
    pipe = connection().pipeline(transaction=False)
    for queue in QUEUES:
        for name in queue_names(queue):
            pipe.llen(name)
    lengths = pipe.execute()
    steps = len(_PRIORITY_STEPS)
    return {queue: sum(lengths[i * steps : (i + 1) * steps]) for i, queue in enumerate(QUEUES)}


def queue_length(queue: str) -> int:
    """How many messages wait in one queue."""
    return int(_length(connection())(keys=queue_names(queue)))


@cache
def _length(client: redis.Redis) -> Script:
    """A script, because a pipeline of four questions takes redis-py twice as long: a person waits for this."""
    return client.register_script(
        "local n = 0; for _, k in ipairs(KEYS) do n = n + redis.call('LLEN', k) end; return n"
    )


def people_wait(queue: str) -> bool:
    """Does a message of the most urgent priority wait?"""
    return bool(connection().llen(queue_names(queue)[0]))


def oldest_sent_at(queue: str) -> float | None:
    """When the oldest waiting message was sent, in Unix time; None where none waits.

    Messages enter on the left and leave on the right, so the last of each list is its oldest.
    """
    pipe = connection().pipeline(transaction=False)
    for name in queue_names(queue):
        pipe.lindex(name, -1)
    times = [json.loads(message).get("headers", {}).get("sent_at") for message in pipe.execute() if message]
    return min((sent_at for sent_at in times if isinstance(sent_at, int | float)), default=None)


def queue_ages() -> dict[str, float]:
    """For each queue how long its oldest message has waited, in seconds; 0 where none waits."""
    sent = {queue: oldest_sent_at(queue) for queue in QUEUES}
    return {queue: 0.0 if at is None else max(0.0, time.time() - at) for queue, at in sent.items()}
