"""What the tests of imports with real workers share."""

import os
import signal
from pathlib import Path

from ranking import sessions
from ranking import tasks as ranking_tasks
from ranking.models import Session
from spotify import tasks
from spotify.models import Lookup
from tests import processes
from tests.processes import Process, until


def sweep_until(what, condition, seconds=60):
    """As beat would, every half second."""

    def swept():
        tasks.sweep()
        ranking_tasks.sweep()
        return condition()

    return until(what, swept, seconds, every=0.5)


def start_again(workers: dict[str, Process], logs: Path, **changes: str) -> None:
    """The `spotify` and the `default` worker once more, as a deploy does, in place of those that ended."""
    before = {queue: workers[queue].output().count(" ready.") for queue in ("spotify", "default")}
    for queue in before:
        workers[queue] = processes.start(f"worker_{queue}", logs, CELERY_SKIP_CHECKS="1", **changes)
    for queue in before:
        until(f"{queue} is ready", lambda queue=queue: workers[queue].output().count(" ready.") > before[queue], 40)


def kill_child(workers: dict[str, Process], queue: str) -> None:
    """The process of a worker's pool, in the middle of whatever it does."""
    (child,) = until("there is a child", workers[queue].children)
    os.kill(child, signal.SIGKILL)


def leases_run_out() -> None:
    """As ten seconds after whoever had the work died."""
    Lookup.objects.filter(state__in=["running", "queued"]).update(lease_until="2026-01-01T00:00:00Z")


def new_session(wanted: sessions.Wanted) -> Session:
    return sessions.create(wanted, name="", mode="standard", versions="fold", visibility="private")[0]
