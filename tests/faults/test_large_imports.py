"""Ten thousand tracks and a thousand albums with real workers in Extended Quota Mode, killed on the way."""

import time

import pytest
from django.core.management import call_command

from ranking import sessions
from ranking.models import Session, Song
from spotify.imports import Target
from spotify.models import Album, Import, Playlist, Track
from tests.faults.helping import kill_child, leases_run_out, new_session, start_again, sweep_until
from tests.processes import until

pytestmark = pytest.mark.once
LONG, BUSY = "5simTenThousandTracks0", "5simAThousandAlbums000"


@pytest.fixture
def extended_workers(workers, simulator, settings, logs):
    """The session's workers in the other quota mode, for one test."""
    settings.SPOTIFY_QUOTA_MODE = "extended"
    simulator.config(quota_mode="extended")
    restart(workers, logs, SPOTIFY_QUOTA_MODE="extended")
    yield workers
    restart(workers, logs)


def restart(workers, logs, **changes):
    for queue in ("spotify", "default"):
        workers[queue].stop()
    start_again(workers, logs, **changes)


def is_done():
    return Import.objects.get().state == "done"


def test_a_playlist_of_ten_thousand_tracks(extended_workers, simulator, redis, capsys):
    simulator.change({"kind": "playlist", "id": LONG, "name": "All of it", "tracks": 10_000})
    started = time.monotonic()
    session = new_session(sessions.Wanted(whole=Target("playlist", LONG)))
    until("there are two songs", lambda: Song.objects.filter(session=session).count() >= 2, 10)
    assert time.monotonic() - started < 5
    assert Import.objects.get().state == "running"

    for rows in (1_000, 3_000, 5_000):
        sweep_until(f"{rows} rows are here", lambda rows=rows: Import.objects.get().tracks_done >= rows)
        kill_child(extended_workers, "spotify")
        leases_run_out()
    redis.flushall()
    leases_run_out()
    sweep_until("it is done", is_done, 120)

    made, playlist = Import.objects.get(), Playlist.objects.get()
    assert (made.tracks_done, made.tracks_total, playlist.total, playlist.left_out) == (10_000, 10_000, 10_000, 0)
    assert list(playlist.rows.order_by("position").values_list("position", flat=True)) == list(range(10_000))
    assert playlist.rows.values("track").distinct().count() == Track.objects.count() == 10_000
    # A hundred rows come with the playlist, then fifty a call; each kill costs the call in flight.
    assert simulator.calls <= 1 + 198 + 4
    sweep_until("it is ready", lambda: Session.objects.get(pk=session.pk).state == "ready", 60)
    assert Song.objects.filter(session=session).count() == 5_000
    session.refresh_from_db()
    assert session.left_out == 5_000
    assert set(Song.objects.filter(session=session).values_list("position", flat=True)) == set(range(5_000))
    call_command("spotify_import", f"spotify:playlist:{LONG}")
    assert "All of it: done, 10000 tracks" in capsys.readouterr().out


def test_an_artist_of_a_thousand_albums(extended_workers, simulator, redis):
    simulator.change({"kind": "artist", "id": BUSY, "name": "Busy Band", "albums": 1_000, "tracks": 3})
    simulator.config(latency_ms=5)
    session = new_session(sessions.Wanted(whole=Target("artist", BUSY)))
    until("the list is being read", lambda: Import.objects.get().albums_done >= 20 or Album.objects.count() >= 100, 20)
    kill_child(extended_workers, "spotify")
    leases_run_out()
    for albums in (200, 500):
        sweep_until(f"{albums} albums are here", lambda albums=albums: Import.objects.get().albums_done >= albums)
        kill_child(extended_workers, "spotify")
        kill_child(extended_workers, "default")
        leases_run_out()
    redis.flushall()
    leases_run_out()
    sweep_until("it is done", is_done, 120)

    made = Import.objects.get()
    assert (made.albums_total, made.albums_done, made.albums_missing, made.tracks_done) == (1_000, 1_000, 0, 3_000)
    assert Album.objects.listed_for(BUSY).count() == Album.objects.count() == 1_000
    assert Track.objects.count() == 3_000
    # Twenty pages of fifty, fifty batches of twenty; each kill costs the call in flight.
    assert simulator.calls <= 20 + 50 + 4
    sweep_until("it is ready", lambda: Session.objects.get(pk=session.pk).state == "ready", 60)
    assert Song.objects.filter(session=session).count() == 3_000
