"""Fixtures: the real Redis, the simulator over HTTP, worker processes of the Procfile, a client of the API."""

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import environment, processes
from tests.processes import Process, Simulator, until

TAYLOR = "06HL4z0CvFAxyc27GXpf02"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark by what a test uses, so that `make test` can run just those again on PostgreSQL."""
    for item in items:
        names = set(getattr(item, "fixturenames", ()))
        if names & {"workers", "worker", "web"}:
            item.add_marker(pytest.mark.stack)
        elif names & {"db", "transactional_db"} or item.get_closest_marker("django_db"):
            item.add_marker(pytest.mark.database)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """As ever; but PostgreSQL drops no database while it has not noticed yet that a killed process is gone."""
    yield
    from django.db import connection

    with django_db_blocker.unblock():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )


@pytest.fixture(scope="session")
def logs() -> Path:
    folder = environment.FOLDER / "logs"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def redis() -> Iterator[Any]:
    """This run's Redis, empty before and after."""
    from songranker import metrics
    from songranker.redis import breaker, connection

    client = connection()
    breaker.reset()
    metrics.flush()
    client.flushdb()
    yield client
    client.flushdb()


@pytest.fixture(scope="session")
def simulator_process(logs: Path) -> Iterator[Simulator]:
    port = environment.SIMULATOR_PORT
    command = [sys.executable, "-m", "spotify.simulator", "--port", str(port), "--limit", "0", "--daily-limit", "0"]
    import os

    process = Process("simulator", command, dict(os.environ), logs / "simulator.log")
    until("the simulator is up", lambda: "Spotify simulator on" in process.output(), 10)
    yield Simulator(process, port)
    process.stop()


@pytest.fixture
def simulator(simulator_process: Simulator) -> Simulator:
    """The simulator in Development Mode without a limit, counters at zero, no faults."""
    simulator_process.reset()
    return simulator_process


@pytest.fixture(scope="session")
def worker_processes(django_db_setup: None, simulator_process: Simulator, logs: Path) -> Iterator[dict[str, Process]]:
    """One worker for each queue, for the whole run."""
    started = {
        queue: processes.start(f"worker_{queue}", logs, CELERY_SKIP_CHECKS="1")
        for queue in ("default", "spotify", "leaderboard")
    }
    for process in started.values():
        until(f"{process.name} is ready", lambda process=process: " ready." in process.output(), 40)
    yield started
    for process in started.values():
        process.stop()


@pytest.fixture
def workers(
    transactional_db: None, worker_processes: dict[str, Process], simulator: Simulator, redis: Any
) -> Iterator[dict[str, Process]]:
    """All three workers on an empty Redis and an empty database; what is in work at the end of a test is let end."""
    from spotify.models import Lookup

    yield worker_processes
    simulator.faults()
    simulator.config(latency_ms=0)
    redis.delete("spotify:pause")
    in_work = Lookup.objects.filter(state="running")
    until("the worker is idle", lambda: not in_work.exists(), 12)


@pytest.fixture
def start_process(transactional_db: None, logs: Path) -> Iterator[Callable[..., Process]]:
    """Start processes of the Procfile for one test only; ended with it."""
    started: list[Process] = []

    def start(name: str, **changes: str) -> Process:
        process = processes.start(name, logs, CELERY_SKIP_CHECKS="1", **changes)
        started.append(process)
        return process

    yield start
    for process in started:
        if process.popen.poll() is None:
            process.kill(signal.SIGKILL)


class Api:
    """The API through Django's own test client, in this process: statuses are checked, JSON comes back."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.token = ""

    def __call__(self, method: str, path: str, want: int, body: Any = None, **headers: str) -> Any:
        if self.token:
            headers.setdefault("Authorization", f"Session {self.token}")
        kwargs: dict[str, Any] = {"headers": headers}
        if body is not None:
            kwargs |= {"data": body, "content_type": "application/json"}
        self.answer = getattr(self.client, method.lower())(
            path if path.startswith("/") else f"/api/v1/{path}", **kwargs
        )
        assert self.answer.status_code == want, (
            f"{method} {path}: {self.answer.status_code} {self.answer.content[:500]!r}"
        )
        if want >= 400:
            assert self.answer["Content-Type"] == "application/problem+json"
        kind = self.answer.headers.get("Content-Type", "")
        return self.answer.json() if "json" in kind and self.answer.content else self.answer.content


@pytest.fixture
def api(client: Any) -> Api:
    client.raise_request_exception = False
    return Api(client)


@pytest.fixture
def songs() -> list[dict[str, str]]:
    return [
        {"name": name, "artist": "Alice"} for name in ("One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight")
    ]
