"""Sessions from the outside: start, answer, undo, exclude, merge, export; and each refusal."""

import uuid

import pytest

from ranking.models import BoardMark, Comparison, Pair, Session
from tests.processes import until
from tests.spotify.test_simulator import FEARLESS

NOWHERE = "0000000000000000000000"


def key():
    return {"Idempotency-Key": str(uuid.uuid4())}


@pytest.fixture
def session(api, songs, db):
    """A session of eight pasted songs, with its token in hand."""
    body = api("POST", "sessions", 201, {"songs": songs, "name": "Mine"})
    api.token = body["token"]
    api.path = f"sessions/{body['id']}"
    return body


@pytest.fixture
def vote(api, session):
    def vote(outcome="a", want=201, pair=None, **changes):
        pair = pair or api("GET", f"{api.path}/pair", 200)
        body = {"song_a": pair["a"]["id"], "song_b": pair["b"]["id"], "outcome": outcome, "pair": pair["pair"]}
        return api("POST", f"{api.path}/comparisons", want, body | changes, **key())

    return vote


def outcomes(api):
    return [comparison["outcome"] for comparison in api("GET", f"{api.path}/comparisons", 200)["results"]]


class TestStarting:
    def test_a_session_of_pasted_songs_is_ready(self, session):
        assert session["state"] == "ready"
        assert [song["name"] for song in session["songs"]][:2] == ["One", "Two"]
        assert session["progress"] == {
            "answered": 0, "remaining_low": 21, "remaining_high": 28, "confidence": 0.5, "top_ten_settled": False, "complete": False,
        }  # fmt: skip
        assert session["import"] is None

    def test_the_token_is_shown_once_and_stored_nowhere(self, api, session):
        assert "token" not in api("GET", api.path, 200)
        assert session["token"] not in str(vars(Session.objects.get()))
        assert len(session["token"]) >= 32

    def test_an_answer_with_a_token_is_not_cached(self, api, session, songs):
        api("POST", "sessions", 201, {"songs": songs})
        assert api.answer["Cache-Control"] == "no-store"

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"songs": []}, "songs"),
            ({"songs": [{"name": "One", "artist": "A"}]}, "songs"),
            ({"songs": [{"name": "One", "artist": "A"}] * 2}, "songs"),  # twice the same is one
            ({"songs": [{"name": "One"}] * 2}, "songs[0].artist"),
            ({"songs": [{"name": "", "artist": "A"}] * 2}, "songs[0].name"),
            ({"songs": [{"name": 5, "artist": "A"}] * 2}, "songs[0].name"),
            ({"songs": [{"name": "a\u0000b", "artist": "A"}] * 2}, "songs[0].name"),
            ({"songs": [{"name": "One", "artist": "A", "isrc": "x"}] * 2}, "songs[0].isrc"),
            ({"songs": "One, Two"}, "songs"),
            ({"songs": [{"name": f"{i}", "artist": "A"} for i in range(1001)]}, "songs"),
            ({"mode": "fast"}, "mode"),
            ({"versions": "all"}, "versions"),
            ({"visibility": "secret"}, "visibility"),
            ({"name": "x" * 201}, "name"),
            ({"album_ids": ["zz"]}, "album_ids[0]"),
            ({"album_ids": [NOWHERE] * 101}, "album_ids"),
            ({"artist_id": "zz"}, "artist_id"),
            ({"artist_id": FEARLESS, "playlist_id": FEARLESS}, "playlist_id"),
        ],
    )
    def test_bad_input_names_the_field(self, api, songs, db, change, field):
        problem = api("POST", "sessions", 400, {"songs": songs} | change)
        assert field in [error["field"] for error in problem["errors"]]
        assert Session.objects.count() == 0

    @pytest.mark.parametrize("body", ["[1]", '"text"', "{", "null"])
    def test_a_body_that_is_no_object(self, api, db, body):
        answer = api.client.post("/api/v1/sessions", body, content_type="application/json")
        assert answer.status_code == 400
        assert answer.json()["code"] == "invalid"

    def test_another_content_type(self, api, db):
        answer = api.client.post("/api/v1/sessions", "<x/>", content_type="application/xml")
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")

    def test_albums_join_as_they_arrive(self, workers, api, simulator):
        simulator.config(latency_ms=400)
        body = api("POST", "sessions", 201, {"album_ids": [FEARLESS, "5eyZZoQEFQWRHkV2xgAeBw", NOWHERE]})
        assert body["state"] == "collecting"
        assert api("GET", f"sessions/{body['id']}/pair", 409)["code"] == "not_enough_songs"
        assert api.answer["Retry-After"]
        path = f"sessions/{body['id']}"
        ready = until("all albums are here", lambda: (now := api("GET", path, 200))["state"] == "ready" and now)
        assert [source["state"] for source in ready["sources"]] == ["done", "done", "absent"]
        assert len(ready["songs"]) + sum(len(d["songs"]) - 1 for d in ready["duplicates"]) == 13 + 15
        assert api("GET", f"{path}/pair", 200)["a"]["image_url"]

    def test_what_is_cached_is_there_at_once(self, workers, api, simulator):
        api("GET", f"albums/{FEARLESS}/tracks", 200)
        body = api("POST", "sessions", 201, {"album_ids": [FEARLESS]})
        assert (body["state"], len(body["songs"])) == ("ready", 13)
        assert simulator.calls == 1

    def test_single_tracks(self, workers, api, simulator):
        tracks = api("GET", f"albums/{FEARLESS}/tracks", 200)["results"]
        body = api("POST", "sessions", 201, {"track_ids": [track["id"] for track in tracks[:3]]})
        assert [song["name"] for song in body["songs"]] == [track["name"] for track in tracks[:3]]
        assert simulator.calls == 1  # known from their album

    def test_a_session_without_a_broker_is_kept_and_goes_on_later(self, transactional_db, api, monkeypatch):
        from kombu.exceptions import OperationalError

        def no_broker(*args, **kwargs):
            raise OperationalError("Connection refused")

        monkeypatch.setattr("ranking.tasks.collect.apply_async", no_broker)
        assert api("POST", "sessions", 201, {"album_ids": [FEARLESS]})["state"] == "collecting"
        assert Session.objects.collecting().count() == 1


class TestRights:
    def test_writing_needs_the_token(self, api, session, vote):
        first = vote()
        api.token = ""
        for method, path, body in (
            ("PATCH", "", {"name": "x"}),
            ("DELETE", "", None),
            ("POST", "/songs", {"songs": []}),
            ("PATCH", f"/songs/{session['songs'][0]['id']}", {"excluded": True}),
            ("POST", "/comparisons", {}),
            ("PATCH", f"/comparisons/{first['comparison']['id']}", {"outcome": "b"}),
            ("DELETE", "/comparisons/last", None),
            ("POST", "/merges", {}),
            ("DELETE", "/merges/1", None),
        ):
            assert api(method, api.path + path, 401, body)["code"] == "unauthorized"
            assert api.answer["WWW-Authenticate"] == "Session"
        api.token = "wrong"
        api("DELETE", api.path, 401)

    def test_an_unlisted_session_is_read_by_who_knows_its_address(self, api, session):
        api.token = ""
        for path in ("", "/pair", "/ranking", "/comparisons", "/duplicates", "/export"):
            api("GET", api.path + path, 200)

    def test_a_private_session_is_not_even_there(self, api, session):
        api("PATCH", api.path, 200, {"visibility": "private"})
        api("GET", api.path, 200)
        api.token = ""
        for path in ("", "/pair", "/ranking", "/comparisons", "/duplicates", "/export"):
            assert api("GET", api.path + path, 404)["code"] == "not_found"
        api("DELETE", api.path, 404)

    def test_another_sessions_token_is_no_right(self, api, session, songs):
        api.token = api("POST", "sessions", 201, {"songs": songs})["token"]
        api("DELETE", api.path, 401)

    @pytest.mark.parametrize("path", ["sessions/nope", "sessions/nope/pair", "sessions/nope/ranking"])
    def test_no_such_session(self, api, db, path):
        api("GET", path, 404)


class TestVoting:
    def test_the_same_pair_until_it_is_answered(self, api, session, vote):
        pair = api("GET", f"{api.path}/pair", 200)
        assert api("GET", f"{api.path}/pair", 200)["pair"] == pair["pair"]
        answer = vote(pair=pair)
        assert answer["next"]["pair"] != pair["pair"]
        assert api("GET", f"{api.path}/pair", 200)["pair"] == answer["next"]["pair"]
        assert not {answer["next"]["a"]["id"], answer["next"]["b"]["id"]} & {pair["a"]["id"], pair["b"]["id"]}

    def test_a_win_moves_both(self, vote):
        answer = vote("a")
        assert answer["elo"]["a"] > 1500 > answer["elo"]["b"]
        assert answer["progress"]["answered"] == 1
        assert answer["progress"]["confidence"] > 0.5

    def test_a_skip_moves_nothing(self, api, vote):
        answer = vote("skip")
        assert answer["elo"] == {"a": 1500, "b": 1500}
        assert answer["progress"]["answered"] == 0
        assert BoardMark.objects.count() == 0

    def test_a_tie_counts_half(self, api, vote):
        vote("tie")
        tied = [place for place in api("GET", f"{api.path}/ranking", 200)["results"] if place["ties"]]
        assert len(tied) == 2
        assert all(place["strength"] == pytest.approx(0) for place in tied)

    def test_any_two_songs_may_be_compared(self, api, session):
        body = {"song_a": session["songs"][0]["id"], "song_b": session["songs"][1]["id"], "outcome": "a"}
        api("POST", f"{api.path}/comparisons", 201, body, **key())

    def test_the_same_key_is_the_same_vote(self, api, session):
        pair = api("GET", f"{api.path}/pair", 200)
        body = {"song_a": pair["a"]["id"], "song_b": pair["b"]["id"], "outcome": "a", "pair": pair["pair"]}
        header = key()
        first = api("POST", f"{api.path}/comparisons", 201, body, **header)
        again = api("POST", f"{api.path}/comparisons", 200, body, **header)
        assert again == first
        other_key = api("POST", f"{api.path}/comparisons", 200, body, **key())
        assert other_key["comparison"] == first["comparison"]
        problem = api("POST", f"{api.path}/comparisons", 422, body | {"outcome": "b"}, **header)
        assert problem["code"] == "idempotency_mismatch"
        assert Comparison.objects.count() == 1

    def test_a_late_repeat_does_not_bring_an_undone_vote_back(self, api, session):
        body = {"song_a": session["songs"][0]["id"], "song_b": session["songs"][1]["id"], "outcome": "a"}
        header = key()
        api("POST", f"{api.path}/comparisons", 201, body, **header)
        api("DELETE", f"{api.path}/comparisons/last", 200)
        assert api("POST", f"{api.path}/comparisons", 200, body, **header)["progress"]["answered"] == 0
        assert outcomes(api) == []

    def test_a_key_belongs_to_its_session(self, api, session, songs):
        body = {"song_a": session["songs"][0]["id"], "song_b": session["songs"][1]["id"], "outcome": "a"}
        header = key()
        api("POST", f"{api.path}/comparisons", 201, body, **header)
        other = api("POST", "sessions", 201, {"songs": songs})
        body = {"song_a": other["songs"][0]["id"], "song_b": other["songs"][1]["id"], "outcome": "a"}
        header |= {"Authorization": f"Session {other['token']}"}
        api("POST", f"sessions/{other['id']}/comparisons", 201, body, **header)

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"outcome": "maybe"}, "outcome"),
            ({"song_a": "x"}, "song_a"),
            ({"song_a": "²"}, "song_a"),
            ({"song_a": "99999999"}, "song_a"),
            ({"song_b": None}, "song_b"),
            ({"pair": "never shown"}, "pair"),
            ({"decision_ms": -1}, "decision_ms"),
            ({"decision_ms": 10**12}, "decision_ms"),
        ],
    )
    def test_bad_votes(self, api, session, change, field):
        pair = api("GET", f"{api.path}/pair", 200)
        body = {"song_a": pair["a"]["id"], "song_b": pair["b"]["id"], "outcome": "a", "pair": pair["pair"]}
        problem = api("POST", f"{api.path}/comparisons", 400, body | change, **key())
        assert problem["errors"][0]["field"] == field
        assert Comparison.objects.count() == 0

    def test_a_song_against_itself(self, api, session):
        song = session["songs"][0]["id"]
        problem = api("POST", f"{api.path}/comparisons", 400, {"song_a": song, "song_b": song, "outcome": "a"}, **key())
        assert problem["errors"][0] == {
            "field": "song_b",
            "code": "same_song",
            "detail": "must be another song than song_a",
        }

    def test_a_pair_with_other_songs(self, api, session):
        pair = api("GET", f"{api.path}/pair", 200)
        others = [song["id"] for song in session["songs"] if song["id"] not in (pair["a"]["id"], pair["b"]["id"])]
        body = {"song_a": others[0], "song_b": others[1], "outcome": "a", "pair": pair["pair"]}
        assert api("POST", f"{api.path}/comparisons", 400, body, **key())["errors"][0]["field"] == "pair"

    @pytest.mark.parametrize("header", [{}, {"Idempotency-Key": ""}, {"Idempotency-Key": "x" * 201}])
    def test_a_vote_needs_a_key(self, api, session, header):
        body = {"song_a": session["songs"][0]["id"], "song_b": session["songs"][1]["id"], "outcome": "a"}
        problem = api("POST", f"{api.path}/comparisons", 400, body, **header)
        assert problem["errors"][0]["field"] == "Idempotency-Key"

    def test_the_end_and_beyond(self, api, session, vote):
        for _ in range(28):
            answer = vote("a")
        assert answer["progress"]["complete"] is True
        assert answer["next"] is None
        assert api("GET", f"{api.path}/pair", 409)["code"] == "ranking_complete"
        more = api("GET", f"{api.path}/pair?more=1", 200)
        assert vote(pair=more)["progress"]["answered"] == 29

    def test_only_the_top(self, api, session, vote):
        for _ in range(12):
            vote("a")
        best = [place["song"]["id"] for place in api("GET", f"{api.path}/ranking", 200)["results"][:3]]
        pair = api("GET", f"{api.path}/pair?top=3", 200)
        assert {pair["a"]["id"], pair["b"]["id"]} <= set(best)
        assert api("GET", f"{api.path}/pair?top=1", 400)["errors"][0]["field"] == "top"


class TestTheLog:
    def test_newest_first_and_paged(self, api, vote):
        for outcome in ("a", "b", "tie", "skip"):
            vote(outcome)
        assert outcomes(api) == ["skip", "tie", "b", "a"]
        page = api("GET", f"{api.path}/comparisons?limit=3", 200)
        assert [c["outcome"] for c in page["results"]] == ["skip", "tie", "b"]
        rest = api("GET", page["next"].removeprefix("http://testserver"), 200)
        assert [c["outcome"] for c in rest["results"]] == ["a"]

    def test_change_any_answer(self, api, vote):
        first = vote("a")["comparison"]
        vote("a")
        changed = api("PATCH", f"{api.path}/comparisons/{first['id']}", 200, {"outcome": "b"})
        assert changed["comparison"]["outcome"] == "b"
        assert outcomes(api) == ["a", "b"]
        assert (
            api("PATCH", f"{api.path}/comparisons/{first['id']}", 400, {"outcome": "x"})["errors"][0]["field"]
            == "outcome"
        )

    def test_undo_as_often_as_wanted_brings_the_ranking_back(self, api, vote):
        before = api("GET", f"{api.path}/ranking", 200)["results"]
        pairs = [api("GET", f"{api.path}/pair", 200)]
        for _ in range(3):
            pairs.append(vote("a")["next"])
        for shown in reversed(pairs[:3]):
            api("DELETE", f"{api.path}/comparisons/last", 200)
            again = api("GET", f"{api.path}/pair", 200)  # what was undone is asked again
            assert (again["a"]["id"], again["b"]["id"]) == (shown["a"]["id"], shown["b"]["id"])
        assert api("GET", f"{api.path}/ranking", 200)["results"] == before
        assert api("DELETE", f"{api.path}/comparisons/last", 404)["code"] == "not_found"

    def test_undo_one_in_the_middle(self, api, vote):
        ids = [vote(outcome)["comparison"]["id"] for outcome in ("a", "tie", "b")]
        api("DELETE", f"{api.path}/comparisons/{ids[1]}", 200)
        assert outcomes(api) == ["b", "a"]
        api("DELETE", f"{api.path}/comparisons/{ids[1]}", 404)


class TestSongs:
    def test_an_excluded_song_leaves_and_comes_back_with_its_answers(self, api, session, vote):
        for _ in range(10):
            vote("a")
        before = api("GET", f"{api.path}/ranking", 200)["results"]
        song = before[0]["song"]["id"]
        assert api("PATCH", f"{api.path}/songs/{song}", 200, {"excluded": True})["excluded"] is True
        without = api("GET", f"{api.path}/ranking", 200)["results"]
        assert song not in [place["song"]["id"] for place in without]
        assert len(without) == 7
        for _ in range(5):
            pair = api("GET", f"{api.path}/pair", 200)
            assert song not in (pair["a"]["id"], pair["b"]["id"])
            api("DELETE", f"{api.path}/comparisons/last", 200)
            api("GET", f"{api.path}/pair", 200)
        api("PATCH", f"{api.path}/songs/{song}", 200, {"excluded": False})

    def test_the_shown_pair_gives_way_to_an_exclusion(self, api, session):
        pair = api("GET", f"{api.path}/pair", 200)
        api("PATCH", f"{api.path}/songs/{pair['a']['id']}", 200, {"excluded": True})
        assert api("GET", f"{api.path}/pair", 200)["pair"] != pair["pair"]

    @pytest.mark.parametrize("body", [{}, {"excluded": None}, {"excluded": "yes"}, {"excluded": 1}])
    def test_excluded_is_true_or_false(self, api, session, body):
        api("PATCH", f"{api.path}/songs/{session['songs'][0]['id']}", 400, body)

    def test_add_songs_later(self, api, session, vote):
        vote("a")
        body = api(
            "POST",
            f"{api.path}/songs",
            200,
            {"songs": [{"name": "Nine", "artist": "Alice"}, {"name": "One (Live)", "artist": "Alice"}]},
        )
        assert [song["name"] for song in body["songs"]][-1] == "Nine"  # "One (Live)" is folded into "One"
        assert body["duplicates"][0]["songs"][1]["name"] == "One (Live)"
        assert body["progress"]["answered"] == 1
        api("POST", f"{api.path}/songs", 400, {})
        many = [{"name": f"x{i}", "artist": "A"} for i in range(995)]
        assert api("POST", f"{api.path}/songs", 400, {"songs": many})["errors"][0]["code"] == "too_many"


class TestVersions:
    SONGS = [
        {"name": name, "artist": "Alice"}
        for name in ("Style", "Style (Live)", "Style - Remastered 2009", "Blank Space")
    ]

    def test_fold_and_keep(self, api, db):
        folded = api("POST", "sessions", 201, {"songs": self.SONGS})
        assert [song["name"] for song in folded["songs"]] == ["Style", "Blank Space"]
        found = {one["reason"]: [song["name"] for song in one["songs"]] for one in folded["duplicates"]}
        assert found == {
            "another copy of the recording (remaster)": ["Style", "Style - Remastered 2009"],
            "the same song in another version (live)": ["Style", "Style (Live)"],
        }
        kept = api("POST", "sessions", 201, {"songs": self.SONGS, "versions": "keep"})
        assert [song["name"] for song in kept["songs"]] == ["Style", "Style (Live)", "Blank Space"]

    def test_they_can_be_changed_at_any_time(self, api, db):
        body = api("POST", "sessions", 201, {"songs": self.SONGS})
        api.token = body["token"]
        assert len(api("PATCH", f"sessions/{body['id']}", 200, {"versions": "keep"})["songs"]) == 3
        assert len(api("PATCH", f"sessions/{body['id']}", 200, {"versions": "fold"})["songs"]) == 2

    def test_a_fold_that_is_taken_apart_stays_apart(self, api, db):
        body = api("POST", "sessions", 201, {"songs": self.SONGS})
        api.token, path = body["token"], f"sessions/{body['id']}"
        for one in body["duplicates"]:
            api("DELETE", f"{path}/merges/{one['merge']}", 204)
        assert len(api("GET", path, 200)["songs"]) == 4
        api("POST", f"{path}/songs", 200, {"songs": [{"name": "Red", "artist": "Alice"}]})
        assert len(api("GET", path, 200)["songs"]) == 5

    def test_what_is_unsure_is_proposed_and_merged_by_a_word(self, api, db):
        songs = [{"name": name, "artist": "Alice"} for name in ("Karma", "Karma Live", "Red")]
        body = api("POST", "sessions", 201, {"songs": songs})
        api.token, path = body["token"], f"sessions/{body['id']}"
        (one,) = api("GET", f"{path}/duplicates", 200)["results"]
        assert (one["merged"], one["merge"], one["confidence"]) == (False, None, 0.5)
        keep, other = (song["id"] for song in one["songs"])
        api("POST", f"{path}/merges", 201, {"keep": keep, "merge": [other]})
        (one,) = api("GET", f"{path}/duplicates", 200)["results"]
        assert (one["merged"], one["reason"]) == (True, "merged by hand")

    def test_merge_and_unmerge_is_the_identity(self, api, session, vote):
        for outcome in "abababab":
            vote(outcome)
        before = api("GET", f"{api.path}/ranking", 200)["results"]
        keep, one, other = (place["song"]["id"] for place in before[:3])
        merge = api("POST", f"{api.path}/merges", 201, {"keep": keep, "merge": [one, other]})
        merged = api("GET", f"{api.path}/ranking", 200)["results"]
        assert len(merged) == 6
        vote("a")
        api("DELETE", f"{api.path}/comparisons/last", 200)
        api("DELETE", f"{api.path}/merges/{merge['id']}", 204)
        assert api("GET", f"{api.path}/ranking", 200)["results"] == before

    def test_merges_may_be_chained_and_taken_apart_in_any_order(self, api, session):
        a, b, c = (song["id"] for song in session["songs"][:3])
        first = api("POST", f"{api.path}/merges", 201, {"keep": b, "merge": [a]})
        second = api("POST", f"{api.path}/merges", 201, {"keep": c, "merge": [b]})
        assert len(api("GET", f"{api.path}/ranking", 200)["results"]) == 6
        api("DELETE", f"{api.path}/merges/{first['id']}", 204)
        assert len(api("GET", f"{api.path}/ranking", 200)["results"]) == 7
        api("DELETE", f"{api.path}/merges/{second['id']}", 204)
        api("DELETE", f"{api.path}/merges/{second['id']}", 404)

    @pytest.mark.parametrize(("keep", "merge"), [("x", ["1"]), (0, [0]), (0, ["x"]), (0, [])])
    def test_merges_that_make_no_sense(self, api, session, keep, merge):
        ids = [song["id"] for song in session["songs"]]
        body = {"keep": ids[keep] if keep == 0 else keep, "merge": [ids[m] if m == 0 else m for m in merge]}
        assert api("POST", f"{api.path}/merges", 400, body)["code"] == "invalid"


class TestExports:
    def test_every_format(self, api, session, vote):
        vote("a")
        lines = api("GET", f"{api.path}/export?format=csv", 200).decode().splitlines()
        assert lines[0].startswith("rank,song,artist")
        assert len(lines) == 9
        assert len(api("GET", f"{api.path}/export?format=json", 200)["results"]) == 8
        assert b"| 1 | " in api("GET", f"{api.path}/export?format=md", 200)
        assert api("GET", f"{api.path}/export?format=pdf", 400)["errors"][0]["field"] == "format"
        assert "attachment" in api.client.get(f"/api/v1/{api.path}/export?format=csv")["Content-Disposition"]

    def test_spreadsheets_and_markdown_cannot_be_tricked(self, api, db):
        songs = [
            {"name": '=HYPERLINK("http://x")', "artist": "+A"},
            {"name": "a|b [x](javascript:y) <b>", "artist": "A"},
        ]
        body = api("POST", "sessions", 201, {"songs": songs})
        csv = api("GET", f"sessions/{body['id']}/export?format=csv", 200).decode()
        assert "'=HYPERLINK" in csv
        assert ",'+A," in csv
        markdown = api("GET", f"sessions/{body['id']}/export?format=md", 200).decode()
        assert r"a\|b \[x\](javascript:y) \<b\>" in markdown


class TestEnding:
    def test_delete(self, api, session, vote):
        vote("a")
        api("DELETE", api.path, 204)
        api("GET", api.path, 404)
        assert not Session.objects.exists()
        assert not Pair.objects.exists()
        assert BoardMark.objects.count() == 2  # the vote, and that it no longer counts

    @pytest.mark.parametrize(
        ("before", "after", "marked"), [("unlisted", "private", 1), ("private", "public", 1), ("public", "unlisted", 0)]
    )
    def test_the_boards_learn_when_votes_begin_or_cease_to_count(self, api, session, vote, before, after, marked):
        api("PATCH", api.path, 200, {"visibility": before})
        vote("a")
        BoardMark.objects.all().delete()
        api("PATCH", api.path, 200, {"visibility": after})
        assert BoardMark.objects.count() == marked

    def test_methods_that_are_not_there(self, api, session):
        assert api("PUT", api.path, 405)["code"] == "method_not_allowed"
        assert "PATCH" in api.answer["Allow"]
