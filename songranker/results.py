"""Celery's Redis result backend, for views that wait for some of the tasks that they publish."""

from typing import Any

from celery.backends.redis import RedisBackend


class WaitersSubscribe(RedisBackend):
    """Subscribes to a task's end when somebody waits for it (`waiting.wait`), not when it is published.

    Celery's own does both, and takes the first back when the publisher's `AsyncResult` is freed: three commands that a
    waiting person waits for, and that a dead Redis makes each publisher wait for.
    """

    def on_task_call(self, producer: Any, task_id: str) -> None:
        """Nothing: `AsyncResult.get` subscribes, and then looks whether the task has ended already."""
