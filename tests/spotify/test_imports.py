"""Imports, with this process as the worker: fewest calls, one import for one thing, what fails, pauses, or has changed."""

import json
import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from ranking.models import Session
from songranker.redis import connection as redis_connection
from spotify import fetching, gateway, import_items, imports, links, tasks
from spotify.errors import Forbidden
from spotify.imports import Target
from spotify.models import Album, Import, Lookup, Playlist, ThrottleSnapshot, Track
from spotify.plans import PlannedAlbum
from tests.conftest import TAYLOR
from tests.spotify.test_simulator import FEARLESS, LONG_LIST, ODD_LIST

pytestmark = [pytest.mark.usefixtures("transactional_db", "redis"), pytest.mark.database]
LORDE = "163tK9Wjr9P9DmM0AVK7lm"
OWN_LIST = "5simAListOfTwoHundred0"
BLANK_SPACE = "2ls70nUDfjzm1lSRDuKxmw"


@pytest.fixture(autouse=True)
def only_worker(monkeypatch):
    """No message leaves this process: the workers of other tests may still be there."""
    monkeypatch.setattr(gateway, "publish", lambda lookup, priority: None)
    monkeypatch.setattr(tasks, "publish_advance", lambda import_id: None)


@pytest.fixture
def extended(settings, simulator):
    settings.SPOTIFY_QUOTA_MODE = "extended"
    simulator.config(quota_mode="extended")


def work(most=400):
    """As the worker and the sweeper would, until nothing is queued. How many questions were run?"""
    ran = 0
    while ran < most:
        lookup = Lookup.objects.filter(state="queued", error_code="").order_by("priority", "requested_at").first()
        if lookup is None:
            if not imports.sweep(timezone.now()) or not Lookup.objects.filter(state="queued", error_code="").exists():
                return ran
            continue
        run(lookup)
        ran += 1
    raise AssertionError("it does not come to an end")


def run(lookup):
    fetching.run(
        Lookup.objects.start(
            pk=lookup.pk, task_id=lookup.task_id, now=timezone.now(), lease=gateway.LEASE, redelivered=False
        )
    )


def work_one():
    run(Lookup.objects.filter(state="queued").order_by("priority", "requested_at").first())


def finished(target):
    made = imports.start(target)
    work()
    made.refresh_from_db()
    return made


class TestWholeArtists:
    def test_every_row_and_not_one_call_too_many(self, simulator):
        made = finished(Target("artist", TAYLOR))
        assert (made.state, made.albums_done, made.albums_total, made.albums_missing) == ("done", 68, 68, 0)
        assert made.tracks_done == Track.objects.count() == 1265
        assert Track.objects.values("album").distinct().count() == 68
        assert simulator.calls == 7 + 68  # pages of ten, then the albums
        assert made.finished_at is not None
        assert set(simulator.state()["by_status"]) == {"200"}

    def test_batches_where_spotify_still_allows_them(self, extended, simulator):
        made = finished(Target("artist", TAYLOR))
        assert (made.state, made.albums_done, Track.objects.count()) == ("done", 68, 1265)
        assert simulator.calls == 2 + 4  # pages of fifty, then batches of twenty

    def test_by_name(self, simulator):
        made = finished(Target("artist", name="Lorde"))
        assert (made.state, made.spotify_id, made.name) == ("done", LORDE, "Lorde")
        assert made.albums_done == made.albums_total == Album.objects.listed_for(LORDE).count()

    def test_the_main_albums_come_first_and_the_newest_of_them(self, simulator):
        made = imports.start(Target("artist", TAYLOR))
        work()
        dates = [Album.objects.get(pk=item.album_id).release_date for item in made.items.all()]
        assert dates == sorted(dates, reverse=True)

    def test_at_most_a_few_are_queued_at_once(self, simulator):
        imports.start(Target("artist", TAYLOR))
        seen = []
        for _ in range(8):
            work_one()
            imports.sweep(timezone.now())
            seen.append(Lookup.objects.filter(state="queued").count())
        assert max(seen) == import_items.QUEUED_AT_ONCE["development"]

    def test_what_is_to_come_is_computed(self, simulator):
        made = imports.start(Target("artist", TAYLOR))
        assert imports.estimate(made) is None
        work_one()
        imports.sweep(timezone.now())
        made.refresh_from_db()
        calls = imports.estimate(made).calls
        before = simulator.calls
        work()
        assert simulator.calls - before == calls == 68


class TestOneImportForOneThing:
    def test_a_hundred_people(self, simulator):
        ids, errors = [], []

        def ask():
            try:
                ids.append(imports.start(Target("artist", LORDE)).pk)
            except Exception as error:
                errors.append(error)
            finally:
                connection.close()

        threads = [threading.Thread(target=ask) for _ in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert (len(set(ids)), errors) == (1, [])
        work()
        assert simulator.calls == 1 + Import.objects.get().albums_total

    def test_by_name_and_by_id(self, simulator):
        by_name = finished(Target("artist", name="Lorde"))
        assert imports.start(Target("artist", LORDE)).pk == by_name.pk
        assert imports.start(Target("artist", name="  LORDE ")).pk == by_name.pk

    def test_what_is_fresh_is_there_at_once(self, simulator):
        made = finished(Target("artist", LORDE))
        calls = simulator.calls
        again = imports.start(Target("artist", LORDE))
        assert (again.pk, again.state, again.created_at) == (made.pk, "done", made.created_at)
        assert simulator.calls == calls
        assert not Lookup.objects.filter(state="queued").exists()

    def test_only_what_may_have_changed_is_fetched_again(self, simulator):
        made = finished(Target("artist", LORDE))
        before = simulator.calls
        long_ago = timezone.now() - timedelta(days=2)
        Lookup.objects.filter(kind="artist_albums").update(fetched_at=long_ago)  # the list is stale, the albums are not
        again = finished(Target("artist", LORDE))
        assert (again.pk, again.state, again.albums_done) == (made.pk, "done", made.albums_total)
        assert simulator.calls == before + 1

    @pytest.mark.parametrize("total", [0, 8])
    def test_a_list_that_is_shorter_than_it_says_or_empty_takes_nothing_away(self, simulator, total):
        made = finished(Target("artist", LORDE))
        Lookup.objects.filter(kind="artist_albums").update(fetched_at=timezone.now() - timedelta(days=2))
        body = json.dumps({"items": [], "total": total, "next": None})
        simulator.faults({"kind": "status", "path": "/v1/artists/.*", "times": 0, "status": 200, "body": body})
        again = finished(Target("artist", LORDE))
        assert (again.state, again.albums_total, again.tracks_done) == ("done", made.albums_total, made.tracks_done)
        assert Album.objects.listed_for(LORDE).count() == made.albums_total

    def test_an_album_without_tracks_takes_none_away(self, simulator):
        finished(Target("album", FEARLESS))
        Lookup.objects.update(fetched_at=timezone.now() - timedelta(days=30))
        simulator.change({"kind": "empty", "album_id": FEARLESS})
        assert finished(Target("album", FEARLESS)).tracks_done == Track.objects.count() == 13

    def test_a_playlist_that_is_shorter_than_it_says_keeps_its_rows(self, extended, simulator):
        finished(Target("playlist", LONG_LIST))
        Lookup.objects.update(fetched_at=timezone.now() - timedelta(days=1))
        simulator.change({"kind": "insert_row", "playlist_id": LONG_LIST, "track_id": BLANK_SPACE, "at": 0})
        body = json.dumps({"items": [], "total": 121, "next": None})
        simulator.faults({"kind": "status", "path": "/v1/playlists/.*/items", "times": 0, "status": 200, "body": body})
        assert finished(Target("playlist", LONG_LIST)).tracks_done == 120
        simulator.faults()
        Lookup.objects.update(fetched_at=timezone.now() - timedelta(days=1))
        assert finished(Target("playlist", LONG_LIST)).tracks_done == 121  # the snapshot was not believed either

    def test_an_album_that_left_the_list_keeps_its_rows(self, simulator):
        made = finished(Target("artist", LORDE))
        item = made.items.last()
        Import.objects.filter(pk=made.pk).update(state="queued", finished_at=None)
        listed = [PlannedAlbum(one.album_id, "", "", 1) for one in made.items.all()]
        import_items.take_list(made, listed[:-1], timezone.now())
        assert Album.objects.filter(pk=item.album_id).exists()
        assert made.items.count() == made.albums_total - 1


class TestWhatGoesWrong:
    def albums(self, n):
        work_one()
        imports.sweep(timezone.now())
        return [item.album_id for item in Import.objects.get().items.all()[:n]]

    def test_an_album_that_is_gone_or_nonsense_is_recorded_and_the_rest_goes_on(self, simulator):
        imports.start(Target("artist", LORDE))
        gone, nonsense = self.albums(2)
        missing = '{"error": {"status": 404, "message": "Resource not found"}}'
        simulator.faults(
            {"kind": "status", "path": f"/v1/albums/{gone}", "times": 0, "status": 404, "body": missing},
            {"kind": "truncate", "path": f"/v1/albums/{nonsense}", "times": 0},
        )
        work()
        made = Import.objects.get()
        assert (made.state, made.albums_missing, made.albums_done) == ("done", 2, made.albums_total)
        assert {item.state for item in made.items.filter(album_id__in=[gone, nonsense])} == {"absent", "failed"}
        assert all(item.error_detail for item in made.items.filter(album_id__in=[gone, nonsense]))
        assert Track.objects.values("album").distinct().count() == made.albums_total - 2

    def test_one_album_that_breaks_its_whole_batch(self, extended, simulator, monkeypatch):
        monkeypatch.setattr("spotify.calls._back_off", lambda state: 0.0)
        imports.start(Target("artist", LORDE))
        (broken,) = self.albums(1)
        simulator.change({"kind": "spoil", "album_id": broken, "how": "error"})
        for _ in range(20):
            work()
            Lookup.objects.filter(state="failed").update(retry_at=timezone.now())  # as a little later
        made = Import.objects.get()
        assert (made.state, made.albums_missing, made.albums_done) == ("done", 1, made.albums_total)
        assert list(made.items.filter(state="failed").values_list("album_id", flat=True)) == [broken]
        assert Track.objects.values("album").distinct().count() == made.albums_total - 1

    def test_resume_asks_again_for_what_was_missing(self, simulator):
        imports.start(Target("artist", LORDE))
        (nonsense,) = self.albums(1)
        simulator.faults({"kind": "truncate", "path": f"/v1/albums/{nonsense}", "times": 0})
        work()
        made = Import.objects.get()
        assert made.albums_missing == 1
        simulator.faults()
        Lookup.objects.filter(state="failed").update(retry_at=timezone.now())
        imports.resume(made)
        work()
        made.refresh_from_db()
        assert (made.state, made.albums_missing) == ("done", 0)

    def test_an_artist_who_is_not_there(self, simulator):
        made = finished(Target("artist", "0000000000000000000000"))
        assert (made.state, made.error_code) == ("failed", "not_found")
        assert finished(Target("artist", name="nobody bears this name")).state == "failed"

    def test_null_items_and_an_album_twice_in_the_list(self, simulator):
        simulator.change(
            {"kind": "repeat", "artist_id": TAYLOR, "at": 5}, {"kind": "repeat", "artist_id": TAYLOR, "at": 10}
        )
        simulator.faults({"kind": "null_items", "path": "/v1/artists/.*/albums", "times": 0})
        made = finished(Target("artist", TAYLOR))
        assert (made.state, made.albums_total) == ("done", 68)

    def test_six_hours_of_pause(self, simulator):
        imports.start(Target("artist", LORDE))
        self.albums(0)
        simulator.faults({"kind": "429", "path": "/v1/albums/.*", "times": 1, "retry_after": "21600"})
        work()
        made = Import.objects.get()
        assert (made.state, made.error_code) == ("paused", "spotify_paused")
        left = (made.resumes_at - timezone.now()).total_seconds()
        assert 21_000 < left <= 24_000
        calls = simulator.calls
        imports.sweep(timezone.now())
        work()
        assert simulator.calls == calls
        gateway.resume()  # as after six hours
        Import.objects.update(resumes_at=timezone.now())
        fetching.sweep(timezone.now())
        work()
        made.refresh_from_db()
        assert (made.state, made.albums_done, made.resumes_at) == ("done", made.albums_total, None)

    def test_a_day_that_is_spent_for_bulk_work(self, simulator, settings):
        """A fifth of the day stays for people; the import says so and goes on when the rolling day allows."""
        settings.SPOTIFY_DAILY_LIMIT = 10
        made = imports.start(Target("artist", LORDE))
        work()
        made.refresh_from_db()
        assert (made.state, made.error_code) == ("paused", "daily_budget_spent")
        assert 0 < made.albums_done < made.albums_total
        assert simulator.calls <= 9
        assert made.resumes_at > timezone.now() + timedelta(hours=1)
        found = imports.estimate(made)
        assert found.calls > 0
        assert not found.fits_today
        redis_connection().flushdb()  # as when the rolling day has passed
        ThrottleSnapshot.objects.all().delete()
        Import.objects.update(resumes_at=timezone.now())
        Lookup.objects.filter(state="queued").update(retry_at=timezone.now(), lease_until=timezone.now())
        fetching.sweep(timezone.now())
        work()
        made.refresh_from_db()
        assert (made.state, made.albums_done) == ("done", made.albums_total)


class TestCancelAndResume:
    def test_cancelled_asks_for_nothing_more_and_resume_goes_on(self, simulator):
        made = imports.start(Target("artist", TAYLOR))
        for _ in range(6):
            work_one()
            imports.sweep(timezone.now())
        made = imports.cancel(made)
        calls = simulator.calls
        assert (made.state, made.finished_at is not None) == ("cancelled", True)
        assert work() == 0
        assert simulator.calls == calls
        here = Track.objects.count()
        made = imports.resume(made)
        assert made.state == "running"
        work()
        made.refresh_from_db()
        assert (made.state, Track.objects.count()) == ("done", 1265)
        assert simulator.calls == 7 + 68
        assert here > 0

    def test_what_another_import_waits_for_is_not_withdrawn(self, simulator):
        whole = imports.start(Target("artist", LORDE))
        work_one()
        imports.sweep(timezone.now())
        album_id = Lookup.objects.filter(kind="album_tracks", state="queued").first().value
        imports.start(Target("album", album_id))
        imports.cancel(whole)
        work()
        assert Import.objects.get(kind="album").state == "done"


class TestWhileAListIsRead:
    """Its pages come one by one; what an import does at each is what its message would do on the `default` queue."""

    @pytest.fixture
    def at_each_page(self, monkeypatch):
        doings = []

        def advance(import_id):
            made = Import.objects.get(pk=import_id)
            imports.advance(made)
            made.refresh_from_db()
            for do in doings:
                do(made)

        monkeypatch.setattr(tasks, "publish_advance", advance)
        return doings

    def test_the_first_albums_are_asked_for_and_no_more(self, simulator, at_each_page):
        asked = []
        at_each_page.append(
            lambda made: (
                made.listed_at
                or asked.append(list(Lookup.objects.filter(kind="album_tracks").values_list("value", "priority")))
            )
        )
        made = imports.start(Target("artist", TAYLOR))
        work_one()
        assert len(asked) == 6  # the seventh page is the last
        firsts = list(made.items.values_list("album_id", flat=True)[: import_items.FIRST_ALBUMS])
        assert [sorted(some) for some in asked] == [sorted((one, gateway.PERSON) for one in firsts)] * 6
        work()
        assert Import.objects.get().state == "done"
        assert simulator.calls == 7 + 68

    def test_by_name_too(self, simulator, at_each_page):
        seen = []
        at_each_page.append(lambda made: seen.append((made.listed_at, made.items.count(), made.name)))
        imports.start(Target("artist", name="Taylor Swift"))
        work_one()
        assert seen[0] == (None, 10, "Taylor Swift")
        work()
        assert (Import.objects.get().state, simulator.calls) == ("done", 1 + 7 + 68)

    def test_a_batch_of_first_albums_costs_no_call_more(self, extended, simulator, at_each_page):
        seen = []
        at_each_page.append(
            lambda made: seen.append((made.listed_at, Lookup.objects.filter(kind="album_tracks").count()))
        )
        imports.start(Target("artist", TAYLOR))
        work_one()
        assert seen[0] == (None, 20)
        work()
        assert (Import.objects.get().state, simulator.calls) == ("done", 2 + 4)

    def test_the_list_makes_way_for_people(self, simulator):
        imports.start(Target("artist", TAYLOR))
        assert Lookup.objects.get(kind="artist_albums").priority == gateway.LEFT

    def test_a_playlist_can_be_used_before_it_is_complete(self, extended, simulator, at_each_page):
        seen = []
        at_each_page.append(
            lambda made: seen.append((made.state, made.tracks_done, made.tracks_total, made.calls_left))
        )
        simulator.change({"kind": "playlist", "id": OWN_LIST, "name": "Own", "tracks": 230})
        finished(Target("playlist", OWN_LIST))
        assert seen[:3] == [("running", 100, 230, 3), ("running", 150, 230, 2), ("running", 200, 230, 1)]
        assert simulator.calls == 1 + 3  # a hundred rows come with it, then fifty a call

    def test_a_playlist_that_changes_meanwhile_is_read_again(self, extended, simulator, at_each_page):
        simulator.change({"kind": "playlist", "id": OWN_LIST, "name": "Own", "tracks": 230})
        once = iter([{"kind": "insert_row", "playlist_id": OWN_LIST, "track_id": BLANK_SPACE, "at": 3}])
        at_each_page.append(lambda made: simulator.change(*list(once)))
        made = finished(Target("playlist", OWN_LIST))
        rows = list(Playlist.objects.get().rows.order_by("position").values_list("position", "track"))
        assert (made.state, made.tracks_done, len(rows)) == ("done", 231, 231)
        assert rows[3] == (3, BLANK_SPACE)
        assert len({track for _, track in rows}) == 231
        assert simulator.calls == (1 + 3) * 2

    def test_a_track_that_left_its_album_meanwhile_stays_in_the_playlist(self, extended, simulator, at_each_page):
        simulator.change({"kind": "playlist", "id": OWN_LIST, "name": "Own", "tracks": 230})
        at_each_page.append(lambda made: made.tracks_done == 150 and Track.objects.first().delete())
        made = finished(Target("playlist", OWN_LIST))
        assert (made.state, made.tracks_done, Track.objects.count()) == ("done", 230, 230)


class TestAlbumsAndPlaylists:
    def test_an_album(self, simulator):
        made = finished(Target("album", FEARLESS))
        assert (made.state, made.albums_total, made.tracks_done, simulator.calls) == ("done", 1, 13, 1)
        assert made.name

    def test_a_playlist_in_development_mode_is_refused_at_once(self, simulator):
        with pytest.raises(Forbidden, match="Paste"):
            imports.start(Target("playlist", LONG_LIST))
        assert simulator.calls == 0

    def test_a_playlist(self, extended, simulator):
        made = finished(Target("playlist", LONG_LIST))
        assert made.state == "done"
        assert made.tracks_done == made.tracks_total == Playlist.objects.get().rows.count() > 100
        assert simulator.calls == 1 + 1  # a hundred rows come with it

    def test_what_is_left_out_is_counted_and_keeps_its_place(self, extended, simulator):
        made = finished(Target("playlist", ODD_LIST))
        playlist = Playlist.objects.get()
        assert (made.steps, playlist.total, playlist.left_out) == ((6, 6, "tracks"), 10, 4)
        assert list(playlist.rows.values_list("position", flat=True)) == [0, 1, 2, 5, 8, 9]

    def test_an_unchanged_playlist_costs_one_call(self, extended, simulator):
        finished(Target("playlist", LONG_LIST))
        rows = list(Playlist.objects.get().rows.values_list("track", "position"))
        calls = simulator.calls
        Lookup.objects.update(fetched_at=timezone.now() - timedelta(days=1))
        assert finished(Target("playlist", LONG_LIST)).state == "done"
        assert simulator.calls == calls + 1
        assert list(Playlist.objects.get().rows.values_list("track", "position")) == rows


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("Lorde", Target("artist", name="Lorde")),
        (f"https://open.spotify.com/intl-de/artist/{LORDE}?si=x", Target("artist", LORDE)),
        (f"spotify:album:{FEARLESS}", Target("album", FEARLESS)),
        (f"https://open.spotify.com/playlist/{LONG_LIST}", Target("playlist", LONG_LIST)),
        (LORDE, Target("artist", LORDE)),
    ],
)
def test_whatever_a_person_pastes(text, target):
    assert imports.target_of(text) == target


def test_a_track_and_a_foreign_link_are_refused():
    for text in (f"spotify:track:{FEARLESS}", "https://example.org/artist/x"):
        with pytest.raises(links.NotALink):
            imports.target_of(text)


class TestOverHttp:
    def test_start_look_cancel_resume(self, api, simulator):
        body = api("POST", "imports", 202, {"artist_id": LORDE})
        location = api.answer["Location"]
        assert (body["state"], body["kind"], body["estimate"]) == ("queued", "artist", None)
        work()
        body = api("GET", location, 200)
        assert (body["state"], body["albums_done"], body["error"]) == ("done", body["albums_total"], None)
        assert body["estimate"]["calls"] == 0
        tag = api.answer["ETag"]
        api("GET", location, 304, **{"If-None-Match": tag})
        assert api("DELETE", location, 200)["state"] == "done"  # it has ended: there is nothing to cancel
        assert api("POST", f"{location}/resume", 202)["state"] == "done"
        api("GET", "imports/nonsense", 404)
        api("GET", "imports/00000000-0000-0000-0000-000000000000", 404)

    @pytest.mark.parametrize(
        "body",
        [{}, {"artist": ""}, {"url": "http://example.org"}, {"artist_id": "zz"}, {"artist": "A", "artist_id": LORDE}],
    )
    def test_bad_input(self, api, body):
        assert api("POST", "imports", 400, body)["code"] == "invalid"

    def test_a_playlist_in_development_mode(self, api):
        assert "Paste" in api("POST", "imports", 403, {"playlist_id": LONG_LIST})["detail"]
        assert api("POST", "sessions", 403, {"playlist_id": LONG_LIST})["code"] == "spotify_forbidden"
        assert not Session.objects.exists()

    def test_a_poll_that_finds_nothing_new_is_one_query(self, api, simulator, django_assert_num_queries):
        location = api("POST", "imports", 202, {"artist_id": LORDE}) and api.answer["Location"]
        api("GET", location, 200)
        tag = api.answer["ETag"]
        with django_assert_num_queries(1):
            api("GET", location, 304, **{"If-None-Match": tag})
