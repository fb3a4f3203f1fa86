"""Votes from many threads at once. First the race without the guard, so that the guarded tests mean something."""

import threading
import uuid

import pytest
from django.db import connection, transaction
from django.test import Client

from ranking import comparisons, sessions
from ranking.comparisons import Answer
from ranking.models import Comparison, Session
from ranking.songs import PastedSong
from tests.spotify.test_gateway import in_threads

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def session(transactional_db):
    wanted = sessions.Wanted(songs=[PastedSong(f"Song {i}", "Alice") for i in range(8)])
    made, token = sessions.create(wanted, name="", mode="standard", versions="fold", visibility="unlisted")
    made.token = token
    return made


def an_answer(session):
    a, b = session.songs.all()[:2]
    return Answer(str(a.pk), str(b.pk), "a")


def test_without_the_lock_and_the_key_a_repeat_is_counted_twice(session):
    """What the guards are for: check, then act, in two threads that check at the same time."""
    a, b = session.songs.all()[:2]
    both_checked = threading.Barrier(2)

    def unguarded():
        seen = Comparison.objects.filter(session=session, body_hash="same").exists()
        both_checked.wait(10)
        if not seen:
            with transaction.atomic():
                n = uuid.uuid4().int % 10**6 + 1
                Comparison.objects.create(
                    session=session,
                    n=n,
                    song_a=a,
                    song_b=b,
                    outcome="a",
                    body_hash="same",
                    idempotency_key=str(uuid.uuid4()),
                )

    in_threads(2, unguarded)
    assert Comparison.objects.count() == 2


def test_one_key_from_twenty_threads_is_one_vote(session):
    answer = an_answer(session)
    results = in_threads(20, lambda: comparisons.record(session, answer, key="the-key"))
    assert [type(result) for result in results] == [comparisons.Recorded] * 20
    assert sum(result.created for result in results) == 1
    assert len({result.comparison.pk for result in results}) == 1
    assert Comparison.objects.count() == 1


def test_one_pair_from_two_tabs_is_one_vote(session):
    pair = comparisons.record(session, an_answer(session), key="first").next_pair
    answer = Answer(str(pair.song_a_id), str(pair.song_b_id), "b", pair=pair.token)
    results = in_threads(10, lambda: comparisons.record(session, answer, key=str(uuid.uuid4())))
    assert sum(result.created for result in results) == 1
    assert Comparison.objects.count() == 2


def test_fifty_different_votes_are_all_counted_in_some_order(session):
    ids = [str(song.pk) for song in session.songs.all()]
    todo = [(a, b) for a in ids for b in ids if a < b] * 2
    lock = threading.Lock()

    def vote():
        with lock:
            a, b = todo.pop()
        return comparisons.record(session, Answer(a, b, "a"), key=str(uuid.uuid4()))

    results = in_threads(50, vote)
    assert all(isinstance(result, comparisons.Recorded) and result.created for result in results), results
    assert sorted(Comparison.objects.values_list("n", flat=True)) == list(range(1, 51))
    assert Session.objects.get().revision == 50


def test_votes_and_undos_at_once_leave_a_log_that_adds_up(session):
    answer = an_answer(session)
    for i in range(10):
        comparisons.record(session, answer, key=f"before-{i}")
    turns = iter(["vote", "undo"] * 10)
    lock = threading.Lock()

    def turn():
        with lock:
            what = next(turns)
        if what == "undo":
            return comparisons.undo(session)
        return comparisons.record(session, answer, key=str(uuid.uuid4()))

    results = in_threads(20, turn)
    assert not [result for result in results if isinstance(result, Exception)], results
    assert Comparison.objects.standing().count() == 10
    assert Comparison.objects.count() == 20


def test_over_http_too(session):
    answer = an_answer(session)
    body = {"song_a": answer.song_a, "song_b": answer.song_b, "outcome": "a"}
    headers = {"Authorization": f"Session {session.token}", "Idempotency-Key": "once"}

    def post():
        return Client().post(
            f"/api/v1/sessions/{session.pk}/comparisons", body, content_type="application/json", headers=headers
        )

    assert sorted(answer.status_code for answer in in_threads(8, post)) == [200] * 7 + [201]


def test_the_database_itself_refuses_a_second_vote(session):
    from django.db import IntegrityError

    a, b = session.songs.all()[:2]
    values = {"session": session, "song_a": a, "song_b": b, "outcome": "a", "body_hash": ""}
    Comparison.objects.create(n=1, idempotency_key="k", **values)
    for same in ({"n": 2, "idempotency_key": "k"}, {"n": 1, "idempotency_key": "l"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Comparison.objects.create(**values, **same)
    for wrong in ({"song_b": a}, {"outcome": "x"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Comparison.objects.create(n=3, idempotency_key="m", **(values | wrong))
    connection.close()
