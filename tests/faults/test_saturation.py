"""Any number of Spotify workers keep one budget: nearly all of it is used, and Spotify never has to say no."""

import subprocess
import sys
import time

import pytest
import redis as redis_py

from songranker import heartbeat
from tests import environment, processes
from tests.processes import until

pytestmark = pytest.mark.once
LIMIT, WINDOW = 30, 3.0
ASK = """
import django; django.setup()
import celery_app
from spotify import gateway, queries
for i in range(800):
    gateway.request(queries.ArtistSearch(f"somebody {i}"), priority=gateway.PERSON, patience_seconds=0)
"""


@pytest.fixture
def budget(redis):
    """Settings of processes that share a small budget, on a Redis database of their own."""
    url = f"redis://127.0.0.1:{environment.REDIS_PORT}/1"
    yield {
        "REDIS_URL": url,
        "SPOTIFY_RATE_LIMIT": str(LIMIT),
        "SPOTIFY_RATE_WINDOW_SECONDS": str(WINDOW),
        "SPOTIFY_QUEUE_LIMIT": "5000",
    }
    redis.execute_command("FLUSHALL")


def seconds_for(simulator, calls):
    """How long so many more calls take."""
    first = simulator.calls
    started = time.monotonic()
    until(f"{calls} more calls", lambda: simulator.calls >= first + calls, 10 * calls / LIMIT * WINDOW, every=0.01)
    return time.monotonic() - started


def share_used(simulator):
    """Of two windows; measured once more where something else on this machine was in the way."""
    share = 2 * WINDOW / seconds_for(simulator, 2 * LIMIT)
    return share if share >= 0.98 else 2 * WINDOW / seconds_for(simulator, 2 * LIMIT)


def heartbeats(budget):
    with redis_py.Redis.from_url(budget["REDIS_URL"]) as own:
        return own.hkeys(heartbeat.KEY)


def test_one_two_and_three_workers_use_the_whole_window_and_never_more(budget, simulator, start_process):
    simulator.config(limit=LIMIT, window_seconds=WINDOW, latency_ms=2, latency_spread_ms=15)
    env = processes.environment(**budget, DJANGO_SETTINGS_MODULE="songranker.settings")
    subprocess.run([sys.executable, "-c", ASK], env=env, cwd=processes.ROOT, timeout=60, check=True)
    used = {}
    for count in (1, 2, 3):
        start_process("worker_spotify", **budget)
        until("it is ready", lambda: len(heartbeats(budget)) == count, 40)  # noqa: B023
        seconds_for(simulator, LIMIT)  # the window is full, and the new one takes part
        used[count] = share_used(simulator)
    state = simulator.state()
    assert (state["refused"], state["early"]) == (0, 0)
    assert state["max_in_window"] <= LIMIT
    assert {count: share for count, share in used.items() if share < 0.98} == {}
