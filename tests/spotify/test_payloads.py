"""Spotify's answers, recorded and odd, as dataclasses."""

import json
from pathlib import Path

import pytest

from spotify import payloads
from spotify.errors import Malformed

RECORDED = Path(__file__).parent / "recorded"
ARTIST = {"id": "a" * 22, "name": "Alice", "external_urls": {"spotify": "https://open.spotify.com/artist/x"}}
ALBUM = {
    "id": "b" * 22,
    "name": "First",
    "album_type": "album",
    "release_date": "2020",
    "total_tracks": 2,
    "artists": [ARTIST],
}
TRACK = {
    "id": "c" * 22,
    "name": "One",
    "artists": [ARTIST],
    "disc_number": 1,
    "track_number": 2,
    "duration_ms": 3,
    "type": "track",
}


def recorded(name):
    return json.loads((RECORDED / name).read_text())


def test_a_recorded_artist():
    artist = payloads.artist(recorded("artist.json"))
    assert artist == payloads.ArtistPayload(
        id="0TnOYISbd1XYRBk9myaseg",
        name="Pitbull",
        spotify_url="https://open.spotify.com/artist/0TnOYISbd1XYRBk9myaseg",
        image_url=recorded("artist.json")["images"][0]["url"],
    )


def test_a_recorded_album_with_its_tracks():
    raw = recorded("get_album.json")
    album = payloads.album(raw)
    tracks = payloads.page(raw["tracks"], payloads.track).items
    assert (album.name, album.release_date, album.total_tracks, len(tracks)) == ("SINGLARITY", "2020-12-18", 11, 11)
    assert tracks[0].artists[0].name == "Area 11"
    assert tracks[0].isrc is None  # simplified tracks never say it


def test_a_recorded_list_of_albums():
    page = payloads.page(recorded("artist_albums.json"), payloads.album)
    assert page.total == 918
    assert {album.album_type for album in page.items} <= {"album", "single", "compilation"}


@pytest.mark.parametrize(
    "change", [{"id": None}, {"name": None}, {"total_tracks": "2"}, {"total_tracks": True}, {"artists": None}]
)
def test_an_album_without_what_it_must_have_makes_no_sense(change):
    with pytest.raises(Malformed):
        payloads.album(ALBUM | change)


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        ({"images": []}, "image_url", ""),
        ({"images": None}, "image_url", ""),
        ({"images": [{"url": "https://i/1", "width": None}]}, "image_url", "https://i/1"),
        ({"album_type": "ALBUM"}, "album_type", "album"),
        ({"album_type": None}, "album_type", "album"),
        ({"release_date": "0000"}, "release_date", ""),
        ({"release_date": None}, "release_date", ""),
        ({"external_urls": {}}, "spotify_url", f"https://open.spotify.com/album/{'b' * 22}"),
        (
            {"external_urls": {"spotify": "javascript:alert(1)"}},
            "spotify_url",
            f"https://open.spotify.com/album/{'b' * 22}",
        ),
        ({"name": ""}, "name", ""),
        ({"brand_new_field": 1}, "name", "First"),
    ],
)
def test_what_may_be_missing_may_be_missing(change, field, value):
    assert getattr(payloads.album(ALBUM | change), field) == value


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("USCJY0603001", "USCJY0603001"),
        ("us-cjy-06-03001", "USCJY0603001"),
        ("US CJY 06 03001", "USCJY0603001"),
        ("x", ""),
    ],
)
def test_isrc_is_made_normal(raw, normal):
    assert payloads.track(TRACK | {"external_ids": {"isrc": raw}}).isrc == normal


def test_a_local_artist_without_an_id_is_left_out():
    assert payloads.track(TRACK | {"artists": [{"id": None, "name": "x"}, ARTIST]}).artists[0].name == "Alice"


@pytest.mark.parametrize(
    ("row", "taken"),
    [
        ({"track": TRACK}, True),
        ({"item": TRACK}, True),
        ({"item": TRACK, "track": TRACK}, True),
        ({"item": TRACK | {"track": True, "episode": False}}, True),
        ({"item": True, "track": TRACK}, True),
        ({"track": True}, False),
        ({"track": None}, False),
        (None, False),
        ({"track": TRACK, "is_local": True}, False),
        ({"track": TRACK | {"is_local": True}}, False),
        ({"track": TRACK | {"id": None}}, False),
        ({"track": TRACK | {"type": "episode"}}, False),
    ],
)
def test_rows_of_playlists(row, taken):
    assert (payloads.playlist_row(row) is not None) is taken


@pytest.mark.parametrize("value", [None, [], "text", {"items": None}, {"total": 3}])
def test_a_page_that_is_none(value):
    with pytest.raises(Malformed):
        payloads.page(value, payloads.album)
