"""What the tests of imports with real workers share."""

from pathlib import Path

from ranking import tasks as ranking_tasks
from spotify import tasks
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
