"""What dies, and what follows: nothing is lost, and everything goes on by itself."""

import os
import signal
import time

import pytest

from songranker import heartbeat
from spotify import gateway, queries, tasks
from spotify.models import Lookup, Track
from tests import processes
from tests.processes import until
from tests.spotify.test_simulator import FEARLESS

pytestmark = pytest.mark.once
QUERY = queries.AlbumTracks(FEARLESS)


def running():
    return Lookup.objects.filter(state="running").exists()


def done():
    return Lookup.objects.get().state == "done"


def test_a_killed_child_costs_a_little_time(workers, simulator):
    simulator.config(latency_ms=1500)
    gateway.request(QUERY, priority=gateway.PERSON, patience_seconds=0)
    until("the call is under way", running)
    (child,) = workers["spotify"].children()
    os.kill(child, signal.SIGKILL)
    simulator.config(latency_ms=0)
    until("it was run again", done, 15)
    assert Track.objects.count() == 13
    assert workers["spotify"].popen.poll() is None


def test_a_killed_worker_loses_nothing(workers, simulator, logs):
    """The parent, too: the message waits for its visibility time-out, but the row's lease is up long before."""
    simulator.config(latency_ms=3000)
    gateway.request(QUERY, priority=gateway.PERSON, patience_seconds=0)
    until("the call is under way", running)
    workers["spotify"].kill()
    simulator.config(latency_ms=0)
    before = workers["spotify"].output().count(" ready.")
    workers["spotify"] = processes.start(
        "worker_spotify", logs, CELERY_SKIP_CHECKS="1"
    )  # for the tests that follow, too
    until("the successor is ready", lambda: workers["spotify"].output().count(" ready.") > before, 40)
    Lookup.objects.update(lease_until="2026-01-01T00:00:00Z")  # as after thirty seconds
    assert tasks.sweep() == 1
    until("it was run again", done, 15)
    assert Track.objects.count() == 13


def test_an_emptied_redis_loses_messages_but_no_wish(workers, simulator, redis):
    simulator.config(latency_ms=600)
    wanted = [queries.ArtistSearch(f"artist {i}") for i in range(5)]
    for query in wanted:
        gateway.request(query, priority=gateway.PERSON, patience_seconds=0)
    until("the first is under way", running)
    redis.flushall()
    time.sleep(1.5)
    simulator.config(latency_ms=0)
    assert Lookup.objects.filter(state="queued").count() >= 3
    Lookup.objects.filter(state="queued").update(lease_until="2026-01-01T00:00:00Z")
    assert tasks.sweep() >= 3
    until("all are answered", lambda: Lookup.objects.filter(state="done").count() == 5, 15)


def test_a_dead_worker_is_seen(workers, simulator, redis):
    until("it is seen alive", lambda: heartbeat.alive(heartbeat.read())["spotify"], 10)
    seconds, _ = redis.time()
    field = next(name for name in redis.hkeys(heartbeat.KEY) if name.startswith("spotify|"))
    os.killpg(workers["spotify"].popen.pid, signal.SIGSTOP)
    try:
        time.sleep(heartbeat.EVERY_SECONDS)
        redis.hset(heartbeat.KEY, field, f'{{"at": {seconds - 21}, "pid": 1}}')  # as 21 seconds later
        assert heartbeat.alive(heartbeat.read())["spotify"] is False
    finally:
        os.killpg(workers["spotify"].popen.pid, signal.SIGCONT)
    until("it is seen alive again", lambda: heartbeat.alive(heartbeat.read())["spotify"], 10)


def test_a_busy_worker_is_not_dead(workers, simulator, redis):
    simulator.config(latency_ms=6000)
    gateway.request(QUERY, priority=gateway.PERSON, patience_seconds=0)
    until("the call is under way", running)
    redis.delete(heartbeat.KEY)
    until("its parent says that it lives", lambda: heartbeat.alive(heartbeat.read())["spotify"], 5.5)
    assert running()


def test_two_spotify_workers_keep_one_budget(workers, simulator, start_process):
    before = workers["spotify"].output().count(" ready.")
    second = start_process("worker_spotify")
    until("the second is ready", lambda: second.output().count(" ready.") > before, 40)
    simulator.config(limit=500, window_seconds=2, latency_ms=20)
    for i in range(30):
        gateway.request(queries.ArtistSearch(f"artist {i}"), priority=gateway.IMPORT, patience_seconds=0)
    until("all are answered", lambda: Lookup.objects.filter(state="done").count() == 30, 20)
    state = simulator.state()
    assert (state["calls"], state["refused"]) == (30, 0)
    assert state["token_requests"] == 1
    second.stop()


def test_without_redis_cached_answers_are_served_and_the_rest_is_said(workers, api, simulator, monkeypatch):
    api("GET", f"albums/{FEARLESS}/tracks", 200)
    _redis_at(monkeypatch, 1)
    assert api("GET", f"albums/{FEARLESS}/tracks", 200)["source"] == "cache"
    started = time.monotonic()
    assert api("GET", "artists?q=lorde", 503)["code"] == "broker_unavailable"
    assert api.answer["Retry-After"] == "5"
    assert time.monotonic() - started < 3


def test_health_without_redis(client, db, monkeypatch):
    _redis_at(monkeypatch, 1)
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"]["redis"] == "down"
    assert answer.json()["checks"]["database"] == "ok"
    assert client.get("/health/live").status_code == 200
    assert client.get("/metrics").status_code == 503


def test_votes_do_not_need_redis(api, songs, db, monkeypatch):
    _redis_at(monkeypatch, 1)
    body = api("POST", "sessions", 201, {"songs": songs})
    api.token = body["token"]
    pair = api("GET", f"sessions/{body['id']}/pair", 200)
    answer = {"song_a": pair["a"]["id"], "song_b": pair["b"]["id"], "outcome": "a", "pair": pair["pair"]}
    api("POST", f"sessions/{body['id']}/comparisons", 201, answer, **{"Idempotency-Key": "k"})


def _redis_at(monkeypatch, port):
    """All of this process' own Redis calls go to a port where nobody listens."""
    import redis as redis_py

    from songranker import redis as ours

    gone = redis_py.Redis(port=port, socket_connect_timeout=0.5, decode_responses=True, retry=None)
    for module in (
        "songranker.redis",
        "songranker.heartbeat",
        "songranker.health",
        "songranker.metrics",
        "songranker.scrape",
        "spotify.gateway",
    ):
        name = "redis_connection" if module == "songranker.health" else "connection"
        monkeypatch.setattr(f"{module}.{name}", lambda: gone)
    assert ours.connection() is gone
