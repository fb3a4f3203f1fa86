"""Starts processes, gives their lines a name, and ends all of them together."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
# So often within so many seconds is too often to go on.
MOST_DEATHS, WATCHED_SECONDS = 5, 120.0
# Statuses of a child that somebody else ended: that says nothing against it.
FROM_OUTSIDE = frozenset({0, -signal.SIGTERM, -signal.SIGKILL})
LONGEST_WAIT_SECONDS = 7.0
_COLOURS = (36, 32, 33, 35, 34, 96, 92, 93, 95, 94)


def _die_with_parent() -> Callable[[], None] | None:
    """Runs in the child: when the runner is killed outright, its children end too (Linux only)."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)  # loaded before the fork: after it only async-signal-safe calls are sure

    def ask_for_signal() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    return ask_for_signal


class Supervisor:
    """Children, each the leader of its own process group, so that a group can be ended with all it started."""

    def __init__(self, folder: Path, out: IO[str]) -> None:
        self.folder = folder
        self.out = out
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self._commands: dict[str, tuple[str | list[str], dict[str, str]]] = {}
        # When, and whether it failed by itself.
        self._deaths: defaultdict[str, list[tuple[float, bool]]] = defaultdict(list)
        self._dead_since: dict[str, float] = {}
        self.lock: IO[str] | None = None  # an open file holds the lock; it lives as long as we do
        self._readers: list[threading.Thread] = []
        self._print_lock = threading.Lock()
        self._width = 18

    def start(self, name: str, command: str | list[str], environment: dict[str, str]) -> "subprocess.Popen[bytes]":
        """Start a child; a string is a shell command as in the Procfile."""
        arguments = ["/bin/sh", "-c", f"exec {command}"] if isinstance(command, str) else command
        child = subprocess.Popen(  # noqa: S603  (our own Procfile)
            arguments,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent(),
        )
        reader = threading.Thread(target=self._copy_lines, args=(name, child, len(self.children)), daemon=True)
        self.children[name] = child
        self._commands[name] = command, environment
        self._readers.append(reader)
        reader.start()
        return child

    def say(self, line: str, name: str = "run", colour: int = 97) -> None:
        """One line of output, under a name."""
        label = f"{name:<{self._width}}|"
        if self.out.isatty():
            label = f"\x1b[{colour}m{label}\x1b[0m"
        # A closed terminal or a pipe whose reader left must not keep us from ending our children.
        with self._print_lock, contextlib.suppress(OSError, ValueError):
            self.out.write(f"{label} {line}\n")
            self.out.flush()

    def _copy_lines(self, name: str, child: "subprocess.Popen[bytes]", position: int) -> None:
        assert child.stdout is not None  # noqa: S101  (it is a pipe)
        with child.stdout as lines:
            for raw in lines:
                self.say(raw.decode(errors="replace").rstrip(), name, _COLOURS[position % len(_COLOURS)])

    def dead(self) -> tuple[str, int] | None:
        """Name and exit status of a child that ended by itself."""
        for name, child in self.children.items():
            status = child.poll()
            if status is not None:
                return name, status
        return None

    def keep_up(self, now: float) -> str | None:
        """Start again what ended, the sooner the seldomer it does; the name of what fails again and again.

        What is killed or asked to end from outside is started again for ever.

        now: seconds of a monotonic clock.
        """
        for name, child in list(self.children.items()):
            status = child.poll()
            if status is None:
                continue
            deaths = self._deaths[name]
            if name not in self._dead_since:
                lately = [death for death in deaths if now - death[0] < WATCHED_SECONDS]
                deaths[:] = [*lately, (now, status not in FROM_OUTSIDE)]
                self._dead_since[name] = now
                self._signal(child, signal.SIGKILL)  # the rest of its group: pool processes whose parent died
                if len(deaths) >= MOST_DEATHS and all(failed for _, failed in deaths[-MOST_DEATHS:]):
                    return name
                self.say(f"{name} ended with status {status}; starting it again")
            wait = min(LONGEST_WAIT_SECONDS, 2.0 ** (len(deaths) - 1) - 1.0)  # at once, then after 1, 3, 7 seconds
            if now - self._dead_since[name] >= wait:
                del self._dead_since[name]
                self.start(name, *self._commands[name])
        return None

    def stop(self, seconds: float = 8.0, last: frozenset[str] = frozenset({"redis"})) -> None:
        """SIGTERM to every group, SIGKILL to what is left after `seconds`; `last` go when the others are gone.

        Workers give their unfinished messages back to Redis while they end, so it has to outlive them.
        """
        deadline = time.monotonic() + seconds
        for wave in (self.children.keys() - last, self.children.keys() & last):
            children = [self.children[name] for name in wave]
            for child in children:
                self._signal(child, signal.SIGTERM)
            for child in children:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(max(0.5, deadline - time.monotonic()))
                self._signal(child, signal.SIGKILL)  # the rest of its group, too: pool processes whose parent died
                child.wait()
        for reader in self._readers:
            reader.join(timeout=1)

    @staticmethod
    def _signal(child: "subprocess.Popen[bytes]", number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, number)
