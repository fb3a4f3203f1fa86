"""Real processes for the tests: the Procfile's own commands, started and ended by fixtures."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from songranker.runner import procfile

ROOT = Path(__file__).resolve().parent.parent


def environment(**changes: str) -> dict[str, str]:
    """What a child sees: this test run's Redis, its simulator and its test database."""
    from django.db import connection

    child = os.environ | changes
    child["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{child['PATH']}"
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        child["DATABASE_URL"] = f"sqlite:///{name}"
    else:
        child["DATABASE_URL"] = os.environ["DATABASE_URL"].replace("/postgres?", f"/{name}?")
    return child


class Process:
    """A child with its own process group; its output is kept for the report of a failing test."""

    def __init__(self, name: str, command: str | list[str], env: dict[str, str], log: Path) -> None:
        self.name, self.log = name, log
        arguments = ["/bin/sh", "-c", f"exec {command}"] if isinstance(command, str) else command
        with log.open("ab") as out:
            self.popen = subprocess.Popen(
                arguments, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def kill(self, number: int = signal.SIGKILL, *, group: bool = True) -> None:
        if self.popen.poll() is None:
            (os.killpg if group else os.kill)(self.popen.pid, number)
        self.popen.wait(15)

    def stop(self) -> None:
        if self.popen.poll() is None:
            os.killpg(self.popen.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.popen.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait(5)

    def children(self) -> list[int]:
        """Process ids of the direct children (a worker's pool)."""
        listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.popen.pid)], capture_output=True, text=True)
        return [int(word) for word in listed.stdout.split()]


def start(name: str, log_folder: Path, **changes: str) -> Process:
    """A process of the Procfile."""
    command = procfile.read(ROOT / "Procfile")[name]
    return Process(name, command, environment(**changes), log_folder / f"{name}.log")


def until(what: str, condition: Callable[[], Any], seconds: float = 15.0, every: float = 0.02) -> Any:
    """Wait for a condition; its value. Fails with what was waited for."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s in vain: {what}")
        time.sleep(every)


class Simulator:
    """The simulator's process, and its `/_admin/`."""

    def __init__(self, process: Process, port: int) -> None:
        self.process, self.url = process, f"http://127.0.0.1:{port}"

    def admin(self, what: str, body: Any = None) -> dict[str, Any]:
        answer = requests.post(f"{self.url}/_admin/{what}", json={} if body is None else body, timeout=5)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def reset(self) -> None:
        self.admin("config", {"quota_mode": "development", "limit": 0, "daily_limit": 0, "latency_ms": 0, "token_seconds": 3600,
                              "premium_lapsed": False, "clock_offset_seconds": 0, "client_id": "", "client_secret": "",
                              "count_refused": False, "window_seconds": 30})  # fmt: skip
        self.admin("reset")

    def config(self, **changes: Any) -> None:
        self.admin("config", changes)

    def change(self, *changes: dict[str, Any]) -> None:
        """Changes of the catalogue, until the next reset."""
        self.admin("catalogue", list(changes))

    def faults(self, *faults: dict[str, Any]) -> None:
        self.admin("faults", list(faults))

    def state(self) -> dict[str, Any]:
        return requests.get(f"{self.url}/_admin/state", timeout=5).json()

    @property
    def calls(self) -> int:
        return self.state()["calls"]
