"""The stack of `make run`: what queue and worker add to a direct call, beside RQ with polling; cached pages."""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from benchmarks.table import Row, median_and_p95, milliseconds
from songranker.runner.redis_server import free_port

ROOT = Path(__file__).resolve().parent.parent
WIDE_OPEN = {"SPOTIFY_RATE_LIMIT": "100000", "SPOTIFY_DAILY_LIMIT": "0", "LOG_LEVEL": "WARNING"}
ALBUM = "2nPokmAvYy5qYO4rFU7ZDm"
ARTIST = "163tK9Wjr9P9DmM0AVK7lm"


@contextmanager
def stack() -> Iterator[tuple[str, str, Path]]:
    """The runner on its own port and data; addresses of the site and of the simulator, and the folder of the data."""
    port = free_port()
    with tempfile.TemporaryDirectory() as data:
        log = Path(data) / "run.log"
        env = os.environ | WIDE_OPEN | {"DATA_DIR": data, "PORT": str(port)}
        with log.open("w") as out:
            run = subprocess.Popen(
                [sys.executable, "-m", "songranker.runner"], cwd=ROOT, env=env, stdout=out, stderr=out
            )
        try:
            deadline = time.monotonic() + 60
            while "is ready" not in log.read_text():
                if run.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(log.read_text()[-2000:])
                time.sleep(0.1)
            simulator = next(
                line.split("simulator, ")[1] for line in log.read_text().splitlines() if "bundled simulator" in line
            )
            requests.post(
                f"{simulator}/_admin/config", json={"limit": 0, "daily_limit": 0}, timeout=5
            ).raise_for_status()
            yield f"http://127.0.0.1:{port}/api/v1", simulator, Path(data)
        finally:
            run.send_signal(signal.SIGTERM)
            run.wait(15)


def measure() -> list[Row]:
    with stack() as (api, simulator, data):
        return [*_beside_rq(simulator, data), _whole_request(api, simulator), _cached(api)]


def _beside_rq(simulator: str, data: Path) -> list[Row]:
    """In a process of its own, which has this stack's settings from the start, as a web process has."""
    redis_url = (data / "run.env").read_text().strip().removeprefix("REDIS_URL=")
    env = os.environ | WIDE_OPEN | {"DATA_DIR": str(data), "REDIS_URL": redis_url, "SPOTIFY_SIMULATOR_URL": simulator}
    command = [sys.executable, "-m", "benchmarks.waiting"]
    done = subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, timeout=400, check=True)
    return [Row(*line.split("\t")) for line in done.stdout.splitlines()]


def _whole_request(api: str, simulator: str) -> Row:
    """New searches, three a second as Spotify allows, against the same call made directly."""
    http, spotify = requests.Session(), requests.Session()
    token = requests.post(
        f"{simulator}/api/token", data={"grant_type": "client_credentials"}, auth=("a", "b"), timeout=5
    ).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    ours, direct = [], []
    for i in range(40):
        query = f"artist {i} {uuid.uuid4().hex[:6]}"
        ours += milliseconds(
            lambda query=query: http.get(f"{api}/artists", params={"q": query}, timeout=20).raise_for_status(), 1
        )
        params = {"q": query, "type": "artist", "limit": 10}
        direct += milliseconds(
            lambda params=params: spotify.get(
                f"{simulator}/v1/search", params=params, headers=headers, timeout=20
            ).raise_for_status(),
            1,
        )
        time.sleep(0.3)
    added = statistics.median(ours) - statistics.median(direct)
    return Row(
        "a search that needs Spotify, whole HTTP request; rival: the call alone",
        median_and_p95(sorted(ours)),
        median_and_p95(sorted(direct)),
        f"adds {added:.1f} ms",
    )


def _cached(api: str) -> Row:
    http = requests.Session()
    http.get(f"{api}/albums", params={"artist_id": ARTIST}, timeout=20).raise_for_status()
    took = milliseconds(
        lambda: http.get(f"{api}/albums", params={"artist_id": ARTIST}, timeout=20).raise_for_status(), 300
    )
    each = statistics.median(took)
    return Row("cached albums, whole HTTP request", median_and_p95(took), "", f"{1000 / each:.0f} a second, one client")
