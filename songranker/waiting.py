"""Waiting for a task's end: woken by it (Redis pub/sub), never polling, and leaving nothing behind."""

import logging
from typing import Any

import celery.exceptions
import kombu.exceptions
from celery.result import AsyncResult
from django.db import transaction

from songranker.redis import Unreachable

_log = logging.getLogger(__name__)

# Celery's and Redis' ways of saying that the broker cannot be reached; RuntimeError is the result backend's.
BROKER_ERRORS = (kombu.exceptions.OperationalError, RuntimeError, OSError, *Unreachable)


def wait(task_id: str, seconds: float) -> bool:
    """Sleep until the task has ended, at most `seconds` (Celery looks at the time once a second); has it?

    Where the broker goes away meanwhile the answer is False: what the task did, its row says. Any number of threads may
    wait for one task.
    """
    if transaction.get_connection().in_atomic_block:
        raise RuntimeError("waiting for a task inside a transaction: the worker does not see the rows that it is about")
    result: AsyncResult[object] = AsyncResult(task_id)
    try:
        result.get(timeout=seconds, propagate=False)
    except celery.exceptions.TimeoutError:
        return False
    except BROKER_ERRORS as error:
        _log.warning("lost the broker while waiting: %s", type(error).__name__)
        return False
    finally:
        _leave(result)
    return True


def _leave(result: Any) -> None:
    """Take this waiter's subscription back, which Celery would keep after a time-out; others' stay."""
    try:
        result.backend.remove_pending_result(result)
    except BROKER_ERRORS:
        _log.debug("no subscription to take back: the broker is gone")
