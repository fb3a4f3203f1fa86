"""The admin: every page opens, lists cost the same number of queries for three rows and for thirty."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from leaderboard import demo
from leaderboard.models import Board
from ranking.models import BoardMark, Comparison, Session
from spotify import catalogue
from spotify.models import Album, Import, Lookup, Track
from spotify.payloads import AlbumPayload, ArtistPayload, TrackPayload
from tests.processes import until

LISTS = ["spotify/artist", "spotify/album", "spotify/track", "spotify/playlist", "spotify/lookup", "spotify/import", "ranking/session", "ranking/song",
         "ranking/comparison", "leaderboard/board", "leaderboard/standing"]  # fmt: skip


def store(number):
    artist = ArtistPayload(
        f"{number:022d}", f"Artist {number}", "https://open.spotify.com/artist/x", "https://i.scdn.co/x"
    )
    album = AlbumPayload(
        f"{number:022d}",
        f"Album {number}",
        "album",
        "2020",
        2,
        "https://i.scdn.co/y",
        "https://open.spotify.com/album/x",
        (artist,),
    )
    tracks = [
        TrackPayload(
            f"{number * 100 + i:022d}",
            f"Track {i}",
            1,
            i,
            200_000,
            False,
            None,
            None,
            "https://open.spotify.com/track/x",
            (artist,),
            None,
        )
        for i in (1, 2)
    ]
    catalogue.store_album(album, tracks, timezone.now())
    Lookup.objects.create(kind="album_tracks", value=album.id, state="done", fetched_at=timezone.now())
    made = Import.objects.create(
        key=f"artist:{artist.id}", kind="artist", spotify_id=artist.id, name=artist.name, state="running",
        albums_total=2, listed_at=timezone.now(), created_at=timezone.now(),
    )  # fmt: skip
    made.items.create(album_id=album.id, position=0)
    made.items.create(album_id="0" * 22, position=1, state="failed", error_detail="nonsense")


@pytest.fixture
def boss(client, db):
    client.force_login(User.objects.create_superuser("boss"))
    return client


def test_every_model_that_an_operator_needs_is_there(boss):
    index = boss.get("/admin/").content.decode()
    for one in LISTS:
        assert f"/admin/{one}/" in index


@pytest.mark.parametrize("page", LISTS)
def test_lists_cost_the_same_for_few_and_for_many_rows(boss, monkeypatch, page):
    def queries():
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert boss.get(f"/admin/{page}/").status_code == 200
        return len(captured)

    store(1)
    monkeypatch.setattr(demo, "ARTISTS", {"Alice": ("One", "Two", "Three")})
    monkeypatch.setattr(demo, "PEOPLE", 1)
    demo.seed()
    few = queries()
    for number in range(2, 30):
        store(number)
    monkeypatch.setattr(demo, "ARTISTS", {"Alice": ("One", "Two", "Three", "Four"), "Bob": ("Uno", "Dos", "Tres")})
    monkeypatch.setattr(demo, "PEOPLE", 4)
    demo.seed()
    assert queries() == few


@pytest.mark.parametrize("page", LISTS)
def test_search_and_filters(boss, page):
    store(1)
    assert boss.get(f"/admin/{page}/?q=artist").status_code == 200


@pytest.mark.parametrize(("chosen", "count"), [("fresh", 1), ("stale", 0), ("never", 0)])
def test_fresh_and_stale(boss, chosen, count):
    store(1)
    assert f"{count} album" in boss.get(f"/admin/spotify/album/?tracks={chosen}").content.decode()


def test_an_album_shows_its_tracks_and_cannot_be_edited(boss):
    store(1)
    page = boss.get(f"/admin/spotify/album/{1:022d}/change/").content.decode()
    assert "Track 1" in page
    assert 'name="_save"' not in page
    assert boss.post(f"/admin/spotify/album/{1:022d}/change/", {"name": "x"}).status_code == 403


def test_an_import_shows_its_albums_and_what_went_wrong(boss):
    store(1)
    page = boss.get(f"/admin/spotify/import/{Import.objects.get().pk}/change/").content.decode()
    assert "Album 1" in page
    assert "nonsense" in page


def test_imports_are_cancelled_and_resumed(boss, redis):
    store(1)
    one = {"_selected_action": str(Import.objects.get().pk)}
    boss.post("/admin/spotify/import/", {"action": "cancel", **one})
    assert Import.objects.get().state == "cancelled"
    answer = boss.post("/admin/spotify/import/", {"action": "resume", **one}, follow=True)
    assert "Resumed; now running" in answer.content.decode()
    assert set(Import.objects.get().items.values_list("state", flat=True)) == {"done", "waiting"}


def test_steering_imports_needs_its_right(client, db):
    from django.contrib.auth.models import Permission

    looker = User.objects.create_user("looker", is_staff=True)
    looker.user_permissions.add(Permission.objects.get(codename="view_import"))
    client.force_login(looker)
    store(1)
    client.post("/admin/spotify/import/", {"action": "cancel", "_selected_action": str(Import.objects.get().pk)})
    assert Import.objects.get().state == "running"


def test_forget(boss):
    store(1)
    store(2)
    boss.post("/admin/spotify/album/", {"action": "forget", "_selected_action": f"{1:022d}"})
    assert list(Album.objects.values_list("name", flat=True)) == ["Album 2"]
    assert Track.objects.count() == 2
    assert Lookup.objects.count() == 1


def test_forget_needs_its_right(client, db):
    from django.contrib.auth.models import Permission

    looker = User.objects.create_user("looker", is_staff=True)
    looker.user_permissions.add(Permission.objects.get(codename="view_album"))
    client.force_login(looker)
    store(1)
    client.post("/admin/spotify/album/", {"action": "forget", "_selected_action": f"{1:022d}"})
    assert Album.objects.count() == 1


def test_refresh_goes_through_the_queue(workers, simulator, client):
    client.force_login(User.objects.create_superuser("boss"))
    from spotify import gateway, queries
    from tests.spotify.test_simulator import FEARLESS

    gateway.ask(queries.AlbumTracks(FEARLESS), wait_seconds=10)
    before = Lookup.objects.get().fetched_at
    answer = client.post("/admin/spotify/album/", {"action": "refresh", "_selected_action": FEARLESS}, follow=True)
    assert "1 of 1 refreshes queued" in answer.content.decode()
    until("it is refreshed", lambda: Lookup.objects.get().fetched_at > before)
    assert simulator.calls == 2


def test_deleting_a_session_tells_the_boards(boss, monkeypatch):
    monkeypatch.setattr(demo, "ARTISTS", {"Alice": ("One", "Two", "Three")})
    monkeypatch.setattr(demo, "PEOPLE", 1)
    demo.seed()
    session = Session.objects.get()
    boss.post(f"/admin/ranking/session/{session.pk}/delete/", {"post": "yes"})
    assert not Session.objects.exists()
    assert BoardMark.objects.exists()
    assert Board.objects.get().votes > 0  # until the next rebuild


def test_no_secret_is_shown(boss, monkeypatch):
    monkeypatch.setattr(demo, "PEOPLE", 1)
    demo.seed()
    session = Session.objects.first()
    page = boss.get(f"/admin/ranking/session/{session.pk}/change/").content.decode()
    assert session.token_hash not in page


def test_the_log_is_the_truth(boss, monkeypatch):
    monkeypatch.setattr(demo, "PEOPLE", 1)
    demo.seed()
    one = Comparison.objects.first()
    assert boss.post(f"/admin/ranking/comparison/{one.pk}/delete/", {"post": "yes"}).status_code == 403
    assert all(
        not model_admin.has_add_permission(None)
        for model, model_admin in admin.site._registry.items()
        if model.__module__.split(".")[0] in ("spotify", "ranking", "leaderboard")
    )
