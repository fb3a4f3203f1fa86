"""The simulator is as strict as CONTRACT says: what passes here must pass at Spotify."""

import pytest
import requests

from spotify.links import is_id
from spotify.simulator.catalogue import Catalogue
from spotify.simulator.quota import Config, State
from tests.conftest import TAYLOR

FEARLESS = "2dqn5yOQWdyGwOpOIi9O4x"
LONG_LIST = "5simManyArtistsInAList"
ODD_LIST = "5simOddRowsOfEveryKind"


@pytest.fixture
def get(simulator):
    def token():
        answer = requests.post(
            f"{simulator.url}/api/token", data={"grant_type": "client_credentials"}, auth=("id", "secret"), timeout=5
        )
        return answer.json()["access_token"]

    held = {"token": token()}

    def get(path, want=200, language="en", **params):
        headers = {"Authorization": f"Bearer {held['token']}", "Accept-Language": language}
        answer = requests.get(f"{simulator.url}/v1/{path}", params=params, headers=headers, timeout=5)
        assert answer.status_code == want, answer.text[:300]
        return answer.json() if "json" in answer.headers["Content-Type"] else answer

    return get


def test_every_id_of_the_catalogue_is_one_that_spotify_could_give():
    catalogue = Catalogue.load()
    for ids in (catalogue.artists, catalogue.albums, catalogue.tracks, catalogue.playlists):
        assert all(is_id(i) for i in ids)
    assert len(catalogue.artists[TAYLOR].albums) == 68
    assert sum(len(album.tracks) for album in catalogue.artists[TAYLOR].albums) == 1265


@pytest.mark.parametrize(
    ("form", "auth", "status", "error"),
    [
        ({"grant_type": "client_credentials"}, ("id", "secret"), 200, None),
        ({"grant_type": "client_credentials", "client_id": "id", "client_secret": "secret"}, None, 200, None),
        ({"grant_type": "client_credentials"}, ("wrong", "secret"), 400, "invalid_client"),
        ({"grant_type": "client_credentials"}, ("id", "wrong"), 400, "invalid_client"),
        ({}, ("id", "secret"), 400, "unsupported_grant_type"),
    ],
)
def test_token(simulator, form, auth, status, error):
    simulator.config(client_id="id", client_secret="secret")
    answer = requests.post(f"{simulator.url}/api/token", data=form or {"x": "y"}, auth=auth, timeout=5)
    assert answer.status_code == status
    assert answer.json().get("error") == error


def test_token_call_takes_no_json(simulator):
    answer = requests.post(
        f"{simulator.url}/api/token", json={"grant_type": "client_credentials"}, auth=("a", "b"), timeout=5
    )
    assert answer.status_code == 415


def test_tokens_expire(simulator, get):
    get(f"artists/{TAYLOR}")
    simulator.config(clock_offset_seconds=3601)
    assert get(f"artists/{TAYLOR}", 401)["error"]["status"] == 401


@pytest.mark.parametrize(
    ("path", "params", "development", "extended"),
    [
        ("search", {"q": "taylor swift", "type": "artist", "limit": 11}, 400, 200),
        ("search", {"q": "taylor swift", "type": "artist", "limit": 51}, 400, 400),
        ("search", {"q": "", "type": "artist"}, 400, 400),
        ("search", {"q": "x", "type": "artist", "limit": 10, "offset": 991}, 400, 400),
        (f"artists/{TAYLOR}/albums", {"limit": 11}, 400, 200),
        (f"albums/{FEARLESS}/tracks", {"limit": 50}, 200, 200),
        (f"albums/{FEARLESS}/tracks", {"limit": 51}, 400, 400),
        ("albums", {"ids": FEARLESS}, 403, 200),
        ("albums", {"ids": ",".join([FEARLESS] * 21)}, 403, 400),
        ("albums", {"ids": "nonsense"}, 403, 400),
        ("tracks", {"ids": "0000000000000000000000"}, 403, 200),
        (f"artists/{TAYLOR}/top-tracks", {}, 403, 404),
        (f"playlists/{LONG_LIST}", {}, 200, 200),
        (f"playlists/{LONG_LIST}/items", {}, 403, 200),
        (f"playlists/{LONG_LIST}/tracks", {"limit": 100}, 403, 200),
        ("playlists/37i9dQZF1DXcBWIGoYBM5M", {}, 404, 404),
        ("albums/tooshort", {}, 400, 400),
        ("albums/7N42dgm5tFLK9N8MT7fHC8", {}, 400, 400),
        ("albums/0000000000000000000000", {}, 404, 404),
        (f"albums/{FEARLESS}", {"market": "DE"}, 200, 200),
        (f"albums/{FEARLESS}", {"market": "QQ"}, 400, 400),
        (f"albums/{FEARLESS}", {"market": "from_token"}, 403, 403),
    ],
)
def test_both_modes(simulator, get, path, params, development, extended):
    get(path, development, **params)
    simulator.config(quota_mode="extended")
    get(path, extended, **params)


def test_development_leaves_fields_out_deeply(simulator, get):
    album = get(f"albums/{FEARLESS}")
    assert not {"popularity", "label", "available_markets", "album_group"} & set(album)
    assert album["external_ids"]["upc"]
    row = get(f"artists/{TAYLOR}/albums")["items"][0]
    assert not {"available_markets", "album_group"} & set(row)
    assert "album" not in album["tracks"]["items"][0]
    simulator.config(quota_mode="extended")
    assert {"popularity", "label", "available_markets"} <= set(get(f"albums/{FEARLESS}"))
    assert "album_group" in get(f"artists/{TAYLOR}/albums")["items"][0]


def test_default_page_sizes(get):
    assert get("search", q="taylor", type="artist")["artists"]["limit"] == 5
    assert get(f"artists/{TAYLOR}/albums")["limit"] == 5


def test_search_folds_case_and_accents_and_puts_the_exact_name_first(get):
    assert get("search", q="TAYLOR  swift", type="artist")["artists"]["items"][0]["name"] == "Taylor Swift"
    assert get("search", q="qqzzxx", type="artist")["artists"] == {
        "href": get("search", q="qqzzxx", type="artist")["artists"]["href"],
        "items": [], "limit": 5, "next": None, "offset": 0, "previous": None, "total": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "english", "own"),
    [("椎名林檎", "Sheena Ringo", "椎名林檎"), ("아이유", "IU", "아이유"), ("Кино", "KINO", "Кино")],
)
def test_names_depend_on_the_language(get, query, english, own):
    assert get("search", q=query, type="artist", language="en")["artists"]["items"][0]["name"] == english
    assert get("search", q=query, type="artist", language="ja")["artists"]["items"][0]["name"] == own


def test_a_playlist_holds_every_oddity(simulator, get):
    simulator.config(quota_mode="extended")
    rows = get(f"playlists/{ODD_LIST}/items", limit=50)["items"]
    assert None in rows
    items = [row["item"] for row in rows if row]
    assert None in items
    assert any(item and item["type"] == "episode" for item in items)
    assert any(item and item["id"] is None for item in items)


def test_the_window_rolls_and_says_when_a_call_would_be_taken():
    state = State(Config(limit=3, window_seconds=30, daily_limit=0))
    assert [state.admit("/v1/x") for _ in range(3)] == [None] * 3
    refusal = state.admit("/v1/x")
    assert refusal is not None
    assert refusal.retry_after == 30
    state.config.clock_offset_seconds = 29.9
    assert state.admit("/v1/x") is not None
    assert state.counters.early == 1
    state.config.clock_offset_seconds = 30.1
    assert state.admit("/v1/x") is None
    assert state.counters.max_in_window == 3


def test_the_day_rolls_and_names_its_reason(simulator, get):
    simulator.config(daily_limit=2)
    get(f"artists/{TAYLOR}")
    get(f"artists/{TAYLOR}")
    assert get(f"artists/{TAYLOR}", 429)["error"]["reason"] == "QUOTA_EXCEEDED"
    simulator.config(clock_offset_seconds=24 * 3600 + 1)
    assert get(f"artists/{TAYLOR}", 401)  # a day later the token has expired, too


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        (
            {"kind": "429", "retry_after": "19056"},
            lambda r: r.status_code == 429 and r.headers["Retry-After"] == "19056",
        ),
        (
            {"kind": "429", "body": "Too many requests"},
            lambda r: r.text == "Too many requests" and "Retry-After" not in r.headers,
        ),
        (
            {"kind": "status", "status": 502, "body": "<html>Bad gateway"},
            lambda r: r.status_code == 502 and "html" in r.text,
        ),
        ({"kind": "status", "status": 503, "body": ""}, lambda r: r.status_code == 503 and r.text == ""),
        ({"kind": "html"}, lambda r: r.status_code == 200 and r.text.startswith("<!doctype")),
        ({"kind": "truncate"}, lambda r: r.status_code == 200 and r.text.startswith("{") and not r.text.endswith("}")),
        ({"kind": "slow", "seconds": 0.2}, lambda r: r.status_code == 200 and r.elapsed.total_seconds() > 0.2),
    ],
)
def test_faults_strike_once_and_only_their_path(simulator, fault, check):
    token = requests.post(
        f"{simulator.url}/api/token", data={"grant_type": "client_credentials"}, auth=("a", "b"), timeout=5
    ).json()
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    simulator.faults({**fault, "path": "/v1/artists/.*"})
    assert requests.get(f"{simulator.url}/v1/albums/{FEARLESS}", headers=headers, timeout=5).status_code == 200
    assert check(requests.get(f"{simulator.url}/v1/artists/{TAYLOR}", headers=headers, timeout=5))
    assert (
        requests.get(f"{simulator.url}/v1/artists/{TAYLOR}", headers=headers, timeout=5).json()["name"]
        == "Taylor Swift"
    )


def test_a_dropped_connection_is_dropped(simulator, get):
    simulator.faults({"kind": "drop"})
    with pytest.raises(requests.ConnectionError):
        get(f"artists/{TAYLOR}")


def test_a_fault_that_makes_no_sense_is_refused(simulator):
    answer = requests.post(f"{simulator.url}/_admin/faults", json=[{"kind": "earthquake"}], timeout=5)
    assert answer.status_code == 400
    assert "earthquake" in answer.json()["error"]
