"""More than 300 songs are ranked on the `default` queue; the last result is served meanwhile."""

import uuid

import numpy as np
import pytest

from ranking import bradley_terry, scores, tasks
from ranking.models import SavedFit, Session
from tests.processes import until


@pytest.fixture
def no_worker(monkeypatch, settings):
    """Before the session is made: the workers of other tests would fit it at once."""
    settings.SPOTIFY_WAIT_SECONDS = 0.1
    monkeypatch.setattr("ranking.tasks.publish", lambda *_: None)


@pytest.fixture
def large(api, db):
    songs = [{"name": f"Song {i}", "artist": "Alice"} for i in range(301)]
    body = api("POST", "sessions", 201, {"songs": songs})
    api.token, api.path = body["token"], f"sessions/{body['id']}"
    return body


def vote(api):
    pair = api("GET", f"{api.path}/pair", 200)
    body = {"song_a": pair["a"]["id"], "song_b": pair["b"]["id"], "outcome": "a", "pair": pair["pair"]}
    return api("POST", f"{api.path}/comparisons", 201, body, **{"Idempotency-Key": str(uuid.uuid4())})


def test_the_ranking_comes_from_the_queue_and_follows_the_votes(workers, api, large):
    ranking = api("GET", f"{api.path}/ranking", 200)
    assert len(ranking["results"]) == 301
    first = vote(api)
    winner = first["comparison"]["song_a"]
    until(
        "the fit has caught up",
        lambda: api("GET", f"{api.path}/ranking", 200)["results"][0]["song"]["id"] == winner,
    )
    top = api("GET", f"{api.path}/ranking", 200)["results"][0]
    session = Session.objects.get()
    expected = bradley_terry.fit(bradley_terry.Counts.of_matrix(scores.tallies(session).wins))
    assert top["strength"] == pytest.approx(expected.strengths.max())
    assert abs(sum(place["strength"] for place in api("GET", f"{api.path}/ranking", 200)["results"])) < 1e-6


def test_a_refit_that_comes_late_or_twice_does_nothing(api, large, db):
    session = Session.objects.get()
    assert tasks.refit(session.pk) == session.revision
    computed = SavedFit.objects.get().computed_at
    tasks.refit(session.pk)
    assert SavedFit.objects.get().computed_at == computed
    assert tasks.refit("gone") == 0


def test_without_a_worker_it_is_said(transactional_db, api, no_worker, large):
    assert api("GET", f"{api.path}/ranking", 503)["code"] == "broker_unavailable"
    assert vote(api)["progress"]["answered"] == 1  # votes do not need the worker


def test_roots_follow_chains():
    assert scores.roots({1: 2, 2: 3, 3: None, 4: 2, 5: None}) == {1: 3, 2: 3, 3: 3, 4: 3, 5: 5}


def test_songs_that_the_saved_fit_does_not_know_stand_in_the_middle(api, large, db):
    session = Session.objects.get()
    tasks.refit(session.pk)
    api("POST", f"{api.path}/songs", 200, {"songs": [{"name": "New", "artist": "Alice"}]})
    tallied = scores.tallies(session)
    saved = scores.SavedEstimate(tallied, "standard", SavedFit.objects.get())
    assert len(saved.strengths) == 302
    assert np.isfinite(saved.strengths).all()
