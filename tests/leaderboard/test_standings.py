"""Boards from the log: what counts, what does not, and rebuilding at any moment."""

import datetime
import uuid

import pytest
from django.core.management import call_command
from django.utils import timezone

from leaderboard import demo, standings
from leaderboard.models import Board, Standing
from ranking import comparisons, merges, sessions
from ranking.comparisons import Answer
from ranking.models import BoardMark, Comparison
from ranking.songs import PastedSong
from tests.spotify.test_gateway import in_threads

ALICE = "~alice"
NOW = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.UTC)


def start(*names, artist="Alice", visibility="unlisted", versions="fold"):
    wanted = sessions.Wanted(songs=[PastedSong(name, artist) for name in names])
    return sessions.create(wanted, name="", mode="standard", versions=versions, visibility=visibility)[0]


def vote(session, winner, loser, outcome="a"):
    ids = {song.name: str(song.pk) for song in session.songs.all()}
    return comparisons.record(session, Answer(ids[winner], ids[loser], outcome), key=str(uuid.uuid4()))


def many_votes(winner, loser, sessions_each_of_fifty):
    """Quickly: straight into the log, as `record` would leave it."""
    for _ in range(sessions_each_of_fifty):
        session = start(winner, loser)
        first = vote(session, winner, loser).comparison
        Comparison.objects.bulk_create(
            Comparison(
                session=session, n=n, song_a=first.song_a, song_b=first.song_b, outcome="a", idempotency_key=str(n)
            )
            for n in range(2, 51)
        )


def rebuild(now=NOW):
    for artist_id in standings.changed():
        standings.rebuild(artist_id, now)


@pytest.fixture
def board(db):
    for _ in range(4):
        session = start("One", "Two", "Three")
        for winner, loser in (("One", "Two"), ("Two", "Three"), ("One", "Three")):
            for _ in range(5):
                vote(session, winner, loser)
    rebuild()
    return Board.objects.get()


def test_a_board(api, board):
    body = api("GET", f"leaderboards/{ALICE}", 200)
    assert (body["artist"], body["votes"], body["sessions"], body["pending"]) == ("Alice", 60, 4, 0)
    assert [(place["rank"], place["song"]["name"], place["votes"], place["sessions"]) for place in body["results"]] == [
        (1, "One", 40, 4), (2, "Two", 40, 4), (3, "Three", 40, 4),
    ]  # fmt: skip
    assert body["results"][0]["elo"] > 1500 > body["results"][2]["elo"]
    assert body["results"][0]["change"] is None
    assert api("GET", "leaderboards", 200)["results"] == [
        {
            "artist_id": ALICE,
            "artist": "Alice",
            "songs": 3,
            "votes": 60,
            "sessions": 4,
            "updated_at": "2026-11-23T12:00:00Z",
        }
    ]


def test_etag_and_queries(api, board):
    tag = api("GET", f"leaderboards/{ALICE}", 200) and api.answer["ETag"]
    api("GET", f"leaderboards/{ALICE}", 304, **{"If-None-Match": tag})
    assert len(api("GET", f"leaderboards/{ALICE}?limit=2", 200)["results"]) == 2
    assert api("GET", f"leaderboards/{ALICE}?min_sessions=5", 200)["results"] == []
    assert api("GET", "leaderboards?q=ali", 200)["results"]
    assert api("GET", "leaderboards?q=bob", 200)["results"] == []
    for wrong in ("limit=0", "limit=501", "limit=x", "min_sessions=0"):
        assert api("GET", f"leaderboards/{ALICE}?{wrong}", 400)["code"] == "invalid"
    api("GET", "leaderboards/nobody", 404)


def test_pages_of_boards(api, db):
    for name in ("Alice", "Bob", "Carol"):
        vote(start("One", "Two", artist=name), "One", "Two")
    rebuild()
    first = api("GET", "leaderboards?limit=2", 200)
    assert (len(first["results"]), first["previous"]) == (2, None)
    rest = api("GET", first["next"], 200)
    assert (len(rest["results"]), rest["next"]) == (1, None)


@pytest.mark.parametrize("outcome", ["a", "b", "tie"])
def test_answers_count(board, outcome):
    vote(start("One", "Two"), "One", "Two", outcome)
    assert BoardMark.objects.count() == 1
    rebuild()
    assert Board.objects.get().votes == 61


def test_what_does_not_count(db):
    skipped = start("One", "Two")
    vote(skipped, "One", "Two", "skip")
    private = start("One", "Two", visibility="private")
    vote(private, "One", "Two")
    rebuild()
    assert not Board.objects.exists()
    assert not BoardMark.objects.exists()


def test_other_artists_pairs_are_on_no_board(db):
    wanted = sessions.Wanted(songs=[PastedSong("One", "Alice"), PastedSong("Uno", "Bob")])
    mixed = sessions.create(wanted, name="", mode="standard", versions="fold", visibility="public")[0]
    vote(mixed, "One", "Uno")
    assert standings.changed() == []


def test_taken_back_hidden_excluded_and_deleted_votes_leave(board):
    session = start("One", "Two", "Three")
    last = vote(session, "One", "Two")
    vote(session, "One", "Three")

    def votes():
        rebuild()
        return Board.objects.get().votes

    assert votes() == 62
    comparisons.undo(session, last.comparison.n)
    assert votes() == 61
    song = session.songs.get(name="Three")
    sessions.exclude(session, str(song.pk), True)
    assert votes() == 60
    sessions.exclude(session, str(song.pk), False)
    assert votes() == 61
    sessions.change(session, {"visibility": "private"})
    assert votes() == 60
    sessions.change(session, {"visibility": "public"})
    assert votes() == 61
    sessions.delete(session)
    assert votes() == 60


def test_merged_songs_count_as_one(db):
    session = start("One", "Uno", "Two")
    vote(session, "Uno", "Two")
    vote(session, "One", "Uno")
    ids = {song.name: str(song.pk) for song in session.songs.all()}
    made = merges.merge(session, ids["One"], [ids["Uno"]])
    rebuild()
    assert (Board.objects.get().votes, sorted(Standing.objects.values_list("name", flat=True))) == (1, ["One", "Two"])
    merges.unmerge(session, str(made.pk))
    rebuild()
    assert Board.objects.get().votes == 2


def test_versions_are_apart_where_the_session_keeps_them_apart(db):
    folded = start("One (Live)", "Two")
    vote(folded, "One (Live)", "Two")
    kept = start("One", "One (Live)", "Two", versions="keep")
    vote(kept, "One", "One (Live)")
    rebuild()
    assert set(Standing.objects.values_list("song_key", flat=True)) == {"one", "one|live", "two"}


def test_the_last_vote_takes_the_board_along(db):
    session = start("One", "Two")
    vote(session, "One", "Two")
    rebuild()
    comparisons.undo(session)
    rebuild()
    assert not Board.objects.exists()
    assert not BoardMark.objects.exists()


def test_only_what_changed_is_rebuilt(db):
    vote(start("One", "Two"), "One", "Two")
    vote(start("One", "Two", artist="Bob"), "One", "Two")
    rebuild()
    vote(start("One", "Two", artist="Bob"), "One", "Two")
    rebuild(NOW + datetime.timedelta(minutes=2))
    updated = dict(Board.objects.values_list("artist", "updated_at"))
    assert updated["Alice"] == NOW
    assert updated["Bob"] > NOW


def test_change_since_yesterday(db):
    many_votes("One", "Two", 1)
    rebuild()
    many_votes("Two", "One", 5)
    rebuild(NOW + datetime.timedelta(days=1))
    assert {s.name: (s.rank, s.change) for s in Standing.objects.all()} == {"Two": (1, 1), "One": (2, -1)}
    vote(start("One", "Two"), "Two", "One")
    rebuild(NOW + datetime.timedelta(days=1, hours=1))
    assert {s.name: s.change for s in Standing.objects.all()} == {"Two": 1, "One": -1}  # still against yesterday


def test_a_vote_during_a_rebuild_is_not_forgotten(db, monkeypatch):
    session = start("One", "Two")
    vote(session, "One", "Two")
    counted = standings._counted_votes

    def counted_and_then_a_vote(artist_id):
        known = counted(artist_id)
        vote(session, "Two", "One")
        return known

    monkeypatch.setattr(standings, "_counted_votes", counted_and_then_a_vote)
    standings.rebuild(ALICE, NOW)
    monkeypatch.undo()
    assert Board.objects.get().votes == 1
    assert standings.changed() == [ALICE]  # its mark is still there
    rebuild()
    assert Board.objects.get().votes == 2


def test_a_rebuild_that_read_older_data_saves_nothing(db, monkeypatch):
    session = start("One", "Two")
    vote(session, "One", "Two")
    rebuild()
    counted = standings._counted_votes

    def overtaken(artist_id):
        known = counted(artist_id)
        monkeypatch.undo()
        vote(session, "Two", "One")
        standings.rebuild(artist_id, NOW)  # another worker, meanwhile, with one vote more
        return known

    vote(session, "One", "Two")
    monkeypatch.setattr(standings, "_counted_votes", overtaken)
    standings.rebuild(ALICE, NOW)
    assert Board.objects.get().votes == 3


def test_rebuilds_at_once_from_nothing(transactional_db):
    vote(start("One", "Two"), "One", "Two")
    results = in_threads(6, lambda: standings.rebuild(ALICE, timezone.now()))
    assert not [result for result in results if isinstance(result, Exception)], results
    assert Board.objects.get().votes == 1
    assert Standing.objects.count() == 2


def test_the_command(db, capsys):
    vote(start("One", "Two"), "One", "Two")
    call_command("rebuild_leaderboard")
    assert "1 boards rebuilt" in capsys.readouterr().out
    call_command("rebuild_leaderboard")
    assert "nothing to rebuild" in capsys.readouterr().out
    call_command("rebuild_leaderboard", "alice", "--json")
    assert '"votes": 1' in capsys.readouterr().out
    Board.objects.update(votes=99)
    call_command("rebuild_leaderboard", "--full")
    assert Board.objects.get().votes == 1
    with pytest.raises(SystemExit) as end:
        call_command("rebuild_leaderboard", "Nobody")
    assert end.value.code == 1


def test_seed_demo_is_safe_to_run_twice(db, capsys, monkeypatch):
    monkeypatch.setattr(demo, "PEOPLE", 2)
    call_command("seed_demo")
    first = (Board.objects.count(), Comparison.objects.count())
    assert first[0] == 2
    assert first[1] > 100
    call_command("seed_demo")
    assert (Board.objects.count(), Comparison.objects.count()) == first
    assert "0 sessions and 0 votes added" in capsys.readouterr().out


def test_votes_equal_the_counted_comparisons(board):
    vote(start("One", "Two"), "One", "Two", "skip")
    rebuild()
    assert Board.objects.get().votes == Comparison.objects.counted().count()
