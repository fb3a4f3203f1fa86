"""`make run`: starts everything, says what runs where, and leaves nothing behind."""

import contextlib
import io
import os
import re
import signal
import socket
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import redis
import requests

from songranker.runner import procfile, redis_server
from songranker.runner.supervisor import Supervisor
from tests.processes import ROOT, until


def test_a_procfile(tmp_path):
    (tmp_path / "Procfile").write_text("# a comment\n\nweb: gunicorn x --bind 0.0.0.0:$PORT\nworker_a: celery worker\n")
    assert procfile.read(tmp_path / "Procfile") == {
        "web": "gunicorn x --bind 0.0.0.0:$PORT",
        "worker_a": "celery worker",
    }
    (tmp_path / "Procfile").write_text("web: x\nnonsense\n")
    with pytest.raises(ValueError, match="line 2"):
        procfile.read(tmp_path / "Procfile")


def test_ours_names_the_processes_of_the_contract():
    assert list(procfile.read(ROOT / "Procfile")) == [
        "release",
        "web",
        "worker_default",
        "worker_spotify",
        "worker_leaderboard",
        "beat",
    ]


class Run:
    """A runner on its own port and data folder."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.port = redis_server.free_port()
        self.log = folder / "run.log"
        env = {
            name: value
            for name, value in os.environ.items()
            if name not in ("REDIS_URL", "SPOTIFY_SIMULATOR_URL", "DATABASE_URL")
        }
        env |= {"DATA_DIR": str(folder / "a data folder"), "PORT": str(self.port)} | environment
        self.started_before = self.output().count("SongRanker is ready") if self.log.exists() else 0
        with self.log.open("ab") as out:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "songranker.runner"],
                cwd=ROOT,
                env=env,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def output(self) -> str:
        return self.log.read_text()

    def wait_until_ready(self) -> None:
        ready = self.started_before + 1  # one log for all runs of a folder
        until(
            "it is ready",
            lambda: self.output().count("SongRanker is ready") >= ready or self.popen.poll() is not None,
            60,
        )
        assert self.popen.poll() is None, self.output()

    def family(self) -> list[int]:
        """All processes below the runner, whatever became of their parents."""
        listed = subprocess.run(["ps", "-eo", "pid=,args="], capture_output=True, text=True).stdout.splitlines()
        pids = []
        for line in listed:
            pid = line.strip().split(" ")[0]
            with contextlib.suppress(OSError):
                environment = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
                if f"PORT={self.port}" in environment and int(pid) != self.popen.pid:
                    pids.append(int(pid))
        return pids


@pytest.fixture
def run(tmp_path):
    started: list[Run] = []

    def run(folder="one folder", **environment):
        (tmp_path / folder).mkdir(exist_ok=True)
        started.append(Run(tmp_path / folder, **environment))
        return started[-1]

    yield run
    for one in started:
        with contextlib.suppress(ProcessLookupError):
            one.popen.send_signal(signal.SIGTERM)
        one.popen.wait(15)


def test_from_start_to_end(run):
    one = run()
    one.wait_until_ready()
    answer = requests.get(f"http://127.0.0.1:{one.port}/api/v1/artists", params={"q": "lorde"}, timeout=20)
    assert answer.json()["results"][0]["name"] == "Lorde"
    for name in ("redis", "simulator", "web", "worker_default", "worker_spotify", "worker_leaderboard", "beat"):
        assert name in one.output()
    assert "createsuperuser" in one.output()  # no default password: the one command instead
    second = run()  # the same data folder
    assert second.popen.wait(20) == 1
    assert "already running" in second.output()
    assert len(one.family()) >= 8
    one.popen.send_signal(signal.SIGINT)
    assert one.popen.wait(10) == 0
    until("nobody is left", lambda: not one.family(), 3)
    assert "Traceback" not in one.output()


def test_killed_outright_it_takes_its_children_along(run):
    one = run()
    one.wait_until_ready()
    one.popen.kill()
    one.popen.wait(5)
    until("nobody is left", lambda: not one.family(), 12)
    again = run()
    again.wait_until_ready()
    again.popen.send_signal(signal.SIGTERM)
    assert again.popen.wait(10) == 0


def members(one, word):
    """Process ids of the runner's family whose command has this word."""
    return [pid for pid in one.family() if word in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_what_dies_is_started_again(run):
    """The Spotify worker with its pool, and Redis, which comes back empty on the same port."""
    one = run()
    one.wait_until_ready()
    redis_port = re.search(r"127\.0\.0\.1:(\d+)/0", one.output())[1]
    redis_pid = redis.Redis(port=int(redis_port)).info("server")["process_id"]
    for name, pids in (("worker_spotify", members(one, b"\0spotify-")), ("redis", [redis_pid])):
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        says = f"{name} ended with status -9; starting it again"
        until(says, lambda says=says: says in one.output(), 10)
    site = f"http://127.0.0.1:{one.port}"
    until(
        "all is well again", lambda: requests.get(f"{site}/health/ready", timeout=5).status_code == 200, 40, every=0.2
    )
    answer = requests.get(f"{site}/api/v1/artists", params={"q": "lorde"}, timeout=20)
    assert answer.json()["results"][0]["name"] == "Lorde"
    assert one.popen.poll() is None


class TestKeepingUp:
    """Time is given, processes are real."""

    @pytest.fixture
    def supervisor(self, tmp_path):
        out = io.StringIO()
        one = Supervisor(tmp_path, out)
        yield one
        one.stop(2)

    def dead(self, supervisor):
        until("it is dead", lambda: supervisor.children["child"].poll() is not None, 5)

    def test_at_once_then_later_and_later_and_not_for_ever(self, supervisor):
        supervisor.start("child", "false", dict(os.environ))
        started = []
        now = 1000.0
        failing = None
        while failing is None and now < 1100:
            self.dead(supervisor)
            before = supervisor.children["child"]
            failing = supervisor.keep_up(now)
            if supervisor.children["child"] is not before:
                started.append(now)
            now += 0.5
        assert failing == "child"
        assert [b - a for a, b in pairwise(started)] == [1.5, 3.5, 7.5]  # 1, 3 and 7 seconds after each death was seen
        assert len(started) == 4

    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
    def test_who_is_killed_again_and_again_is_started_for_ever(self, supervisor, number):
        supervisor.start("child", "sleep 60", dict(os.environ))
        for kill in range(20):
            supervisor.children["child"].send_signal(number)
            self.dead(supervisor)
            before = supervisor.children["child"]
            assert supervisor.keep_up(1000.0 + 10 * kill) is None
            assert supervisor.keep_up(1008.0 + 10 * kill) is None
            assert supervisor.children["child"] is not before

    def test_who_dies_seldom_is_started_at_once_each_time(self, supervisor):
        supervisor.start("child", "false", dict(os.environ))
        for hour in range(10):
            self.dead(supervisor)
            before = supervisor.children["child"]
            assert supervisor.keep_up(3600.0 * hour) is None
            assert supervisor.children["child"] is not before


def test_a_port_in_use_is_one_line(run):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        one = run(PORT=str(taken.getsockname()[1]))
        assert one.popen.wait(20) == 1
    assert "is in use" in one.output()
    assert "Traceback" not in one.output()


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("SPOTIFY_RATE_LIMIT", "x", "SPOTIFY_RATE_LIMIT"),
        ("REDIS_URL", "redis://127.0.0.1:1", "does not answer"),
        ("DEBUG", "off", "SECRET_KEY"),
    ],
)
def test_a_broken_setting_is_one_line(run, name, value, says):
    one = run(**{name: value})
    assert one.popen.wait(20) == 1
    assert says in one.output()
    assert "Traceback" not in one.output()
    assert len(one.output().splitlines()) == 1
