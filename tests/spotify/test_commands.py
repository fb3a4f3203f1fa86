"""The commands of the operator, with their exit statuses."""

import json

import pytest
from django.core.management import call_command


def run(capsys, *arguments):
    """Status, standard output, standard error."""
    status = 0
    try:
        call_command(*arguments)
    except SystemExit as end:
        status = end.code
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_search_shows_a_table(workers, capsys):
    status, out, _ = run(capsys, "spotify_search", "taylor swift", "--tracks")
    assert status == 0
    assert "Midnights" in out
    assert "Lavender Haze" in out


def test_search_as_json(workers, capsys):
    status, out, _ = run(capsys, "spotify_search", "Lorde", "--json")
    found = json.loads(out)
    assert status == 0
    assert found["artist"]["name"] == "Lorde"
    assert sum(album["versions"] for album in found["albums"]) == 8


def test_nothing_found_is_1(workers, capsys):
    status, out, err = run(capsys, "spotify_search", "Nobody Zzyx")
    assert (status, out) == (1, "")
    assert "No artist bears the name" in err


def test_not_now_is_3_and_says_when(workers, redis, capsys):
    redis.set("spotify:pause", "quota", ex=4000)
    status, _, err = run(capsys, "spotify_search", "Lorde")
    assert status == 3
    assert "Try again in 4000 s" in err.replace("3999", "4000")


def test_too_slow_is_3(workers, simulator, capsys):
    simulator.config(latency_ms=1500)
    status, _, err = run(capsys, "spotify_search", "Lorde", "--timeout", "0.3")
    assert status == 3
    assert "the work goes on" in err


def test_an_import_to_its_end(workers, capsys):
    status, out, err = run(capsys, "spotify_import", "Lorde")
    assert (status, err) == (0, "")
    assert "Lorde: done, 8 albums, 97 tracks" in out


def test_a_name_in_brackets_is_shown_as_it_is(workers, simulator, capsys):
    simulator.change(
        {"kind": "artist", "id": "5simDunkelbunt00000000", "name": "[dunkelbunt]", "albums": 2, "tracks": 1}
    )
    status, out, _ = run(capsys, "spotify_import", "spotify:artist:5simDunkelbunt00000000")
    assert status == 0
    assert out.count("[dunkelbunt]") == 2  # beside the bar, and in the last line


def test_an_import_as_lines_of_json(workers, capsys):
    status, out, _ = run(capsys, "spotify_import", "https://open.spotify.com/artist/163tK9Wjr9P9DmM0AVK7lm", "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert (lines[-1]["state"], lines[-1]["albums_done"], lines[-1]["tracks_done"]) == ("done", 8, 97)
    assert len({json.dumps(line) for line in lines}) == len(lines)  # a line for each change


def test_an_import_that_cannot_be(workers, capsys):
    status, _, err = run(capsys, "spotify_import", "Nobody Zzyx")
    assert (status, "No artist bears the name" in err) == (1, True)
    assert run(capsys, "spotify_import", "spotify:track:163tK9Wjr9P9DmM0AVK7lm")[0] == 2
    status, _, err = run(capsys, "spotify_import", "spotify:playlist:163tK9Wjr9P9DmM0AVK7lm")
    assert (status, "Paste the songs" in err) == (3, True)


@pytest.mark.parametrize(
    "arguments", [["spotify_search"], ["spotify_search", "x", "--timeout", "soon"], ["spotify_search", "x", "--nope"]]
)
def test_usage_is_2(arguments):
    import subprocess
    import sys

    from tests.processes import ROOT

    done = subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "usage:" in done.stderr


def test_status(workers, capsys, api):
    api("GET", "artists?q=lorde", 200)
    status, out, _ = run(capsys, "spotify_status", "--json")
    body = json.loads(out)
    assert status == 0
    assert body["budget"]["used"] >= 1  # the worker adds the calls that it made before Redis was emptied for this test
    assert body["budget"]["used_today"] == 1
    assert body["queues"] == {"default": 0, "spotify": 0, "leaderboard": 0}
    assert body["pause"]["seconds"] == 0
    assert run(capsys, "spotify_status")[1].startswith("Budget")


def test_resume(workers, redis, capsys):
    redis.set("spotify:pause", "window", ex=4000)
    assert "window" in run(capsys, "spotify_status")[1]
    _, out, err = run(capsys, "spotify_status", "--resume", "--json")
    assert "the pause is lifted" in err
    assert json.loads(out)["pause"]["seconds"] == 0
    assert "there was no pause" in run(capsys, "spotify_status", "--resume")[2]


def test_status_without_redis_is_3(db, monkeypatch, capsys):
    import redis as redis_py

    from spotify import gateway

    gone = redis_py.Redis(port=1, socket_connect_timeout=0.2, retry=None)
    monkeypatch.setattr(gateway, "connection", lambda: gone)
    assert run(capsys, "spotify_status")[0] == 3
