"""The main job, as a person does it: over HTTP, through every process of the Procfile."""

import uuid

import pytest
import requests

from songranker.runner.redis_server import free_port
from tests.processes import until


@pytest.fixture
def web(workers, start_process):
    """Gunicorn and beat, beside the workers."""
    port = free_port()
    start_process("web", PORT=str(port), WEB_HOST="127.0.0.1")
    start_process("beat")
    base = f"http://127.0.0.1:{port}"

    def ready():
        try:
            return requests.get(f"{base}/health/ready", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False

    until("everything is ready", ready, 40, every=0.2)
    return base


def test_the_main_job(web, simulator):
    http = requests.Session()
    api = f"{web}/api/v1"

    def call(method, path, want, **kwargs):
        answer = http.request(method, api + path, timeout=30, **kwargs)
        assert answer.status_code == want, answer.text[:300]
        assert answer.headers["X-Request-ID"]
        return answer.json()

    artist = call("GET", "/artists?q=taylor swift", 200)["results"][0]
    assert artist["name"] == "Taylor Swift"
    albums = call("GET", f"/albums?artist_id={artist['id']}", 200)["results"]
    red = next(album for album in albums if album["name"] == "Red")
    tracks = call("GET", f"/albums/{red['id']}/tracks", 200)
    assert len(tracks["results"]) == red["total_tracks"] == 16
    assert simulator.calls == 1 + 7 + 1
    assert simulator.state()["max_concurrency"] == 1

    session = call("POST", "/sessions", 201, json={"album_ids": [red["id"]], "name": "Red"})
    path, auth = f"/sessions/{session['id']}", {"Authorization": f"Session {session['token']}"}
    until("the songs are here", lambda: call("GET", path, 200)["state"] == "ready")
    pair = call("GET", f"{path}/pair", 200, headers=auth)
    votes = 0
    while pair is not None:
        # Somebody who likes what comes first in the alphabet.
        outcome = "a" if pair["a"]["name"] < pair["b"]["name"] else "b"
        body = {"song_a": pair["a"]["id"], "song_b": pair["b"]["id"], "outcome": outcome, "pair": pair["pair"]}
        answer = call(
            "POST", f"{path}/comparisons", 201, json=body, headers={**auth, "Idempotency-Key": str(uuid.uuid4())}
        )
        pair, votes = answer["next"], votes + 1
    assert answer["progress"]["complete"] is True

    ranking = call("GET", f"{path}/ranking", 200)["results"]
    names = [place["song"]["name"] for place in ranking]
    agreeing = sum(a < b for i, a in enumerate(names) for b in names[i + 1 :])
    assert agreeing / (len(names) * (len(names) - 1) / 2) > 0.85

    def board():
        answer = http.get(f"{api}/leaderboards/{artist['id']}", timeout=10)
        return answer.status_code == 200 and answer.json()["votes"] == votes and answer.json()

    # Rebuilt by beat, nobody asked for it.
    standings = until("beat has rebuilt the leaderboard", board, 20, every=0.2)
    assert standings["results"][0]["song"]["name"] == names[0]
    assert standings["pending"] == 0


def test_one_request_id_joins_web_and_worker(web, workers, logs):
    request_id = f"test-{uuid.uuid4().hex}"
    requests.get(f"{web}/api/v1/artists", params={"q": "lorde"}, headers={"X-Request-ID": request_id}, timeout=20)
    for process in ("web", "worker_spotify"):
        log = logs / f"{process}.log"
        until(f"{process} has logged it", lambda log=log: f"[{request_id}]" in log.read_text(), 5)


def test_metrics_of_all_processes_together(web, workers):
    requests.get(f"{web}/api/v1/artists", params={"q": "lorde"}, timeout=20)

    def scraped():
        text = requests.get(f"{web}/metrics", timeout=10).text
        return 'songranker_spotify_requests_total{endpoint="search",status="200"} 1.0' in text and text

    text = until("the worker's count is there", scraped, 5, every=0.2)
    for line in (
        'songranker_tasks_total{state="success",task="spotify.fetch"} 1.0',
        'songranker_spotify_cache_total{result="miss"} 1.0',
        'songranker_queue_length{queue="spotify"} 0.0',
        'songranker_alert{name="spotify_queue_length"} 0.0',
        "songranker_spotify_budget_limit 500.0",
        "songranker_spotify_budget_used 1.0",
        "songranker_leaderboard_pending 0.0",
    ):
        assert line in text.replace("\r", ""), line
    assert 'songranker_proxy_seconds_bucket{le="+Inf",outcome="known"} 1.0' in text.replace(
        'outcome="known",le="+Inf"', 'le="+Inf",outcome="known"'
    )


def test_ready_names_what_is_missing(web, redis):
    body = requests.get(f"{web}/health/ready", timeout=5).json()
    assert body == {
        "status": "ok",
        "checks": {
            "database": "ok",
            "redis": "ok",
            "workers": {"default": "ok", "spotify": "ok", "leaderboard": "ok"},
            "beat": "ok",
        },
    }
    redis.delete("songranker:heartbeats")
    answer = requests.get(f"{web}/health/ready", timeout=5)
    assert answer.status_code == 503
    assert answer.json()["checks"]["beat"] == "down"
    assert answer.json()["checks"]["redis"] == "ok"
