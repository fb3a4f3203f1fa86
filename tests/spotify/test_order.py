"""Who is served first: people before imports before refreshes; nothing starves, nothing is fetched twice."""

import json
import time
from datetime import timedelta
from multiprocessing.pool import ThreadPool

import pytest
import requests
from django.db import connection
from django.utils import timezone

from spotify import fetching, gateway, queries
from spotify.errors import Paused
from spotify.models import Lookup, Track
from spotify.throttle import PERSON
from tests.conftest import TAYLOR
from tests.processes import until
from tests.spotify.test_simulator import FEARLESS

QUERY = queries.AlbumTracks(FEARLESS)


def somebody(i):
    return queries.ArtistSearch(f"somebody {i}")


def row(query):
    return Lookup.objects.get(kind=query.kind, value=query.value)


def queue(count, priority=gateway.IMPORT):
    for i in range(count):
        gateway.request(somebody(i), priority=priority, patience_seconds=0)


def asked_meanwhile(query, seconds):
    """By another thread; `get(timeout)` of what this returns gives the answer."""
    pool = ThreadPool(1)

    def ask():
        try:
            return gateway.ask(query, wait_seconds=seconds)
        finally:
            connection.close()

    answer = pool.apply_async(ask)
    pool.close()
    return answer


@pytest.fixture
def slow(workers, simulator):
    """Each call takes a fifth of a second: what stands in the queue stays there for a while."""
    simulator.config(latency_ms=200)
    yield
    simulator.config(latency_ms=0)


def test_a_person_overtakes_a_thousand_imports(slow, simulator, settings, redis):
    settings.SPOTIFY_QUEUE_LIMIT = 2000
    queue(1000)
    assert gateway.queue_length("spotify") > 900
    started = time.monotonic()
    assert isinstance(gateway.ask(QUERY, wait_seconds=8), gateway.Known)
    assert time.monotonic() - started < 1.5  # what is under way ends first: one call
    assert gateway.queue_length("spotify") > 900
    redis.delete(*redis.keys("spotify*"))  # nobody need wait for the rest
    Lookup.objects.filter(state="queued").update(state="idle")


def test_a_person_lifts_the_import_that_they_wait_for(slow, simulator):
    queue(20)
    assert gateway.request(QUERY, priority=gateway.IMPORT, patience_seconds=0).priority == gateway.IMPORT
    assert isinstance(gateway.ask(QUERY, wait_seconds=8), gateway.Known)
    assert Lookup.objects.filter(state="queued").count() > 10
    until("the rest is done", lambda: not Lookup.objects.exclude(state="done").exists(), 20)
    assert simulator.calls == 21  # its first message found nothing to do


def test_work_whose_waiters_left_is_lowered_and_still_done(slow, simulator):
    simulator.config(latency_ms=600)
    first = asked_meanwhile(somebody("first"), seconds=8)
    until("the worker is busy", lambda: Lookup.objects.filter(state="running").exists())
    abandoned, wanted = somebody("who was abandoned"), somebody("who is wanted")
    assert isinstance(gateway.ask(abandoned, wait_seconds=0), gateway.Pending)
    before = [asked_meanwhile(somebody(f"before {i}"), seconds=8) for i in range(2)]
    assert isinstance(gateway.ask(wanted, wait_seconds=8), gateway.Known)
    assert [type(answer.get(10)) for answer in (first, *before)] == [gateway.Known] * 3
    until("all is done", lambda: not Lookup.objects.exclude(state="done").exists())
    assert row(abandoned).fetched_at > row(wanted).fetched_at
    assert row(abandoned).priority == gateway.LEFT
    assert simulator.calls == 5


def test_a_long_import_makes_way_and_keeps_its_pages(slow, simulator):
    albums = queries.ArtistAlbums(TAYLOR)
    gateway.request(albums, priority=gateway.IMPORT, patience_seconds=0)
    until("it has fetched two of its seven pages", lambda: simulator.calls >= 2)
    assert isinstance(gateway.ask(QUERY, wait_seconds=8), gateway.Known)
    assert row(albums).state in ("queued", "running")
    until("it goes on", lambda: row(albums).state == "done")
    assert simulator.state()["by_path"]["/v1/artists/{id}/albums"] == 7


def test_who_waits_for_an_import_that_makes_way_goes_on_waiting(slow, simulator):
    """Making way ends the task but wakes nobody: the same task goes on later."""
    albums = queries.ArtistAlbums(TAYLOR)
    gateway.request(albums, priority=gateway.IMPORT, patience_seconds=0)
    until("it is under way", lambda: simulator.calls >= 1)
    patient = asked_meanwhile(albums, seconds=12)
    for i in range(3):
        assert isinstance(gateway.ask(somebody(i), wait_seconds=8), gateway.Known)
    assert isinstance(patient.get(15), gateway.Known)
    assert simulator.state()["by_path"]["/v1/artists/{id}/albums"] == 7


def test_bulk_work_that_starves_is_moved_up(slow):
    long_ago = timezone.now() - fetching.STARVES_AFTER - timedelta(seconds=1)
    queue(30)
    gateway.request(QUERY, priority=gateway.REFRESH, patience_seconds=0)
    Lookup.objects.filter(kind=QUERY.kind).update(requested_at=long_ago)
    assert fetching.sweep(timezone.now()) == 1
    assert row(QUERY).priority == gateway.PERSON
    until("it has had its turn", lambda: row(QUERY).state == "done", 3)
    assert Lookup.objects.filter(state="queued").count() > 10
    until("the rest is done", lambda: not Lookup.objects.exclude(state="done").exists(), 20)


def test_a_short_pause_is_waited_out_by_who_has_the_patience(workers, simulator, redis):
    redis.set("spotify:pause", "window", px=1500)
    with pytest.raises(Paused) as error:
        gateway.ask(QUERY, wait_seconds=0.5)
    assert error.value.retry_after == pytest.approx(1.5, abs=0.2)
    assert not Lookup.objects.exists()  # no trace, no message
    started = time.monotonic()
    assert isinstance(gateway.ask(QUERY, wait_seconds=8), gateway.Known)
    assert time.monotonic() - started > 1


def test_six_hours_of_pause_lose_nothing_and_fill_no_queue(workers, simulator, redis):
    """Imports that were queued wait; people are told; when it is over one call probes, and the rest follows."""
    simulator.config(latency_ms=100)
    queue(130)
    redis.set("spotify:pause", "quota", ex=6 * 3600)
    for i in range(50):
        with pytest.raises(Paused) as error:
            gateway.ask(somebody(f"who asks in vain {i}"), wait_seconds=8)
        assert error.value.retry_after > 6 * 3600 - 60
    until("the worker has given everything back", lambda: not gateway.queue_length("spotify"), 15)
    waiting = Lookup.objects.filter(state="queued")
    until("all of it waits", lambda: waiting.count() == waiting.filter(error_code="spotify_paused").count())
    assert waiting.count() > 100
    before = simulator.calls
    for hour in (1, 3, 5):
        assert fetching.sweep(timezone.now() + timedelta(hours=hour)) == 0
    assert (gateway.queue_length("spotify"), simulator.calls) == (0, before)
    simulator.config(latency_ms=0)
    assert gateway.resume()
    published = fetching.sweep(timezone.now())
    assert 90 <= published <= fetching.SWEEP_FILLS_TO  # no flood
    until("the rest follows", lambda: fetching.sweep(timezone.now()) is None or not waiting.exists(), 15, every=0.3)
    until("all is done", lambda: Lookup.objects.filter(state="done").count() == 130)


def test_an_answer_under_another_id_is_stored_under_the_one_that_was_asked(workers, simulator, api):
    """With a market Spotify answers with the id of a substitute."""
    token = requests.post(
        f"{simulator.url}/api/token", data={"grant_type": "client_credentials"}, auth=("a", "b"), timeout=5
    ).json()["access_token"]
    album = requests.get(
        f"{simulator.url}/v1/albums/{FEARLESS}", headers={"Authorization": f"Bearer {token}"}, timeout=5
    ).json()
    asked = "0ectgeQ99knW8gtF4TIf1Z"
    simulator.faults({"path": f"/v1/albums/{asked}", "kind": "status", "status": 200, "body": json.dumps(album)})
    assert api("GET", f"albums/{asked}/tracks", 200)["album"]["id"] == asked
    assert Track.objects.filter(album_id=asked).count() == 13
    calls = simulator.calls
    assert api("GET", f"albums/{asked}/tracks", 200)["source"] == "cache"
    assert simulator.calls == calls


def test_places_follow_the_priorities():
    places = [gateway.place(priority) for priority in Lookup.Priority.values]
    assert places[0] == PERSON
    assert [place.bulk for place in places] == [False, False, True, True]
    handicaps = [place.handicap_seconds for place in places]
    assert handicaps == sorted(handicaps)
    assert len(set(handicaps)) == 4
