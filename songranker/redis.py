"""The one Redis connection pool of a process, with short time-outs."""

from functools import cache

import redis
from django.conf import settings

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
        socket_timeout=2,
        socket_connect_timeout=1,
        health_check_interval=30,
        retry=None,
    )


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
    return queue_lengths()[queue]
