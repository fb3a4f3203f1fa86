"""An import while workers are killed and Redis is emptied at random: at the end every row is there, and Spotify was never
asked too much. `python -m benchmarks.chaos [SEED ...]` for other fates than the one in the table."""

import contextlib
import os
import random
import re
import signal
import subprocess
import sys
import time
from typing import Any

import redis

from benchmarks.imports import ARTIST, LIST_CALLS, Site, site
from benchmarks.table import Row

ALBUMS, TRACKS = 101, 16
ALBUM_CALLS = {"development": 101, "extended": 6}
BLOWS = 7
SECONDS = 120


def measure(seeds: tuple[int, ...] = (1,)) -> list[Row]:
    return [_import(mode, seed) for seed in seeds for mode in ("development", "extended")]


def _import(mode: str, seed: int) -> Row:
    fate = random.Random(seed)
    with site(mode, SPOTIFY_RATE_LIMIT="30", SPOTIFY_RATE_WINDOW_SECONDS="3", SPOTIFY_DAILY_LIMIT="1000") as here:
        here.make_up(kind="artist", id=ARTIST, name="Busy Band", albums=ALBUMS, tracks=TRACKS)
        here.configure(limit=30, window_seconds=3, latency_ms=20, latency_spread_ms=60)
        started = time.monotonic()
        session = here.post("sessions", {"artist_id": ARTIST})
        blows = ""
        while (made := _look(here, session["import"]))["state"] not in ("done", "failed"):
            if time.monotonic() > started + SECONDS:
                raise RuntimeError(f"the import does not end: {made}")
            if len(blows) < BLOWS:
                blows += _strike(here, fate)
            time.sleep(fate.uniform(0.3, 2.0))
        took = time.monotonic() - started
        counted = here.counters()
    calls, planned = counted["calls"], LIST_CALLS[mode] + ALBUM_CALLS[mode]
    size = f"{made['albums_done']} albums, {made['tracks_done']:,} tracks, {mode}"
    what = f"import of {size}; spotify, default killed, Redis emptied: {blows} ({seed}); rival: the plan"
    ours = f"{calls} calls, {counted['refused']} refused, {took:.0f} s"
    return Row(what, ours, f"{planned} calls", f"{planned / calls:.2f}")


def _look(here: Site, path: str) -> dict[str, Any]:
    return dict(here.get(path.removeprefix("/api/v1/")).json())


def _strike(here: Site, fate: random.Random) -> str:
    """Kill a process of a worker, or empty Redis; what was done, as a letter."""
    kind = fate.choice(["spotify", "spotify", "default", "redis"])
    below = _below(here.runner)
    if kind == "redis":
        (server,) = [arguments for arguments in below.values() if "redis-server" in arguments]
        port = int(re.search(r":(\d+)", server)[1])  # type: ignore[index]
        with redis.Redis(port=port) as client:
            client.flushall()
        return "R"
    victims = [pid for pid, arguments in sorted(below.items()) if f"-Q {kind} " in arguments]
    if not victims:
        return "-"  # it is just being started again
    with contextlib.suppress(ProcessLookupError):
        os.kill(fate.choice(victims), signal.SIGKILL)
    return kind[0]


def _below(pid: int) -> dict[int, str]:
    """The processes below one, with their command lines."""
    listed = subprocess.run(["pgrep", "-a", "-P", str(pid)], capture_output=True, text=True, timeout=10).stdout
    found = {int(line.split(" ", 1)[0]): line.split(" ", 1)[1] for line in listed.splitlines()}
    for child in list(found):
        found |= _below(child)
    return found


if __name__ == "__main__":
    for row in measure(tuple(map(int, sys.argv[1:])) or (1,)):
        print(f"{row.what}: {row.ours} | {row.rival} {row.ratio}", flush=True)
