"""Signs of life of workers and beat, kept in one Redis hash.

Each worker's *parent* process writes every few seconds, also while its child is busy: so busy can be told from dead.
`inspect ping` would start a process, take seconds, and get no answer from a busy worker.
"""

import json
import logging
import os
import threading
import time
from dataclasses import dataclass
from typing import Any

from celery import Celery, bootsteps
from celery.beat import Scheduler

from songranker.redis import QUEUES, Unreachable, connection

KEY = "songranker:heartbeats"
EVERY_SECONDS = 4.0
DEAD_AFTER_SECONDS = 20.0
FORGOTTEN_AFTER_SECONDS = 3600.0
ONE_WORKER_QUEUE = "spotify"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Beat:
    """The last sign of life of one process."""

    name: str
    queue: str  # a queue's name, or "beat"
    pid: int
    age_seconds: float

    @property
    def alive(self) -> bool:
        return self.age_seconds <= DEAD_AFTER_SECONDS


def write(name: str, queue: str) -> None:
    """Leave a sign of life. Time is Redis' own, so that hosts need not agree on theirs."""
    redis = connection()
    seconds, micros = redis.time()
    redis.hset(KEY, f"{queue}|{name}", json.dumps({"at": seconds + micros / 1e6, "pid": os.getpid()}))


def erase(name: str, queue: str) -> None:
    """A process that says goodbye is not missed."""
    connection().hdel(KEY, f"{queue}|{name}")


def read() -> list[Beat]:
    """Everyone who was alive in the last hour. Raises redis' errors when Redis cannot be asked."""
    redis = connection()
    seconds, micros = redis.time()
    now = seconds + micros / 1e6
    beats = []
    known_beats: dict[str, str] = redis.hgetall(KEY)  # type: ignore[assignment]  # decode_responses is on
    for field, value in known_beats.items():
        queue, _, name = field.partition("|")
        known = json.loads(value)
        age = max(0.0, now - known["at"])
        if age > FORGOTTEN_AFTER_SECONDS:
            redis.hdel(KEY, field)
        else:
            beats.append(Beat(name, queue, known["pid"], age))
    return sorted(beats, key=lambda beat: (beat.queue, beat.name))


def alive(beats: list[Beat]) -> dict[str, bool]:
    """For each queue, and for beat: is anybody there?"""
    living = {beat.queue for beat in beats if beat.alive}
    return {name: name in living for name in (*QUEUES, "beat")}


def _quietly(action: Any, *args: str) -> None:
    try:
        action(*args)
    except Unreachable as error:
        _log.warning("no sign of life could be left: %s", type(error).__name__)


class WorkerHeartbeat(bootsteps.StartStopStep):
    """A thread in the worker's parent: goes on while the child works and while the broker is reconnected."""

    def __init__(self, parent: Any, **kwargs: Any) -> None:
        super().__init__(parent, **kwargs)
        self.stopped = threading.Event()
        self.names: list[tuple[str, str]] = []

    def start(self, parent: Any) -> None:
        self.names = [(parent.hostname, queue) for queue in parent.app.amqp.queues.consume_from]
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def stop(self, parent: Any) -> None:
        self.stopped.set()
        for name, queue in self.names:
            _quietly(erase, name, queue)

    def _greet(self) -> None:
        """Nobody should start a second Spotify worker without knowing; nothing breaks where somebody does."""
        if not any(queue == ONE_WORKER_QUEUE for _, queue in self.names):
            return
        for beat in read():
            if beat.queue == ONE_WORKER_QUEUE and beat.alive and (beat.name, beat.queue) not in self.names:
                _log.warning(
                    "another worker of the queue %s is alive: %s. That is safe, they share one budget; but one is enough",
                    beat.queue,
                    beat.name,
                )

    def _beat(self) -> None:
        _quietly(self._greet)
        while True:
            for name, queue in self.names:
                _quietly(write, name, queue)
            if self.stopped.wait(EVERY_SECONDS):
                return


class BeatScheduler(Scheduler):
    """Celery's in-memory scheduler, which leaves a sign of life on each tick.

    On the tick, not in a thread: a scheduler that hangs must look dead.
    """

    _last_beat = 0.0

    def tick(self, *args: Any, **kwargs: Any) -> float:
        now = time.monotonic()
        if now - self._last_beat >= EVERY_SECONDS:
            self._last_beat = now
            _quietly(write, "beat", "beat")
        wait = super().tick(*args, **kwargs)
        return float(min(wait, EVERY_SECONDS))


def install(app: Celery) -> None:
    """Add the heartbeat to every worker of this app."""
    app.steps["worker"].add(WorkerHeartbeat)
