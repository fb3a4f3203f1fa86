"""Each row of the failure table, played over HTTP: which error, how many tries; and nothing poisons the cache."""

import json
import threading

import pytest

from songranker import problems
from spotify import failures
from spotify.calls import PREMIUM_STOPS_SECONDS
from spotify.errors import Malformed, Outage, Paused, Refused, SpotifyError, Unavailable
from spotify.failures import TABLE
from tests.conftest import TAYLOR
from tests.spotify.test_client import Rig
from tests.spotify.test_simulator import FEARLESS

PREMIUM = {"error": {"status": 403, "message": "Active premium subscription required for the owner of the app."}}
ACCOUNTS_DOWN = {"path": "/api/token", "times": 0}


def web_api(kind="status", **fault):
    return {"path": "/v1/.*", "times": 0, "kind": kind, **fault}


def answers(body):
    return web_api(status=200, body=body if isinstance(body, str) else json.dumps(body))


# Row -> what Spotify does, each alone.
PLAYED = {
    failures.BAD_REQUEST: [web_api(status=status) for status in (400, 405, 410, 422)],
    failures.TOKEN: [web_api(status=401)],
    failures.PREMIUM: [web_api(status=403, body=json.dumps(PREMIUM)), web_api(status=403, body=PREMIUM["error"]["message"])],
    failures.FORBIDDEN: [web_api(status=403), web_api(status=403, body="<html>")],
    failures.ABSENT: [web_api(status=404)],
    failures.ODD_404: [web_api(status=404, body="<html>"), web_api(status=404, body=""), web_api(status=404, body="[]")],
    failures.LIMITED: [
        web_api("429", retry_after="60"),
        web_api("429", retry_after="Thu, 01 Jan 1970 00:00:00 GMT"),
        web_api("429", retry_after="soon"),
        web_api("429"),
        web_api("429", retry_after="40000", reason="QUOTA_EXCEEDED"),
    ],
    failures.SERVER: [web_api(status=status, body=body) for status, body in ((500, None), (502, "<html>"), (503, ""), (504, None))],
    failures.NETWORK: [web_api("drop"), web_api("hang", seconds=0.8), web_api("slow", seconds=0.8)],
    failures.MALFORMED: [
        web_api("html"), web_api("truncate"), web_api(status=302, body=""), web_api(status=204, body=""),
        answers(""), answers("nul"), answers(b"\xff\xfe".decode("latin-1")), answers([]), answers(7), answers(None),
        answers({}), answers({"id": TAYLOR}), answers({"id": 5, "name": "x"}), answers({"id": TAYLOR, "name": ["x"]}),
        answers({"id": TAYLOR, "name": "x" * 6_000_000}),
    ],
    failures.CREDENTIALS: [{**ACCOUNTS_DOWN, "kind": "status", "status": status} for status in (400, 401, 403)],
    failures.ACCOUNTS: [
        {**ACCOUNTS_DOWN, "kind": "status", "status": 500}, {**ACCOUNTS_DOWN, "kind": "429", "retry_after": "2"},
        {**ACCOUNTS_DOWN, "kind": "drop"}, {**ACCOUNTS_DOWN, "kind": "html"}, {**ACCOUNTS_DOWN, "kind": "hang", "seconds": 0.8},
        {**ACCOUNTS_DOWN, "kind": "status", "status": 200, "body": '{"access_token": 5, "expires_in": 3600}'},
        {**ACCOUNTS_DOWN, "kind": "status", "status": 200, "body": '{"access_token": "x", "expires_in": "soon"}'},
    ],
}  # fmt: skip


@pytest.fixture
def rig(redis, simulator):
    return lambda **changes: Rig(redis, simulator, timeouts=(0.5, 0.5), **changes)


def test_every_row_is_played():
    assert set(PLAYED) == set(TABLE)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        pytest.param(row, fault, id=f"{row.name}-{i}")
        for row, faults in PLAYED.items()
        for i, fault in enumerate(faults)
    ],
)
def test_each_row(rig, redis, simulator, row, fault):
    simulator.faults(fault)
    one = rig()
    one.calls._sleep = lambda seconds: forget_back_off(redis, one.tokens)
    with pytest.raises(SpotifyError) as error:
        one.client.artist(TAYLOR)
    assert error.value.failure in (row, None)  # None: a pause that somebody meets before the call
    assert isinstance(error.value, Paused if row is failures.LIMITED else row.error)
    state = simulator.state()
    if row in (failures.CREDENTIALS, failures.ACCOUNTS):
        assert state["calls"] == 0
        assert state["token_requests"] == row.tries
    elif row is failures.LIMITED:
        assert state["calls"] == 1  # nobody calls in a pause
    else:
        assert state["calls"] == (2 if row is failures.TOKEN else row.tries)
        assert one.throttle.look().used == state["calls"]  # each try counts against the budget
    # What people see: an honest problem document, with when to come back where that helps.
    problem = problems.problem_for(error.value)
    assert problem.code == row.error.code
    assert bool(problem.retry_after) == issubclass(row.error, Unavailable)


def forget_back_off(redis, tokens):
    """As after the back-off of the accounts service."""
    redis.delete(tokens._back_off)


@pytest.mark.parametrize(
    ("row", "fault"),
    [pytest.param(row, PLAYED[row][0], id=row.name) for row in TABLE if row.tries > 1 and row is not failures.LIMITED],
)
def test_what_passes_is_answered_after_all(rig, redis, simulator, row, fault):
    simulator.faults({**fault, "times": row.tries - 1})
    one = rig()
    one.calls._sleep = lambda seconds: forget_back_off(redis, one.tokens)
    assert one.client.artist(TAYLOR).name == "Taylor Swift"


# --- the token ---


def test_a_lapsed_premium_stops_all_calls_until_somebody_looks(rig, redis, simulator):
    simulator.config(premium_lapsed=True)
    for _ in range(3):
        with pytest.raises(Refused, match="Premium"):
            rig().client.artist(TAYLOR)
    assert simulator.state()["by_status"] == {"403": 1}
    one = rig()
    assert one.tokens.refusal()[1] == pytest.approx(PREMIUM_STOPS_SECONDS, abs=5)
    simulator.config(premium_lapsed=False)
    assert one.tokens.resume()
    assert one.client.artist(TAYLOR).name


def test_refused_credentials_are_asked_about_once_a_minute(rig, simulator):
    simulator.config(client_secret="another")
    for _ in range(5):
        with pytest.raises(Refused):
            rig().client.artist(TAYLOR)
    assert simulator.state()["token_requests"] == 1


def test_an_accounts_service_that_is_down_is_asked_ever_less_often(rig, simulator):
    simulator.faults({**ACCOUNTS_DOWN, "kind": "status", "status": 503})
    one = rig()
    for _ in range(20):
        with pytest.raises(Unavailable):
            one.tokens.current()
    assert simulator.state()["token_requests"] == 1
    waits = [one.tokens._wait_longer(0) for _ in range(10)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (2, 300)


def test_the_old_token_serves_while_the_accounts_service_is_down(rig, redis, simulator):
    one = rig()
    one.client.artist(TAYLOR)
    redis.delete(one.tokens._fresh)  # time to renew it, early
    simulator.faults({**ACCOUNTS_DOWN, "kind": "status", "status": 503})
    assert [one.client.artist(TAYLOR).name for _ in range(3)] == ["Taylor Swift"] * 3
    assert simulator.state()["token_requests"] == 2  # one in vain, then its back-off
    simulator.faults()
    forget_back_off(redis, one.tokens)
    one.client.artist(TAYLOR)
    assert simulator.state()["token_requests"] == 3


def test_twenty_workers_renew_one_token_once(rig, simulator):
    rigs = [rig() for _ in range(20)]
    found = []

    def work(one):
        found.append(one.client.artist(TAYLOR).name)

    for _ in range(2):  # at first without a token; then all meet a 401 at the same time
        threads = [threading.Thread(target=work, args=(one,)) for one in rigs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        simulator.admin("forget-tokens")
    assert found == ["Taylor Swift"] * 40
    assert simulator.state()["token_requests"] == 2


# --- answers that lead astray ---


def test_next_links_to_foreign_hosts_are_never_followed(rig, redis, simulator):
    one = rig()
    page = json.loads(one.calls._exchange(f"artists/{TAYLOR}/albums", {"limit": 10}, one.tokens.current())[2])
    simulator.admin("reset")
    page["next"] = "http://169.254.169.254/latest/meta-data?token="
    simulator.faults(
        {"path": f"/v1/artists/{TAYLOR}/albums", "kind": "status", "status": 200, "body": json.dumps(page)}
    )
    simulator.admin("forget-tokens")
    asked = []
    send = one.calls._exchange
    one.calls._exchange = lambda path, params, token: (
        asked.append((path, params["offset"])) or send(path, params, token)
    )
    assert len(one.client.artist_albums(TAYLOR).items) == 68
    assert {path for path, _ in asked} == {f"artists/{TAYLOR}/albums"}
    assert sorted({offset for _, offset in asked}) == [0, 10, 20, 30, 40, 50, 60]


def test_redirects_are_not_followed(rig, simulator):
    simulator.faults(web_api(status=302, body="", retry_after=None))
    with pytest.raises(Malformed):
        rig().client.artist(TAYLOR)
    assert set(simulator.state()["by_path"]) == {"/v1/artists/{id}"}


def test_nulls_among_the_items_are_left_out(rig, simulator):
    simulator.faults({"path": "/v1/.*", "kind": "null_items", "times": 0})
    one = rig()
    assert one.client.search_artists("taylor")[0].name == "Taylor Swift"
    assert len(one.client.artist_albums(TAYLOR).items) == 68
    assert len(one.client.album(FEARLESS)[1].items) == 13


# --- the breaker ---


def test_a_spotify_that_fails_again_and_again_is_left_alone(rig, redis, simulator):
    simulator.faults(web_api(status=503))
    one = rig()
    for _ in range(3):
        with pytest.raises(Unavailable):
            one.client.artist(TAYLOR)
    assert simulator.calls == 10
    with pytest.raises(Outage) as error:
        rig().client.artist(TAYLOR)  # another worker
    assert 20 < error.value.retry_after <= 30
    assert simulator.calls == 10
    redis.delete("spotify:pause")  # half a minute later: one call tries
    with pytest.raises(Unavailable):
        one.client.artist(TAYLOR)
    assert simulator.calls == 11
    redis.delete("spotify:pause")
    simulator.faults()
    assert one.client.artist(TAYLOR).name == "Taylor Swift"
    assert one.client.artist(TAYLOR).name == "Taylor Swift"
