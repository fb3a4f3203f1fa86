"""Pasted songs and the tracks that they may be: never a wrong one in silence."""

import pytest

from ranking import likeness
from ranking.models import Match, Session, Song
from ranking.preference import Entry
from tests.processes import until


def song(title, artist="Lorde", **more):
    return Entry(0, title, "", credits=artist, **more)


@pytest.mark.parametrize(
    ("one", "track"),
    [
        (song("Royals"), song("Royals")),
        (song("royals", "LORDE"), song("Royals", "Lorde, Somebody")),
        (song("Let It Be", "Beatles"), song("Let It Be - Remastered 2009", "The Beatles")),
        (song("STAY (with Justin Bieber)", "The Kid LAROI"), song("Stay", "The Kid LAROI, Justin Bieber")),
        (song("Royals (Live)"), song("Royals - Live at the Roundhouse")),
        (song("Anything", isrc="NZUM71200031"), song("Royals", isrc="NZUM71200031")),
    ],
)
def test_what_leaves_no_doubt(one, track):
    assert likeness.confidence(one, track) >= likeness.SURE


@pytest.mark.parametrize(
    ("one", "track"),
    [
        (song("Royals"), song("Royals", "Royal Covers Band")),
        (song("Royals"), song("Royals", "Somebody, Lorde")),  # only a guest there
        (song("Royals"), song("Royals - Live")),
        (song("Royals (Live)"), song("Royals")),
        (song("Royals (Weeknd Remix)"), song("Royals (Remix)")),
        (song("Song, Pt. 1"), song("Song, Pt. 2")),
        (song("Team"), song("Teams")),
        (song("Rabbit Heart"), song("Rabbit Heart (Raise It Up)")),
        (song("Mưa"), song("Mùa")),
        (song("Royals", isrc="NZUM71200031"), song("Loyal", isrc="NZUM71200099")),
        (song("愛"), song("恋")),
    ],
)
def test_what_is_never_taken_over_in_silence(one, track):
    assert likeness.confidence(one, track) < likeness.SURE


def test_the_likeliest_first_and_of_copies_the_one_that_would_be_kept():
    tracks = [
        Entry(0, "Royals - Live", "", credits="Lorde"),
        Entry(1, "Royals", "", credits="Lorde", album="Hits", album_type="compilation"),
        Entry(2, "Royals", "", credits="Lorde", album="Pure Heroine", album_type="album"),
        Entry(3, "Something Else", "", credits="Lorde"),
    ]
    assert [one.id for one in likeness.rank(song("Royals"), tracks, explicit=True)] == [2, 1, 0]


class TestInASession:
    LIST = "Lorde - Royals\nLorde - Liability (Live in Space)\nTaylor Swift - Fifteen\nNobody Zzyx - Nothing Anywhere"

    @pytest.fixture
    def path(self, workers, api):
        body = api("POST", "sessions", 201, {"songs_text": self.LIST})
        api.token = body["token"]
        return f"sessions/{body['id']}"

    def matched(self, api, path):
        api("POST", f"{path}/matches", 202)
        until("all are searched", lambda: api("GET", f"{path}/matches", 200)["waiting"] == 0, 20)
        return {one["song"]["name"]: one for one in api("GET", f"{path}/matches", 200)["results"]}

    def test_sure_ones_are_taken_over_and_the_rest_is_asked(self, path, api, simulator):
        found = self.matched(api, path)
        assert {name: one["state"] for name, one in found.items()} == {
            "Royals": "matched",
            "Liability (Live in Space)": "proposed",
            "Fifteen": "matched",
            "Nothing Anywhere": "none",
        }
        assert simulator.calls == 4  # one search a song
        royals = next(one for one in api("GET", path, 200)["songs"] if one["name"] == "Royals")
        assert royals["spotify_url"].startswith("https://open.spotify.com/track/")
        assert royals["album"] == "Pure Heroine"
        assert royals["duration_ms"] > 100_000
        unsure = found["Liability (Live in Space)"]
        assert (unsure["track_id"], unsure["candidates"][0]["name"]) == (None, "Liability")
        assert Song.objects.get(name="Liability (Live in Space)").spotify_id == ""

    def test_the_persons_word(self, path, api):
        unsure = self.matched(api, path)["Liability (Live in Space)"]
        song_id, track_id = unsure["song"]["id"], unsure["candidates"][0]["track_id"]
        api("PATCH", f"{path}/matches/{song_id}", 400, {"track_id": "0" * 22})
        api("PATCH", f"{path}/matches/999999", 404, {"track_id": track_id})
        body = api("PATCH", f"{path}/matches/{song_id}", 200, {"track_id": track_id})
        (one,) = [one for one in body["results"] if one["song"]["id"] == song_id]
        assert (one["state"], one["track_id"], one["confidence"]) == ("matched", track_id, 1.0)
        api("PATCH", f"{path}/matches/{song_id}", 200, {"track_id": None})
        assert Match.objects.get(song_id=song_id).state == "none"
        assert Song.objects.get(pk=song_id).spotify_url == ""

    def test_a_song_that_is_here_already_is_folded_and_not_double(self, path, api):
        self.matched(api, path)
        track_id = Song.objects.get(name="Royals").spotify_id
        api("POST", f"{path}/songs", 200, {"track_ids": [track_id]})
        until("it is ready", lambda: Session.objects.get().state == "ready", 20)
        api("POST", f"{path}/songs", 200, {"songs_text": "Lorde - royals"})
        self.matched(api, path)
        assert Song.objects.filter(spotify_id=track_id).count() == 1
        assert [one["name"] for one in api("GET", path, 200)["songs"] if one["name"].lower() == "royals"] == ["Royals"]

    def test_only_who_may_write_may_match(self, path, api):
        api.token = ""
        api("POST", f"{path}/matches", 401)
        assert api("GET", f"{path}/matches", 200)["results"] == []
