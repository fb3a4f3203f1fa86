"""The catalogue's endpoints, through queue, worker and simulator; and each refusal."""

import time
import uuid

import pytest
from django.utils import timezone

from spotify.models import Album, Artist, Lookup, Track
from tests.conftest import TAYLOR
from tests.processes import until
from tests.spotify.test_simulator import FEARLESS, LONG_LIST

NOWHERE = "0000000000000000000000"


@pytest.fixture
def stale(db):
    """Make what was fetched older than it is."""

    def stale(hours=24 * 30):
        Lookup.objects.update(fetched_at=timezone.now() - timezone.timedelta(hours=hours))

    return stale


def test_artists_best_first(workers, api):
    body = api("GET", "artists?q=taylor swift", 200)
    assert body["results"][0] == {
        "id": TAYLOR,
        "name": "Taylor Swift",
        "image_url": body["results"][0]["image_url"],
        "spotify_url": f"https://open.spotify.com/artist/{TAYLOR}",
    }
    assert body["source"] == "spotify"
    assert api("GET", "artists?q=  TAYLOR   Swift ", 200)["source"] == "cache"


def test_an_artist_search_that_finds_nobody_is_an_empty_list(workers, api):
    assert api("GET", "artists?q=qqzzxx", 200)["results"] == []


def test_albums_of_an_artist_by_name_and_by_id(workers, api, simulator):
    by_name = api("GET", "albums?artist=Taylor Swift", 200)
    assert by_name["artist"]["name"] == "Taylor Swift"
    assert simulator.calls == 8  # one search, seven pages of ten
    by_id = api("GET", f"albums?artist_id={TAYLOR}", 200)
    assert by_id["source"] == "cache"  # the search by name has fetched it
    assert by_id["results"] == by_name["results"]
    every = api("GET", f"albums?artist_id={TAYLOR}&all=1", 200)["results"]
    assert len(every) == 68 == sum(album["versions"] for album in by_id["results"])
    assert simulator.calls == 8


def test_release_kinds_are_told_apart(workers, api):
    kinds = {album["name"]: album["album_type"] for album in api("GET", "albums?artist=아이유", 200)["results"]}
    assert kinds == {"Modern Times": "album", "REAL": "ep"}
    assert {a["album_type"] for a in api("GET", "albums?artist=椎名林檎", 200)["results"]} == {"album", "single"}


def test_tracks_of_an_album_in_order(workers, api, simulator):
    body = api("GET", f"albums/{FEARLESS}/tracks", 200)
    assert body["album"]["total_tracks"] == len(body["results"]) == 13
    assert [track["track_number"] for track in body["results"]] == list(range(1, 14))
    assert body["results"][0]["artists"] == [{"id": TAYLOR, "name": "Taylor Swift"}]
    assert simulator.calls == 1


def test_etag(workers, api):
    tag = api("GET", f"albums/{FEARLESS}/tracks", 200) and api.answer["ETag"]
    api("GET", f"albums/{FEARLESS}/tracks", 304, **{"If-None-Match": tag})
    assert api.answer.content == b""
    api("GET", f"albums/{FEARLESS}/tracks", 304, **{"If-None-Match": f'"other", W/{tag}'})
    api("GET", f"albums/{FEARLESS}/tracks", 200, **{"If-None-Match": '"other"'})


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("artists", "q"),
        ("artists?q=", "q"),
        ("artists?q=" + "x" * 201, "q"),
        ("artists?q=%00", "q"),
        ("albums", "artist"),
        ("albums?artist=x&artist_id=" + TAYLOR, "artist"),
        ("albums?artist_id=zz", "artist_id"),
        (f"albums?artist_id={TAYLOR}&all=maybe", "all"),
        ("albums/zz/tracks", "album_id"),
        ("tracks/zz", "track_id"),
        ("playlists/zz/tracks", "playlist_id"),
        ("resolve", "url"),
        ("resolve?url=http://example.org/artist/1", "url"),
    ],
)
def test_bad_input_names_the_field_and_asks_nobody(db, api, path, field):
    problem = api("GET", path, 400)
    assert problem["code"] == "invalid"
    assert [error["field"] for error in problem["errors"]] == [field]
    assert Lookup.objects.count() == 0


@pytest.mark.parametrize(
    "path",
    [f"albums/{NOWHERE}/tracks", f"tracks/{NOWHERE}", f"albums?artist_id={NOWHERE}", "albums?artist=Nobody Zzyx"],
)
def test_what_spotify_does_not_have_is_remembered_for_a_while(workers, api, simulator, path):
    assert api("GET", path, 404)["code"] == "not_found"
    calls = simulator.calls
    assert api("GET", path, 404)["code"] == "not_found"
    assert simulator.calls == calls


def test_a_name_that_nobody_bears_says_who_is_near(workers, api):
    assert "Taylor Swift" in api("GET", "albums?artist=Taylor Swif", 404)["detail"]


def test_a_playlist_in_development_mode_says_what_to_do_instead(db, api, simulator):
    problem = api("GET", f"playlists/{LONG_LIST}/tracks", 403)
    assert problem["code"] == "spotify_forbidden"
    assert "Paste the songs" in problem["detail"]
    assert simulator.calls == 0  # asking would only cost a call


def test_stale_answers_come_at_once_and_are_refreshed_once(workers, api, simulator, stale):
    api("GET", f"albums/{FEARLESS}/tracks", 200)
    stale()
    simulator.config(latency_ms=600)
    for _ in range(3):
        assert api("GET", f"albums/{FEARLESS}/tracks", 200)["source"] == "stale"
    until("the refresh is done", lambda: api("GET", f"albums/{FEARLESS}/tracks", 200)["source"] == "cache")
    assert simulator.calls == 2


def test_a_404_does_not_hide_what_was_known(workers, api, simulator, stale):
    api("GET", f"albums/{FEARLESS}/tracks", 200)
    stale()
    simulator.faults({"kind": "status", "status": 404, "path": "/v1/albums/.*"})
    assert api("GET", f"albums/{FEARLESS}/tracks", 200)["source"] == "stale"
    until("the doubt is written down", lambda: Lookup.objects.filter(error_code="not_found").exists())
    assert len(api("GET", f"albums/{FEARLESS}/tracks", 200)["results"]) == 13


def test_slow_answers_become_a_job(workers, api, simulator, settings):
    settings.SPOTIFY_WAIT_SECONDS = 0.3
    simulator.config(latency_ms=1500)
    body = api("GET", f"albums/{FEARLESS}/tracks", 202)
    assert body["state"] in ("queued", "running")
    assert int(api.answer["Retry-After"]) >= 1
    location = api.answer["Location"]
    assert location == f"/api/v1/jobs/{body['id']}"
    job = until("the job is done", lambda: (found := api("GET", location, 200))["state"] == "done" and found)
    assert job["error"] is None
    assert api("GET", job["result_url"], 200)["source"] == "cache"
    assert simulator.calls == 1


def test_a_job_that_fails_says_why(workers, api, simulator, settings):
    settings.SPOTIFY_WAIT_SECONDS = 0
    location = api("GET", f"albums/{NOWHERE}/tracks", 202) and api.answer["Location"]
    job = until("the job has ended", lambda: (found := api("GET", location, 200))["state"] == "failed" and found)
    assert job["error"]["code"] == "not_found"
    assert job["error"]["status"] == 404
    assert job["result_url"] is None


@pytest.mark.parametrize("job", ["nope", str(uuid.uuid4())])
def test_no_such_job(db, api, job):
    api("GET", f"jobs/{job}", 404)


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"kind": "429", "retry_after": "120"}, 503, "spotify_paused"),
        ({"kind": "429", "retry_after": "50000", "reason": "QUOTA_EXCEEDED"}, 503, "spotify_paused"),
        ({"kind": "status", "status": 400}, 502, "spotify_invalid_answer"),
        ({"kind": "status", "status": 401, "times": 0}, 502, "spotify_refused"),
    ],
)
def test_a_fault_outside(workers, api, simulator, redis, fault, status, code):
    simulator.faults({"path": "/v1/.*", **fault})
    problem = api("GET", f"albums/{FEARLESS}/tracks", status)
    assert problem["code"] == code
    if status == 503:
        wait = float(fault["retry_after"])
        assert wait - 1 < float(api.answer["Retry-After"]) < wait * 1.06 + 3
        again = api("GET", "artists?q=another", 503)  # nothing else is asked meanwhile
        assert again["code"] == "spotify_paused"
        assert ("quota" in again["detail"]) == (wait > 300)
        assert simulator.calls == 1


def test_cached_answers_are_served_during_a_pause(workers, api, redis):
    api("GET", f"albums/{FEARLESS}/tracks", 200)
    redis.set("spotify:pause", "quota", ex=20000)
    assert api("GET", f"albums/{FEARLESS}/tracks", 200)["source"] == "cache"
    assert api("GET", "artists?q=lorde", 503)["code"] == "spotify_paused"


def test_work_that_met_a_pause_goes_on_when_it_is_over(workers, api, simulator):
    from spotify import gateway, tasks

    simulator.faults({"kind": "429", "retry_after": "3600", "path": "/v1/.*"})
    api("GET", f"albums/{FEARLESS}/tracks", 503)
    lookup = Lookup.objects.get(kind="album_tracks")
    assert (lookup.state, lookup.error_code) == ("queued", "spotify_paused")
    assert tasks.sweep() == 0  # not before the end
    assert gateway.resume() is True
    assert tasks.sweep() == 1
    until("it went on by itself", lambda: api("GET", f"jobs/{lookup.pk}", 200)["state"] == "done")


def test_the_day_is_spent(workers, api, redis):
    from spotify import gateway

    throttle = gateway.throttle()
    redis.hset(throttle.day_key, str(int(time.time() * 1000 // 600_000)), 100_000)
    problem = api("GET", "artists?q=lorde", 503)
    assert problem["code"] == "daily_budget_spent"
    assert int(api.answer["Retry-After"]) > 23 * 3600


def test_a_full_queue_is_said(workers, api, simulator, settings):
    settings.SPOTIFY_WAIT_SECONDS, settings.SPOTIFY_QUEUE_LIMIT = 0, 2
    simulator.config(latency_ms=700)
    asked = [api.client.get(f"/api/v1/artists?q=artist {i}") for i in range(6)]
    refused = [answer for answer in asked if answer.status_code == 503]
    assert 2 <= len(refused) <= 4  # one or two are taken by the worker, two wait
    assert {answer.json()["code"] for answer in refused} == {"queue_full"}
    assert {answer.status_code for answer in asked} == {202, 503}
    until("the queue is empty", lambda: not Lookup.objects.filter(state__in=("queued", "running")).exists())


def test_what_is_stored_is_what_spotify_has(workers, api):
    api("GET", "albums?artist=Lorde", 200)
    artist = Artist.objects.get(name="Lorde")
    for album in Album.objects.listed_for(artist.pk):
        api("GET", f"albums/{album.pk}/tracks", 200)
    assert (Album.objects.count(), Track.objects.count()) == (8, 97)
    assert Track.objects.exclude(artists=artist).count() == 0
