"""Lists that people paste: lines and CSV, errors by line, no call to Spotify."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking import pasted


@pytest.mark.parametrize(
    ("text", "songs"),
    [
        ("Lorde - Royals\nWeen – Ocean Man\n", [("Lorde", "Royals"), ("Ween", "Ocean Man")]),
        ("1. Lorde - Royals\n\n2) Ween — Ocean Man", [("Lorde", "Royals"), ("Ween", "Ocean Man")]),
        ("• The Beatles - Let It Be - Remastered 2009", [("The Beatles", "Let It Be - Remastered 2009")]),
        ("椎名林檎\t丸の内サディスティック", [("椎名林檎", "丸の内サディスティック")]),
        ("a-ha - Take On Me", [("a-ha", "Take On Me")]),
        ('title,artist\n"Hello, Goodbye",The Beatles\n', [("The Beatles", "Hello, Goodbye")]),
        ("\ufeffArtist,Track,Album\nLorde,Royals,Pure Heroine\n", [("Lorde", "Royals")]),
        ("", []),
    ],
)
def test_lists(text, songs):
    found, bad = pasted.parse(text)
    assert ([(one.artist, one.name) for one in found], bad) == (songs, [])


@pytest.mark.parametrize(
    ("text", "bad"),
    [
        ("Lorde - Royals\n\nnonsense\nx -\n", [(3, "must be 'Artist - Title', not 'nonsense'"), (4, "must be 'Artist - Title', not 'x -'")]),
        ("artist,title\nLorde,\n,Royals\nLorde,Team,x\n", [(2, "title is empty"), (3, "artist is empty"), (4, "1 columns too many")]),
    ],
)  # fmt: skip
def test_errors_by_line(text, bad):
    assert [(row.line, row.reason) for row in pasted.parse(text)[1]] == bad


@given(st.text(max_size=200))
def test_any_text_is_taken_or_refused_line_by_line(text):
    found, bad = pasted.parse(text)
    assert all(one.name and one.artist for one in found)
    assert all(row.line >= 1 and row.reason for row in bad)


class TestOverHttp:
    def test_a_session_from_a_pasted_list(self, api, db):
        body = api("POST", "sessions", 201, {"songs_text": "Lorde - Royals\nLorde - Team\nLorde - Royals (Live)"})
        assert [song["name"] for song in body["songs"]] == ["Royals", "Team"]
        assert body["state"] == "ready"

    def test_songs_and_a_list_together_and_later(self, api, db):
        body = api(
            "POST", "sessions", 201, {"songs": [{"name": "One", "artist": "A"}], "songs_text": "artist,title\nA,Two"}
        )
        api.token = body["token"]
        more = api("POST", f"sessions/{body['id']}/songs", 200, {"songs_text": "A - Three"})
        assert [song["name"] for song in more["songs"]] == ["One", "Two", "Three"]

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("Lorde - Royals\nnonsense", "line 2: must be"),
            (f"Lorde - {'x' * 501}\nA - B", "line 1: name: "),
            (7, "valid string"),
        ],
    )
    def test_what_is_wrong_is_named_by_line(self, api, db, text, says):
        body = api("POST", "sessions", 400, {"songs_text": text})
        assert body["errors"][0]["field"] == "songs_text"
        assert says in body["errors"][0]["detail"]
