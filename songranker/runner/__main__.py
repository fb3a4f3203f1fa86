"""`python -m songranker.runner`: what `make run` starts, and what the one-container image starts.

Reads the Procfile and adds what a laptop lacks: a Redis, the Spotify simulator, the migrations. With the name of a
process (`python -m songranker.runner worker_spotify`) it becomes just that process, as docker-compose.yml wants it.
"""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import IO, NoReturn

from songranker.runner import procfile, redis_server
from songranker.runner.supervisor import Supervisor

FOLDER = Path(__file__).resolve().parent.parent.parent
READY_WITHIN_SECONDS = 90
SIMULATOR_PORT = 8090


class CannotStart(Exception):
    """One line that says why, and what to do."""


class Stop(Exception):
    """SIGTERM or Ctrl-C."""


def main() -> int:
    if len(sys.argv) > 1:
        _become(sys.argv[1])
    # SIGINT may arrive ignored (started in the background by a shell): a runner must always be stoppable.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _raise_stop)
    supervisor = Supervisor(FOLDER, sys.stdout)
    status = 0
    give_back_terminal = _take_terminal()
    try:
        _run(supervisor)
    except Stop:
        pass
    except CannotStart as reason:
        supervisor.say(f"cannot go on: {reason}")
        status = 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave half of them behind
        if supervisor.children:
            supervisor.say("stopping ...")
            supervisor.stop()
            supervisor.say("stopped")
        give_back_terminal()
    return status


def _become(name: str) -> NoReturn:
    """Turn into one process of the Procfile; end with status 2 where there is none of that name."""
    processes = procfile.read(FOLDER / "Procfile")
    if name not in processes:
        sys.stderr.write(f"no process {name!r} in the Procfile; there are {', '.join(processes)}\n")
        sys.exit(2)
    os.chdir(FOLDER)
    os.execve("/bin/sh", ["/bin/sh", "-c", f"exec {processes[name]}"], _with_our_python())  # noqa: S606


def _take_terminal() -> Callable[[], None]:
    """Let Ctrl-C reach the runner alone, not also the `make` above it.

    `make` dies of the signal itself and would turn our clean end into a failure. So the runner becomes the terminal's
    foreground process group, and gives the terminal back at its end. Without a terminal there is nothing to do.
    """
    if not sys.stdin.isatty() or os.tcgetpgrp(0) != os.getpgrp() or os.getpid() == os.getpgrp():
        return lambda: None
    before = os.getpgrp()
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # else tcsetpgrp from the background stops us
    signal.signal(signal.SIGTSTP, signal.SIG_IGN)  # `make` would not learn of a Ctrl-Z
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpgrp())
    return lambda: os.tcsetpgrp(0, before)


def _raise_stop(number: int, frame: FrameType | None) -> None:
    raise Stop


def _run(supervisor: Supervisor) -> None:
    environment, settings = _environment()
    data = Path(settings["DATA_DIR"])
    data.mkdir(parents=True, exist_ok=True)
    supervisor.lock = _lock(data)
    port = int(settings["PORT"])
    host = environment.setdefault("WEB_HOST", "127.0.0.1")
    if not _is_free(host, port):
        raise CannotStart(f"port {port} is in use; stop what listens there, or choose another: PORT=8001 make run")
    processes = procfile.read(FOLDER / "Procfile")
    own_redis = _provide_redis(supervisor, environment, data)
    # `manage.py` in another terminal finds this Redis here (songranker/settings.py).
    (data / "run.env").write_text(f"REDIS_URL={environment['REDIS_URL']}\n")
    simulated = settings["SPOTIFY_SIMULATED"] == "True"
    if simulated:
        # The same port each time where that can be: cached rows hold addresses of its pictures.
        simulator_port = SIMULATOR_PORT if _is_free("127.0.0.1", SIMULATOR_PORT) else redis_server.free_port()
        environment["SPOTIFY_SIMULATOR_URL"] = f"http://127.0.0.1:{simulator_port}"
        mode = settings["SPOTIFY_QUOTA_MODE"]
        command = [sys.executable, "-m", "spotify.simulator", "--port", str(simulator_port), "--quota-mode", mode]
        supervisor.start("simulator", command, environment)
    _start_processes(supervisor, processes, environment, own_redis=own_redis)
    _wait_until_ready(supervisor, port)
    _say_what_runs(supervisor, environment, port, simulated)
    while True:
        failing = supervisor.keep_up(time.monotonic())
        if failing:
            raise CannotStart(f"{failing} ends again and again; its last lines above say why")
        time.sleep(0.2)


def _with_our_python() -> dict[str, str]:
    """The environment with this virtual environment's programs first."""
    return os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}


def _environment() -> tuple[dict[str, str], dict[str, str]]:
    """The children's environment, and the settings as Django reads them (.env included)."""
    environment = _with_our_python()
    environment["PYTHONUNBUFFERED"] = "1"
    environment.setdefault("SPOTIFY_SIMULATOR_URL", "http://127.0.0.1:1")  # replaced as soon as a port is known
    names = ["DATA_DIR", "PORT", "SPOTIFY_SIMULATED", "SPOTIFY_QUOTA_MODE"]
    script = (
        "import sys\ntry:\n  from songranker import settings\nexcept Exception as e: sys.exit(str(e))\n"
        f"for n in {names!r}: print(f'{{n}}={{getattr(settings, n)}}')\n"
        "import os\nfor n in ('REDIS_URL', 'WEB_HOST', 'WEB_CONCURRENCY', 'WEB_THREADS'):\n"
        "  print(f'env:{n}={os.environ.get(n, \"\")}')\n"
    )
    read = subprocess.run(  # noqa: S603
        [sys.executable, "-c", script], cwd=FOLDER, env=environment, capture_output=True, text=True, timeout=60
    )
    if read.returncode:
        raise CannotStart(f"a setting is wrong: {read.stderr.strip().splitlines()[-1]}")
    settings: dict[str, str] = {}
    for line in read.stdout.splitlines():
        name, _, value = line.partition("=")
        if name.startswith("env:"):
            if value:  # set in the shell or in .env
                environment[name.removeprefix("env:")] = value
        else:
            settings[name] = value
    environment["PORT"] = settings["PORT"]
    return environment, settings


def _lock(data: Path) -> IO[str]:
    """One runner for each data folder. The lock goes with the process, however that ends."""
    lock = (data / "run.lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        raise CannotStart(f"already running from this folder (process {lock.read().strip() or 'unknown'})") from None
    lock.seek(0)
    lock.truncate()
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _is_free(host: str, port: int) -> bool:
    """Can this TCP port be listened on?"""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _provide_redis(supervisor: Supervisor, environment: dict[str, str], data: Path) -> bool:
    """Make sure of a Redis; True where it is one of our own, new and empty."""
    if environment.get("REDIS_URL"):
        _check_redis(environment["REDIS_URL"])
        return False
    port = redis_server.free_port()
    try:
        child = supervisor.start("redis", redis_server.command(port, data / "redis"), environment)
        redis_server.wait_until_up(port, child)
    except (FileNotFoundError, TimeoutError, ChildProcessError) as error:
        raise CannotStart(str(error)) from None
    environment["REDIS_URL"] = f"redis://127.0.0.1:{port}/0"
    return True


def _check_redis(url: str) -> None:
    import redis

    try:
        redis.Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2).ping()
    except ValueError as error:
        raise CannotStart(f"REDIS_URL is not a Redis address: {error}") from None
    except redis.RedisError as error:
        raise CannotStart(f"REDIS_URL is set, but that Redis does not answer ({type(error).__name__})") from None


def _start_processes(
    supervisor: Supervisor, processes: dict[str, str], environment: dict[str, str], *, own_redis: bool
) -> None:
    """The release command, then the rest. With a new Redis, where no task can be waiting, they start side by side.

    Beat comes last all the same: its tasks must not meet a database without tables.
    """
    release, beat = processes.pop("release", None), processes.pop("beat", None)
    # The release command has run Django's checks; four workers more would only be slower for it.
    unchecked = environment | {"CELERY_SKIP_CHECKS": "1"}
    if release:
        supervisor.start("release", release, environment)
    if release and not own_redis:
        _wait_for_release(supervisor)
    for name, command_line in processes.items():
        supervisor.start(name, command_line, unchecked)
    if release and own_redis:
        _wait_for_release(supervisor)
    if beat:
        supervisor.start("beat", beat, unchecked)


def _wait_for_release(supervisor: Supervisor) -> None:
    status = supervisor.children["release"].wait()
    del supervisor.children["release"]
    if status:
        raise CannotStart(f"release failed with status {status}; its lines above say why")


def _wait_until_ready(supervisor: Supervisor, port: int) -> None:
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    while time.monotonic() < deadline:
        dead = supervisor.dead()
        if dead:
            raise CannotStart(f"{dead[0]} ended with status {dead[1]} while starting; its lines above say why")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.1)
    raise CannotStart(f"not ready after {READY_WITHIN_SECONDS} s; /health/ready says which part is missing")


def _say_what_runs(supervisor: Supervisor, environment: dict[str, str], port: int, simulated: bool) -> None:
    here = f"http://127.0.0.1:{port}"
    spotify = f"the bundled simulator, {environment['SPOTIFY_SIMULATOR_URL']}" if simulated else "the real Web API"
    redis = environment["REDIS_URL"].rsplit("@", 1)[-1].removeprefix("redis://")
    for line in (
        "",
        f"SongRanker is ready:  {here}",
        f"  processes           {', '.join(supervisor.children)}",
        f"  Redis               {redis}",
        f"  Spotify             {spotify}",
        f"  API and its page    {here}/api/v1/   {here}/api/docs",
        f"  admin               {here}/admin/   make yourself one: .venv/bin/python manage.py createsuperuser",
        "",
        "Try first (in another terminal):",
        f"  curl '{here}/api/v1/albums?artist=Taylor+Swift'",
        "  .venv/bin/python manage.py spotify_search 'Taylor Swift' --tracks",
        "  .venv/bin/python manage.py seed_demo",
        "Ctrl-C stops all of it.",
        "",
    ):
        supervisor.say(line)


if __name__ == "__main__":
    sys.exit(main())
