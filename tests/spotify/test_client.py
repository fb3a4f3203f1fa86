"""The client against the simulator, over HTTP: pages, retries, and every way to fail."""

import json
import time

import pytest
import requests

from spotify.calls import Calls, Turn, new_transport
from spotify.client import SpotifyClient, _once_each
from spotify.errors import (
    BudgetSpent,
    Forbidden,
    Malformed,
    NotFound,
    Paused,
    RateLimited,
    Refused,
    SpotifyError,
    Unavailable,
    remembered,
)
from spotify.headers import read_retry_after
from spotify.payloads import Page
from spotify.throttle import Throttle
from spotify.tokens import Tokens
from tests.conftest import TAYLOR
from tests.spotify.test_simulator import FEARLESS, LONG_LIST, ODD_LIST
from tests.spotify.test_throttle import InMemory

NOWHERE = "0000000000000000000000"


class Rig:
    """A client whose sleeps are written down instead of slept."""

    def __init__(self, redis, simulator, **changes):
        self.slept: list[float] = []
        self.seen: list[tuple[str, int]] = []
        self.patience = changes.pop("patience", 0.0)
        self.checks = 0
        self.throttle = Throttle(
            redis, InMemory(), limit=changes.pop("limit", 1000), window_seconds=30, call_seconds=15,
            daily_limit=changes.pop("daily_limit", 0), pause_key="spotify:pause",
        )  # fmt: skip
        timeouts = changes.pop("timeouts", (1.0, 2.0))
        transport = new_transport()
        tokens = Tokens(
            redis,
            transport,
            url=changes.pop("accounts", simulator.url),
            client_id="id",
            client_secret="s3cret",
            timeouts=timeouts,
        )
        self.tokens = tokens
        turn = Turn(patience=lambda: self.patience, check=self.check)
        extended = changes.pop("extended", False)
        values = {"turn": turn, "url": f"{simulator.url}/v1", "timeouts": timeouts, "sleep": self.sleep,
                  "observe": lambda endpoint, status: self.seen.append((endpoint, status))}  # fmt: skip
        self.calls = Calls(transport, tokens, self.throttle, **(values | changes))
        self.client = SpotifyClient(self.calls, extended=extended)

    def sleep(self, seconds):
        self.slept.append(seconds)

    def check(self):
        self.checks += 1


@pytest.fixture
def rig(redis, simulator):
    return lambda **changes: Rig(redis, simulator, **changes)


def test_all_albums_in_pages_of_ten(rig, simulator):
    listed = rig().client.artist_albums(TAYLOR)
    assert len({album.id for album in listed.items}) == len(listed.items) == 68
    assert listed.is_complete
    assert simulator.state()["by_path"] == {"/v1/artists/{id}/albums": 7}


def test_extended_mode_takes_pages_of_fifty(rig, simulator):
    simulator.config(quota_mode="extended")
    assert len(rig(extended=True).client.artist_albums(TAYLOR).items) == 68
    assert simulator.calls == 2


def test_an_album_is_one_call(rig, simulator):
    client = rig().client
    album, first = client.album(FEARLESS)
    assert len(client.all_tracks(FEARLESS, first)) == album.total_tracks == 13
    assert simulator.calls == 1


def test_a_playlist_counts_what_it_leaves_out(rig, simulator):
    simulator.config(quota_mode="extended")
    client = rig(extended=True).client
    about, first = client.playlist(ODD_LIST)
    found = client.playlist_rows(ODD_LIST, first)
    tracks = [track for track in found.items if track]
    assert (about.name, len(found.items), len(tracks)) == ("A list with odd rows", 10, 6)
    assert (found.has_moved, found.is_complete) == (False, True)
    assert len({track.id for track in tracks}) == 5  # one stands there twice
    assert simulator.calls == 1  # its rows came with it


def test_a_long_playlist_goes_on_where_its_first_rows_end(rig, simulator):
    simulator.config(quota_mode="extended")
    client = rig(extended=True).client
    rows = client.playlist_rows(LONG_LIST, client.playlist(LONG_LIST)[1]).items
    assert len({track.id for track in rows}) == len(rows) == 120
    assert simulator.state()["by_path"] == {"/v1/playlists/{id}": 1, "/v1/playlists/{id}/items": 1}
    assert client.playlist_rows(LONG_LIST, None).items == rows  # where none came along


def test_an_album_that_comes_without_its_tracks_is_asked_for_them(rig, simulator):
    nothing_yet = Page(items=[], total=13, has_next=False, size=0)
    assert len(rig().client.all_tracks(FEARLESS, nothing_yet)) == 13
    assert simulator.state()["by_path"] == {"/v1/albums/{id}/tracks": 1}


@pytest.mark.parametrize("status", [403, 404])
def test_rows_that_have_only_their_old_address(rig, simulator, status):
    simulator.config(quota_mode="extended")
    body = json.dumps({"error": {"status": status, "message": "Service not found"}})
    simulator.faults({"kind": "status", "path": "/v1/playlists/.*/items", "times": 0, "status": status, "body": body})
    assert len(rig(extended=True).client.playlist_rows(LONG_LIST, None).items) == 120
    assert simulator.calls == 1 + 3


def test_a_playlist_in_development_mode_is_forbidden(rig):
    with pytest.raises(Forbidden):
        rig().client.playlist_rows(LONG_LIST, None)


def test_language_decides_the_name(rig):
    assert rig(language="en").client.search_artists("椎名林檎")[0].name == "Sheena Ringo"
    assert rig(language="ja").client.search_artists("椎名林檎")[0].name == "椎名林檎"


def test_it_gives_up_after_four_tries_and_waits_longer_each_time(rig, simulator):
    simulator.faults({"kind": "status", "status": 503, "path": "/v1/.*", "times": 0})
    one = rig()
    with pytest.raises(Unavailable) as error:
        one.client.artist(TAYLOR)
    assert (simulator.calls, one.throttle.look().used) == (4, 4)  # each try counts against the budget
    assert not isinstance(error.value, Paused)
    assert sum(one.slept) <= 2 + 4 + 8


def test_not_found(rig):
    with pytest.raises(NotFound):
        rig().client.album(NOWHERE)


@pytest.mark.parametrize(
    ("fault", "pause", "kind"),
    [
        ({"retry_after": "7"}, 8, "window"),
        ({"retry_after": "0"}, 1, "window"),
        ({}, 31, "window"),
        ({"retry_after": "soon"}, 31, "window"),
        ({"retry_after": "-5"}, 31, "window"),
        ({"retry_after": "49861"}, 49862, "quota"),
        ({"retry_after": "20", "reason": "QUOTA_EXCEEDED"}, 21, "quota"),
        ({"retry_after": "999999999"}, 48 * 3600 + 1, "quota"),
    ],
)
def test_a_429_pauses_everybody(rig, simulator, fault, pause, kind):
    simulator.faults({"kind": "429", "path": "/v1/.*", "times": 1, **fault})
    one = rig()
    if pause > 4:
        with pytest.raises(Paused) as error:
            one.client.artist(TAYLOR)
        assert error.value.retry_after == pytest.approx(pause, rel=0.06, abs=1)
        usage = one.throttle.look()
        assert usage.pause_kind == kind
        assert usage.pause_seconds == pytest.approx(pause, rel=0.06, abs=1)
        with pytest.raises(Paused):
            rig().client.artist(TAYLOR)  # another worker
        assert simulator.calls == 1  # nobody called during the pause
    else:
        one.calls._sleep = time.sleep
        assert one.client.artist(TAYLOR).name  # so short that it is waited for
        assert simulator.state()["early"] == 0


def test_a_date_is_a_retry_after(monkeypatch):
    assert read_retry_after("Mon, 23 Nov 2026 12:00:30 GMT", 1795435200.0) == 30
    assert read_retry_after("Mon, 23 Nov 2026 11:00:00 GMT", 1795435200.0) is None
    assert read_retry_after(None, 0) is None
    assert read_retry_after("nan", 0) is None
    assert read_retry_after("inf", 0) is None


def test_a_full_window_is_waited_for_in_slices_that_look_whether_to_make_way(rig, redis, simulator):
    one = rig(limit=1)
    one.client.artist(TAYLOR)

    def sleep(seconds):
        one.slept.append(seconds)
        for call, score in redis.zrange(one.throttle.window_key, 0, -1, withscores=True):
            redis.zadd(one.throttle.window_key, {call: score - 1000 * seconds})

    one.calls._sleep = sleep
    one.client.artist(TAYLOR)
    assert sum(one.slept) == pytest.approx(30, abs=2)
    assert max(one.slept) <= 1
    assert one.checks >= 30


def test_a_spent_day_is_said_at_once(rig, simulator):
    one = rig(daily_limit=1)
    one.client.artist(TAYLOR)
    with pytest.raises(BudgetSpent) as error:
        one.client.artist(TAYLOR)
    assert error.value.retry_after > 24 * 3600 - 1
    assert simulator.calls == 1


def test_an_expired_token_is_renewed_once(rig, simulator, redis):
    one = rig()
    one.client.artist(TAYLOR)
    simulator.admin("forget-tokens")
    assert one.client.artist(TAYLOR).name == "Taylor Swift"
    state = simulator.state()
    assert (state["token_requests"], state["by_status"]) == (2, {"200": 2, "401": 1})


def test_wrong_credentials_are_refused_and_not_told(rig, simulator):
    simulator.config(client_secret="another")
    with pytest.raises(Refused) as error:
        rig().client.artist(TAYLOR)
    assert "s3cret" not in repr(error.value)
    assert simulator.calls == 0


def test_one_token_serves_all_workers(rig, simulator):
    for _ in range(3):
        rig().client.artist(TAYLOR)
    assert simulator.state()["token_requests"] == 1


def test_the_token_shows_in_no_error(rig, redis, simulator):
    one = rig(url="http://127.0.0.1:9/v1")
    with pytest.raises(Unavailable) as error:
        one.client.artist(TAYLOR)
    token = redis.get(one.tokens.key)
    assert token
    assert token not in repr(error.value)
    assert error.value.__cause__ is None


def test_every_error_of_requests_is_one_of_ours(rig, monkeypatch):
    """Also those that a later version of requests will bring: they are all RequestException."""
    kinds = [kind for kind in vars(requests.exceptions).values() if isinstance(kind, type)]
    mapped = [kind for kind in kinds if issubclass(kind, requests.RequestException)]
    assert len(mapped) > 15
    one = rig()
    for kind in mapped:
        error = kind("x", "", 0) if kind is requests.exceptions.JSONDecodeError else kind("x")

        def fail(*args, error=error, **kwargs):
            raise error

        monkeypatch.setattr(one.calls._transport, "get", fail)
        with pytest.raises(SpotifyError):
            one.client.artist(TAYLOR)


class Pages:
    """Answers one list page by page, as odd as told."""

    def __init__(self, *pages):
        self.pages = list(pages)
        self.asked: list[int] = []

    def __call__(self, endpoint, path, params, parse):
        self.asked.append(params["offset"])
        return parse(self.pages.pop(0))


class Item:
    def __init__(self, value):
        self.id = value["id"]


def page(ids, total, following=None):
    return {"items": [i and {"id": i} for i in ids], "total": total, "next": following}


@pytest.mark.parametrize(
    ("pages", "found", "asked"),
    [
        ([page("ab", 2)], "ab", [0]),
        ([page("ab", 3, "x"), page("bc", 3)], "abc", [0, 2]),  # one row on two pages
        ([page("ab", 3), page("c", 3)], "abc", [0, 2]),  # `next` null too early
        ([page("ab", 9, "x"), page("", 9, "x")], "ab", [0, 2]),  # empty, with a `next`
        ([page("ab", 2, "x"), page("c", 2)], "abc", [0, 2]),  # `total` too low
        ([page(["a", None], None, "x"), page("b", None)], "ab", [0, 2]),  # `total` null
    ],
)
def test_pages_as_odd_as_they_come(rig, pages, found, asked):
    client = rig().client
    client._calls.get = answers = Pages(*pages)
    came = client._pages("e", "p", {}, 2, Item)
    assert "".join(item.id for item in _once_each(item for one in came for item in one.items)) == found
    assert answers.asked == asked


def test_a_list_that_never_ends_ends(rig):
    client = rig().client
    client._calls.get = answers = Pages(*[page(f"{i}{i + 1}", 6, "x") for i in range(50)])
    client._pages("e", "p", {}, 2, Item)
    assert len(answers.asked) == 6 // 2 + 2


def test_errors_are_remembered_by_their_code():
    for kind in (NotFound, Forbidden, Refused, Malformed):
        assert type(remembered(kind.code, "why", 3)) is kind
    assert type(remembered("spotify_paused", "why", 3)) is Paused
    assert remembered("spotify_paused", "why", 3).retry_after == 3
    assert type(remembered("unknown", "why", 3)) is Unavailable
    assert issubclass(RateLimited, Paused)
