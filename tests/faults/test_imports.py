"""Imports with real workers: killed, Redis emptied, people in between. At the end the rows equal what Spotify has."""

import json
import signal
import sys
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from ranking import sessions
from ranking.models import Session, Song
from spotify import gateway, imports, queries, tasks
from spotify.imports import Target
from spotify.models import Album, Import, Lookup, LookupPage, Track
from tests.conftest import TAYLOR
from tests.faults.helping import kill_child, leases_run_out, new_session, start_again, sweep_until
from tests.processes import Process, environment, until

pytestmark = pytest.mark.once
ALBUMS, TRACKS = 68, 1265
BUSY = "5simThreeHundredAlbums"


def state():
    return Import.objects.get().state


def tracks_per_album():
    return {album.pk: album.total_tracks for album in Album.objects.listed_for(TAYLOR)}


def assert_complete(albums=ALBUMS, tracks=TRACKS):
    """Counted, no more and no less: each album has as many tracks as Spotify says, no track stands anywhere else."""
    made = Import.objects.get()
    assert (made.state, made.albums_total, made.albums_done, made.albums_missing) == ("done", albums, albums, 0)
    expected = tracks_per_album()
    assert len(expected) == albums
    assert {album_id: Track.objects.filter(album_id=album_id).count() for album_id in expected} == expected
    assert Track.objects.count() == made.tracks_done == made.tracks_total == tracks


def begun(simulator, latency_ms=30):
    simulator.config(latency_ms=latency_ms)
    made = imports.start(Target("artist", TAYLOR))
    until("some albums are here", lambda: Import.objects.get().albums_done >= 5, 30)
    return made


def test_albums_stream_in_one_by_one(workers, simulator):
    imports.start(Target("artist", TAYLOR))
    seen = set()
    until("it is done", lambda: seen.add(Import.objects.get().albums_done) or state() == "done", 60)
    assert len(seen) > 10
    assert_complete()
    assert simulator.calls == 7 + ALBUMS


def test_a_child_that_is_killed_again_and_again(workers, simulator):
    begun(simulator)
    for _ in range(3):
        kill_child(workers, "spotify")
        time.sleep(1.5)
    simulator.config(latency_ms=0)
    leases_run_out()
    sweep_until("it is done", lambda: state() == "done")
    assert_complete()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "deployed"])
def test_both_workers_end_and_begin_again(workers, simulator, logs, number):
    begun(simulator)
    for queue in ("spotify", "default"):
        workers[queue].kill(number)
    start_again(workers, logs)
    simulator.config(latency_ms=0)
    leases_run_out()
    sweep_until("it is done", lambda: state() == "done")
    assert_complete()


def test_redis_is_emptied(workers, simulator, redis):
    begun(simulator)
    redis.flushall()
    simulator.config(latency_ms=0)
    time.sleep(1)
    leases_run_out()
    sweep_until("it is done", lambda: state() == "done")
    assert_complete()


def test_six_hours_of_pause_and_it_goes_on_by_itself(workers, simulator):
    begun(simulator)
    simulator.faults({"kind": "429", "path": "/v1/albums/.*", "times": 1, "retry_after": "21600"})
    sweep_until("it is paused", lambda: state() == "paused", 20)
    made = Import.objects.get()
    assert made.resumes_at > timezone.now() + timedelta(hours=5)
    simulator.config(latency_ms=0)
    calls = simulator.calls
    for _ in range(3):
        tasks.sweep()
    assert simulator.calls == calls
    gateway.resume()  # as after six hours
    Import.objects.update(resumes_at=timezone.now())
    sweep_until("it is done", lambda: state() == "done")
    assert_complete()


def test_albums_that_are_gone_or_nonsense_do_not_hold_up_the_rest(workers, simulator):
    gone, nonsense = "5eyZZoQEFQWRHkV2xgAeBw", "43OpbkiiIxJO8ktIB777Nn"
    missing = '{"error": {"status": 404, "message": "Resource not found"}}'
    simulator.faults(
        {"kind": "status", "path": f"/v1/albums/{gone}", "times": 0, "status": 404, "body": missing},
        {"kind": "truncate", "path": f"/v1/albums/{nonsense}", "times": 0},
    )
    imports.start(Target("artist", TAYLOR))
    sweep_until("it is done", lambda: state() == "done")
    made = Import.objects.get()
    assert (made.albums_done, made.albums_missing) == (ALBUMS, 2)
    states = dict(made.items.filter(album_id__in=[gone, nonsense]).values_list("album_id", "state"))
    assert states == {gone: "absent", nonsense: "failed"}
    assert Track.objects.values("album").distinct().count() == ALBUMS - 2


def test_a_search_waits_for_one_call_at_most(workers, simulator):
    begun(simulator, latency_ms=300)
    started = time.monotonic()
    answer = gateway.ask(queries.ArtistSearch("somebody quite new"), wait_seconds=10)
    took = time.monotonic() - started
    assert isinstance(answer, gateway.Known)
    assert took < 0.3 + 0.3 + 0.5  # the call in flight, its own, and what a noisy machine adds
    assert state() == "running"
    simulator.config(latency_ms=0)
    until("it is done", lambda: state() == "done", 60)


def test_a_session_begins_before_its_songs_are_here_and_ends_as_if_all_had_been(workers, simulator):
    def songs(session):
        rows = Song.objects.filter(session=session).values_list("spotify_id", "merged_into__spotify_id", "shown_name")
        return set(rows)

    simulator.config(latency_ms=20)
    started = time.monotonic()
    session = new_session(sessions.Wanted(whole=Target("artist", TAYLOR)))
    assert time.monotonic() - started < 1.5
    assert session.state == "collecting"
    standing = Song.objects.filter(session=session, merged_into__isnull=True)
    until("there are two songs", lambda: standing.count() >= 2, 10)
    assert time.monotonic() - started < 5
    simulator.config(latency_ms=0)
    until("it is ready", lambda: Session.objects.get(pk=session.pk).state == "ready", 90)
    assert Song.objects.filter(session=session).count() == TRACKS
    at_once = new_session(sessions.Wanted(album_ids=list(tracks_per_album())))
    until("the other is ready", lambda: Session.objects.get(pk=at_once.pk).state == "ready", 60)
    assert songs(session) == songs(at_once)


def test_a_session_whose_import_is_cancelled_is_ready_with_what_came(workers, simulator):
    simulator.config(latency_ms=100)
    wanted = sessions.Wanted(whole=Target("artist", TAYLOR))
    session = new_session(wanted)
    until("songs came", lambda: session.songs.exists(), 20)
    imports.cancel(Import.objects.get())
    until("it is ready", lambda: Session.objects.get(pk=session.pk).state == "ready", 20)
    assert Import.objects.get().albums_done < ALBUMS


def test_a_worker_that_is_killed_in_the_middle_of_the_list_does_not_ask_for_it_again(workers, simulator):
    """Seven pages; the one in flight may be asked for twice, not those before it."""
    simulator.config(latency_ms=250)
    imports.start(Target("artist", TAYLOR))
    until("some pages are here", lambda: LookupPage.objects.count() >= 4, 20)
    kill_child(workers, "spotify")
    simulator.config(latency_ms=0)
    sweep_until("it is done", lambda: state() == "done")
    assert_complete()
    assert simulator.calls <= 7 + ALBUMS + 1
    assert not LookupPage.objects.exists()


def pages(simulator, count):
    """The import's list is being read: so many pages of it are here."""
    simulator.config(latency_ms=100)
    imports.start(Target("artist", TAYLOR))
    until(f"{count} pages are here", lambda: LookupPage.objects.count() >= count, 20)


def test_an_album_that_comes_out_while_the_list_is_read_is_there(workers, simulator):
    """It pushes the last row of each page to the next one, and itself would stand on none."""
    pages(simulator, 3)
    simulator.change({"kind": "release", "artist_id": TAYLOR, "tracks": 4})
    simulator.config(latency_ms=0)
    sweep_until("it is done", lambda: state() == "done")
    assert_complete(ALBUMS + 1, TRACKS + 4)
    assert simulator.calls <= 7 + 7 + ALBUMS + 1  # the list is read once more


def test_an_album_that_goes_while_the_list_is_read_hides_no_other(workers, simulator):
    """It pulls the first row of the next page onto the page that has been read."""
    pages(simulator, 3)
    gone = Album.objects.listed_for(TAYLOR)[7]
    simulator.change({"kind": "take_down", "album_id": gone.pk})
    simulator.config(latency_ms=0)
    sweep_until("it is done", lambda: state() == "done")
    assert_complete(ALBUMS - 1, TRACKS - gone.total_tracks)
    assert simulator.calls <= 7 + 7 + ALBUMS - 1


def test_an_album_twice_on_a_page_and_on_two_is_one(workers, simulator):
    simulator.change(
        {"kind": "repeat", "artist_id": TAYLOR, "at": 10}, {"kind": "repeat", "artist_id": TAYLOR, "at": 5}
    )
    imports.start(Target("artist", TAYLOR))
    sweep_until("it is done", lambda: state() == "done")
    assert_complete()


def test_null_items_are_nothing(workers, simulator):
    simulator.faults({"kind": "null_items", "path": "/v1/.*", "times": 0})
    imports.start(Target("artist", TAYLOR))
    sweep_until("it is done", lambda: state() == "done")
    assert_complete()
    assert simulator.calls == 7 + ALBUMS


def test_ctrl_c_leaves_it_and_the_same_command_shows_it_again(workers, simulator, logs):
    def command(log):
        arguments = [sys.executable, "manage.py", "spotify_import", "Taylor Swift", "--json"]
        return Process("spotify_import", arguments, environment(), logs / log)

    simulator.config(latency_ms=30)
    first = command("import_left.log")
    until("it shows albums", lambda: '"albums_done": 5' in first.output(), 30)
    first.popen.send_signal(signal.SIGINT)
    assert first.popen.wait(10) == 130
    assert "it goes on by itself" in first.output()
    assert state() == "running"
    simulator.config(latency_ms=0)
    second = command("import_again.log")
    assert second.popen.wait(60) == 0
    assert json.loads(second.output().splitlines()[-1])["state"] == "done"
    assert_complete()
    assert simulator.calls == 1 + 7 + ALBUMS


def test_cancelled_while_the_list_is_read_it_stops_and_goes_on_where_it_was(workers, simulator):
    simulator.change({"kind": "artist", "id": BUSY, "name": "Busy Band", "albums": 300, "tracks": 1})
    simulator.config(latency_ms=100)
    made = imports.start(Target("artist", BUSY))
    until("some pages are here", lambda: LookupPage.objects.count() >= 4, 20)
    imports.cancel(made)
    calls = simulator.calls
    time.sleep(1.5)
    assert simulator.calls <= calls + 4
    assert (state(), Lookup.objects.get(kind="artist_albums").state) == ("cancelled", "idle")
    simulator.config(latency_ms=0)
    imports.resume(made)
    sweep_until("it is done", lambda: state() == "done")
    made.refresh_from_db()
    assert (made.albums_done, made.tracks_done, Track.objects.count()) == (300, 300, 300)
    assert simulator.calls <= 30 + 300 + 1
