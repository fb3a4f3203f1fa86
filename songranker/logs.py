"""One request id in every log line, through web and workers.

A request's id (`X-Request-ID`, the client's own or a new one) travels in a header of each task that the request
publishes, so that one search of the logs shows the whole way of a call.
"""

import logging
import re
import time
import uuid
from contextvars import ContextVar
from typing import Any

from celery.signals import before_task_publish, setup_logging, task_postrun, task_prerun

request_id: ContextVar[str] = ContextVar("request_id", default="-")
task_name: ContextVar[str] = ContextVar("task_name", default="-")

# Beat's periodic tasks mostly find nothing to do: then they are not worth a line.
QUIET_TASKS = frozenset({"spotify.sweep", "ranking.sweep", "leaderboard.rebuild_changed"})

_log = logging.getLogger(__name__)
_ACCEPTABLE = re.compile(r"[A-Za-z0-9._:-]{1,100}")


def new_request_id(wanted: str | None = None) -> str:
    """The client's id where it is short and harmless in a log line, else a new one."""
    return wanted if wanted and _ACCEPTABLE.fullmatch(wanted) else uuid.uuid4().hex


class Ids(logging.Filter):
    """Adds `request_id` and `task` to each record."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        record.task = task_name.get()
        return True


@setup_logging.connect
def _keep_djangos_logging(**_: Any) -> None:
    """Somebody listens, so Celery leaves the logging of settings.py alone."""


@before_task_publish.connect
def _send_request_id(headers: dict[str, Any] | None = None, **_: Any) -> None:
    if headers is not None:
        headers["request_id"] = request_id.get()
        headers["sent_at"] = time.time()  # Celery's messages carry no time; songranker/metrics.py wants their age


@task_prerun.connect
def _take_request_id(task: Any = None, **_: Any) -> None:
    # Celery puts a message's own headers beside its fields on `task.request`.
    request_id.set(new_request_id(getattr(task.request, "request_id", None)))
    task_name.set(task.name)


@task_postrun.connect
def _forget_request_id(
    task: Any = None, task_id: str = "", state: str | None = None, retval: Any = None, **_: Any
) -> None:
    # Outcomes are short words by construction; a failure's traceback is Celery's own ERROR line.
    outcome = retval if isinstance(retval, str | int) else "-"
    level = logging.DEBUG if task.name in QUIET_TASKS and not outcome else logging.INFO
    _log.log(level, "task %s %s %s: %s", task.name, task_id, state, outcome)
    request_id.set("-")
    task_name.set("-")
