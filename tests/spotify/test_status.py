"""What operators see: the staff page, the alarms, `spotify_status --watch`."""

import signal
import subprocess
import sys

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from songranker import heartbeat
from songranker.heartbeat import Beat
from spotify import gateway, status, work
from spotify.models import Lookup
from spotify.throttle import Usage
from tests import processes
from tests.processes import until

QUIET = Usage(used=0, limit=30, used_today=0, daily_limit=1000, pause_seconds=0, pause_kind="", spent_seconds=0)
ALIVE, DEAD = Beat("spotify-1@here", "spotify", 1, 2.0), Beat("spotify-2@here", "spotify", 2, 60.0)


@pytest.fixture
def boss(client, db):
    client.force_login(User.objects.create_superuser("boss"))
    return client


def test_only_staff_sees_it(client, db, redis):
    assert client.get("/status").status_code == 302
    client.force_login(User.objects.create_user("somebody"))
    assert client.get("/status").status_code == 302
    redis.set("spotify:pause", "window", ex=100)
    client.post("/status")
    assert redis.exists("spotify:pause")  # nobody but staff lifts a pause


def seen_alive():
    return heartbeat.alive(heartbeat.read())["spotify"]


def test_it_shows_the_budget_the_workers_and_the_errors(boss, workers, api, simulator):
    until("the worker is seen", seen_alive)
    api.client.get("/api/v1/artists?q=lorde")
    Lookup.objects.create(
        kind="artist_search", value="x", state="failed", error_code="spotify_forbidden", error_detail="<b>why</b>",
        started_at=timezone.now(),
    )  # fmt: skip
    page = boss.get("/status").content.decode()
    assert "No alarm." in page
    assert "spotify-" in page
    assert "alive" in page
    assert "100,000" in page  # SPOTIFY_DAILY_LIMIT
    assert "<rect" in page  # the call, as a bar
    assert "&lt;b&gt;why" in page


@pytest.mark.parametrize(
    ("kind", "says"),
    [("quota", "quota is used up"), ("window", "asked us to pause"), ("outage", "failed again"), ("x", "by hand")],
)
def test_a_pause_counts_down_and_can_be_lifted(boss, redis, kind, says):
    redis.set("spotify:pause", kind, ex=5 * 3600)
    page = boss.get("/status").content.decode()
    assert says in page
    assert "data-countdown" in page
    assert ("spotify_quota_pause" in page) == (kind == "quota")
    answer = boss.post("/status", follow=True)
    assert "Lifted: one call tries now." in answer.content.decode()
    assert not redis.exists("spotify:pause")
    assert "Nothing was stopped." in boss.post("/status", follow=True).content.decode()


def test_a_refusal_is_shown_and_can_be_lifted(boss, redis):
    work.tokens().stop_calls("The account has no Premium.", 1800)
    assert "The account has no Premium." in boss.get("/status").content.decode()
    boss.post("/status")
    assert work.tokens().refusal() == ("", 0.0)


def test_it_needs_the_forms_token(db):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.create_superuser("boss"))
    assert strict.post("/status").status_code == 403


def test_without_redis_it_says_so_and_shows_what_the_database_knows(boss, monkeypatch):
    import redis as redis_py

    gone = redis_py.Redis(port=1, socket_connect_timeout=0.2, retry=None)
    monkeypatch.setattr(gateway, "connection", lambda: gone)
    answer = boss.get("/status", headers={"Accept": "text/html"})
    assert answer.status_code == 503
    assert "Redis cannot be asked" in answer.content.decode()
    assert boss.get("/status").json()["code"] == "broker_unavailable"  # a program
    assert boss.post("/status").status_code == 503


def test_each_alarm_rings_for_its_reason(settings):
    settings.SPOTIFY_QUEUE_ALERT = 100

    def ringing(usage=QUIET, refused="", queued=0, beats=(ALIVE,)):
        found = status.alarms(usage, refused, queued, beats)
        assert set(found) == set(status.ALARMS)
        return {name for name, rings in found.items() if rings}

    quota = Usage(0, 30, 0, 1000, 9000.0, "quota", 0)
    assert ringing() == set()
    assert ringing(queued=100) == set()
    assert ringing(queued=101) == {"spotify_queue_length"}
    assert ringing(usage=quota) == {"spotify_quota_pause"}
    assert ringing(refused="why") == {"spotify_refused"}
    assert ringing(beats=(ALIVE, Beat("other", "spotify", 3, 1.0))) == {"spotify_second_worker"}
    assert ringing(beats=(ALIVE, DEAD)) == set()
    assert ringing(beats=(DEAD,)) == {"spotify_no_worker"}


def test_alarms_are_metrics(client, workers, redis):
    until("the worker is seen", seen_alive)
    text = client.get("/metrics").content.decode()
    for name in status.ALARMS:
        assert f'songranker_alert{{name="{name}"}} 0.0' in text
    redis.hset(heartbeat.KEY, "spotify|another@here", f'{{"at": {redis.time()[0]}, "pid": 1}}')
    assert 'songranker_alert{name="spotify_second_worker"} 1.0' in client.get("/metrics").content.decode()


@pytest.mark.once
def test_a_second_worker_is_told_that_it_is_one(workers, start_process):
    until("the first is seen", seen_alive)
    second = start_process("worker_spotify")
    until("it says so", lambda: "That is safe, they share one budget" in second.output(), 40)
    second.stop()


def test_watch_goes_on_until_ctrl_c(workers):
    command = [sys.executable, "manage.py", "spotify_status", "--watch", "0.2"]
    watching = subprocess.Popen(
        command,
        cwd=processes.ROOT,
        env=processes.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    seen = 0
    for line in watching.stdout:
        seen += line.startswith("Budget")
        if seen == 3:
            break
    watching.send_signal(signal.SIGINT)
    _, errors = watching.communicate(timeout=15)
    assert (watching.returncode, errors) == (0, "")
