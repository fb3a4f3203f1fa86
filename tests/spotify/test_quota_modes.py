"""Both quota modes: as few calls as each allows, and nothing asked that the mode has lost."""

from datetime import timedelta

import pytest
from django.utils import timezone

from spotify import fetching, gateway, queries
from spotify.client import SpotifyClient
from spotify.errors import Forbidden, MadeWay
from spotify.models import Album, Lookup, Track
from tests.conftest import TAYLOR
from tests.spotify.test_simulator import FEARLESS, LONG_LIST

ALLOWED_IN_DEVELOPMENT = {
    "/v1/search", "/v1/artists/{id}", "/v1/artists/{id}/albums", "/v1/albums/{id}", "/v1/albums/{id}/tracks", "/v1/tracks/{id}",
}  # fmt: skip
NOWHERE = "0000000000000000000000"

pytestmark = pytest.mark.usefixtures("transactional_db", "redis")


@pytest.fixture
def extended(settings, simulator):
    settings.SPOTIFY_QUOTA_MODE = "extended"
    simulator.config(quota_mode="extended")


def claim(query):
    lookup, _ = Lookup.objects.claim(
        Lookup.objects.asked(query.kind, query.value),
        kind=query.kind,
        value=query.value,
        now=timezone.now(),
        lease=gateway.LEASE,
    )
    return lookup


def answer(query):
    """As the worker would; the row as it is then."""
    lookup = claim(query)
    started = Lookup.objects.start(
        pk=lookup.pk, task_id=lookup.task_id, now=timezone.now(), lease=gateway.LEASE, redelivered=False
    )
    fetching.run(started)
    lookup.refresh_from_db()
    return lookup


def test_development_asks_for_nothing_that_it_has_lost(simulator):
    """Every kind of question; the simulator answers 400 to a page too large and 403 to a removed endpoint."""
    track = "6pb4C9VZ5Yb1DHx5S4Zn88"
    wanted = [
        queries.ArtistSearch("lorde"),
        queries.AlbumsByName.of("Taylor Swift"),
        queries.ArtistAlbums("163tK9Wjr9P9DmM0AVK7lm"),
        queries.AlbumTracks(FEARLESS),
        queries.TrackById(track),
        queries.TrackSearch.of("Lorde", "Royals"),
    ]
    assert {query.kind for query in wanted} | {"playlist_tracks"} == set(queries._KINDS)
    for query in wanted:
        assert answer(query).state == "done"
    with pytest.raises(Forbidden):
        gateway.ask(queries.PlaylistTracks(LONG_LIST), wait_seconds=1)
    state = simulator.state()
    assert set(state["by_path"]) <= ALLOWED_IN_DEVELOPMENT
    assert set(state["by_status"]) == {"200"}
    # A search; a search and seven pages of ten; one page; an album; a track; a search.
    assert state["calls"] == 1 + 1 + 7 + 1 + 1 + 1 + 1


def test_several_albums_are_several_calls_in_development(simulator):
    ids = _taylors_albums()[:5]
    for album_id in ids:
        claim(queries.AlbumTracks(album_id))
    simulator.admin("reset")
    assert answer_first().state == "done"
    assert Lookup.objects.filter(kind="album_tracks", state="queued").count() == 4
    assert simulator.calls == 1


def test_extended_asks_for_albums_twenty_at_a_time(extended, simulator):
    ids = _taylors_albums()
    assert simulator.calls == 2  # pages of fifty
    Album.objects.all().delete()
    for album_id in [*ids[:44], NOWHERE]:
        claim(queries.AlbumTracks(album_id))
    simulator.admin("reset")
    for _ in range(3):
        answer_first()
    found = Lookup.objects.filter(kind="album_tracks")
    assert found.filter(state="done").count() == 45
    assert list(found.filter(absent=True).values_list("value", flat=True)) == [NOWHERE]
    assert Album.objects.filter(pk__in=ids[:44]).count() == 44
    by_path = simulator.state()["by_path"]
    assert by_path["/v1/albums"] == 3
    assert sum(by_path.values()) - 3 <= 1  # a second page of tracks, where an album has more than fifty


def test_an_album_that_is_nonsense_spoils_no_other_of_its_batch(extended, simulator):
    ids = _taylors_albums()[:20]
    simulator.change({"kind": "spoil", "album_id": ids[4]})
    for album_id in ids:
        claim(queries.AlbumTracks(album_id))
    answer_first()
    found = Lookup.objects.filter(kind="album_tracks")
    assert list(found.filter(state="failed").values_list("value", "error_code")) == [(ids[4], "spotify_invalid_answer")]
    assert found.filter(state="done", absent=False).count() == 19
    assert simulator.state()["by_path"]["/v1/albums"] == 1


def test_a_batch_that_is_nonsense_is_asked_for_one_by_one(extended, simulator):
    ids = _taylors_albums()[:5]
    for album_id in ids:
        claim(queries.AlbumTracks(album_id))
    simulator.faults({"kind": "truncate", "path": "/v1/albums", "times": 0})
    answer_first()
    assert Lookup.objects.filter(kind="album_tracks", state="done").count() == 5
    assert simulator.state()["by_path"]["/v1/albums/{id}"] == 5


def test_what_a_batch_has_brought_stays_when_it_makes_way(extended, simulator, monkeypatch):
    """The second page of a long album comes after a person's question; the albums before it are here."""
    ids = _taylors_albums()[:6]
    for album_id in ids:
        claim(queries.AlbumTracks(album_id))
    whole = SpotifyClient.all_tracks

    def interrupted(client, album_id, first):
        if album_id == ids[3]:
            raise MadeWay("a person waits")
        return whole(client, album_id, first)

    monkeypatch.setattr(SpotifyClient, "all_tracks", interrupted)
    monkeypatch.setattr(gateway, "publish", lambda lookup, priority: None)  # the workers of other tests may be there
    with pytest.raises(MadeWay):
        answer_first()
    found = Lookup.objects.filter(kind="album_tracks")
    assert set(found.filter(state="done").values_list("value", flat=True)) == set(ids[:3])
    assert set(found.filter(state="queued").values_list("value", flat=True)) == set(ids[3:])


def test_extended_asks_for_tracks_fifty_at_a_time(extended, simulator):
    for album_id in _taylors_albums()[:6]:
        answer(queries.AlbumTracks(album_id))
    ids = list(Track.objects.values_list("pk", flat=True)[:60])
    for track_id in ids:
        claim(queries.TrackById(track_id))
    simulator.admin("reset")
    answer_first("track")
    answer_first("track")
    assert Lookup.objects.filter(kind="track", state="done").count() == 60
    assert simulator.state()["by_path"] == {"/v1/tracks": 2}


def answer_first(kind="album_tracks"):
    """The worker takes the oldest message."""
    lookup = Lookup.objects.filter(kind=kind, state="queued").order_by("requested_at").first()
    started = Lookup.objects.start(
        pk=lookup.pk, task_id=lookup.task_id, now=timezone.now(), lease=gateway.LEASE, redelivered=False
    )
    fetching.run(started)
    lookup.refresh_from_db()
    return lookup


def _taylors_albums():
    answer(queries.ArtistAlbums(TAYLOR))
    return list(Album.objects.listed_for(TAYLOR).values_list("pk", flat=True))


def test_only_a_second_404_hours_later_hides_an_album(simulator):
    """False ones have come in bursts."""
    query = queries.AlbumTracks(FEARLESS)
    answer(query)
    simulator.faults({"kind": "status", "status": 404, "path": "/v1/albums/.*", "times": 0})
    assert _again(query).absent is False
    assert _again(query).absent is False  # a burst
    Lookup.objects.update(doubted_at=timezone.now() - fetching.DOUBT_FOR - timedelta(seconds=1))
    assert _again(query).absent is True
    simulator.faults()
    back = _again(query)
    assert (back.absent, back.doubted_at, back.error_code) == (False, None, "")
    assert Track.objects.filter(album_id=FEARLESS).count() == 13


@pytest.mark.parametrize("body", ["<html>", "", "[]"])
def test_a_404_that_is_not_spotifys_hides_nothing(simulator, monkeypatch, body):
    monkeypatch.setattr("spotify.calls._back_off", lambda state: 0.0)
    query = queries.AlbumTracks(FEARLESS)
    answer(query)
    simulator.faults({"kind": "status", "status": 404, "body": body, "path": "/v1/albums/.*", "times": 0})
    Lookup.objects.update(doubted_at=timezone.now() - timedelta(days=2))
    again = _again(query)
    assert (again.absent, again.state, again.error_code) == (False, "failed", "spotify_invalid_answer")
    assert Track.objects.filter(album_id=FEARLESS).count() == 13


def _again(query):
    Lookup.objects.update(retry_at=None)
    return answer(query)
