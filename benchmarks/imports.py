"""Imports end to end: calls, the first pair, searches meanwhile, the window's use, a thousand albums, and polling."""

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from benchmarks.gateway import WIDE_OPEN
from benchmarks.table import Row
from songranker.runner.redis_server import free_port

ROOT = Path(__file__).resolve().parent.parent
TAYLOR = "06HL4z0CvFAxyc27GXpf02"  # 68 albums, 1,265 tracks
POLLING_SECONDS = 5
# Pages of ten, and of fifty.
LIST_CALLS = {"development": 11, "extended": 3}
ARTIST, PLAYLIST = "5simMadeUpForThisBench", "5simListForThisBenches"


class Site:
    """A running SongRanker and the simulator that it asks."""

    def __init__(self, api: str, simulator: str, runner: int) -> None:
        self.api, self.simulator = api, simulator
        self.runner = runner  # process id

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = requests.post(f"{self.api}/{path}", json=body, timeout=20)
        answer.raise_for_status()
        return dict(answer.json())

    def get(self, path: str, **headers: str) -> requests.Response:
        return requests.get(f"{self.api}/{path}", headers=headers, timeout=20)

    def configure(self, **changes: Any) -> None:
        requests.post(f"{self.simulator}/_admin/config", json=changes, timeout=5).raise_for_status()

    def make_up(self, **change: Any) -> None:
        """A made-up artist or playlist at the simulator."""
        requests.post(f"{self.simulator}/_admin/catalogue", json=[change], timeout=30).raise_for_status()

    def counters(self) -> dict[str, Any]:
        """What the simulator has counted."""
        return dict(requests.get(f"{self.simulator}/_admin/state", timeout=5).json())

    def calls(self) -> int:
        return int(self.counters()["calls"])

    def finished(self, made: dict[str, Any], seconds: float = 300) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while made["state"] in ("queued", "running", "paused"):
            if time.monotonic() > deadline:
                raise RuntimeError(f"the import does not end: {made}")
            time.sleep(0.05)
            made = dict(self.get(f"imports/{made['id']}").json())
        return made


@contextmanager
def site(mode: str = "development", **environment: str) -> Iterator[Site]:
    """All processes on an empty database, with a simulator of their own."""
    simulator_port, port = free_port(), free_port()
    arguments = ["--port", str(simulator_port), "--limit", "0", "--daily-limit", "0", "--quota-mode", mode]
    url = f"http://127.0.0.1:{simulator_port}"
    with tempfile.TemporaryDirectory() as data:
        settings = {
            "SPOTIFY_API_URL": f"{url}/v1",
            "SPOTIFY_ACCOUNTS_URL": url,
            "SPOTIFY_CLIENT_ID": "bench",
            "SPOTIFY_CLIENT_SECRET": "bench",
            "SPOTIFY_QUOTA_MODE": mode,
        }
        env = os.environ | WIDE_OPEN | settings | environment | {"DATA_DIR": data, "PORT": str(port)}
        log = Path(data) / "run.log"
        with log.open("w") as out:
            simulator = subprocess.Popen(
                [sys.executable, "-m", "spotify.simulator", *arguments], cwd=ROOT, stdout=out, stderr=out
            )
            run = subprocess.Popen(
                [sys.executable, "-m", "songranker.runner"], cwd=ROOT, env=env, stdout=out, stderr=out
            )
        try:
            deadline = time.monotonic() + 60
            while "is ready" not in log.read_text():
                if run.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(log.read_text()[-2000:])
                time.sleep(0.1)
            yield Site(f"http://127.0.0.1:{port}/api/v1", url, run.pid)
        finally:
            run.terminate()
            run.wait(20)
            simulator.terminate()
            simulator.wait(10)


def measure() -> list[Row]:
    rows = [
        *_calls("development", "7 pages of ten, 68 albums"),
        *_calls("extended", "2 pages of fifty, 4 batches of twenty"),
    ]
    rows += [_first_pair(mode) for mode in ("development", "extended")]
    with site() as here:
        rows += [_searches(here), _polling(here)]
    with site(SPOTIFY_RATE_LIMIT="30", SPOTIFY_RATE_WINDOW_SECONDS="3") as here:
        rows += [_window(here)]
    with site() as here:
        here.make_up(kind="artist", id=ARTIST, name="Busy Band", albums=1_000, tracks=12)
        rows += [_large(here, {"artist_id": ARTIST}, 1_100)]
    with site("extended") as here:
        here.make_up(kind="playlist", id=PLAYLIST, name="Everything", tracks=10_000)
        rows += [_large(here, {"playlist_id": PLAYLIST}, 1 + 198)]
    return rows


def _calls(mode: str, plan: str) -> list[Row]:
    with site(mode) as here:
        started = time.monotonic()
        made = here.finished(here.post("imports", {"artist_id": TAYLOR}))
        took = time.monotonic() - started
        what = f"import of {made['albums_done']} albums, {made['tracks_done']:,} tracks, {mode} mode; rival: the plan ({plan})"
        planned = 75 if mode == "development" else 6
        return [Row(what, f"{here.calls()} calls, {took:.1f} s", f"{planned} calls", f"{planned / here.calls():.2f}")]


def _first_pair(mode: str) -> Row:
    """From nothing known to the first pair of an artist with 101 albums, 100 ms a call."""
    with site(mode) as here:
        here.make_up(kind="artist", id=ARTIST, name="Busy Band", albums=101, tracks=16)
        here.configure(latency_ms=100)
        started = time.monotonic()
        session = here.post("sessions", {"artist_id": ARTIST})
        answered = time.monotonic() - started
        while here.get(f"sessions/{session['id']}/pair").status_code != 200:
            time.sleep(0.02)
        first = time.monotonic() - started
        needed = LIST_CALLS[mode] + 1
        what = f"first pair of an artist of 101 albums, 100 ms a call, {mode}: answer to POST, first pair; rival: list, album"
        return Row(what, f"{answered:.2f} s, {first:.2f} s", f"{needed / 10:.1f} s", f"{needed / 10 / first:.2f}")


def _searches(here: Site) -> Row:
    """A new search with nothing else going on, and during an import of 68 albums; 200 ms a call."""
    here.configure(latency_ms=200)

    def search(name: str) -> float:
        started = time.monotonic()
        here.get(f"artists?q={name}").raise_for_status()
        return time.monotonic() - started

    alone = [search(f"alone {i}") for i in range(8)]
    made = here.post("imports", {"artist_id": TAYLOR})
    time.sleep(2)
    meanwhile = [search(f"meanwhile {i}") for i in range(8)]
    running = here.get(f"imports/{made['id']}").json()["state"]
    here.configure(latency_ms=0)
    here.finished(made)
    ours, theirs = statistics.median(meanwhile), statistics.median(alone)
    what = f"search during an import ({running}), 200 ms a call: median (slowest); rival: without one"
    return Row(
        what, f"{ours:.2f} s ({max(meanwhile):.2f})", f"{theirs:.2f} s ({max(alone):.2f})", f"{theirs / ours:.2f}"
    )


def _polling(here: Site) -> Row:
    """Sixteen clients that ask as fast as they can whether anything is new; by far the most of it is 304."""
    made = here.finished(here.post("imports", {"artist_id": TAYLOR}))
    path = f"imports/{made['id']}"
    tag = here.get(path).headers["ETag"]
    took: list[float] = []
    end = time.monotonic() + POLLING_SECONDS

    def poll() -> None:
        with requests.Session() as client:
            while time.monotonic() < end:
                started = time.monotonic()
                answer = client.get(f"{here.api}/{path}", headers={"If-None-Match": tag}, timeout=10)
                took.append(time.monotonic() - started)
                assert answer.status_code == 304

    _together(poll, 16)
    took.sort()
    what = "polls of an import a second, all 304, load on the same cores: rate, median, p99; wanted: 1,000 a second"
    rate = len(took) / POLLING_SECONDS
    figures = f"{rate:.0f}/s, {1000 * statistics.median(took):.0f} ms, {1000 * took[int(len(took) * 0.99)]:.0f} ms"
    return Row(what, figures, "1,000/s", f"{rate / 1000:.2f}")


def _together(work: Callable[[], None], n: int) -> None:
    threads = [threading.Thread(target=work) for _ in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _window(here: Site) -> Row:
    """How much of what the window leaves to bulk work an import uses."""
    started = time.monotonic()
    here.finished(here.post("imports", {"artist_id": TAYLOR}))
    per_window = 75 / (time.monotonic() - started) * 3
    return Row(
        "calls a window of an import, window of 30; rival: what bulk work may have",
        f"{per_window:.1f}",
        "24",
        f"{per_window / 24:.2f}",
    )


def _large(here: Site, wanted: dict[str, str], planned: int) -> Row:
    started = time.monotonic()
    made = here.finished(here.post("imports", wanted))
    took = time.monotonic() - started
    size = f"{made['albums_done']:,} albums, {made['tracks_done']:,} tracks"
    what = f"import of {made['kind']} with {size}, no limit; rival: the plan"
    return Row(what, f"{here.calls():,} calls, {took:.0f} s", f"{planned:,} calls", f"{planned / here.calls():.2f}")


if __name__ == "__main__":
    for row in measure():
        print(f"{row.what}: {row.ours} | {row.rival} {row.ratio}", flush=True)
