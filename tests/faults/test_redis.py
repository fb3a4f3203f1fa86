"""A Redis that freezes, dies, comes back empty: what people see meanwhile, and that everything goes on by itself.

A Redis of their own for a web process and a Spotify worker, both real; asked over HTTP.
"""

import signal
import subprocess
import threading
import time
from multiprocessing.pool import ThreadPool

import pytest
import redis as redis_py
import requests

from songranker.runner import redis_server
from spotify.models import Lookup, ThrottleSnapshot
from tests.processes import until
from tests.spotify.test_simulator import FEARLESS

pytestmark = pytest.mark.once
CACHED = f"albums/{FEARLESS}/tracks"
names = iter(range(10_000))


class Redis:
    """A server that can be frozen, killed, emptied and started anew on its port."""

    def __init__(self, folder):
        self.port, self.folder = redis_server.free_port(), folder
        self.start()

    def start(self):
        command = redis_server.command(self.port, self.folder)
        self.server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        redis_server.wait_until_up(self.port, self.server)

    def kill(self):
        self.server.kill()
        self.server.wait(5)

    def freeze(self):
        self.server.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.server.send_signal(signal.SIGCONT)

    def client(self):
        return redis_py.Redis(port=self.port, decode_responses=True)


class Site:
    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}/api/v1"
        self.took = 0.0

    def get(self, path):
        started = time.monotonic()
        answer = requests.get(f"{self.url}/{path}", timeout=30)
        self.took = time.monotonic() - started
        return answer

    def something_new(self):
        return self.get(f"artists?q=somebody {next(names)}")

    def says_that_the_broker_is_away(self, within):
        answer = self.something_new()
        assert (answer.status_code, answer.json()["code"]) == (503, "broker_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        assert self.took < within

    def answers_from_its_rows(self):
        taken = []
        for _ in range(5):
            answer = self.get(CACHED)
            assert (answer.status_code, answer.json()["source"]) == (200, "cache")
            taken.append(self.took)
        assert sorted(taken)[2] < 0.1

    def goes_on_by_itself(self, within):
        until("what is new is answered", lambda: self.something_new().status_code == 200, within, every=0.2)


@pytest.fixture
def broker(tmp_path):
    own = Redis(tmp_path)
    yield own
    own.thaw()
    own.kill()


@pytest.fixture
def start_site(broker, simulator, start_process):
    """Web and Spotify worker; they have answered one question: an album, or what `first` says."""

    def start(first=CACHED, **changes):
        port = redis_server.free_port()
        url = f"redis://127.0.0.1:{broker.port}/0"
        start_process("worker_spotify", REDIS_URL=url)
        start_process("web", REDIS_URL=url, PORT=str(port), WEB_HOST="127.0.0.1", **changes)
        site = Site(port)

        def up():
            try:
                return site.get(first).status_code == 200
            except requests.ConnectionError:
                return False

        until("web and worker are up", up, 40, every=0.2)
        return site

    return start


@pytest.fixture
def site(start_site):
    return start_site()


def test_frozen_killed_emptied(site, broker, simulator):
    broker.freeze()
    site.says_that_the_broker_is_away(within=4)  # the first has to find that out
    site.says_that_the_broker_is_away(within=0.3)
    site.answers_from_its_rows()
    broker.thaw()
    site.goes_on_by_itself(within=20)

    broker.kill()
    site.says_that_the_broker_is_away(within=1)
    site.answers_from_its_rows()
    broker.start()
    site.goes_on_by_itself(within=25)

    simulator.config(latency_ms=1500)
    with ThreadPool(1) as pool:
        waiting = pool.apply_async(site.something_new)
        until("the call is under way", lambda: Lookup.objects.filter(state="running").exists())
        broker.client().flushall()
        assert waiting.get(15).status_code == 200
    simulator.config(latency_ms=0)
    site.goes_on_by_itself(within=15)


def test_killed_while_somebody_waits(site, broker, simulator):
    """They get the answer, a job, or an honest 503, within seconds; and asked again, the answer."""
    simulator.config(latency_ms=2000)
    name = "somebody who waits"
    with ThreadPool(1) as pool:
        waiting = pool.apply_async(lambda: site.get(f"artists?q={name}"))
        until("the call is under way", lambda: Lookup.objects.filter(state="running").exists())
        broker.kill()
        time.sleep(0.5)
        broker.start()
        answer = waiting.get(15)
    assert answer.status_code in (200, 202, 503)
    simulator.config(latency_ms=0)
    until("asked again, it is answered", lambda: site.get(f"artists?q={name}").status_code == 200, 30, every=0.5)


def test_an_answer_that_comes_while_redis_is_away_is_kept(site, broker, simulator):
    simulator.faults({"kind": "slow", "path": "/v1/search", "seconds": 3, "times": 1})
    path = "artists?q=somebody whose answer is kept"
    with ThreadPool(1) as pool:
        waiting = pool.apply_async(lambda: site.get(path))
        until("the call has arrived", lambda: simulator.calls == 2)
        broker.kill()
        assert waiting.get(15).status_code in (200, 202, 503)
    until("the answer is stored", lambda: Lookup.objects.filter(state="done", value__contains="kept").exists())
    assert site.get(path).json()["source"] == "cache"
    assert simulator.calls == 2  # the album before, and this


def test_a_list_that_redis_interrupts_goes_on(site, broker, simulator):
    """Seven pages; Redis is away for some seconds in the middle."""
    simulator.config(latency_ms=700)
    path = "albums?artist_id=06HL4z0CvFAxyc27GXpf02"
    with ThreadPool(1) as pool:
        waiting = pool.apply_async(lambda: site.get(path))
        until("two pages are here", lambda: simulator.calls >= 3)
        broker.kill()
        assert waiting.get(15).status_code in (202, 503)
    interrupted = Lookup.objects.filter(kind="artist_albums", error_code="broker_unavailable", state="queued")
    until("it waits for Redis", interrupted.exists)
    broker.start()
    simulator.config(latency_ms=0)
    until("asked again, it is answered", lambda: site.get(path).status_code == 200, 30, every=0.5)


def test_a_pause_and_the_days_calls_survive_a_lost_redis(site, broker, simulator):
    for _ in range(3):
        assert site.something_new().status_code == 200
    simulator.faults({"kind": "429", "path": "/v1/.*", "retry_after": "20000"})
    assert site.something_new().json()["code"] == "spotify_paused"
    until("the pause is written down", lambda: ThrottleSnapshot.objects.get().data["pause_until"])
    calls = simulator.calls
    broker.kill()
    broker.start()

    until("the broker is back", lambda: site.something_new().json()["code"] != "broker_unavailable", 20, every=0.2)
    answer = site.something_new()
    assert (answer.status_code, answer.json()["code"]) == (503, "spotify_paused")
    assert 19_000 < int(answer.headers["Retry-After"]) <= 21_100
    assert simulator.calls == calls
    own = broker.client()
    assert sum(int(n) for n in own.hvals("spotify:throttle:day")) == calls
    assert own.get("spotify:pause") == "quota"


def test_a_worker_killed_in_the_middle_of_a_call_answers_from_a_retry(site, broker, simulator, start_process):
    simulator.faults({"kind": "slow", "path": "/v1/search", "seconds": 3, "times": 1})
    with ThreadPool(1) as pool:
        waiting = pool.apply_async(site.something_new)
        until("the call has arrived", lambda: simulator.calls == 2)
        pid = int(next(iter(broker.client().hkeys("songranker:heartbeats"))).split("-")[1].split("@")[0])
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout
        subprocess.run(["kill", "-9", *children.split()], check=True)
        answer = waiting.get(15)
    assert answer.status_code == 200
    assert simulator.calls == 3  # the album before, the one that was killed, the retry


def test_waiting_people_leave_the_cached_pages_fast(start_site, broker, simulator):
    """150 people wait for a Spotify that hangs: half of the threads wait with them, the rest get a job at once."""
    site = start_site(WEB_THREADS="16")
    simulator.config(latency_ms=4000)
    statuses = []
    people = [threading.Thread(target=lambda: statuses.append(site.something_new().status_code)) for _ in range(150)]
    for person in people:
        person.start()
    until("142 were given a job", lambda: len(statuses) >= 142, 10)
    assert set(statuses) == {202}
    for _ in range(10):
        site.answers_from_its_rows()
    assert len(statuses) == 142  # eight still wait
    for person in people:
        person.join(20)
    assert set(statuses) <= {200, 202}
    simulator.config(latency_ms=0)
    own = broker.client()
    until("no subscription is left", lambda: not own.pubsub_channels("celery-task-meta-*"), 15)


def test_five_hundred_at_once_are_one_call(start_site, simulator):
    """Over two web processes, none of which knows of the other."""
    site = start_site(first="artists?q=lorde", WEB_CONCURRENCY="2")
    simulator.reset()
    simulator.config(latency_ms=700)
    with ThreadPool(500) as pool:
        answers = pool.map(lambda _: site.get(CACHED), range(500), chunksize=1)
    assert {answer.status_code for answer in answers} <= {200, 202}
    until("it is answered", lambda: site.get(CACHED).status_code == 200)
    assert simulator.calls == 1
    Lookup.objects.update(fetched_at="2026-01-01T00:00:00Z")  # now it is stale: answered at once, refreshed once
    with ThreadPool(100) as pool:
        answers = pool.map(lambda _: site.get(CACHED), range(300), chunksize=1)
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["source"] for answer in answers} <= {"stale", "cache"}
    until("it is fresh again", lambda: site.get(CACHED).json()["source"] == "cache")
    assert simulator.calls == 2
